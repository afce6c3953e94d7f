#include "package/format.h"

#include "package/nal.h"

#include <array>

namespace xg2g {

namespace {

// Source: ISO/IEC 13818-2, 6.2.2.1, 6.2.2.3 and tables 6-3 and 6-4.
void ReadMpeg2(Bytes head, PictureFormat& out) {
  static constexpr double kRates[] = {0,         24 / 1.001, 24, 25, 30 / 1.001,
                                      30,        50,         60 / 1.001, 60};
  constexpr uint8_t kSequence = 0xB3, kExtension = 0xB5, kSequenceExtension = 1;
  ForEachNal(head, [&](Bytes unit) {
    if (unit[0] == kSequence && unit.size() >= 5) {
      out.codecs = "mp4v.61";
      out.width = Be24(&unit[1]) >> 12;
      out.height = Be24(&unit[1]) & 0xFFF;
      const unsigned rate = unit[4] & 15;
      out.frame_rate = rate < std::size(kRates) ? kRates[rate] : 0;
      out.sps.assign(1, {unit.begin(), unit.begin() + 5});
    }
    if (unit[0] == kExtension && unit.size() >= 3 && unit[1] >> 4 == kSequenceExtension)
      out.is_interlaced = (unit[2] & 0x08) == 0;
  });
}

void ReadNals(Bytes head, PictureFormat& out) {
  ForEachNal(head, [&](Bytes nal) {
    const auto keep = [&](std::vector<Nal>& list) { list.emplace_back(nal.begin(), nal.end()); };
    switch (NalKindOf(out.codec, nal[0])) {
      case NalKind::kVps: return keep(out.vps);
      case NalKind::kSps: return keep(out.sps);
      case NalKind::kPps: return keep(out.pps);
      default: return;
    }
  });
  if (out.sps.empty()) return;
  if (out.codec == VideoCodec::kH264) ReadAvc(out.sps.front(), out);
  if (out.codec == VideoCodec::kHevc) ReadHevc(out.sps.front(), out);
}

// Source: ISO/IEC 14496-3, 1.6.2.1. Profile, rate and channels stand in ADTS as they are needed here.
std::vector<uint8_t> ReadAacConfig(Bytes frame) {
  const unsigned object = (frame[2] >> 6) + 1u, rate = frame[2] >> 2 & 15u;
  const unsigned channels = (frame[2] & 1u) << 2 | frame[3] >> 6;
  const unsigned config = object << 11 | rate << 7 | channels << 3;
  return {static_cast<uint8_t>(config >> 8), static_cast<uint8_t>(config)};
}

struct DolbyFields {
  unsigned rate_code, bsid, bsmod, acmod, lfe, bitrate_code;
};

// Source: ETSI TS 102 366, 4.4 and F.4.
std::vector<uint8_t> ReadAc3Config(Bytes frame) {
  BitReader r(frame);
  r.Skip(32);
  DolbyFields f{};
  f.rate_code = r.Bits(2);
  f.bitrate_code = r.Bits(6) >> 1;
  f.bsid = r.Bits(5);
  f.bsmod = r.Bits(3);
  f.acmod = r.Bits(3);
  if ((f.acmod & 1) && f.acmod != 1) r.Skip(2);
  if (f.acmod & 4) r.Skip(2);
  if (f.acmod == 2) r.Skip(2);
  f.lfe = r.Bits(1);
  const unsigned config = f.rate_code << 22 | f.bsid << 17 | f.bsmod << 14 | f.acmod << 11 |
                          f.lfe << 10 | f.bitrate_code << 5;
  return {static_cast<uint8_t>(config >> 16), static_cast<uint8_t>(config >> 8),
          static_cast<uint8_t>(config)};
}

// One independent substream; those that depend on it are left out. Source: ETSI TS 102 366, E.1.2 and F.6.
std::vector<uint8_t> ReadEac3Config(const FrameHeader& header, Bytes frame) {
  BitReader r(frame);
  r.Skip(32);
  const unsigned rate_code = r.Bits(2);
  r.Skip(2);
  const unsigned acmod = r.Bits(3), lfe = r.Bits(1), bsid = r.Bits(5);
  const uint64_t bits = uint64_t{header.bytes} * 8 * header.rate;
  const auto kbps = header.samples > 0 ? static_cast<unsigned>(bits / header.samples / 1000) : 0;
  const unsigned head = (kbps & 0x1FFF) << 3;
  const unsigned substream = rate_code << 14 | bsid << 9 | acmod << 1 | lfe;
  return {static_cast<uint8_t>(head >> 8), static_cast<uint8_t>(head),
          static_cast<uint8_t>(substream >> 8), static_cast<uint8_t>(substream), 0};
}

}  // namespace

std::optional<PictureFormat> ReadPictureFormat(VideoCodec codec, Bytes head) {
  PictureFormat format;
  format.codec = codec;
  if (codec == VideoCodec::kMpeg2)
    ReadMpeg2(head, format);
  else
    ReadNals(head, format);
  if (format.codecs.empty()) return {};
  return format;
}

bool IsSame(const SoundFormat& a, const SoundFormat& b) {
  return a.codecs == b.codecs && a.rate == b.rate && a.channels == b.channels;
}

SoundFormat ReadSoundFormat(const FrameHeader& header, Bytes frame) {
  SoundFormat format{.codec = header.codec, .rate = header.rate, .channels = header.channels};
  switch (header.codec) {
    case AudioCodec::kAdts:
      format.config = ReadAacConfig(frame);
      format.codecs = "mp4a.40." + std::to_string(format.config[0] >> 3);
      break;
    case AudioCodec::kMpeg: format.codecs = header.layer == 3 ? "mp4a.40.34" : "mp4a.40.33"; break;
    case AudioCodec::kAc3:
      format.codecs = "ac-3";
      format.config = ReadAc3Config(frame);
      break;
    case AudioCodec::kEac3:
      format.codecs = "ec-3";
      format.config = ReadEac3Config(header, frame);
      break;
    default: break;
  }
  return format;
}

}  // namespace xg2g
