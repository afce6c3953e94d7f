// The AAC encoder. Input: channels and rate, bitrate in 2 kbit/s, then a command for each frame of each
// channel: a kind (2 bits) and an exponent, and for floats as they are, their bytes. libavcodec has to
// decode every frame of it.
#include "audio/aac/encoder.h"

#include "audio/decoder.h"
#include "audio/libav.h"
#include "input.h"

#include <cmath>

using namespace xg2g;
using namespace xg2g::fuzz;

namespace {

constexpr size_t kFrame = 1024, kMaxFrames = 64;

class Decoded {
 public:
  explicit Decoded(unsigned channels) : channels_(channels) {
    av_log_set_level(AV_LOG_QUIET);
    const AVCodec* codec = avcodec_find_decoder(AV_CODEC_ID_AAC);
    context_.reset(avcodec_alloc_context3(codec));
    context_->err_recognition = AV_EF_EXPLODE | AV_EF_BITSTREAM | AV_EF_BUFFER | AV_EF_CAREFUL;
    Require(avcodec_open2(context_.get(), codec, nullptr) == 0, "a decoder");
  }
  void Frame(Bytes bytes) {
    Require(bytes.size() <= 7 + 768 * channels_, "within a decoder's buffer");
    Require(av_new_packet(packet_.get(), static_cast<int>(bytes.size())) == 0, "memory");
    std::copy(bytes.begin(), bytes.end(), packet_->data);
    Require(avcodec_send_packet(context_.get(), packet_.get()) == 0, "a frame that is taken");
    av_packet_unref(packet_.get());
    Require(avcodec_receive_frame(context_.get(), frame_.get()) == 0, "a frame that decodes");
    Require(frame_->nb_samples == kFrame, "all of its samples");
    Require(frame_->ch_layout.nb_channels == static_cast<int>(channels_), "all of its channels");
    av_frame_unref(frame_.get());
  }

 private:
  unsigned channels_;
  AvPtr<AVCodecContext> context_;
  AvPtr<AVPacket> packet_{av_packet_alloc()};
  AvPtr<AVFrame> frame_{av_frame_alloc()};
};

void Fill(Input& input, std::minstd_rand& random, float* plane) {
  const uint8_t command = input.Byte();
  const float level = std::exp2(static_cast<float>(command >> 2) - 48);  // 2^-48 .. 2^15
  switch (command & 3) {
    case 0: {  // as they are, over and over
      const View bytes = input.Take(4 * (command >> 2));
      for (size_t i = 0; i < kFrame; ++i) {
        uint8_t value[4];
        for (size_t k = 0; k < 4; ++k)
          value[k] = bytes.empty() ? 0 : bytes[(4 * i + k) % bytes.size()];
        std::memcpy(plane + i, value, 4);
      }
      return;
    }
    case 1:
      for (size_t i = 0; i < kFrame; ++i)
        plane[i] = level * (static_cast<float>(random()) / 0x40000000 - 1);
      return;
    case 2: {
      const float step = static_cast<float>(input.Byte()) / 81;
      for (size_t i = 0; i < kFrame; ++i) plane[i] = level * std::sin(step * static_cast<float>(i));
      return;
    }
    case 3: {
      std::fill_n(plane, kFrame, 0.0f);
      plane[input.Word() % kFrame] = level;
      return;
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr uint32_t kRates[] = {48000, 44100, 32000};
  Input input(data, size);
  const uint8_t options = input.Byte();
  const unsigned channels = 1 + (options & 1);
  const uint32_t bitrate = 8000 + 2000u * input.Byte();
  const auto encoder =
      aac::Make({AudioTarget::kAac, kRates[(options >> 1) % 3], channels, bitrate});
  Decoded decoded(channels);
  std::minstd_rand random(options);
  size_t in = 0, out = 0;
  const auto collect = [&] {
    for (Bytes bytes = encoder->Next(); !bytes.empty(); bytes = encoder->Next(), ++out)
      decoded.Frame(bytes);
  };
  for (; !input.IsEmpty() && in < kMaxFrames; ++in) {
    for (unsigned channel = 0; channel < channels; ++channel)
      Fill(input, random, encoder->plane(channel));
    Require(encoder->Submit(), "samples that are taken");
    collect();
    Require(out == in + 1, "a frame for each that was put in");
  }
  encoder->Finish();
  collect();
  Require(out == (in > 0 ? in + 2 : 0), "two frames more at the end");
  return 0;
}
