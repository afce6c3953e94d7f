// Audio frames to samples: libavcodec, and a mixer where the source has another layout than is asked
// for.
#pragma once

#include "../bytes.h"
#include "frame.h"
#include "mixer.h"

#include <memory>

struct AVCodecContext;
struct AVFrame;
struct AVPacket;

namespace xg2g {

// Planar float samples, valid until the next call of the decoder.
struct Pcm {
  const uint8_t* const* planes = nullptr;  // float*, one for each channel
  uint32_t samples = 0;                    // 0: nothing came
  uint32_t rate = 0;                       // Hz
};

struct AvFree {
  void operator()(AVCodecContext* p) const;
  void operator()(AVFrame* p) const;
  void operator()(AVPacket* p) const;
};
template <class T>
using AvPtr = std::unique_ptr<T, AvFree>;

// Decodes the frames of one track to a fixed number of channels, at the rate of the source.
class Decoder {
 public:
  // channels: 1, 2, or 6 for as many as the source has, 6 at most.
  explicit Decoder(unsigned channels);
  ~Decoder();
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  // False when libavcodec has no decoder for the codec.
  static bool Knows(AudioCodec codec);

  // One whole frame, with zero bytes behind it. nullopt: damaged. Few frames yield no samples at
  // first, none more than kMaxFrameSamples.
  std::optional<Pcm> Decode(const FrameHeader& header, Bytes frame);
  // What was decoded last does not precede what comes next.
  void Flush();
  // Of what Decode returns; 0 before the first frame.
  unsigned channels() const { return out_channels_; }
  // Of the source, as last decoded; 0 before the first frame.
  unsigned source_channels() const { return source_channels_; }
  const char* name() const { return name_; }  // of the codec, "" before the first frame

  static constexpr uint32_t kMaxFrameSamples = 16384;

 private:
  bool Open(const FrameHeader& header);
  std::optional<Pcm> Convert();

  unsigned asked_channels_;
  unsigned out_channels_ = 0, source_channels_ = 0;
  AudioCodec codec_ = AudioCodec::kNone;
  uint8_t layer_ = 0;
  uint32_t rate_ = 0;  // of the frame header that it was opened for, Hz
  const char* name_ = "";
  AvPtr<AVCodecContext> context_;
  AvPtr<AVPacket> packet_;
  AvPtr<AVFrame> frame_;
  Mixer mixer_;
};

}  // namespace xg2g
