// The tables and fields of each standard, one function per syntax.
#include "audio/frame.h"

#include <array>
#include <iterator>

namespace xg2g {
namespace {

using Header = std::optional<FrameHeader>;

// Source: ISO/IEC 11172-3, 2.4.2.3; 13818-3, 2.4.2.3 (low sampling frequencies). MPEG-2.5 is the
// common extension of layer III to half those rates. Free format (bitrate index 0) is refused: its
// length is known only from the next sync. Emphasis is not looked at: nothing depends on it.
Header ParseMpeg(Bytes in) {
  static constexpr uint16_t kKbps[2][3][15] = {
      {{0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448},
       {0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384},
       {0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320}},
      {{0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256},
       {0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160},
       {0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160}}};
  static constexpr uint32_t kRate[3] = {44100, 48000, 32000};
  if (in.size() < 4) return {};
  const uint32_t word = Be32(in.data());
  const unsigned version = word >> 19 & 3;  // 0: 2.5, 1: reserved, 2: 2 LSF, 3: 1
  const unsigned layer = 4 - (word >> 17 & 3);
  const unsigned bitrate_index = word >> 12 & 15;
  const unsigned rate_index = word >> 10 & 3;
  if (word >> 21 != 0x7FF || version == 1 || layer == 4) return {};
  if (version == 0 && layer != 3) return {};
  if (bitrate_index == 0 || bitrate_index == 15 || rate_index == 3) return {};
  const bool low = version != 3;
  const uint32_t rate = kRate[rate_index] >> (version == 3 ? 0 : version == 2 ? 1 : 2);
  const uint32_t bitrate = kKbps[low][layer - 1][bitrate_index] * 1000u;
  const uint32_t padding = word >> 9 & 1;

  FrameHeader h;
  h.codec = AudioCodec::kMpeg;
  h.layer = static_cast<uint8_t>(layer);
  h.channels = (word >> 6 & 3) == 3 ? 1 : 2;
  h.rate = rate;
  h.samples = layer == 1 ? 384 : layer == 3 && low ? 576 : 1152;
  if (layer == 1)
    h.bytes = (12 * bitrate / rate + padding) * 4;  // slots of 4 bytes
  else
    h.bytes = h.samples / 8 * bitrate / rate + padding;
  return h;
}

constexpr uint32_t kAc3Rate[3] = {48000, 44100, 32000};
constexpr uint8_t kAc3Channels[8] = {2, 1, 2, 3, 3, 4, 4, 5};  // by acmod; 0 is dual mono

// Source: ATSC A/52, Tables 5.1 to 5.3 and 5.18. bsid 9 and 10 (half and quarter rate) are not in
// the standard; libavcodec decodes them.
Header ParseAc3(BitReader r, unsigned bsid) {
  static constexpr uint16_t kKbps[19] = {32,  40,  48,  56,  64,  80,  96,  112, 128, 160,
                                         192, 224, 256, 320, 384, 448, 512, 576, 640};
  r.Skip(16 + 16);  // syncword, crc1
  const unsigned fscod = r.Bits(2);
  const unsigned frmsizecod = r.Bits(6);
  r.Skip(5 + 3);  // bsid, bsmod
  const unsigned acmod = r.Bits(3);
  if ((acmod & 1) && acmod != 1) r.Skip(2);  // cmixlev
  if (acmod & 4) r.Skip(2);                  // surmixlev
  if (acmod == 2) r.Skip(2);                 // dsurmod
  const unsigned lfe = r.Bits(1);
  if (!r.ok() || fscod == 3 || frmsizecod >= 2 * std::size(kKbps)) return {};

  FrameHeader h;
  h.codec = AudioCodec::kAc3;
  h.channels = static_cast<uint8_t>(kAc3Channels[acmod] + lfe);
  h.rate = kAc3Rate[fscod] >> (bsid > 8 ? bsid - 8 : 0);
  h.samples = 1536;
  // 16-bit words in 1536 samples, rounded down; at 44.1 kHz odd codes have the one word more.
  const uint32_t words = kKbps[frmsizecod >> 1] * 96000u / kAc3Rate[fscod];
  h.bytes = 2 * (words + (fscod == 1 ? frmsizecod & 1 : 0));
  return h;
}

// Source: ETSI TS 102 366, E.1.2.2 and E.1.3.1.
Header ParseEac3(BitReader r) {
  static constexpr uint8_t kBlocks[4] = {1, 2, 3, 6};
  r.Skip(16);
  const unsigned stream_type = r.Bits(2);  // 0 independent, 1 dependent, 2 converted AC-3
  const unsigned substream = r.Bits(3);
  const uint32_t bytes = (r.Bits(11) + 1) * 2;
  const unsigned fscod = r.Bits(2);
  const unsigned code = r.Bits(2);  // fscod2 if fscod is 3, else numblkscod
  const unsigned acmod = r.Bits(3);
  const unsigned lfe = r.Bits(1);
  if (!r.ok() || stream_type == 3 || (fscod == 3 && code == 3)) return {};
  if (bytes < FrameHeaderBytes(AudioCodec::kEac3)) return {};

  FrameHeader h;
  h.codec = AudioCodec::kEac3;
  h.channels = static_cast<uint8_t>(kAc3Channels[acmod] + lfe);
  h.rate = fscod == 3 ? kAc3Rate[code] / 2 : kAc3Rate[fscod];
  h.samples = static_cast<uint16_t>(256 * (fscod == 3 ? 6 : kBlocks[code]));
  h.bytes = bytes;
  h.skip = stream_type == 1 || substream != 0;
  return h;
}

// bsid stands at the same place in both syntaxes, so that either decoder can tell them apart.
Header ParseDolby(Bytes in) {
  if (in.size() < FrameHeaderBytes(AudioCodec::kAc3) || Be16(in.data()) != 0x0B77) return {};
  const unsigned bsid = in[5] >> 3;
  if (bsid <= 10) return ParseAc3(BitReader(in), bsid);
  if (bsid <= 16) return ParseEac3(BitReader(in));
  return {};
}

// Source: ISO/IEC 14496-3, 1.A.3.2 and Table 4.68.
Header ParseAdts(Bytes in) {
  static constexpr uint32_t kRate[13] = {96000, 88200, 64000, 48000, 44100, 32000, 24000,
                                         22050, 16000, 12000, 11025, 8000,  7350};
  BitReader r(in);
  const unsigned sync = r.Bits(12);
  r.Skip(1);  // MPEG-4 or MPEG-2
  const unsigned layer = r.Bits(2);
  const bool has_crc = r.Bits(1) == 0;
  const unsigned profile = r.Bits(2);
  const unsigned rate_index = r.Bits(4);
  r.Skip(1);
  const unsigned channels = r.Bits(3);
  r.Skip(4);
  const uint32_t bytes = r.Bits(13);
  r.Skip(11);
  const unsigned blocks = r.Bits(2) + 1;
  if (!r.ok() || sync != 0xFFF || layer != 0 || rate_index >= std::size(kRate)) return {};
  // With several blocks and a CRC, their positions follow the header.
  if (bytes <= (has_crc ? 7u + 2 * blocks : 7u)) return {};

  FrameHeader h;
  h.codec = AudioCodec::kAdts;
  h.channels = static_cast<uint8_t>(channels == 7 ? 8 : channels);
  h.rate = kRate[rate_index];
  h.samples = static_cast<uint16_t>(1024 * blocks);
  h.bytes = bytes;
  h.adts_lc = profile == 1 && blocks == 1;
  return h;
}

// AudioSyncStream. Rate and channels are in StreamMuxConfig, which not every frame carries.
// Source: ISO/IEC 14496-3, 1.7.2.
Header ParseLatm(Bytes in) {
  if (in.size() < 3) return {};
  const uint32_t word = Be24(in.data());
  if (word >> 13 != 0x2B7 || (word & 0x1FFF) == 0) return {};
  FrameHeader h;
  h.codec = AudioCodec::kLatm;
  h.bytes = (word & 0x1FFF) + 3;
  return h;
}

// How a DTS core is laid into bytes.
enum class DtsWords { kBig16, kLittle16, kBig14, kLittle14 };

std::optional<DtsWords> DtsLayout(Bytes in) {
  switch (Be32(in.data())) {
    case 0x7FFE8001: return DtsWords::kBig16;
    case 0xFE7F0180: return DtsWords::kLittle16;
    // In 14-bit words the sync is 38 bits long, into FTYPE and SHORT of a normal frame.
    case 0x1FFFE800:
      if ((Be16(&in[4]) & 0xFFF0) == 0x07F0) return DtsWords::kBig14;
      return {};
    case 0xFF1F00E8:
      if ((in[4] & 0xF0) == 0xF0 && in[5] == 0x07) return DtsWords::kLittle14;
      return {};
    default: return {};
  }
}

// Source: ETSI TS 102 114, 5.3.1. Frames that libavcodec does not decode are refused too:
// termination frames (SHORT != 31, once at the end of a recording).
Header ParseDtsCore(Bytes in, DtsWords layout) {
  static constexpr uint32_t kRate[16] = {0, 8000,  16000, 32000, 0,     0, 11025, 22050,
                                         44100, 0, 0,     12000, 24000, 48000, 0, 0};
  static constexpr uint8_t kChannels[16] = {1, 2, 2, 2, 2, 3, 3, 4, 4, 5, 6, 6, 6, 7, 8, 8};
  const bool little = layout == DtsWords::kLittle16 || layout == DtsWords::kLittle14;
  const bool narrow = layout == DtsWords::kBig14 || layout == DtsWords::kLittle14;
  // The header as 16-bit big-endian, whatever it came as.
  std::array<uint8_t, 16> plain{};
  uint64_t held = 0;
  unsigned held_bits = 0;
  size_t size = 0;
  for (size_t i = 0; i < FrameHeaderBytes(AudioCodec::kDts); i += 2) {
    const unsigned word = little ? in[i + 1] << 8 | in[i] : Be16(&in[i]);
    held = narrow ? held << 14 | (word & 0x3FFF) : held << 16 | word;
    for (held_bits += narrow ? 14 : 16; held_bits >= 8; held_bits -= 8)
      plain[size++] = static_cast<uint8_t>(held >> (held_bits - 8));
  }

  BitReader r(Bytes(plain.data(), size));
  r.Skip(32 + 1);  // sync, FTYPE
  const unsigned short_samples = r.Bits(5);
  r.Skip(1);
  const unsigned blocks = r.Bits(7) + 1;
  const uint32_t frame_size = r.Bits(14) + 1;
  const unsigned amode = r.Bits(6);
  const unsigned rate_index = r.Bits(4);
  r.Skip(5 + 5 + 4 + 1);  // RATE, FixedBit to HDCD, EXT_AUDIO_ID and EXT_AUDIO, ASPF
  const unsigned lfe = r.Bits(2);
  if (!r.ok() || short_samples != 31 || blocks % 8 != 0 || frame_size < 96) return {};
  if (amode >= std::size(kChannels) || kRate[rate_index] == 0 || lfe == 3) return {};

  FrameHeader h;
  h.codec = AudioCodec::kDts;
  h.channels = static_cast<uint8_t>(kChannels[amode] + (lfe != 0));
  h.rate = kRate[rate_index];
  h.samples = static_cast<uint16_t>(32 * blocks);
  if (narrow)
    h.bytes = (frame_size * 8 + 13) / 14 * 2;
  else
    h.bytes = little ? (frame_size + 1) & ~1u : frame_size;
  return h;
}

// The extension substream that follows a core (DTS-HD) or stands alone (DTS Express).
// Source: ETSI TS 102 114, 7.4.1.
Header ParseDtsExtension(Bytes in) {
  BitReader r(in);
  r.Skip(32 + 8 + 2);
  const bool wide = r.Bits(1) != 0;
  const uint32_t header_bytes = r.Bits(wide ? 12 : 8) + 1;
  const uint32_t bytes = r.Bits(wide ? 20 : 16) + 1;
  if (!r.ok() || bytes < header_bytes || header_bytes < 10) return {};
  FrameHeader h;
  h.codec = AudioCodec::kDts;
  h.bytes = bytes;
  h.skip = true;
  return h;
}

Header ParseDts(Bytes in) {
  if (in.size() < FrameHeaderBytes(AudioCodec::kDts)) return {};
  if (Be32(in.data()) == 0x64582025) return ParseDtsExtension(in);
  const auto layout = DtsLayout(in);
  return layout ? ParseDtsCore(in, *layout) : Header{};
}

}  // namespace

std::optional<FrameHeader> ParseFrameHeader(AudioCodec expected, Bytes in) {
  switch (expected) {
    case AudioCodec::kNone: return {};
    case AudioCodec::kMpeg: return ParseMpeg(in);
    case AudioCodec::kAc3:
    case AudioCodec::kEac3: return ParseDolby(in);
    case AudioCodec::kAdts: return ParseAdts(in);
    case AudioCodec::kLatm: return ParseLatm(in);
    case AudioCodec::kDts: return ParseDts(in);
  }
  return {};
}

bool IsContinuation(const FrameHeader& a, const FrameHeader& b) {
  // An extension has no rate of its own, and E-AC-3 substreams may extend an AC-3 core.
  const bool same_rate = a.rate == b.rate || a.rate == 0 || b.rate == 0;
  const auto is_dolby = [](const FrameHeader& h) {
    return h.codec == AudioCodec::kAc3 || h.codec == AudioCodec::kEac3;
  };
  const bool same_codec =
      a.codec == b.codec || (is_dolby(a) && is_dolby(b) && (a.skip || b.skip));
  return same_codec && a.layer == b.layer && same_rate;
}

}  // namespace xg2g
