// What is held and seen until it is known which programme to send, and all of it has been seen.
#pragma once

#include "packet.h"
#include "program.h"
#include "tables.h"

#include <vector>

namespace xg2g {

class Probe {
 public:
  static constexpr size_t kHoldBytes = 4u << 20;
  enum class Seen : uint8_t { kNothing, kScrambled, kClear, kTimed };  // kTimed: a PES with its PTS

  // program: the one asked for, or 0. settle_ms: how long its tracks may be waited for, of stream time.
  Probe(uint16_t program, uint32_t settle_ms);

  // A packet that IsValid(), without a transport error. clock_pid: whose PCR tells the time, or
  // kNullPid for the first that has one.
  void Look(const Packet& packet, uint16_t clock_pid);
  // Keeps the packet. Returns how many were given up since there are too many.
  size_t Hold(const Packet& packet);
  // A table has changed.
  void Note() { has_news_ = true; }

  // The programme to send, or null where that is not known yet. Looks only where something has come
  // since the last time that may decide, or nothing more comes.
  const PatEntry* Choose(const SourceTables& tables, bool is_last);
  // It is chosen: from now on its tracks are waited for.
  void Settle();
  // Has it been waited long enough? must_be_timed: also for the first time stamps.
  bool IsSettled(const Program& program, bool must_be_timed) const;

  Seen seen(uint16_t pid) const { return seen_[pid]; }
  // Whole packets, in order.
  const std::vector<uint8_t>& held() const { return held_; }

 private:
  bool Flows(Bytes pmt_section, Seen at_least) const;
  bool IsSeen(const Stream& stream, bool must_be_timed) const;

  uint16_t program_;
  uint32_t settle_ms_;
  std::vector<uint8_t> held_;
  std::vector<Seen> seen_;  // by PID
  bool has_news_ = false;
  uint16_t first_clock_pid_ = kNullPid;
  int64_t pcr_ = kNoTime;
  int64_t elapsed_ = 0;       // 90 kHz, by the PCR
  int64_t settle_from_ = 0;   // elapsed_ when the programme was known
  size_t settle_held_ = 0;    // bytes held then
};

}  // namespace xg2g
