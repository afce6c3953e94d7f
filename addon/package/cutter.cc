#include "package/cutter.h"

#include <algorithm>

namespace xg2g {

Cutter::Place Cutter::Take(const Frame& frame) {
  if (!has_begun_) return Begin(frame);
  // After a break within a slot that has its segment the numbers run one ahead, to the next cut.
  if (frame.is_break || IsCut(frame)) return BeginSegment(std::max(msn_ + 1, SlotOf(frame.time)), frame);
  if (is_starter_ && EndsStarterWell(frame)) return BeginSegment(msn_ + 1, frame);
  if (!BeginsPart(frame)) return {msn_, part_, false, false};
  if (is_starter_ && EndsStarter(frame)) return BeginSegment(msn_ + 1, frame);
  ++part_;
  part_time_ = frame.time;
  return {msn_, part_, false, true};
}

int64_t Cutter::EvenPartOf(int64_t time, int64_t frame_ticks) const {
  const int64_t most = std::max<int64_t>(most_ / frame_ticks, 1) * frame_ticks;
  const int64_t parts = (slot_ + most - 1) / most;
  return SlotOf(time) * parts + time % slot_ * parts / slot_;
}

bool Cutter::BeginsPart(const Frame& frame) const {
  if (frame.has_to_part || frame.time + frame.duration - part_time_ > most_) return true;
  if (!frame.is_sound) return false;
  return EvenPartOf(frame.time, frame.duration) > EvenPartOf(part_time_, frame.duration);
}

Cutter::Place Cutter::Begin(const Frame& frame) {
  has_begun_ = true;
  const int64_t slot = SlotOf(frame.time);
  const Place place = BeginSegment(std::max<int64_t>(slot - 1, 0), frame);
  is_starter_ = true;
  slot_end_ = (slot + 1) * slot_;
  // Begun in the last moments of a slot it reaches into the next, whose cut may differ from the regular one.
  if (!HasRoom(frame.time)) slot_end_ += slot_;
  return place;
}

Cutter::Place Cutter::BeginSegment(int64_t msn, const Frame& frame) {
  msn_ = msn;
  part_ = 0;
  is_starter_ = false;
  segment_time_ = part_time_ = frame.time;
  return {msn_, part_, true, true};
}

bool Cutter::IsCut(const Frame& frame) const {
  const int64_t slot = SlotOf(frame.time), end = frame.time + frame.duration;
  const bool is_last = SlotOf(end) > slot;
  if (is_starter_) return false;
  if (slot > msn_ && (frame.is_access || is_last)) return true;
  return end - segment_time_ > 2 * slot_;
}

// A player that comes later may begin with the next segment.
bool Cutter::EndsStarterWell(const Frame& frame) const {
  const bool is_good = frame.is_sound ? BeginsPart(frame) : frame.is_access;
  return is_good && frame.time - segment_time_ >= 2 * most_;
}

// Its last part has to leave room in the slot.
bool Cutter::EndsStarter(const Frame& frame) const {
  return frame.time + most_ - segment_time_ > kStarterTicks || !HasRoom(frame.time);
}

}  // namespace xg2g
