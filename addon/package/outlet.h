// What a packager has made, until it is taken. The parts of a run are held until its tracks are told.
#pragma once

#include "package/record.h"

#include <cstddef>
#include <deque>
#include <optional>

namespace xg2g {

class Outlet {
 public:
  // Records that nobody takes; the oldest parts are dropped.
  static constexpr size_t kMaxWaitingBytes = 64u << 20;

  // Are the tracks of the run told?
  bool is_announced() const { return is_announced_; }
  // Parts that wait for it, of all tracks.
  size_t held() const { return held_.size(); }
  // From here on parts are held.
  void BeginRun() { is_announced_ = false; }
  // Tells the tracks, where they are not the ones told last, and lets go what is held.
  void Announce(std::vector<TrackInfo> tracks, std::vector<InitRecord> inits);
  void Put(PartRecord record);
  std::optional<Record> Take();
  // Parts that nobody took in time.
  uint64_t dropped() const { return dropped_; }

 private:
  bool is_announced_ = false;
  std::vector<TrackInfo> tracks_;  // as told last
  std::vector<InitRecord> inits_;
  std::deque<PartRecord> held_;
  std::deque<Record> records_;
  size_t waiting_bytes_ = 0;  // in records_
  uint64_t dropped_ = 0;
};

}  // namespace xg2g
