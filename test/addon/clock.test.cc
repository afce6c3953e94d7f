#include "audio/clock.h"

#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <memory>
#include <random>

namespace xg2g::test {
namespace {

constexpr double kDay = 24 * 3600;

// A source of frames: its own time is exact, the time stamps are what it tells.
struct Source {
  uint32_t rate = 48000;
  uint32_t frame_samples = 1152;
  int64_t start = 0;       // ticks
  double ppm = 0;          // by which its samples come too late
  size_t stamp_every = 1;  // frames
  // From the exact time, in ticks, to the time stamp.
  std::function<int64_t(double)> tell = [](double t) { return std::llround(t); };
};

struct Course {
  double worst = 0;       // distance of the clock to the exact time, ticks
  double worst_told = 0;  // to the time stamps
  double mean = 0;
  size_t jumps = 0;
};

// Runs a clock for so long; errors count after `settle` seconds.
Course Run(const Source& source, double seconds, double settle = 0) {
  SampleClock clock;
  Course course;
  const auto frames = static_cast<int64_t>(seconds * source.rate / source.frame_samples);
  const double ticks = static_cast<double>(kTicksPerSecond) / source.rate * (1 + source.ppm * 1e-6);
  double sum = 0;
  size_t count = 0;
  for (int64_t i = 0; i < frames; ++i) {
    const double exact = static_cast<double>(i * source.frame_samples) * ticks;
    const int64_t told = WrapPts(source.start + source.tell(exact));
    if (i == 0)
      clock.Anchor(told, source.rate);
    else if (static_cast<size_t>(i) % source.stamp_every == 0 && clock.Follow(told) != 0)
      ++course.jumps;
    if (static_cast<double>(i * source.frame_samples) >= settle * source.rate) {
      // Whole ticks of the exact time first, so that the rest keeps its digits.
      const auto whole = static_cast<int64_t>(exact);
      const double error =
          static_cast<double>(WrapDistance(clock.At(), WrapPts(source.start + whole))) -
          (exact - static_cast<double>(whole));
      course.worst = std::max(course.worst, std::abs(error));
      course.worst_told = std::max(course.worst_told,
                                   static_cast<double>(std::abs(WrapDistance(clock.At(), told))));
      sum += error;
      ++count;
    }
    clock.Advance(source.frame_samples);
  }
  course.mean = sum / static_cast<double>(count);
  return course;
}

std::function<int64_t(double)> Jitter(int most, unsigned seed = 1) {
  auto random = std::make_shared<std::mt19937>(seed);
  return [random, most](double t) {
    return std::llround(t) +
           static_cast<int64_t>((*random)() % static_cast<unsigned>(2 * most + 1)) - most;
  };
}

}  // namespace

TEST_CASE("SampleClock: counts from its anchor, to the nearest tick") {
  SampleClock clock;
  CHECK_FALSE(clock.IsAnchored());
  clock.Anchor(1000, 44100);
  CHECK(clock.IsAnchored());
  CHECK(clock.At() == 1000);
  CHECK(clock.At(1024) == 1000 + 2090);  // 2089.796
  CHECK(clock.At(-1024) == WrapPts(1000 - 2090));
  for (int i = 0; i < 44100; ++i) clock.Advance(1024);
  CHECK(clock.At() == 1000 + 1024 * kTicksPerSecond);
  clock.Forget();
  CHECK_FALSE(clock.IsAnchored());
}

TEST_CASE("SampleClock: wraps with the time stamps") {
  SampleClock clock;
  clock.Anchor(kPtsModulus - 900, 48000);
  clock.Advance(960);
  CHECK(clock.At() == 900);
  CHECK(clock.At(-960) == kPtsModulus - 900);
  CHECK(clock.Follow(900) == 0);
  clock.Anchor(5, 48000);
  CHECK(clock.At(-480) == kPtsModulus - 895);
}

TEST_CASE("SampleClock: a day without drift, over a wrap") {
  constexpr double kHour = 3600;
  const int64_t start = kPtsModulus - static_cast<int64_t>(5 * kHour) * kTicksPerSecond;
  for (const auto& [rate, samples] : {std::pair{48000, 1152}, {44100, 1152}, {32000, 1536}}) {
    Source source{.rate = static_cast<uint32_t>(rate),
                  .frame_samples = static_cast<uint32_t>(samples),
                  .start = start};
    CAPTURE(rate);
    const Course rounded = Run(source, kDay);
    CHECK(rounded.worst < 0.51);  // never more than the rounding
    CHECK(rounded.jumps == 0);
    source.tell = Jitter(1);
    const Course jittered = Run(source, kDay);
    CHECK(jittered.worst < 2);
    CHECK(std::abs(jittered.mean) < 0.1);
    CHECK(jittered.jumps == 0);
  }
}

TEST_CASE("SampleClock: time stamps of every nth frame only, jittering") {
  for (const size_t every : {2, 8, 25})
    for (const uint32_t rate : {44100u, 48000u}) {
      CAPTURE(every);
      CHECK(Run({.rate = rate, .stamp_every = every, .tell = Jitter(4)}, 3600).worst <= 9);
    }
}

TEST_CASE("SampleClock: time stamps in whole milliseconds") {
  const auto to_milliseconds = [](double t) { return std::llround(t / 90) * 90; };
  for (const auto& [rate, samples] :
       {std::pair{48000, 1152}, {48000, 1024}, {48000, 1536}, {44100, 1152}, {44100, 1024}}) {
    CAPTURE(rate);
    CAPTURE(samples);
    Source source{.rate = static_cast<uint32_t>(rate),
                  .frame_samples = static_cast<uint32_t>(samples),
                  .tell = to_milliseconds};
    // Each frame tells: the rounding averages out.
    const Course course = Run(source, 3600, 10);
    CHECK(course.worst <= 9);
    CHECK(course.jumps == 0);
    // Where the rounding itself drifts slowly, it cannot be told from the truth: half a
    // millisecond.
    for (const size_t every : {4, 8}) {
      source.stamp_every = every;
      CHECK(Run(source, 3600, 10).worst <= 45 + 9);
    }
  }
}

TEST_CASE("SampleClock: follows a source whose samples are too fast or too slow") {
  for (const double ppm : {-100.0, -20.0, 20.0, 100.0})
    for (const size_t every : {1, 2})
      for (const auto& [rate, samples] : {std::pair{48000, 1152}, {44100, 1024}, {32000, 1152}}) {
        const Course course = Run({.rate = static_cast<uint32_t>(rate),
                                   .frame_samples = static_cast<uint32_t>(samples),
                                   .start = kPtsModulus - 60 * kTicksPerSecond,
                                   .ppm = ppm,
                                   .stamp_every = every},
                                  1800, 5);
        CAPTURE(ppm);
        CAPTURE(every);
        CAPTURE(rate);
        CHECK(course.worst <= 9);
        CHECK(course.jumps == 0);
      }
}

TEST_CASE("SampleClock: a step that lasts is followed at once, a single stray stamp is not") {
  const auto advance = [](SampleClock& clock) {
    clock.Advance(1152);
    return clock.At();
  };
  for (const int64_t step : {450, -450, 1700, -1700, 12, -12}) {
    CAPTURE(step);
    SampleClock clock;
    clock.Anchor(0, 48000);
    for (int i = 0; i < 100; ++i) clock.Follow(advance(clock));
    const int64_t before = clock.At();
    CHECK(clock.Follow(before + step) == 0);
    CHECK(std::abs(WrapDistance(clock.At(), before)) <= 2);  // not yet believed
    int64_t truth = WrapPts(before + step + 2160);
    clock.Advance(1152);
    CHECK(clock.Follow(truth) == 0);
    CHECK(std::abs(WrapDistance(clock.At(), truth)) <= 9);
    for (int i = 0; i < 200; ++i) {
      clock.Advance(1152);
      truth = WrapPts(truth + 2160);
      CHECK(clock.Follow(truth) == 0);
      CHECK(std::abs(WrapDistance(clock.At(), truth)) <= 9);
    }

    SampleClock steady;
    steady.Anchor(0, 48000);
    for (int64_t i = 1; i <= 300; ++i) {
      steady.Advance(1152);
      const int64_t right = WrapPts(i * 2160);
      CHECK(steady.Follow(i == 100 ? WrapPts(right + step) : right) == 0);
      CHECK(std::abs(WrapDistance(steady.At(), right)) <= 9);
    }
  }
}

TEST_CASE("SampleClock: a jump is told and not followed") {
  for (const int64_t jump : {int64_t{1801}, int64_t{-1801}, 90'000 * int64_t{3},
                             -90'000 * int64_t{3}, kPtsModulus / 2 - 10, -kPtsModulus / 2}) {
    SampleClock clock;
    clock.Anchor(kPtsModulus - 100, 48000);
    clock.Advance(4800);
    const int64_t before = clock.At();
    CHECK(clock.Follow(WrapPts(before + jump)) == jump);
    CHECK(clock.At() == before);
  }
}

}  // namespace xg2g::test
