#include "encoder.h"

#include "aac/encoder.h"
#include "adts.h"
#include "decoder.h"
#include "libav.h"

#include <algorithm>
#include <array>
#include <iterator>

namespace xg2g {

namespace {

constexpr uint32_t kMp3Rates[] = {48000, 44100, 32000, 24000, 22050, 16000};

const AVCodec* FindEncoder(AudioTarget target) {
  return avcodec_find_encoder_by_name(target == AudioTarget::kMp3 ? "libmp3lame" : "aac");
}

class LibavEncoder final : public Encoder {
 public:
  bool Open(const EncoderSettings& settings) {
    settings_ = settings;
    const AVCodec* codec = FindEncoder(settings.target);
    context_.reset(codec ? avcodec_alloc_context3(codec) : nullptr);
    packet_.reset(av_packet_alloc());
    frame_.reset(av_frame_alloc());
    if (!context_ || !packet_ || !frame_) return false;
    AVCodecContext& c = *context_;
    c.thread_count = 1;
    c.bit_rate = settings.bitrate;
    c.sample_rate = static_cast<int>(settings.rate);
    c.sample_fmt = AV_SAMPLE_FMT_FLTP;
    c.time_base = {1, c.sample_rate};
    av_channel_layout_default(&c.ch_layout, static_cast<int>(settings.channels));
    if (settings.target == AudioTarget::kAac) {
      // Cheaper and, by noise-to-mask, better than the default two-loop search.
      av_opt_set(c.priv_data, "aac_coder", "fast", 0);
      av_opt_set_int(c.priv_data, "aac_tns", 0, 0);
    }
    if (avcodec_open2(&c, codec, nullptr) < 0 || c.frame_size <= 0) return false;
    frame_->format = c.sample_fmt;
    frame_->nb_samples = c.frame_size;
    frame_->sample_rate = c.sample_rate;
    av_channel_layout_copy(&frame_->ch_layout, &c.ch_layout);
    return av_frame_get_buffer(frame_.get(), 0) >= 0;
  }

  unsigned frame_samples() const override { return static_cast<unsigned>(context_->frame_size); }
  unsigned delay_samples() const override {
    return static_cast<unsigned>(std::max(0, context_->initial_padding));
  }
  float* plane(unsigned channel) override {
    return reinterpret_cast<float*>(frame_->extended_data[channel]);
  }
  bool Submit() override {
    frame_->pts = next_pts_;
    next_pts_ += context_->frame_size;
    if (avcodec_send_frame(context_.get(), frame_.get()) < 0) return false;
    is_dirty_ = true;
    return true;
  }
  Bytes Next() override {
    av_packet_unref(packet_.get());
    const bool has = avcodec_receive_packet(context_.get(), packet_.get()) >= 0;
    // The encoder may hold the samples until it has been asked for what it made of them.
    if (!has && is_dirty_) {
      is_dirty_ = false;
      av_frame_make_writable(frame_.get());
    }
    if (!has || packet_->size <= 0) return {};
    const auto size = static_cast<size_t>(packet_->size);
    if (settings_.target != AudioTarget::kAac) return {packet_->data, size};
    if (size + kAdtsHeaderBytes > kMaxAdtsFrameBytes) return {};
    WriteAdtsHeader(adts_.data(), AdtsRateIndex(settings_.rate),
                    settings_.channels, size + kAdtsHeaderBytes);
    std::memcpy(adts_.data() + kAdtsHeaderBytes, packet_->data, size);
    return {adts_.data(), size + kAdtsHeaderBytes};
  }
  void Finish() override { avcodec_send_frame(context_.get(), nullptr); }

 private:
  EncoderSettings settings_{};
  AvPtr<AVCodecContext> context_;
  AvPtr<AVPacket> packet_;
  AvPtr<AVFrame> frame_;
  int64_t next_pts_ = 0;  // samples; libavcodec wants them to grow, ours are told elsewhere
  bool is_dirty_ = false;
  std::array<uint8_t, kMaxAdtsFrameBytes> adts_;
};

}  // namespace

std::unique_ptr<Encoder> MakeEncoder(const EncoderSettings& settings) {
  QuietLibav();
  if (!SupportsRate(settings.target, settings.rate)) return nullptr;
  if (!settings.prefers_libavcodec && aac::Suits(settings)) return aac::Make(settings);
  auto encoder = std::make_unique<LibavEncoder>();
  if (!encoder->Open(settings)) return nullptr;
  return encoder;
}

bool CanEncode(AudioTarget target) { return FindEncoder(target) != nullptr; }

bool SupportsRate(AudioTarget target, uint32_t rate) {
  if (target == AudioTarget::kAac) return AdtsRateIndex(rate) >= 0;
  return std::find(std::begin(kMp3Rates), std::end(kMp3Rates), rate) != std::end(kMp3Rates);
}

AudioTarget TargetFor(AudioTarget asked, uint32_t rate) {
  return rate == 0 || SupportsRate(asked, rate) ? asked : AudioTarget::kAac;
}

}  // namespace xg2g
