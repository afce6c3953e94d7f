// One codec context per call, everything in float between.
#include "sound.h"

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavutil/channel_layout.h>
#include <libavutil/log.h>
#include <libavutil/opt.h>
}

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <numbers>
#include <span>
#include <stdexcept>

#include "bits.h"

namespace xg2g::test {
namespace {

struct Row {
  const char* encoder;
  AVCodecID id;
  uint8_t stream_type, stream_id;
  int bitrate;
  int frame_samples;
};

const Row& RowOf(Sound codec) {
  static const Row rows[] = {
      {"mp2", AV_CODEC_ID_MP2, 0x03, 0xC0, 192'000, 1152},
      {"libmp3lame", AV_CODEC_ID_MP3, 0x03, 0xC0, 128'000, 1152},
      {"ac3", AV_CODEC_ID_AC3, 0x06, 0xBD, 448'000, 1536},
      {"eac3", AV_CODEC_ID_EAC3, 0x06, 0xBD, 256'000, 1536},
      {"aac", AV_CODEC_ID_AAC, 0x0F, 0xC0, 128'000, 1024},
      {"aac", AV_CODEC_ID_AAC_LATM, 0x11, 0xC0, 128'000, 1024},
      {"dca", AV_CODEC_ID_DTS, 0x06, 0xBD, 1'411'200, 512},
  };
  return rows[static_cast<int>(codec)];
}

struct Free {
  void operator()(AVCodecContext* p) const { avcodec_free_context(&p); }
  void operator()(AVFrame* p) const { av_frame_free(&p); }
  void operator()(AVPacket* p) const { av_packet_free(&p); }
};
using Context = std::unique_ptr<AVCodecContext, Free>;
using Frame = std::unique_ptr<AVFrame, Free>;
using Packet = std::unique_ptr<AVPacket, Free>;

void Need(bool is_good, const std::string& what) {
  if (!is_good) throw std::runtime_error(what);
}

// Sample i of channel c, wherever the format keeps it.
template <class T>
T& At(AVFrame* frame, int c, int i) {
  const bool is_planar = av_sample_fmt_is_planar(static_cast<AVSampleFormat>(frame->format));
  T* const plane = reinterpret_cast<T*>(frame->extended_data[is_planar ? c : 0]);
  return plane[is_planar ? i : i * frame->ch_layout.nb_channels + c];
}

void SetSample(AVFrame* frame, int c, int i, float value) {
  value = std::clamp(value, -1.0f, 1.0f);
  switch (av_get_packed_sample_fmt(static_cast<AVSampleFormat>(frame->format))) {
    case AV_SAMPLE_FMT_FLT: At<float>(frame, c, i) = value; break;
    case AV_SAMPLE_FMT_S16:
      At<int16_t>(frame, c, i) = static_cast<int16_t>(std::lrint(value * 32767));
      break;
    case AV_SAMPLE_FMT_S32:
      At<int32_t>(frame, c, i) = static_cast<int32_t>(std::llrint(value * 2147483647.0));
      break;
    default: throw std::runtime_error("sample format");
  }
}

float GetSample(AVFrame* frame, int c, int i) {
  switch (av_get_packed_sample_fmt(static_cast<AVSampleFormat>(frame->format))) {
    case AV_SAMPLE_FMT_FLT: return At<float>(frame, c, i);
    case AV_SAMPLE_FMT_S16: return static_cast<float>(At<int16_t>(frame, c, i)) / 32768;
    case AV_SAMPLE_FMT_S32:
      return static_cast<float>(At<int32_t>(frame, c, i) / 2147483648.0);
    default: throw std::runtime_error("sample format");
  }
}

// What an encoder accepts. Source: FFmpeg's APIchanges: asked by a function since libavcodec
// 61.13.100 (FFmpeg 7.1), no field of AVCodec any more since 63 (FFmpeg 9).
struct Accepted {
  AVSampleFormat format;  // the first it names
  std::span<const AVChannelLayout> layouts;
};

Accepted AcceptedBy(const AVCodec* codec) {
#if LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(61, 13, 100)
  const void* formats = nullptr;
  const void* layouts = nullptr;
  int format_count = 0, layout_count = 0;
  avcodec_get_supported_config(nullptr, codec, AV_CODEC_CONFIG_SAMPLE_FORMAT, 0, &formats,
                               &format_count);
  avcodec_get_supported_config(nullptr, codec, AV_CODEC_CONFIG_CHANNEL_LAYOUT, 0, &layouts,
                               &layout_count);
  Need(formats && format_count > 0, std::string(codec->name) + " names no sample format");
  return {*static_cast<const AVSampleFormat*>(formats),
          {static_cast<const AVChannelLayout*>(layouts), static_cast<size_t>(layout_count)}};
#else
  size_t count = 0;
  while (codec->ch_layouts && codec->ch_layouts[count].nb_channels > 0) ++count;
  return {codec->sample_fmts[0], {codec->ch_layouts, count}};
#endif
}

Context OpenEncoder(const Row& row, const Pcm& pcm, int bitrate) {
  const AVCodec* const codec = avcodec_find_encoder_by_name(row.encoder);
  Need(codec, std::string("libavcodec has no encoder ") + row.encoder);
  Context context(avcodec_alloc_context3(codec));
  context->sample_rate = pcm.rate;
  context->bit_rate = bitrate > 0 ? bitrate : row.bitrate;
  const Accepted accepted = AcceptedBy(codec);
  context->sample_fmt = accepted.format;
  context->thread_count = 1;
  context->strict_std_compliance = FF_COMPLIANCE_EXPERIMENTAL;  // dca
  const int channels = static_cast<int>(pcm.channels.size());
  av_channel_layout_default(&context->ch_layout, channels);
  for (const AVChannelLayout& layout : accepted.layouts)
    if (layout.nb_channels == channels) {
      av_channel_layout_copy(&context->ch_layout, &layout);
      break;
    }
  Need(avcodec_open2(context.get(), codec, nullptr) == 0,
       std::string(row.encoder) + " refuses the parameters");
  return context;
}

unsigned RateIndex(int rate) {
  static constexpr int kRates[] = {96000, 88200, 64000, 48000, 44100, 32000, 24000,
                                   22050, 16000, 12000, 11025, 8000,  7350};
  const auto it = std::ranges::find(kRates, rate);
  Need(it != std::end(kRates), "AAC has no such rate");
  return static_cast<unsigned>(it - kRates);
}

// Source: ISO/IEC 14496-3, 1.A.3.2.
Data WrapAdts(View raw, int rate, size_t channels) {
  BitWriter w;
  w.Put(12, 0xFFF).Put(1, 0).Put(2, 0).Put(1, 1).Put(2, 1).Put(4, RateIndex(rate)).Put(1, 0);
  w.Put(3, channels).Put(4, 0).Put(13, raw.size() + 7).Put(11, 0x7FF).Put(2, 0);
  Data out = w.bytes();
  out.insert(out.end(), raw.begin(), raw.end());
  return out;
}

// AudioSyncStream with its StreamMuxConfig in each frame. Source: ISO/IEC 14496-3, 1.7.2 and 1.7.3.
Data WrapLoas(View raw, int rate, size_t channels) {
  BitWriter w;
  w.Put(1, 0);                                            // useSameStreamMux
  w.Put(1, 0).Put(1, 1).Put(6, 0).Put(4, 0).Put(3, 0);    // one programme, one layer
  w.Put(5, 2).Put(4, RateIndex(rate)).Put(4, channels).Put(3, 0);  // AudioSpecificConfig, LC
  w.Put(3, 0).Put(8, 0xFF).Put(1, 0).Put(1, 0);
  size_t left = raw.size();
  for (; left >= 255; left -= 255) w.Put(8, 255);
  w.Put(8, left);
  for (uint8_t byte : raw) w.Put(8, byte);
  const Data& element = w.bytes();
  Data out = BitWriter().Put(11, 0x2B7).Put(13, element.size()).bytes();
  out.insert(out.end(), element.begin(), element.end());
  return out;
}

}  // namespace

Pcm Sweep(int rate, int channels, double seconds, double level) {
  Pcm out{.rate = rate};
  const auto size = static_cast<size_t>(seconds * rate);
  const double from = 100, octaves = std::log(8000 / from);
  for (int c = 0; c < channels; ++c) {
    std::vector<float> samples(size);
    for (size_t i = 0; i < size; ++i) {
      const double t = static_cast<double>(i) / static_cast<double>(size);
      const double turns = from * seconds * (std::exp(t * octaves) - 1) / octaves + c / 8.0;
      samples[i] = static_cast<float>(level * std::sin(2 * std::numbers::pi * turns));
    }
    out.channels.push_back(std::move(samples));
  }
  return out;
}

Pcm Noise(int rate, int channels, double seconds, unsigned seed, double level) {
  Pcm out{.rate = rate};
  std::mt19937 random(seed);
  const double pass = 1 - std::exp(-2 * std::numbers::pi * 4000 / rate);
  for (int c = 0; c < channels; ++c) {
    std::vector<float> samples(static_cast<size_t>(seconds * rate));
    double a = 0, b = 0;
    for (float& sample : samples) {
      const double white = static_cast<double>(random()) / 2147483648.0 - 1;
      a += pass * (white - a);
      b += pass * (a - b);
      sample = static_cast<float>(2 * level * b);
    }
    out.channels.push_back(std::move(samples));
  }
  return out;
}

PmtStream PmtEntry(Sound codec, uint16_t pid, const std::string& language) {
  PmtStream out{RowOf(codec).stream_type, pid, {Language(language), {0x52, {1}}}};
  if (codec == Sound::kAc3) out.descriptors.push_back({0x6A, {0}});
  if (codec == Sound::kEac3) out.descriptors.push_back({0x7A, {0}});
  if (codec == Sound::kDts) out.descriptors.push_back({0x7B, {0, 0, 0, 0, 0}});
  return out;
}

uint8_t StreamId(Sound codec) { return RowOf(codec).stream_id; }

int FrameSamples(Sound codec) { return RowOf(codec).frame_samples; }

std::vector<Data> Encode(Sound codec, const Pcm& pcm, int bitrate) {
  av_log_set_level(AV_LOG_QUIET);
  const Context context = OpenEncoder(RowOf(codec), pcm, bitrate);
  const Frame frame(av_frame_alloc());
  const Packet packet(av_packet_alloc());
  std::vector<Data> out;
  const auto receive = [&] {
    while (avcodec_receive_packet(context.get(), packet.get()) == 0) {
      const View raw(packet->data, static_cast<size_t>(packet->size));
      if (codec == Sound::kAac)
        out.push_back(WrapAdts(raw, pcm.rate, pcm.channels.size()));
      else if (codec == Sound::kLatm)
        out.push_back(WrapLoas(raw, pcm.rate, pcm.channels.size()));
      else
        out.emplace_back(raw.begin(), raw.end());
      av_packet_unref(packet.get());
    }
  };
  const auto frame_size = static_cast<size_t>(context->frame_size);
  for (size_t at = 0; at < pcm.size(); at += frame_size) {
    frame->nb_samples = context->frame_size;
    frame->format = context->sample_fmt;
    frame->sample_rate = pcm.rate;
    frame->pts = static_cast<int64_t>(at);
    av_channel_layout_copy(&frame->ch_layout, &context->ch_layout);
    Need(av_frame_get_buffer(frame.get(), 0) == 0, "no memory");
    for (size_t c = 0; c < pcm.channels.size(); ++c)
      for (size_t i = 0; i < frame_size; ++i)
        SetSample(frame.get(), static_cast<int>(c), static_cast<int>(i),
                  at + i < pcm.size() ? pcm.channels[c][at + i] : 0);
    Need(avcodec_send_frame(context.get(), frame.get()) == 0, "the encoder refuses a frame");
    av_frame_unref(frame.get());
    receive();
  }
  avcodec_send_frame(context.get(), nullptr);
  receive();
  return out;
}

std::vector<Pcm> Decode(Sound codec, const std::vector<Data>& frames) {
  av_log_set_level(AV_LOG_QUIET);
  const AVCodec* const decoder = avcodec_find_decoder(RowOf(codec).id);
  Need(decoder, std::string("libavcodec has no decoder of ") + RowOf(codec).encoder);
  const Context context(avcodec_alloc_context3(decoder));
  context->thread_count = 1;
  Need(avcodec_open2(context.get(), decoder, nullptr) == 0, "the decoder does not open");
  const Frame frame(av_frame_alloc());
  const Packet packet(av_packet_alloc());
  std::vector<Pcm> out;
  for (const Data& data : frames) {
    out.emplace_back();
    Need(av_new_packet(packet.get(), static_cast<int>(data.size())) == 0, "no memory");
    std::ranges::copy(data, packet->data);
    const bool is_sent = avcodec_send_packet(context.get(), packet.get()) == 0;
    av_packet_unref(packet.get());
    while (is_sent && avcodec_receive_frame(context.get(), frame.get()) == 0) {
      Pcm piece{.rate = frame->sample_rate};
      piece.channels.resize(static_cast<size_t>(frame->ch_layout.nb_channels));
      for (size_t c = 0; c < piece.channels.size(); ++c)
        for (int i = 0; i < frame->nb_samples; ++i)
          piece.channels[c].push_back(GetSample(frame.get(), static_cast<int>(c), i));
      out.back() = Join({out.back(), piece});
      av_frame_unref(frame.get());
    }
  }
  return out;
}

Pcm Join(const std::vector<Pcm>& pieces) {
  Pcm out;
  for (const Pcm& piece : pieces) {
    if (piece.channels.empty()) continue;
    if (out.channels.empty()) {
      out = piece;
      continue;
    }
    Need(out.rate == piece.rate && out.channels.size() == piece.channels.size(),
         "rate or channels change");
    for (size_t c = 0; c < out.channels.size(); ++c)
      out.channels[c].insert(out.channels[c].end(), piece.channels[c].begin(),
                             piece.channels[c].end());
  }
  return out;
}

std::vector<Data> SplitAdts(View es) {
  std::vector<Data> out;
  while (!es.empty()) {
    Need(es.size() >= 7 && es[0] == 0xFF && (es[1] & 0xF6) == 0xF0,
         "no ADTS header after " + std::to_string(out.size()) + " frames");
    const size_t size = (es[3] & 3u) << 11 | es[4] << 3 | es[5] >> 5;
    Need(size > 7 && size <= es.size(), "ADTS length in frame " + std::to_string(out.size()));
    out.emplace_back(es.begin(), es.begin() + static_cast<long>(size));
    es = es.subspan(size);
  }
  return out;
}

double Lag(const Pcm& a, const Pcm& b, int max_lag) {
  Need(a.rate == b.rate, "two rates");
  Need(!a.channels.empty() && !b.channels.empty(), "nothing to compare");
  const int size = static_cast<int>(std::min(a.size(), b.size()));
  const int room = size - 2 * (max_lag + 4);
  Need(room > max_lag, "too short to compare");
  const auto correlation = [&](int lag, int span) {
    span = std::min(span, room);
    const float* const x = a.channels[0].data() + (size - span) / 2;
    const float* const y = b.channels[0].data() + (size - span) / 2 + lag;
    double sum = 0;
    for (int i = 0; i < span; ++i) sum += static_cast<double>(x[i]) * y[i];
    return sum;
  };
  const auto best = [&](int from, int to, int step, int span) {
    int at = from;
    double peak = correlation(from, span);
    for (int lag = from + step; lag <= to; lag += step)
      if (const double c = correlation(lag, span); c > peak) {
        peak = c;
        at = lag;
      }
    return at;
  };
  const int near = best(-max_lag, max_lag, 2, 4096);
  const int lag = best(near - 2, near + 2, 1, 16384);
  const double before = correlation(lag - 1, 16384), after = correlation(lag + 1, 16384);
  const double bend = before - 2 * correlation(lag, 16384) + after;
  return bend < 0 ? lag + (before - after) / (2 * bend) : lag;
}

double Level(const Pcm& pcm) {
  double sum = 0;
  for (const auto& channel : pcm.channels)
    for (float sample : channel) sum += static_cast<double>(sample) * sample;
  const double count = static_cast<double>(pcm.size() * pcm.channels.size());
  return count > 0 && sum > 0 ? 10 * std::log10(sum / count) : -200;
}

}  // namespace xg2g::test
