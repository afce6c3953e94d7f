// Where segments and parts begin. Time is divided into slots, and each has one segment: it begins with the
// slot's first access point, or, where the slot has none, with its last frame. So whoever cuts the same
// broadcast cuts it alike, whenever he came. A part of pictures is as long as it may be; parts of sound,
// which can be cut anywhere, share the slot evenly, so that none is left over.
#pragma once

#include <cstdint>

namespace xg2g {

class Cutter {
 public:
  // The first segment is short and has the number of the slot before: a player can begin when it has one
  // whole segment. It ends at the next access point, with two parts at least, or where that is not near,
  // with the parts that fit into this time; the slot's own goes on from there, to the next regular cut.
  static constexpr int64_t kStarterTicks = 36'000;

  // 90 kHz. A slot is not shorter than a part.
  Cutter(int64_t slot_ticks, int64_t part_ticks) : slot_(slot_ticks), most_(part_ticks) {}

  struct Frame {
    int64_t time;      // never before the last one's
    int64_t duration;  // to the next frame
    bool is_access = false;
    bool is_break = false;    // does not go on from the last one: a segment begins
    bool has_to_part = false;  // a part begins, whatever its length
    bool is_sound = false;     // there is no picture
  };
  struct Place {
    int64_t msn;
    unsigned part;
    bool begins_segment, begins_part;
  };
  // Where the next frame belongs.
  Place Take(const Frame& frame);

 private:
  int64_t SlotOf(int64_t time) const { return time / slot_; }
  // For a whole part, and for the slot's own segment to begin.
  bool HasRoom(int64_t time) const { return time + most_ < slot_end_; }
  // Of the even parts that time is divided into, where frames are of this length.
  int64_t EvenPartOf(int64_t time, int64_t frame_ticks) const;
  bool BeginsPart(const Frame& frame) const;
  Place Begin(const Frame& frame);
  Place BeginSegment(int64_t msn, const Frame& frame);
  bool IsCut(const Frame& frame) const;
  bool EndsStarterWell(const Frame& frame) const;
  bool EndsStarter(const Frame& frame) const;

  int64_t slot_, most_;
  bool has_begun_ = false;
  bool is_starter_ = false;
  int64_t slot_end_ = 0;  // of the starter
  int64_t msn_ = 0;
  unsigned part_ = 0;
  int64_t segment_time_ = 0, part_time_ = 0;  // at which they began
};

}  // namespace xg2g
