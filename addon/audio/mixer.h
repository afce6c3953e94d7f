// Decoded samples of any layout to the channels asked for.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

struct AVChannelLayout;
struct AVFrame;

namespace xg2g {

// Mixes with the matrix that `ffmpeg -ac` uses: libswresample's own, in float, not normalised. The
// resampler around it is left out: it takes 250 KB for a track and what it does is a sum.
class Mixer {
 public:
  static constexpr int kMaxChannels = 16;  // of the source

  // Planes of float, one for each of the channels, in.nb_samples long, valid until the next call;
  // null where there is no way from one layout to the other or the samples are not planar.
  const uint8_t* const* Mix(const AVFrame& in, unsigned channels);

 private:
  static constexpr int kMaxOut = 6;

  bool MakeMatrix(const AVFrame& in, unsigned channels);

  // gains_[out][in]
  float gains_[kMaxOut][kMaxChannels] = {};
  std::vector<float> samples_;
  const uint8_t* planes_[kMaxOut] = {};
  // What the matrix was made for.
  unsigned channels_ = 0;
  int source_channels_ = 0;
  uint64_t source_layout_ = 0;
};

}  // namespace xg2g
