// The tables that a source sends: its PAT, and the PMTs of the programmes that are in it.
// Source: ISO/IEC 13818-1, 2.4.4.
#pragma once

#include "packet.h"
#include "psi.h"

#include <algorithm>
#include <memory>
#include <vector>

namespace xg2g {

class SourceTables {
 public:
  static constexpr size_t kMaxPmtPids = 64;  // PMTs on further ones are not read

  // A whole packet of the PAT. True when the PAT is another one now.
  bool PushPat(const Packet& packet);
  // A whole packet that may be of a PMT. take(const PatEntry&, Bytes section) for each that is in force.
  template <class Take>
  void PushPmt(const Packet& packet, Take&& take);
  // The packets are read again from the first one on.
  void Rewind();

  bool has_pat() const { return has_pat_; }
  uint16_t transport_stream_id() const { return transport_stream_id_; }
  // As the PAT has them.
  const std::vector<PatEntry>& programs() const { return programs_; }
  // Null where the PAT does not have it.
  const PatEntry* Find(uint16_t program) const;
  // PIDs on which PMTs are read.
  std::vector<uint16_t> PmtPids() const;
  // Sections that were no good.
  uint64_t errors() const;

  // The PMT of a programme, for as long as it is not decided which one is wanted.
  void KeepPmt(uint16_t program, Bytes section);
  Bytes FindPmt(uint16_t program) const;  // empty where none was kept
  void ForgetPmts() { std::vector<KnownPmt>().swap(pmts_); }

 private:
  struct KnownPmt {
    uint16_t program;
    std::vector<uint8_t> section;
  };
  bool OnPat(Bytes section);
  void ListenToPmts();

  TableReader pat_{kPatPid};
  std::vector<std::unique_ptr<TableReader>> readers_;
  std::vector<PatEntry> programs_, next_;
  bool has_pat_ = false;
  uint16_t transport_stream_id_ = 0;
  std::vector<KnownPmt> pmts_;
};

template <class Take>
void SourceTables::PushPmt(const Packet& packet, Take&& take) {
  const uint16_t pid = packet.pid();
  for (const auto& reader : readers_) {
    if (reader->pid() != pid) continue;
    return reader->Push(packet, [&](Bytes section) {
      const SectionHeader header = ReadSectionHeader(section);
      if (header.table != kPmtTable || !header.is_current) return;
      const auto entry = std::ranges::find_if(programs_, [&](const PatEntry& e) {
        return e.program == header.extension && e.pid == pid;
      });
      if (entry != programs_.end()) take(*entry, section);
    });
  }
}

}  // namespace xg2g
