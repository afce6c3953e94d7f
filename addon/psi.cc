#include "psi.h"

#include <cctype>

namespace xg2g {

namespace {

constexpr std::array<uint32_t, 256> MakeCrcTable() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t c = i << 24;
    for (int bit = 0; bit < 8; ++bit) c = c & 0x8000'0000 ? c << 1 ^ 0x04C1'1DB7 : c << 1;
    table[i] = c;
  }
  return table;
}
constexpr auto kCrcTable = MakeCrcTable();

constexpr uint32_t FourCc(const char (&s)[5]) {
  return uint32_t(uint8_t(s[0])) << 24 | uint32_t(uint8_t(s[1])) << 16 |
         uint32_t(uint8_t(s[2])) << 8 | uint8_t(s[3]);
}
constexpr uint8_t kRegistrationDescriptor = 0x05;
constexpr uint8_t kLanguageDescriptor = 0x0A;
constexpr uint8_t kExtensionDescriptor = 0x7F;

// Blu-ray's stream types hold where the programme or the stream itself is registered as such.
bool IsHdmv(Bytes descriptors) {
  bool found = false;
  ForEachDescriptor(descriptors, [&](const Descriptor& d) {
    if (d.tag != kRegistrationDescriptor || d.body.size() < 4) return;
    const uint32_t format = Be32(d.body.data());
    found |= format == FourCc("HDMV") || format == FourCc("HDPR");
  });
  return found;
}

void SetAudio(StreamKind& kind, AudioCodec codec, std::string_view name) {
  kind.is_audio = true;
  kind.audio = codec;
  kind.name = name;
}
void SetVideo(StreamKind& kind, VideoCodec codec, std::string_view name) {
  kind.is_video = true;
  kind.video = codec;
  kind.name = name;
}

void ReadType(StreamKind& kind, uint8_t type, bool is_hdmv) {
  switch (type) {
    case 0x01: return SetVideo(kind, VideoCodec::kMpeg2, "mpeg1video");
    case 0x02: return SetVideo(kind, VideoCodec::kMpeg2, "mpeg2video");
    case 0x10: return SetVideo(kind, VideoCodec::kNone, "mpeg4");
    case 0x1B: return SetVideo(kind, VideoCodec::kH264, "h264");
    case 0x20: return SetVideo(kind, VideoCodec::kNone, "h264-mvc");
    case 0x21: return SetVideo(kind, VideoCodec::kNone, "jpeg2000");
    case 0x24: return SetVideo(kind, VideoCodec::kHevc, "hevc");
    case 0x33: return SetVideo(kind, VideoCodec::kNone, "vvc");
    case 0x42: return SetVideo(kind, VideoCodec::kNone, "cavs");
    case 0xD2: return SetVideo(kind, VideoCodec::kNone, "avs2");
    case 0xEA: return SetVideo(kind, VideoCodec::kNone, "vc1");
    case kTypeMpeg1Audio:
    case kTypeMpeg2Audio: return SetAudio(kind, AudioCodec::kMpeg, "mp2");
    case kTypeAdts: return SetAudio(kind, AudioCodec::kAdts, "aac");
    case 0x11: return SetAudio(kind, AudioCodec::kLatm, "aac_latm");
    case 0x1C: return SetAudio(kind, AudioCodec::kNone, "mpeg4-audio");
    case 0x81: return SetAudio(kind, AudioCodec::kAc3, "ac3");
    case 0x87: return SetAudio(kind, AudioCodec::kEac3, "eac3");
    case 0x8A: return SetAudio(kind, AudioCodec::kDts, "dts");
    case 0xC1: return SetAudio(kind, AudioCodec::kNone, "ac3-encrypted");
    default: break;
  }
  if (!is_hdmv) return;
  switch (type) {
    case 0x80: return SetAudio(kind, AudioCodec::kNone, "pcm_bluray");
    case 0x83: return SetAudio(kind, AudioCodec::kNone, "truehd");
    case 0x84:
    case 0xA1: return SetAudio(kind, AudioCodec::kEac3, "eac3");
    case 0x82:  // elsewhere subtitles (SCTE 27), and what some multiplexers write for DTS
    case 0x85:
    case 0x86: return SetAudio(kind, AudioCodec::kDts, "dts");
    case 0xA2: return SetAudio(kind, AudioCodec::kNone, "dts-express");  // has no core
    default: break;
  }
}

void ReadRegistration(StreamKind& kind, uint32_t format) {
  switch (format) {
    case FourCc("AC-3"): return SetAudio(kind, AudioCodec::kAc3, "ac3");
    case FourCc("EAC3"): return SetAudio(kind, AudioCodec::kEac3, "eac3");
    case FourCc("DTS1"):
    case FourCc("DTS2"):
    case FourCc("DTS3"): return SetAudio(kind, AudioCodec::kDts, "dts");
    case FourCc("Opus"): return SetAudio(kind, AudioCodec::kNone, "opus");
    case FourCc("AC-4"): return SetAudio(kind, AudioCodec::kNone, "ac4");
    case FourCc("BSSD"): return SetAudio(kind, AudioCodec::kNone, "s302m");
    case FourCc("HEVC"): return SetVideo(kind, VideoCodec::kHevc, "hevc");
    case FourCc("AVC1"):
    case FourCc("H264"): return SetVideo(kind, VideoCodec::kH264, "h264");
    case FourCc("VC-1"): return SetVideo(kind, VideoCodec::kNone, "vc1");
    case FourCc("AV01"): return SetVideo(kind, VideoCodec::kNone, "av1");
    default: return;
  }
}

void ReadLanguage(StreamKind& kind, Bytes code) {
  if (kind.language[0] != 0) return;  // the first one named
  for (size_t i = 0; i < 3; ++i)
    if (!std::isalpha(code[i])) return;
  for (size_t i = 0; i < 3; ++i) kind.language[i] = static_cast<char>(std::tolower(code[i]));
}

// Source: EN 300 468, 6.4.11: mix_type, editorial_classification, reserved, language_code_present.
void ReadSupplementaryAudio(StreamKind& kind, Bytes body) {
  if (body.size() < 2) return;
  const uint8_t editorial = body[1] >> 2 & 0x1F;
  // 1 audio description, 2 clean audio, 3 spoken subtitles
  if (editorial >= 0x01 && editorial <= 0x03) kind.is_description = true;
  if ((body[1] & 1) && body.size() >= 5) ReadLanguage(kind, body.subspan(2, 3));
}

void ReadDescriptor(StreamKind& kind, uint8_t type, const Descriptor& d) {
  const bool is_private = type == 0x06;
  switch (d.tag) {
    case kLanguageDescriptor:
      if (d.body.size() < 4) return;
      ReadLanguage(kind, d.body.first(3));
      // audio_type: 1 clean effects, 2 for the hearing impaired (a full mix), 3 visual impaired
      if (d.body[3] == 0x01 || d.body[3] == 0x03) kind.is_description = true;
      return;
    case 0x6A:
      if (is_private) SetAudio(kind, AudioCodec::kAc3, "ac3");
      return;
    case 0x7A:
      if (is_private) SetAudio(kind, AudioCodec::kEac3, "eac3");
      return;
    case 0x7B:
      if (is_private) SetAudio(kind, AudioCodec::kDts, "dts");
      return;
    case 0x7C:
      if (is_private) SetAudio(kind, AudioCodec::kLatm, "aac_latm");
      return;
    case 0x81:
      if (is_private && !kind.is_audio) SetAudio(kind, AudioCodec::kAc3, "ac3");
      return;
    case kRegistrationDescriptor:
      if (d.body.size() >= 4 && !kind.is_audio && !kind.is_video)
        ReadRegistration(kind, Be32(d.body.data()));
      return;
    case kExtensionDescriptor:
      if (d.body.empty()) return;
      if (d.body[0] == 0x06) ReadSupplementaryAudio(kind, d.body);
      if (is_private && d.body[0] == 0x15) SetAudio(kind, AudioCodec::kNone, "ac4");
      if (is_private && (d.body[0] == 0x0E || d.body[0] == 0x0F))
        SetAudio(kind, AudioCodec::kNone, "dts-hd");
      if (is_private && d.body[0] == 0x80) SetAudio(kind, AudioCodec::kNone, "opus");
      return;
    default: return;
  }
}

}  // namespace

uint32_t Crc32Mpeg(Bytes in) {
  uint32_t crc = 0xFFFF'FFFF;
  for (const uint8_t b : in) crc = crc << 8 ^ kCrcTable[crc >> 24 ^ b];
  return crc;
}

SectionHeader ReadSectionHeader(Bytes s) {
  return {s[0], Be16(&s[3]), static_cast<uint8_t>(s[5] >> 1 & 0x1F), (s[5] & 1) != 0, s[6], s[7]};
}

void ReadPat(Bytes section, std::vector<PatEntry>& out) {
  const Bytes body = section.subspan(8, section.size() - 12);
  for (size_t at = 0; at + 4 <= body.size() && out.size() < kMaxPrograms; at += 4) {
    const PatEntry entry{Be16(&body[at]), static_cast<uint16_t>(Be16(&body[at + 2]) & 0x1FFF)};
    if (entry.program != 0) out.push_back(entry);
  }
}

bool ReadPmt(Bytes section, Pmt& out) {
  if (section.size() < 16) return false;
  const SectionHeader header = ReadSectionHeader(section);
  Bytes body = section.subspan(8, section.size() - 12);
  out.program = header.extension;
  out.version = header.version;
  out.pcr_pid = Be16(&body[0]) & 0x1FFF;
  const size_t info = Be16(&body[2]) & 0x0FFF;
  if (info > body.size() - 4) return false;
  out.descriptors = body.subspan(4, info);
  body = body.subspan(4 + info);
  out.stream_count = 0;
  while (body.size() >= 5) {
    const size_t length = Be16(&body[3]) & 0x0FFF;
    if (length > body.size() - 5) return false;
    if (out.stream_count < kMaxStreams)
      out.streams[out.stream_count++] = {
          body[0], static_cast<uint16_t>(Be16(&body[1]) & 0x1FFF), body.subspan(5, length)};
    body = body.subspan(5 + length);
  }
  return body.empty();
}

StreamKind ReadStreamKind(const PmtStream& stream, Bytes program_descriptors) {
  StreamKind kind;
  ReadType(kind, stream.type, IsHdmv(program_descriptors) || IsHdmv(stream.descriptors));
  ForEachDescriptor(stream.descriptors,
                    [&](const Descriptor& d) { ReadDescriptor(kind, stream.type, d); });
  if (std::string_view(kind.language.data()) == "qad") kind.is_description = true;
  return kind;
}

bool IsCodecDescriptor(const Descriptor& d) {
  switch (d.tag) {
    case kRegistrationDescriptor:
    case 0x03:  // audio stream
    case 0x1C:  // MPEG-4 audio
    case 0x2B:  // MPEG-2 AAC audio
    case 0x2E:  // MPEG-4 audio extension
    case 0x6A:
    case 0x7A:
    case 0x7B:
    case 0x7C:
    case 0x81:
    case 0xCC: return true;  // ATSC E-AC-3
    case kExtensionDescriptor:
      // AC-4, DTS-HD, DTS Neural and Opus; supplementary audio (06) stays
      return !d.body.empty() && (d.body[0] == 0x0E || d.body[0] == 0x0F || d.body[0] == 0x15 ||
                                 d.body[0] == 0x80);
    default: return false;
  }
}

void SectionWriter::Begin(uint8_t table, uint16_t extension, uint8_t version) {
  bytes_.clear();
  bytes_.reserve(kMaxSectionBytes);
  Byte(table);
  Word(0);  // written by End
  Word(extension);
  Byte(0xC1 | version << 1);
  Word(0);  // section 0 of 0
}

size_t SectionWriter::OpenLength() {
  Word(0xF000);
  return bytes_.size();
}

void SectionWriter::CloseLength(size_t place) {
  PutBe16(&bytes_[place - 2], 0xF000 | (bytes_.size() - place));
}

bool SectionWriter::End() {
  const size_t size = bytes_.size() + 4;
  if (size > kMaxSectionBytes) return false;
  PutBe16(&bytes_[1], 0xB000 | (size - 3));
  const uint32_t crc = Crc32Mpeg(bytes_);
  Word(static_cast<uint16_t>(crc >> 16));
  Word(static_cast<uint16_t>(crc));
  return true;
}

}  // namespace xg2g
