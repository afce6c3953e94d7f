// The time of a broadcast since 1970: 33 bits of PTS that wrap every 26.5 hours, and how often they have.
// Whoever looks at the same broadcast counts the same wraps, as long as his clock is right to some hours.
#pragma once

#include "packet.h"

#include <cstdlib>

namespace xg2g {

// The time with these 33 bits that is nearest to the reference, never before 1970.
inline int64_t NearestTime(int64_t stamp, int64_t reference) {
  const int64_t time = reference + WrapDistance(stamp, WrapPts(reference));
  return time < 0 ? time + kPtsModulus : time;
}

class Epoch {
 public:
  // A longer step from one frame to the next is a gap.
  static constexpr int64_t kMaxStepTicks = kTicksPerSecond;
  // A longer gap, or a step back, is another time line: it is joined to the one before.
  static constexpr int64_t kMaxGapTicks = 600 * kTicksPerSecond;
  static constexpr int64_t kUsualStepTicks = kTicksPerSecond / 25;

  explicit Epoch(int64_t now_ms) : now_(now_ms * kTicksPerSecond / 1000) {}

  // The DTS of the next frame of what leads; true when it does not go on from the one before.
  bool Advance(int64_t stamp) {
    if (stamp_ == kNoTime) {
      stamp_ = NearestTime(stamp, now_);
      return false;
    }
    const int64_t next = NearestTime(stamp, stamp_);
    const int64_t step = next - stamp_;
    stamp_ = next;
    if (step < 0 || step > kMaxGapTicks) shift_ += step_ - step;
    if (step < 0 || step > kMaxStepTicks) return true;
    step_ = step;
    return false;
  }
  bool has_begun() const { return stamp_ != kNoTime; }
  // Of the last frame.
  int64_t time() const { return stamp_ + shift_; }
  // From that frame to the one before, or what may stand for it.
  int64_t step() const { return step_; }
  // Needs has_begun().
  int64_t TimeOf(int64_t stamp) const { return NearestTime(stamp, stamp_) + shift_; }

 private:
  int64_t now_;
  int64_t stamp_ = kNoTime;  // wraps counted
  int64_t shift_ = 0;
  int64_t step_ = kUsualStepTicks;
};

// What the clock on the wall says at a time of the broadcast: ours, until the broadcast's own differs
// from it by more than that can be wrong.
class WallClock {
 public:
  // TDT tells whole seconds, and some are sent late.
  static constexpr int64_t kMaxErrorMs = 2000;

  explicit WallClock(int64_t now_ms) : utc_ms_(now_ms) {}

  void Begin(int64_t time) {
    if (time_ == kNoTime) time_ = time;
  }
  void Correct(int64_t time, int64_t utc_ms) {
    if (time_ != kNoTime && std::abs(At(time) - utc_ms) <= kMaxErrorMs) return;
    time_ = time;
    utc_ms_ = utc_ms;
  }
  int64_t At(int64_t time) const { return utc_ms_ + (time - time_) * 1000 / kTicksPerSecond; }

 private:
  int64_t utc_ms_;
  int64_t time_ = kNoTime;
};

// The time in a packet on the PID of TDT and TOT, ms since 1970, or kNoTime.
// Source: EN 300 468, 5.2.5, 5.2.6 and annex C.
inline constexpr uint16_t kTdtPid = 0x14;
inline int64_t ReadUtcMs(const Packet& packet) {
  constexpr int64_t kUnixDay = 40587;  // 1 January 1970 as a modified Julian date
  constexpr uint8_t kTdt = 0x70, kTot = 0x73;
  const Bytes payload = packet.payload();
  if (!packet.unit_start() || payload.empty() || payload.size() < 9u + payload[0]) return kNoTime;
  const uint8_t* section = &payload[1u + payload[0]];
  if (section[0] != kTdt && section[0] != kTot) return kNoTime;
  const auto decimal = [](uint8_t bcd) { return bcd / 16 * 10 + bcd % 16; };
  const int64_t days = Be16(section + 3) - kUnixDay;
  const int64_t seconds =
      decimal(section[5]) * 3600 + decimal(section[6]) * 60 + decimal(section[7]);
  return days < 0 ? kNoTime : (days * 86'400 + seconds) * 1000;
}

}  // namespace xg2g
