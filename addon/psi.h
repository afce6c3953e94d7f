// Program specific information: sections out of packets, PAT and PMT as views, descriptors, and the
// sections that we write ourselves. Source: ISO/IEC 13818-1, 2.4.4; EN 300 468, 6.1 and annex D.
#pragma once

#include "audio/frame.h"
#include "access.h"
#include "bytes.h"
#include "packet.h"

#include <array>
#include <string_view>
#include <vector>

namespace xg2g {

// CRC-32/MPEG-2: polynomial 04C11DB7, initial FFFFFFFF, not reflected. Over a section with its own
// CRC it is 0.
uint32_t Crc32Mpeg(Bytes in);

inline constexpr size_t kMaxSectionBytes = 1024;  // PAT and PMT: section_length <= 1021
inline constexpr size_t kMaxPrograms = 256;
inline constexpr size_t kMaxStreams = 64;  // elementary streams that we look at in one PMT

inline constexpr uint8_t kPatTable = 0x00;
inline constexpr uint8_t kPmtTable = 0x02;

// Joins the sections of one PID. Only sections whose CRC is right come out.
class SectionAssembler {
 public:
  // payload: of a packet on the PID. take(Bytes section) is called for each complete section.
  template <class Take>
  void Push(Bytes payload, bool unit_start, Take&& take) {
    if (unit_start) {
      if (payload.empty() || payload[0] >= payload.size()) return Fail();
      const Bytes tail = payload.subspan(1, payload[0]);
      if (length_ > 0) Append(tail, take);
      if (length_ > 0) Fail();  // announced more than came
      is_open_ = true;
      payload = payload.subspan(1 + payload[0]);
    }
    if (is_open_) Append(payload, take);
  }
  // A packet is missing: what was begun cannot be finished.
  void Reset() {
    length_ = 0;
    is_open_ = false;
  }
  uint64_t errors() const { return errors_; }

 private:
  void Fail() {
    ++errors_;
    Reset();
  }
  template <class Take>
  void Append(Bytes in, Take&& take) {
    while (!in.empty()) {
      if (length_ == 0 && in[0] == 0xFF) return;  // stuffing to the end of the packet
      const bool is_told = length_ >= 3;
      const size_t need = is_told ? 3u + (Be16(section_.data() + 1) & 0x0FFF) : 3;
      if (need > kMaxSectionBytes) return Fail();
      const size_t n = std::min(need - length_, in.size());
      std::memcpy(section_.data() + length_, in.data(), n);
      length_ += n;
      in = in.subspan(n);
      if (!is_told || length_ < need) continue;
      const Bytes whole{section_.data(), length_};
      length_ = 0;
      if (!IsRepeat(whole)) {
        if (whole.size() < 12 || Crc32Mpeg(whole) != 0) {
          ++errors_;
          continue;
        }
        std::memcpy(good_.data(), whole.data(), whole.size());
        good_length_ = whole.size();
      }
      take(whole);
    }
  }

  // Tables are sent ten times a second and hardly ever change: most need no CRC.
  bool IsRepeat(Bytes whole) const {
    return whole.size() == good_length_ &&
           std::memcmp(whole.data(), good_.data(), good_length_) == 0;
  }

  std::array<uint8_t, kMaxSectionBytes> section_;
  size_t length_ = 0;
  std::array<uint8_t, kMaxSectionBytes> good_;  // the last one whose CRC was right
  size_t good_length_ = 0;
  bool is_open_ = false;
  uint64_t errors_ = 0;
};

// The sections on one PID of tables.
class TableReader {
 public:
  explicit TableReader(uint16_t pid) : pid_(pid) {}

  // A packet of the PID that is whole. take(Bytes section) as above.
  template <class Take>
  void Push(const Packet& packet, Take&& take) {
    if (!packet.has_payload() || packet.scrambled()) return;
    if (has_continuity_ && !packet.discontinuity()) {
      if (packet.continuity() == continuity_) return;
      if (packet.continuity() != ((continuity_ + 1) & 0x0F)) sections_.Reset();
    }
    has_continuity_ = true;
    continuity_ = packet.continuity();
    sections_.Push(packet.payload(), packet.unit_start(), take);
  }
  // The packets are read again from the first one on.
  void Rewind() { has_continuity_ = false; }
  uint16_t pid() const { return pid_; }
  uint64_t errors() const { return sections_.errors(); }

 private:
  uint16_t pid_;
  SectionAssembler sections_;
  uint8_t continuity_ = 0;
  bool has_continuity_ = false;
};

// The header of a long section, after the CRC was found right.
struct SectionHeader {
  uint8_t table;
  uint16_t extension;  // transport_stream_id, program_number
  uint8_t version;     // 0 .. 31
  bool is_current;
  uint8_t number, last_number;
};
SectionHeader ReadSectionHeader(Bytes section);

struct PatEntry {
  uint16_t program, pid;
};
// Adds the programmes of one PAT section (network PID left out) to out, at most kMaxPrograms in all.
void ReadPat(Bytes section, std::vector<PatEntry>& out);

struct Descriptor {
  uint8_t tag;
  Bytes body;
};
// Calls take(Descriptor) for each whole descriptor; a cut one ends the list.
template <class Take>
void ForEachDescriptor(Bytes list, Take&& take) {
  while (list.size() >= 2 && list.size() >= 2u + list[1]) {
    take(Descriptor{list[0], list.subspan(2, list[1])});
    list = list.subspan(2 + list[1]);
  }
}

// One elementary stream of a PMT. descriptors is borrowed from the section.
struct PmtStream {
  uint8_t type;
  uint16_t pid;
  Bytes descriptors;
};
struct Pmt {
  uint16_t program;
  uint8_t version;
  uint16_t pcr_pid;
  Bytes descriptors;
  std::array<PmtStream, kMaxStreams> streams;
  size_t stream_count = 0;
};
// False when a length in it runs out of the section.
bool ReadPmt(Bytes section, Pmt& out);

// What an entry of the PMT says about an elementary stream.
struct StreamKind {
  VideoCodec video = VideoCodec::kNone;
  AudioCodec audio = AudioCodec::kNone;
  bool is_video = false;  // also of a codec that we have no name for
  bool is_audio = false;
  bool is_description = false;  // for the visually impaired, or clean effects: never the first choice
  std::array<char, 4> language{};  // ISO 639-2, lower case, NUL-terminated; empty: not told
  std::string_view name = "";      // the codec, as ffprobe calls it
};
// Source: ISO/IEC 13818-1, table 2-34; EN 300 468, 6.2; ATSC A/52 annex A; HDMV and DTS registrations.
StreamKind ReadStreamKind(const PmtStream& stream, Bytes program_descriptors);

inline constexpr uint8_t kTypeMpeg1Audio = 0x03;
inline constexpr uint8_t kTypeMpeg2Audio = 0x04;
inline constexpr uint8_t kTypeAdts = 0x0F;
inline constexpr uint8_t kCaDescriptor = 0x09;
inline constexpr uint8_t kStreamIdentifierDescriptor = 0x52;

// True for a descriptor that tells the codec of the stream it stands at, and so must not stay when
// the codec is another one.
bool IsCodecDescriptor(const Descriptor& d);

// Writes one section: header, body, CRC.
class SectionWriter {
 public:
  void Begin(uint8_t table, uint16_t extension, uint8_t version);
  void Byte(uint8_t v) { bytes_.push_back(v); }
  void Word(uint16_t v) {
    Byte(static_cast<uint8_t>(v >> 8));
    Byte(static_cast<uint8_t>(v));
  }
  void Raw(Bytes v) { bytes_.insert(bytes_.end(), v.begin(), v.end()); }
  void Add(const Descriptor& d) {
    Byte(d.tag);
    Byte(static_cast<uint8_t>(d.body.size()));
    Raw(d.body);
  }
  // Leaves room for a 12-bit length; the returned place is handed to CloseLength.
  size_t OpenLength();
  void CloseLength(size_t place);
  // False when the section would be longer than kMaxSectionBytes; then it must not be sent.
  bool End();
  size_t size() const { return bytes_.size(); }
  void Truncate(size_t size) { bytes_.resize(size); }
  const std::vector<uint8_t>& bytes() const { return bytes_; }

 private:
  std::vector<uint8_t> bytes_;
};

}  // namespace xg2g
