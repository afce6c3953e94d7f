#include "package/cutter.h"

#include <algorithm>

namespace xg2g {

Cutter::Place Cutter::Take(const Frame& frame) {
  if (!has_begun_) return Begin(frame);
  // After a break within a slot that has its segment the numbers run one ahead, to the next cut.
  if (frame.is_break) return BeginSegment(std::max(msn_ + 1, SlotOf(frame.time)), frame);
  if (IsCut(frame)) return BeginSegment(std::max(msn_ + 1, SlotOf(frame.time)), frame);
  const bool begins_part =
      frame.has_to_part || frame.time + frame.duration - part_time_ > most_;
  if (is_starter_ && EndsStarter(frame, begins_part)) return BeginSegment(msn_ + 1, frame);
  if (begins_part) {
    ++part_;
    part_time_ = frame.time;
  }
  return {msn_, part_, false, begins_part};
}

Cutter::Place Cutter::Begin(const Frame& frame) {
  has_begun_ = true;
  slot_of_start_ = SlotOf(frame.time);
  // Where the slot has no room for both, its own segment begins at once.
  const bool has_room = frame.time + most_ < SlotEnd() && slot_of_start_ > 0;
  const Place place = BeginSegment(slot_of_start_ - has_room, frame);
  is_starter_ = has_room;
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
  if (slot > msn_ + is_starter_ && (frame.is_access || is_last)) return true;
  return end - segment_time_ > 2 * slot_;
}

// Its last part has to leave room in the slot.
bool Cutter::EndsStarter(const Frame& frame, bool begins_part) const {
  if (frame.is_access) return part_ > 0;
  return begins_part && (part_ + 1 >= kStarterParts || frame.time + most_ >= SlotEnd());
}

}  // namespace xg2g
