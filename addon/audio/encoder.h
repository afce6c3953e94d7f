// Samples to coded frames. The interface is small, so that our own encoder of AAC stands beside
// libavcodec's, and others can.
#pragma once

#include "../bytes.h"

#include <memory>

namespace xg2g {

enum class AudioTarget : uint8_t { kAac, kMp3, kCopy };

struct EncoderSettings {
  AudioTarget target;
  uint32_t rate;      // Hz
  unsigned channels;  // 1, 2 or 6
  uint32_t bitrate;   // bit/s
  bool prefers_libavcodec = false;  // also where our own encoder would do
};

class Encoder {
 public:
  virtual ~Encoder() = default;
  virtual unsigned frame_samples() const = 0;
  // Samples by which the first coded frame precedes the first sample put in.
  virtual unsigned delay_samples() const = 0;
  // Where frame_samples() samples of a channel are to be put before Submit.
  virtual float* plane(unsigned channel) = 0;
  // Takes the samples in the planes. False: the encoder failed and must be made anew.
  virtual bool Submit() = 0;
  // The next coded frame, in order, with its own header (ADTS, MPEG audio); empty when more samples
  // are needed. Valid until the next call.
  virtual Bytes Next() = 0;
  // No more samples come: Next yields what is left. Nothing may be submitted afterwards.
  virtual void Finish() = 0;
};

// Our own encoder of AAC-LC where it suits, else libavcodec's (fast coder, no TNS) or libmp3lame. Null
// when it cannot be opened.
std::unique_ptr<Encoder> MakeEncoder(const EncoderSettings& settings);
// False when this FFmpeg was built without the encoder.
bool CanEncode(AudioTarget target);
// True when the target has frames of this rate; MP3 ends at 48 kHz.
bool SupportsRate(AudioTarget target, uint32_t rate);
// What can be made of sound of this rate: what is asked for, or AAC where that has no such rate.
// 0 Hz is a rate that is not known yet.
AudioTarget TargetFor(AudioTarget asked, uint32_t rate);

}  // namespace xg2g
