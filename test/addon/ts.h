// The tests' own transport stream: TsWriter builds any, right or wrong; ReadTs takes one apart and
// lists every rule it breaks. Shares no code with addon/, since it is what addon/ is measured by:
// simple, slow, allocates at will. Source: ISO/IEC 13818-1, 2.4.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace xg2g::test {

using Data = std::vector<uint8_t>;
using View = std::span<const uint8_t>;

inline constexpr size_t kTsBytes = 188;
inline constexpr int64_t kAbsent = -1;  // a time stamp that is not there
inline constexpr int64_t kPtsWrap = int64_t{1} << 33;
inline constexpr int64_t kPcrWrap = kPtsWrap * 300;
inline constexpr uint16_t kTsNullPid = 0x1FFF;

// Tables. The same structures are written and read back.

struct Descriptor {
  uint8_t tag;
  Data content = {};
  bool operator==(const Descriptor&) const = default;
};
// audio_type: 0 normal, 1 clean effects, 2 hearing impaired, 3 visual impaired (audio description)
Descriptor Language(const std::string& code, uint8_t audio_type = 0);
Descriptor Registration(const std::string& format);

struct PmtStream {
  uint8_t type;
  uint16_t pid;
  std::vector<Descriptor> descriptors = {};
  bool operator==(const PmtStream&) const = default;
  const Descriptor* Find(uint8_t tag) const;
};

struct Pmt {
  uint16_t program = 1;
  uint8_t version = 0;
  uint16_t pcr_pid = kTsNullPid;
  std::vector<Descriptor> descriptors = {};
  std::vector<PmtStream> streams = {};
  bool is_current = true;
  bool operator==(const Pmt&) const = default;
  const PmtStream* Find(uint16_t pid) const;
};

struct Pat {
  uint16_t transport_stream = 1;
  uint8_t version = 0;
  std::vector<std::pair<uint16_t, uint16_t>> programs = {};  // SID (0: NIT), PID
  bool is_current = true;
  bool operator==(const Pat&) const = default;
};

// CRC-32/MPEG-2: 0 over a section with its CRC.
uint32_t Crc32(View bytes);
// A long-form section with its CRC, of any length that its 12-bit field can tell.
Data Section(uint8_t table, uint16_t extension, uint8_t version, bool is_current, View body,
             uint8_t number = 0, uint8_t last = 0);
Data Format(const Pat& pat);
Data Format(const Pmt& pmt);

// PES.

struct PesFields {
  uint8_t stream_id = 0xE0;
  int64_t pts = kAbsent;  // 90 kHz, written modulo 2^33
  int64_t dts = kAbsent;  // needs a pts
  bool is_bounded = true;  // PES_packet_length; else 0, as also when it is over 65535
  bool is_aligned = false;
  size_t stuffing = 0;  // header bytes 0xFF, up to 32
};
Data Pes(const PesFields& fields, View es);

// Packets.

struct PacketFields {
  uint16_t pid = kTsNullPid;
  bool has_error = false;  // transport_error_indicator
  bool is_start = false;   // payload_unit_start_indicator
  bool has_priority = false;
  uint8_t scrambling = 0;             // 0 .. 3
  std::optional<uint8_t> continuity = {};  // else counted
  bool has_payload = true;
  // The adaptation field. It is there when anything in it is, or when the payload needs stuffing.
  bool has_adaptation = false;
  bool is_discontinuity = false;
  bool is_random_access = false;
  int64_t pcr = kAbsent;  // 27 MHz, written modulo 2^33*300
  Data private_data = {};
  size_t stuffing = 0;  // bytes at least, as many as leave room for a byte of payload
};

class TsWriter {
 public:
  // Appends one packet with as much of the payload as it has room for; a short payload is filled up
  // by stuffing in the adaptation field. Returns the bytes taken. An empty payload with has_payload
  // makes a packet that is not valid.
  size_t Put(PacketFields fields, View payload = {});
  // Null packets.
  void PutNull(size_t count = 1);
  // Sections back to back, the last packet filled with 0xFF. room: bytes of payload in each packet.
  void PutSections(uint16_t pid, const std::vector<Data>& sections, size_t room = 184);
  void PutTables(const Pat& pat, const std::vector<Pmt>& pmts);
  // A whole PES. first: what the first packet says beyond pid and start. random: some packets get
  // stuffing that they do not need, and some come without payload.
  void PutPes(uint16_t pid, View pes, PacketFields first = {}, std::mt19937* random = nullptr);
  // Anything.
  void PutRaw(View bytes);
  // The last packet once more.
  void Repeat();
  // As if `count` packets of the PID had been lost.
  void Lose(uint16_t pid, unsigned count = 1);

  const Data& bytes() const { return bytes_; }
  size_t size() const { return bytes_.size(); }
  // Hands over what was written; counters go on.
  Data Take() { return std::exchange(bytes_, {}); }

 private:
  Data bytes_;
  std::map<uint16_t, uint8_t> next_continuity_;
};

// Reading.

struct TsPacket {
  size_t offset;
  uint16_t pid;
  bool has_error, is_start, has_payload, has_adaptation;
  uint8_t scrambling, continuity;
  bool is_discontinuity, is_random_access;
  int64_t pcr;
  View bytes, payload;
};

struct PesUnit {
  uint16_t pid = 0;
  size_t offset = 0;  // of its first packet
  uint8_t stream_id = 0;
  int64_t pts = kAbsent, dts = kAbsent;
  bool is_aligned = false;
  bool is_discontinuity = false, is_random_access = false;  // of the first packet
  bool is_complete = false;  // its length was reached, or the next unit began where it tells none
  Data es = {};
};

template <class Table>
struct Sent {
  size_t offset;  // of the packet that completed it
  uint16_t pid;
  Table table;
};

enum class FaultKind {
  kLength,      // not a multiple of 188
  kSync,        // no 0x47 at a multiple of 188; reading ends there
  kPacket,      // neither payload nor adaptation, adaptation_field_length, reserved values
  kContinuity,  // a step that is neither +1, one duplicate, nor flagged
  kSection,     // pointer_field, length, a section cut off
  kCrc,
  kPes,  // no start code, header or length wrong
};

struct Fault {
  FaultKind kind;
  uint16_t pid;
  size_t offset;
  std::string what;
};

struct TsDump {
  std::vector<TsPacket> packets;
  std::vector<PesUnit> units;  // all PIDs, in order of their first packets
  std::vector<Sent<Pat>> pats;
  std::vector<Sent<Pmt>> pmts;
  std::vector<Fault> faults;

  std::set<uint16_t> Pids() const;
  std::vector<PesUnit> Units(uint16_t pid) const;
  // The elementary stream of a PID, complete units or not.
  Data Es(uint16_t pid) const;
  // The last PMT. Throws when there is none.
  const Pmt& LastPmt() const;
  // One line per fault, empty when the stream keeps all rules: CHECK(dump.Faults() == "").
  std::string Faults() const;
  size_t CountFaults(FaultKind kind, uint16_t pid) const;
};

// Views in the result point into ts. Tables are followed from PID 0 on; every other PID is read as
// PES where a unit begins with the start code, and has to begin with it where a PMT says so.
TsDump ReadTs(View ts);

}  // namespace xg2g::test
