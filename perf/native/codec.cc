// The rival of the remuxer's instruction count: the same sound decoded and encoded, frames lying ready
// in memory: codec IN PID mp2|ac3 [own]. With the same settings of libavcodec's encoder, or our own.
// Callgrind counts Transcode alone; cutting the stream into frames comes before it.
#include "audio/aac/encoder.h"
#include "audio/framer.h"
#include "audio/libav.h"
#include "file.h"
#include "pes.h"

#include <cstring>
#include <string_view>

using namespace xg2g;

namespace {

constexpr size_t kPadding = AV_INPUT_BUFFER_PADDING_SIZE;

struct Frames {
  std::vector<uint8_t> bytes;
  struct Place {
    size_t at, size;
  };
  std::vector<Place> places;
};

Frames ReadFrames(const char* path, unsigned pid, AudioCodec codec) {
  const std::vector<uint8_t> file = ReadFile(path);
  Frames frames;
  frames.bytes.reserve(file.size());
  PesReader pes;
  Framer framer(codec);
  for (size_t at = 0; at + kPacketBytes <= file.size(); at += kPacketBytes) {
    const Packet packet(file.data() + at);
    if (packet.pid() != pid || !packet.IsValid()) continue;
    pes.Push(
        packet.payload(), packet.unit_start(), [&](const PesHeader& h) { framer.Begin(h.pts); },
        [&](Bytes data) {
          framer.Push(data, [&](const FrameHeader&, Bytes frame, int64_t) {
            frames.places.push_back({frames.bytes.size(), frame.size()});
            frames.bytes.insert(frames.bytes.end(), frame.begin(), frame.end());
            frames.bytes.insert(frames.bytes.end(), kPadding, 0);
          });
        });
  }
  return frames;
}

void Require(bool is_good, const char* what) {
  if (is_good) return;
  std::fprintf(stderr, "codec: %s failed\n", what);
  std::exit(1);
}

// Everything that the loop uses, made before it.
struct Codec {
  AVCodecContext* decoder;
  AVCodecContext* encoder;
  std::unique_ptr<Encoder> own;  // where it is not null, instead
  SwrContext* mixer = nullptr;
  AVPacket* in = av_packet_alloc();
  AVPacket* out = av_packet_alloc();
  AVFrame* decoded = av_frame_alloc();
  AVFrame* mixed = av_frame_alloc();
  AVFrame* block = av_frame_alloc();  // what the encoder takes at once
  int filled = 0;                     // samples in it
  size_t coded_bytes = 0, coded_frames = 0;
};

AVFrame* MakeFrame(AVFrame* frame, int samples) {
  frame->format = AV_SAMPLE_FMT_FLTP;
  frame->sample_rate = 48'000;
  frame->nb_samples = samples;
  av_channel_layout_default(&frame->ch_layout, 2);
  Require(av_frame_get_buffer(frame, 0) >= 0, "av_frame_get_buffer");
  return frame;
}

Codec Open(std::string_view name, bool is_own) {
  Codec c;
  if (is_own) {
    c.own = aac::Make({AudioTarget::kAac, 48'000, 2, 192'000});
    Require(c.own != nullptr, "opening our own encoder");
  }
  const AVCodec* decoder = avcodec_find_decoder_by_name(name == "mp2" ? "mp2float" : "ac3");
  c.decoder = avcodec_alloc_context3(decoder);
  c.decoder->thread_count = 1;
  c.decoder->request_sample_fmt = AV_SAMPLE_FMT_FLTP;
  Require(avcodec_open2(c.decoder, decoder, nullptr) >= 0, "opening the decoder");

  const AVCodec* encoder = avcodec_find_encoder_by_name("aac");
  c.encoder = avcodec_alloc_context3(encoder);
  c.encoder->thread_count = 1;
  c.encoder->bit_rate = 192'000;
  c.encoder->sample_rate = 48'000;
  c.encoder->sample_fmt = AV_SAMPLE_FMT_FLTP;
  c.encoder->time_base = {1, 48'000};
  av_channel_layout_default(&c.encoder->ch_layout, 2);
  av_opt_set(c.encoder->priv_data, "aac_coder", "fast", 0);
  av_opt_set_int(c.encoder->priv_data, "aac_tns", 0, 0);
  Require(avcodec_open2(c.encoder, encoder, nullptr) >= 0, "opening the encoder");
  MakeFrame(c.block, c.encoder->frame_size);
  return c;
}

void OpenMixer(Codec& c) {
  AVChannelLayout stereo = {};
  av_channel_layout_default(&stereo, 2);
  const int status = swr_alloc_set_opts2(&c.mixer, &stereo, AV_SAMPLE_FMT_FLTP, 48'000,
                                         &c.decoded->ch_layout, AV_SAMPLE_FMT_FLTP, 48'000, 0,
                                         nullptr);
  Require(status >= 0 && swr_init(c.mixer) >= 0, "opening the mixer");
  MakeFrame(c.mixed, c.decoded->nb_samples);
}

void EncodeOwn(Codec& c) {
  Require(c.own->Submit(), "encoding");
  for (Bytes frame = c.own->Next(); !frame.empty(); frame = c.own->Next()) {
    c.coded_bytes += frame.size();
    ++c.coded_frames;
  }
  c.filled = 0;
}

void Encode(Codec& c) {
  if (c.own) return EncodeOwn(c);
  c.block->pts += c.block->nb_samples;
  Require(avcodec_send_frame(c.encoder, c.block) >= 0, "encoding");
  while (avcodec_receive_packet(c.encoder, c.out) >= 0) {
    c.coded_bytes += static_cast<size_t>(c.out->size);
    ++c.coded_frames;
    av_packet_unref(c.out);
  }
  av_frame_make_writable(c.block);
  c.filled = 0;
}

// The decoder's frames are 1152 or 1536 samples long, the encoder's 1024.
void Append(Codec& c, const AVFrame& pcm) {
  for (int at = 0; at < pcm.nb_samples;) {
    const int n = std::min(pcm.nb_samples - at, c.block->nb_samples - c.filled);
    for (int channel = 0; channel < 2; ++channel) {
      float* const block = c.own ? c.own->plane(static_cast<unsigned>(channel))
                                 : reinterpret_cast<float*>(c.block->data[channel]);
      std::memcpy(block + c.filled, reinterpret_cast<const float*>(pcm.data[channel]) + at,
                  static_cast<size_t>(n) * sizeof(float));
    }
    at += n;
    c.filled += n;
    if (c.filled == c.block->nb_samples) Encode(c);
  }
}

}  // namespace

extern "C" __attribute__((noinline)) void Transcode(Codec& c, Frames& frames) {
  c.block->pts = 0;
  for (const Frames::Place& place : frames.places) {
    c.in->data = frames.bytes.data() + place.at;
    c.in->size = static_cast<int>(place.size);
    Require(avcodec_send_packet(c.decoder, c.in) >= 0, "decoding");
    if (avcodec_receive_frame(c.decoder, c.decoded) < 0) continue;
    if (c.decoded->ch_layout.nb_channels == 2) {
      Append(c, *c.decoded);
      continue;
    }
    if (!c.mixer) OpenMixer(c);
    swr_convert(c.mixer, c.mixed->data, c.mixed->nb_samples,
                const_cast<const uint8_t**>(c.decoded->extended_data), c.decoded->nb_samples);
    Append(c, *c.mixed);
  }
}

int main(int argc, char** argv) {
  if (argc != 4 && argc != 5) {
    std::fputs("Usage: codec IN PID mp2|ac3 [own]\n", stderr);
    return 2;
  }
  av_log_set_level(AV_LOG_QUIET);
  const std::string_view name = argv[3];
  const auto pid = static_cast<unsigned>(std::strtoul(argv[2], nullptr, 0));
  Frames frames = ReadFrames(argv[1], pid, name == "mp2" ? AudioCodec::kMpeg : AudioCodec::kAc3);
  Codec codec = Open(name, argc == 5);
  Transcode(codec, frames);
  std::printf("{\"framesIn\":%zu,\"framesOut\":%zu,\"bytesOut\":%zu}\n", frames.places.size(),
              codec.coded_frames, codec.coded_bytes);
  return codec.coded_frames > 0 ? 0 : 1;
}
