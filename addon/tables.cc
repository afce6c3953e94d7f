#include "tables.h"

namespace xg2g {

bool SourceTables::PushPat(const Packet& packet) {
  bool has_changed = false;
  pat_.Push(packet, [&](Bytes section) { has_changed |= OnPat(section); });
  return has_changed;
}

bool SourceTables::OnPat(Bytes section) {
  const SectionHeader header = ReadSectionHeader(section);
  if (header.table != kPatTable || !header.is_current) return false;
  if (header.number == 0) next_.clear();
  ReadPat(section, next_);
  if (header.number != header.last_number) return false;
  const auto is_same = [](const PatEntry& a, const PatEntry& b) {
    return a.program == b.program && a.pid == b.pid;
  };
  if (has_pat_ && header.extension == transport_stream_id_ &&
      std::ranges::equal(programs_, next_, is_same))
    return false;
  has_pat_ = true;
  programs_ = next_;
  transport_stream_id_ = header.extension;
  ListenToPmts();
  return true;
}

// Readers that are at work go on.
void SourceTables::ListenToPmts() {
  std::vector<std::unique_ptr<TableReader>> readers;
  for (const PatEntry& entry : programs_) {
    const auto has_pid = [&](const auto& reader) { return reader && reader->pid() == entry.pid; };
    if (std::ranges::any_of(readers, has_pid) || readers.size() == kMaxPmtPids) continue;
    const auto before = std::ranges::find_if(readers_, has_pid);
    readers.push_back(before != readers_.end() ? std::move(*before)
                                               : std::make_unique<TableReader>(entry.pid));
  }
  readers_ = std::move(readers);
}

void SourceTables::Rewind() {
  pat_.Rewind();
  for (const auto& reader : readers_) reader->Rewind();
}

const PatEntry* SourceTables::Find(uint16_t program) const {
  const auto entry = std::ranges::find(programs_, program, &PatEntry::program);
  return entry == programs_.end() ? nullptr : &*entry;
}

std::vector<uint16_t> SourceTables::PmtPids() const {
  std::vector<uint16_t> pids;
  for (const auto& reader : readers_) pids.push_back(reader->pid());
  return pids;
}

uint64_t SourceTables::errors() const {
  uint64_t errors = pat_.errors();
  for (const auto& reader : readers_) errors += reader->errors();
  return errors;
}

void SourceTables::KeepPmt(uint16_t program, Bytes section) {
  auto known = std::ranges::find(pmts_, program, &KnownPmt::program);
  if (known == pmts_.end()) known = pmts_.insert(pmts_.end(), {program, {}});
  known->section.assign(section.begin(), section.end());
}

Bytes SourceTables::FindPmt(uint16_t program) const {
  const auto known = std::ranges::find(pmts_, program, &KnownPmt::program);
  return known == pmts_.end() ? Bytes() : Bytes(known->section);
}

}  // namespace xg2g
