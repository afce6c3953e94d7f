#include "package/cutter.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

using namespace xg2g;

namespace {

constexpr int64_t kSlot = 180'000, kPart = 30'000, kFrame = 3600;
constexpr int64_t kStart = 1000 * kSlot;

struct Cut {
  int64_t msn, time;
  bool is_access;
  bool operator==(const Cut&) const = default;
};

// Frames from `from` on; every gop-th of the broadcast is an access point.
struct Run {
  std::vector<Cut> segments;
  std::vector<int64_t> ends;  // of the segments
};
Run CutFrames(int64_t from, int64_t to, int64_t gop, int64_t frame = kFrame, int64_t part = kPart) {
  Cutter cutter(kSlot, part);
  Run run;
  int64_t part_time = 0;
  for (int64_t i = from; i < to; ++i) {
    const int64_t time = kStart + i * frame;
    const bool is_access = i % gop == 0;
    const Cutter::Place place = cutter.Take({time, frame, is_access});
    CHECK(place.begins_part >= place.begins_segment);
    if (place.begins_part) part_time = time;
    CHECK(time + frame - part_time <= std::max(part, frame));
    if (!place.begins_segment) continue;
    CHECK(place.part == 0);
    if (!run.segments.empty()) run.ends.push_back(time);
    run.segments.push_back({place.msn, time, is_access});
  }
  return run;
}

}  // namespace

TEST_CASE("Cutter: a segment begins at the first access point of each slot") {
  const Run run = CutFrames(0, 1000, 24);
  for (size_t i = 2; i < run.segments.size(); ++i) {
    const Cut& cut = run.segments[i];
    CHECK(cut.is_access);
    CHECK(cut.msn == cut.time / kSlot);
    CHECK(cut.time - 24 * kFrame < cut.msn * kSlot);  // the one before was in the slot before
  }
  CHECK(run.segments.size() >= 20);
}

TEST_CASE("Cutter: in a slot without an access point its last frame begins the segment") {
  const Run run = CutFrames(0, 1000, 432);
  for (size_t i = 2; i < run.segments.size(); ++i) {
    const Cut& cut = run.segments[i];
    CHECK(cut.msn == run.segments[i - 1].msn + 1);
    CHECK(cut.msn == cut.time / kSlot);
    if (!cut.is_access) CHECK((cut.time + kFrame) / kSlot == cut.msn + 1);
    CHECK(cut.time - run.segments[i - 1].time <= 2 * kSlot);
  }
}

TEST_CASE("Cutter: who begins anywhere cuts alike from the third segment on, and its first is short") {
  for (const int64_t gop : {1, 12, 24, 50, 216, 432}) {
    const Run all = CutFrames(0, 2000, gop);
    for (int64_t from = gop; from < 1000; from += std::max<int64_t>(gop, 7) / gop * gop) {
      const Run run = CutFrames(from, 2000, gop);
      CAPTURE(gop);
      CAPTURE(from);
      CHECK(run.ends[0] - run.segments[0].time <= 3 * kPart);
      CHECK(run.ends[0] - run.segments[0].time >= kPart - kFrame);
      for (size_t i = 1; i < run.segments.size(); ++i) {
        CHECK(run.segments[i].msn == run.segments[i - 1].msn + 1);
        CHECK(run.segments[i].time - run.segments[i - 1].time <= 2 * kSlot);
        if (i >= 3) CHECK(std::ranges::count(all.segments, run.segments[i]) == 1);
      }
    }
  }
}

TEST_CASE("Cutter: the short first segment ends at an access point that is near") {
  // In the middle of a slot, 18,000 ticks a part: groups of 0.4, 0.48, 0.96 and 2 s.
  for (const int64_t gop : {10, 12, 24, 50}) {
    const int64_t from = (kSlot / 5 / kFrame / gop + 1) * gop;
    const Run run = CutFrames(from, from + 100, gop, kFrame, 18'000);
    CAPTURE(gop);
    CHECK(run.segments[1].is_access == (gop <= 10));
    CHECK(run.segments[1].time - run.segments[0].time <= Cutter::kStarterTicks);
  }
}

TEST_CASE("Cutter: a part is as long as it may be") {
  Cutter cutter(kSlot, kPart);
  std::vector<int64_t> parts;
  int64_t ticks = 0;
  for (int64_t i = 0; i < 500; ++i) {
    const Cutter::Place place = cutter.Take({kStart + i * kFrame, kFrame, i == 0});
    if (place.begins_part && !place.begins_segment) parts.push_back(ticks);
    if (place.begins_part) ticks = 0;
    ticks += kFrame;
  }
  for (const int64_t part : parts) CHECK(part == 8 * kFrame);
  CHECK(parts.size() > 40);
}

TEST_CASE("Cutter: parts of sound share a slot evenly") {
  // AAC at 48, 44.1, 32 and 24 kHz.
  for (const double frame : {1920.0, 92'160'000 / 44'100.0, 2880.0, 3840.0}) {
    CAPTURE(frame);
    Cutter cutter(kSlot, 18'000);
    std::vector<int64_t> lengths;
    int64_t part_time = 0;
    for (int64_t i = 0; i < 2000; ++i) {
      const auto at = [&](int64_t k) { return kStart + std::llround(double(k) * frame); };
      const Cutter::Place place =
          cutter.Take({.time = at(i), .duration = at(i + 1) - at(i), .is_access = true, .is_sound = true});
      if (!place.begins_part) continue;
      if (place.msn > kStart / kSlot + 1) lengths.push_back(at(i) - part_time);
      part_time = at(i);
    }
    REQUIRE(lengths.size() > 50);
    const auto [least, most] = std::ranges::minmax(lengths);
    CHECK(most <= 18'000);
    CHECK(double(most - least) < frame + 2);  // one frame more or less
  }
}

TEST_CASE("Cutter: a frame that is longer than a part is one") {
  const Run run = CutFrames(0, 40, 4, 45'000, 30'000);
  CHECK(run.segments.size() >= 9);
}

TEST_CASE("Cutter: a break begins a segment with the next number, and the cuts fall into step again") {
  Cutter cutter(kSlot, kPart), usual(kSlot, kPart);
  std::vector<Cut> cuts, regular;
  for (int64_t i = 0; i < 600; ++i) {
    const Cutter::Frame frame{kStart + i * kFrame, kFrame, i % 24 == 0};
    Cutter::Frame broken = frame;
    broken.is_break = i == 240;  // in mid-slot, which has its segment
    const Cutter::Place a = usual.Take(frame), b = cutter.Take(broken);
    if (a.begins_segment) regular.push_back({a.msn, frame.time, frame.is_access});
    if (b.begins_segment) cuts.push_back({b.msn, frame.time, frame.is_access});
    if (broken.is_break) CHECK(b.begins_segment);
  }
  for (size_t i = 1; i < cuts.size(); ++i) {
    CHECK(cuts[i].msn == cuts[i - 1].msn + 1);
    CHECK(cuts[i].time - cuts[i - 1].time <= 2 * kSlot);
  }
  CHECK(cuts.back() == regular.back());
  CHECK(cuts != regular);
}

TEST_CASE("Cutter: numbers are left out where time was") {
  Cutter cutter(kSlot, kPart);
  cutter.Take({kStart, kFrame, true});
  const Cutter::Place place = cutter.Take({kStart + 10 * kSlot, kFrame, true, true});
  CHECK(place.msn == 1010);
  CHECK(place.begins_segment);
}

TEST_CASE("Cutter: a part ends where it has to") {
  Cutter cutter(kSlot, kPart);
  cutter.Take({kStart, kFrame, true});
  const Cutter::Place place =
      cutter.Take({.time = kStart + kFrame, .duration = kFrame, .has_to_part = true});
  CHECK(place.begins_part);
  CHECK(place.part == 1);
}
