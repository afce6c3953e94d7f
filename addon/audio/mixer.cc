#include "mixer.h"

#include "libav.h"

#include <algorithm>
#include <climits>
#include <cmath>

namespace xg2g {

namespace {

// libswresample scales all 64 x 64 places of a matrix, however few channels it is for.
constexpr size_t kMatrixStride = 64;

// The speakers by name, or 0 where the frame does not tell.
uint64_t NativeLayout(const AVFrame& in) {
  return in.ch_layout.order == AV_CHANNEL_ORDER_NATIVE ? in.ch_layout.u.mask : 0;
}

// Up to three source channels at once, as many as are in one of two of 5.1: one pass over the result.
template <class Sample>
void Sum(const AVFrame& in, const float* gains, float scale, float* out) {
  const Sample* from[Mixer::kMaxChannels];
  float gain[Mixer::kMaxChannels];
  int count = 0;
  for (int channel = 0; channel < in.ch_layout.nb_channels; ++channel) {
    if (gains[channel] == 0.0f) continue;
    from[count] = reinterpret_cast<const Sample*>(in.extended_data[channel]);
    gain[count++] = gains[channel] * scale;
  }
  const auto each = [&](auto&& sample) {
    for (int i = 0; i < in.nb_samples; ++i) out[i] = sample(i);
  };
  int next = std::min(count, 3);
  const auto term = [&](int k, int i) { return gain[k] * static_cast<float>(from[k][i]); };
  switch (next) {
    case 0: each([](int) { return 0.0f; }); break;
    case 1: each([&](int i) { return term(0, i); }); break;
    case 2: each([&](int i) { return term(0, i) + term(1, i); }); break;
    default: each([&](int i) { return term(0, i) + term(1, i) + term(2, i); });
  }
  for (; next < count; ++next) each([&](int i) { return out[i] + term(next, i); });
}

}  // namespace

const uint8_t* const* Mixer::Mix(const AVFrame& in, unsigned channels) {
  const bool fits = channels_ == channels && source_channels_ == in.ch_layout.nb_channels &&
                    source_layout_ == NativeLayout(in);
  if (!fits && !MakeMatrix(in, channels)) return nullptr;
  const auto samples = static_cast<size_t>(in.nb_samples);
  if (samples_.size() < samples * channels) samples_.resize(samples * channels);
  for (unsigned channel = 0; channel < channels; ++channel) {
    float* out = samples_.data() + channel * samples;
    planes_[channel] = reinterpret_cast<const uint8_t*>(out);
    switch (in.format) {
      case AV_SAMPLE_FMT_FLTP: Sum<float>(in, gains_[channel], 1.0f, out); break;
      // What libavcodec's DTS decoder makes of a lossless stream.
      case AV_SAMPLE_FMT_S16P: Sum<int16_t>(in, gains_[channel], 0x1p-15f, out); break;
      case AV_SAMPLE_FMT_S32P: Sum<int32_t>(in, gains_[channel], 0x1p-31f, out); break;
      default: return nullptr;
    }
  }
  return planes_;
}

bool Mixer::MakeMatrix(const AVFrame& in, unsigned channels) {
  channels_ = 0;
  const int source = in.ch_layout.nb_channels;
  if (source <= 0 || source > kMaxChannels || channels == 0 || channels > kMaxOut) return false;
  AVChannelLayout to = {}, from = {};
  av_channel_layout_default(&to, static_cast<int>(channels));
  if (NativeLayout(in))
    av_channel_layout_copy(&from, &in.ch_layout);
  else
    av_channel_layout_default(&from, source);
  std::vector<double> matrix(kMatrixStride * kMatrixStride);
  // libswresample's defaults: centre and surround 3 dB down, no low frequency effects, full volume.
  const int status = swr_build_matrix2(&from, &to, M_SQRT1_2, M_SQRT1_2, 0.0, INT_MAX, 1.0,
                                       matrix.data(), kMatrixStride, AV_MATRIX_ENCODING_NONE, nullptr);
  av_channel_layout_uninit(&from);
  av_channel_layout_uninit(&to);
  if (status < 0) return false;
  for (unsigned to_channel = 0; to_channel < channels; ++to_channel)
    for (int from_channel = 0; from_channel < source; ++from_channel)
      gains_[to_channel][from_channel] =
          static_cast<float>(matrix[to_channel * kMatrixStride + static_cast<size_t>(from_channel)]);
  channels_ = channels;
  source_channels_ = source;
  source_layout_ = NativeLayout(in);
  return true;
}

}  // namespace xg2g
