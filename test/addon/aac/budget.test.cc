#include "audio/aac/budget.h"

#include <doctest/doctest.h>

#include <cmath>
#include <initializer_list>

using namespace xg2g::aac;

namespace {

constexpr int kMean = 4096, kMost = 12'288;

// A frame of a sound that takes `bits` where noise begins to be heard: a step takes 4 % off.
int Bits(double bits, int steps) { return static_cast<int>(bits * std::pow(0.96, steps)); }

// As the encoder does it: coarser until it fits.
int Frame(Budget& budget, double bits) {
  int steps = budget.steps();
  while (Bits(bits, steps) > budget.limit()) ++steps;
  budget.Spend(Bits(bits, steps), steps);
  return Bits(bits, steps);
}

}  // namespace

TEST_CASE("Budget: the bit rate is kept, whatever a sound takes") {
  for (const double sound : {1000.0, 4096.0, 9000.0, 40'000.0}) {
    CAPTURE(sound);
    Budget budget(kMean, kMost);
    for (int frame = 0; frame < 500; ++frame) Frame(budget, sound);
    double sum = 0;
    for (int frame = 0; frame < 1000; ++frame) sum += Frame(budget, sound);
    CHECK(sum / 1000 == doctest::Approx(kMean).epsilon(0.01));
  }
}

TEST_CASE("Budget: it settles, and does not swing") {
  Budget budget(kMean, kMost);
  for (int frame = 0; frame < 500; ++frame) Frame(budget, 8000);
  const int steps = budget.steps();
  for (int frame = 0; frame < 200; ++frame) {
    Frame(budget, 8000);
    CHECK(std::abs(budget.steps() - steps) <= 1);
  }
}

TEST_CASE("Budget: no frame is larger than it may be, also after hours of silence") {
  Budget budget(kMean, kMost);
  for (int frame = 0; frame < 500'000; ++frame) budget.Spend(100, budget.steps());
  int sum = 0;
  for (int frame = 0; frame < 100; ++frame) {
    const int bits = Frame(budget, 1e6);
    CHECK(bits <= kMost);
    sum += bits;
  }
  // What silence left over is bounded: a player's buffer is, too.
  CHECK(sum < (100 + 20) * kMean);
}

TEST_CASE("Budget: a frame that takes twice as many bits may have them, at the same noise") {
  Budget budget(kMean, kMost);
  for (int frame = 0; frame < 500; ++frame) Frame(budget, 8000);
  const int before = budget.steps();
  const int bits = Frame(budget, 16'000);
  CHECK(bits == Bits(16'000, before));
  CHECK(std::abs(budget.steps() - before) <= 2);
}
