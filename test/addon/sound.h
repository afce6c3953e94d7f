// Sound for tests, made on the spot: signals, frames of every broadcast codec by libavcodec's own
// encoders, decoding, and how far apart two recordings are. Shares no code with addon/.
#pragma once

#include <cstddef>
#include <vector>

#include "ts.h"

namespace xg2g::test {

struct Pcm {
  int rate = 48000;
  std::vector<std::vector<float>> channels = {};  // all of one length, full scale 1.0
  size_t size() const { return channels.empty() ? 0 : channels[0].size(); }
};

// A logarithmic sine sweep, 100 Hz to 8 kHz; the channels differ in phase.
Pcm Sweep(int rate, int channels, double seconds, double level = 0.25);
// Noise low-passed at about 4 kHz, so that every codec keeps it; the channels are independent.
Pcm Noise(int rate, int channels, double seconds, unsigned seed = 1, double level = 0.25);

enum class Sound { kMp2, kMp3, kAc3, kEac3, kAac, kLatm, kDts };

// The stream type in a PMT, and what DVB puts beside it.
PmtStream PmtEntry(Sound codec, uint16_t pid, const std::string& language = "deu");
uint8_t StreamId(Sound codec);

// Frames as broadcast, AAC in ADTS or LOAS. The first samples are the encoder's delay: compare
// decoded sound with decoded sound. bitrate: bit/s, 0 for a usual one.
std::vector<Data> Encode(Sound codec, const Pcm& pcm, int bitrate = 0);
// Samples per channel in a frame of Encode().
int FrameSamples(Sound codec);

// Decodes frame by frame, in one go: one piece of sound per frame, an empty one where it failed.
std::vector<Pcm> Decode(Sound codec, const std::vector<Data>& frames);
// Pieces one after the other. Throws where rate or channels change.
Pcm Join(const std::vector<Pcm>& pieces);

// The frames of an ADTS stream. Throws when they do not lie end to end.
std::vector<Data> SplitAdts(View es);

// By how many samples b is later than a, to a fraction, within +-max_lag: the peak of the
// cross-correlation of the first channels, in the middle of what both have. For Noise(): the peaks
// of a tone are all alike.
double Lag(const Pcm& a, const Pcm& b, int max_lag);
// Root mean square of all channels, dB below full scale.
double Level(const Pcm& pcm);

}  // namespace xg2g::test
