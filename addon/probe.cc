#include "probe.h"

#include "pes.h"
#include "psi.h"

#include <algorithm>

namespace xg2g {

namespace {

constexpr int64_t kSelectTicks = kTicksPerSecond;  // until another programme will do
constexpr size_t kSettleBytesPerMs = 2500;         // 20 Mbit/s, where no PCR tells the time

}  // namespace

Probe::Probe(uint16_t program, uint32_t settle_ms)
    : program_(program), settle_ms_(settle_ms), seen_(kPidCount, Seen::kNothing) {}

void Probe::Look(const Packet& packet, uint16_t clock_pid) {
  const uint16_t pid = packet.pid();
  if (packet.has_payload()) {
    Seen seen = packet.scrambled() ? Seen::kScrambled : Seen::kClear;
    if (seen == Seen::kClear && packet.unit_start() && TimesEnd(packet.payload()) > 0)
      seen = Seen::kTimed;
    if (seen > seen_[pid]) {
      seen_[pid] = seen;
      has_news_ = true;
    }
  }
  const int64_t pcr = packet.pcr();
  if (pcr == kNoTime) return;
  if (first_clock_pid_ == kNullPid) first_clock_pid_ = pid;
  if (pid != (clock_pid == kNullPid ? first_clock_pid_ : clock_pid)) return;
  if (pcr_ != kNoTime)
    elapsed_ += std::clamp<int64_t>(WrapDistance(pcr, pcr_, kPcrModulus) / kPcrPerTick, 0,
                                    kTicksPerSecond);
  pcr_ = pcr;
  has_news_ = true;
}

size_t Probe::Hold(const Packet& packet) {
  size_t given_up = 0;
  if (held_.size() + kPacketBytes > kHoldBytes) {
    // More than the wait may cost: what is kept now starts over.
    given_up = held_.size() / kPacketBytes;
    held_.clear();
  }
  held_.insert(held_.end(), packet.data(), packet.data() + kPacketBytes);
  return given_up;
}

// The programme asked for, else the only one, else the first one that flows in the clear; when
// that takes too long, the first whose PMT is there.
const PatEntry* Probe::Choose(const SourceTables& tables, bool is_last) {
  if (!has_news_ && !is_last) return nullptr;
  has_news_ = false;
  const bool is_late =
      is_last || elapsed_ >= kSelectTicks || held_.size() + kPacketBytes > kHoldBytes / 2;
  const auto& programs = tables.programs();
  for (const PatEntry& entry : programs)
    if (entry.program == program_ && program_ != 0) {
      if (!tables.FindPmt(entry.program).empty()) return &entry;
      if (!is_late) return nullptr;
    }
  if (programs.size() == 1 && !tables.FindPmt(programs[0].program).empty()) return &programs[0];
  const auto first_that = [&](Seen at_least) -> const PatEntry* {
    for (const PatEntry& entry : programs) {
      const Bytes pmt = tables.FindPmt(entry.program);
      if (!pmt.empty() && Flows(pmt, at_least)) return &entry;
    }
    return nullptr;
  };
  if (const PatEntry* entry = first_that(Seen::kClear)) return entry;
  if (!is_late) return nullptr;
  if (const PatEntry* entry = first_that(Seen::kScrambled)) return entry;
  return first_that(Seen::kNothing);
}

bool Probe::Flows(Bytes pmt_section, Seen at_least) const {
  if (at_least == Seen::kNothing) return true;
  Pmt pmt;
  if (!ReadPmt(pmt_section, pmt)) return false;
  for (size_t i = 0; i < pmt.stream_count; ++i) {
    const StreamKind kind = ReadStreamKind(pmt.streams[i], pmt.descriptors);
    if ((kind.is_audio || kind.is_video) && seen_[pmt.streams[i].pid] >= at_least) return true;
  }
  return false;
}

void Probe::Settle() {
  settle_from_ = elapsed_;
  settle_held_ = held_.size();
}

bool Probe::IsSettled(const Program& program, bool must_be_timed) const {
  if (elapsed_ - settle_from_ >= int64_t{settle_ms_} * kTicksPerSecond / 1000) return true;
  if (held_.size() - std::min(settle_held_, held_.size()) >= settle_ms_ * kSettleBytesPerMs)
    return true;
  return std::ranges::all_of(program.streams(), [&](const Stream& stream) {
    return !stream.MustFlow() || !stream.is_wanted || IsSeen(stream, must_be_timed);
  });
}

bool Probe::IsSeen(const Stream& stream, bool must_be_timed) const {
  const Seen seen = seen_[stream.pid];
  if (must_be_timed && seen == Seen::kClear) return false;
  return seen != Seen::kNothing;
}

}  // namespace xg2g
