#include "decoder.h"

#include "libav.h"

#include <algorithm>
#include <mutex>

namespace xg2g {

void AvFree::operator()(AVCodecContext* p) const { avcodec_free_context(&p); }
void AvFree::operator()(AVFrame* p) const { av_frame_free(&p); }
void AvFree::operator()(AVPacket* p) const { av_packet_free(&p); }

void QuietLibav() {
  static std::once_flag once;
  std::call_once(once, [] { av_log_set_level(AV_LOG_QUIET); });
}

namespace {

struct Choice {
  const char* decoder;  // the float one, where there are several
  const char* name;
};

Choice Choose(AudioCodec codec, uint8_t layer) {
  switch (codec) {
    case AudioCodec::kMpeg:
      if (layer == 1) return {"mp1float", "mp1"};
      if (layer == 3) return {"mp3float", "mp3"};
      return {"mp2float", "mp2"};
    case AudioCodec::kAc3: return {"ac3", "ac3"};
    case AudioCodec::kEac3: return {"eac3", "eac3"};
    case AudioCodec::kAdts: return {"aac", "aac"};
    case AudioCodec::kLatm: return {"aac_latm", "aac_latm"};
    case AudioCodec::kDts: return {"dca", "dts"};
    case AudioCodec::kNone: break;
  }
  return {nullptr, ""};
}

}  // namespace

Decoder::Decoder(unsigned channels) : asked_channels_(channels) {
  QuietLibav();
  packet_.reset(av_packet_alloc());
  frame_.reset(av_frame_alloc());
}

Decoder::~Decoder() = default;

bool Decoder::Knows(AudioCodec codec) {
  const Choice choice = Choose(codec, 2);
  return choice.decoder && avcodec_find_decoder_by_name(choice.decoder);
}

bool Decoder::Open(const FrameHeader& header) {
  const Choice choice = Choose(header.codec, header.layer);
  codec_ = header.codec;
  layer_ = header.layer;
  rate_ = header.rate;
  name_ = choice.name;
  context_.reset();
  const AVCodec* codec = choice.decoder ? avcodec_find_decoder_by_name(choice.decoder) : nullptr;
  if (!codec) return false;
  context_.reset(avcodec_alloc_context3(codec));
  if (!context_) return false;
  context_->thread_count = 1;
  context_->request_sample_fmt = AV_SAMPLE_FMT_FLTP;
  if (avcodec_open2(context_.get(), codec, nullptr) < 0) context_.reset();
  return context_ != nullptr;
}

std::optional<Pcm> Decoder::Decode(const FrameHeader& header, Bytes frame) {
  // Anew for another rate too: libavcodec's MPEG audio decoder gives the first frame the old one.
  const bool fits = codec_ == header.codec && layer_ == header.layer && rate_ == header.rate;
  if (!fits) Open(header);
  if (!context_ || !packet_ || !frame_) return std::nullopt;
  av_frame_unref(frame_.get());  // first, so that the decoder can use its samples' memory again
  packet_->data = const_cast<uint8_t*>(frame.data());
  packet_->size = static_cast<int>(frame.size());
  int status = avcodec_send_packet(context_.get(), packet_.get());
  if (status == AVERROR(EAGAIN)) {
    // What it still has is left of a damaged frame.
    while (avcodec_receive_frame(context_.get(), frame_.get()) >= 0) {
    }
    status = avcodec_send_packet(context_.get(), packet_.get());
  }
  packet_->data = nullptr;
  packet_->size = 0;
  if (status < 0) return std::nullopt;
  status = avcodec_receive_frame(context_.get(), frame_.get());
  if (status == AVERROR(EAGAIN)) return Pcm{};
  if (status < 0) return std::nullopt;
  return Convert();
}

void Decoder::Flush() {
  if (context_) avcodec_flush_buffers(context_.get());
}

// The decoded frame in the channels asked for: as it is where it fits, else mixed.
std::optional<Pcm> Decoder::Convert() {
  const AVFrame& in = *frame_;
  const int source = in.ch_layout.nb_channels;
  if (in.nb_samples <= 0 || in.nb_samples > static_cast<int>(kMaxFrameSamples) || source <= 0 ||
      in.sample_rate <= 0)
    return std::nullopt;
  source_channels_ = static_cast<unsigned>(source);
  out_channels_ = asked_channels_ <= 2 ? asked_channels_ : std::min(6u, source_channels_);
  if (out_channels_ > 2 && out_channels_ < 6) out_channels_ = 2;
  const auto samples = static_cast<uint32_t>(in.nb_samples);
  const auto rate = static_cast<uint32_t>(in.sample_rate);
  const bool is_plain = in.format == AV_SAMPLE_FMT_FLTP && source_channels_ == out_channels_ &&
                        source <= 2;
  if (is_plain) return Pcm{in.extended_data, samples, rate};

  const uint8_t* const* planes = mixer_.Mix(in, out_channels_);
  if (!planes) return std::nullopt;
  return Pcm{planes, samples, rate};
}

}  // namespace xg2g
