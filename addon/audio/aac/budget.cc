#include "budget.h"

#include <algorithm>
#include <cmath>

namespace xg2g::aac {

namespace {

// Beyond these more bits change nothing, or all is silent.
constexpr float kFinest = -40, kCoarsest = 60;
constexpr float kWanted = 0.6f;  // of the reserve: the rest is there to be filled by easy frames
// Steps for each frame's worth that the reserve is off, at once and in the long run. A step changes
// a frame by 4 to 10 %, so it is back after a second, and does not swing.
constexpr float kAtOnce = 1.0f, kLasting = 0.03f;

}  // namespace

Budget::Budget(int mean, int most)
    : mean_(static_cast<float>(mean)),
      most_(static_cast<float>(most)),
      reserve_(kWanted * kReserveFrames * mean_) {}

float Budget::off() const { return kWanted * kReserveFrames - reserve_ / mean_; }

int Budget::steps() const { return static_cast<int>(std::lround(level_ + kAtOnce * off())); }

int Budget::limit() const { return static_cast<int>(std::min(most_, mean_ + reserve_)); }

void Budget::Spend(int bits, int taken) {
  // It had to be made coarser: those that follow begin there.
  if (taken > steps()) level_ = static_cast<float>(taken) - kAtOnce * off();
  reserve_ = std::min(kReserveFrames * mean_, reserve_ + mean_ - static_cast<float>(bits));
  level_ = std::clamp(level_ + kLasting * off(), kFinest, kCoarsest);
}

}  // namespace xg2g::aac
