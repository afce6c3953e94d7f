#include "audio/mixer.h"

#include "audio/decoder.h"
#include "audio/libav.h"
#include <doctest/doctest.h>

#include <cmath>

using namespace xg2g;

namespace {

// A frame of which each channel holds its own constant: channels[i], full scale 1.
template <class Sample>
AvPtr<AVFrame> FrameOf(const AVChannelLayout& layout, AVSampleFormat format, double scale,
                       std::vector<double> channels) {
  AvPtr<AVFrame> frame(av_frame_alloc());
  frame->format = format;
  frame->nb_samples = 256;
  av_channel_layout_copy(&frame->ch_layout, &layout);
  REQUIRE(av_frame_get_buffer(frame.get(), 0) >= 0);
  for (size_t c = 0; c < channels.size(); ++c)
    for (int i = 0; i < frame->nb_samples; ++i)
      reinterpret_cast<Sample*>(frame->extended_data[c])[i] = static_cast<Sample>(channels[c] * scale);
  return frame;
}

AVChannelLayout LayoutOf(uint64_t mask) {
  AVChannelLayout layout = {};
  REQUIRE(av_channel_layout_from_mask(&layout, mask) == 0);
  return layout;
}

float At(const uint8_t* const* planes, int channel, int sample) {
  return reinterpret_cast<const float*>(planes[channel])[sample];
}

constexpr double kHalf = 0.7071067811865476;

}  // namespace

TEST_CASE("5.1 becomes stereo as ffmpeg -ac 2 makes it: not normalised, without the LFE") {
  const AVChannelLayout layout = LayoutOf(AV_CH_LAYOUT_5POINT1);
  const auto frame = FrameOf<float>(layout, AV_SAMPLE_FMT_FLTP, 1, {0.1, 0.2, 0.4, 0.9, 0.3, 0.5});
  Mixer mixer;
  const uint8_t* const* planes = mixer.Mix(*frame, 2);
  REQUIRE(planes);
  for (const int sample : {0, 255}) {
    CHECK(At(planes, 0, sample) == doctest::Approx(0.1 + kHalf * 0.4 + kHalf * 0.3));
    CHECK(At(planes, 1, sample) == doctest::Approx(0.2 + kHalf * 0.4 + kHalf * 0.5));
  }
}

TEST_CASE("whole numbers of a lossless stream are brought to the scale of floats") {
  const AVChannelLayout layout = LayoutOf(AV_CH_LAYOUT_STEREO);
  Mixer mixer;
  const auto s16 = FrameOf<int16_t>(layout, AV_SAMPLE_FMT_S16P, 0x1p15, {0.25, -0.5});
  const uint8_t* const* planes = mixer.Mix(*s16, 2);
  REQUIRE(planes);
  CHECK(At(planes, 0, 7) == 0.25f);
  CHECK(At(planes, 1, 7) == -0.5f);
  const auto s32 = FrameOf<int32_t>(layout, AV_SAMPLE_FMT_S32P, 0x1p31, {0.25, -0.5});
  planes = mixer.Mix(*s32, 2);
  REQUIRE(planes);
  CHECK(At(planes, 0, 7) == 0.25f);
  CHECK(At(planes, 1, 7) == -0.5f);
}

TEST_CASE("the layout may change from frame to frame") {
  Mixer mixer;
  const auto wide = FrameOf<float>(LayoutOf(AV_CH_LAYOUT_5POINT1_BACK), AV_SAMPLE_FMT_FLTP, 1,
                                   {0.1, 0.2, 0.4, 0.9, 0.3, 0.5});
  const auto mono = FrameOf<float>(LayoutOf(AV_CH_LAYOUT_MONO), AV_SAMPLE_FMT_FLTP, 1, {0.5});
  REQUIRE(mixer.Mix(*wide, 6));
  const uint8_t* const* planes = mixer.Mix(*mono, 2);
  REQUIRE(planes);
  CHECK(At(planes, 0, 0) == doctest::Approx(0.5 * kHalf));
  CHECK(At(planes, 0, 0) == At(planes, 1, 0));
}

TEST_CASE("more channels than any broadcast has are refused") {
  AVChannelLayout layout = {};
  layout.order = AV_CHANNEL_ORDER_UNSPEC;
  layout.nb_channels = Mixer::kMaxChannels + 1;
  const auto frame = FrameOf<float>(layout, AV_SAMPLE_FMT_FLTP, 1, {});
  CHECK(Mixer().Mix(*frame, 2) == nullptr);
}
