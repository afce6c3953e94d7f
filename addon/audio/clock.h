// The time of every sample of one audio track, held against the time stamps of the source.
#pragma once

#include "../packet.h"

#include <cstdlib>

namespace xg2g {

// Counts samples from an anchor, so that no rounded step is ever added up: at 44.1 kHz a frame is
// 2089.79 ticks. What the source says is followed slowly, what it jumps is told to the caller.
class SampleClock {
 public:
  // Beyond this the source has jumped; inside it the clock is drawn after the source.
  static constexpr int64_t kToleranceTicks = kTicksPerSecond / 50;  // 20 ms
  static constexpr int64_t kAgreedTicks = 9;  // 0.1 ms: two time stamps that say the same
  static constexpr int64_t kRoundingTicks = kTicksPerSecond / 1000;  // what a source may round to

  void Anchor(int64_t pts, uint32_t rate) {
    anchor_ = WrapPts(pts) << kFraction;
    samples_ = 0;
    rate_ = rate;
    smoothed_ = 0;
    last_step_ = 0;
  }
  bool IsAnchored() const { return rate_ != 0; }
  void Forget() { rate_ = 0; }

  // The time of the sample that lies `ahead` after the next one (before it, where negative), in
  // ticks, 0 .. 2^33-1.
  int64_t At(int64_t ahead = 0) const {
    const int64_t t = (samples_ + ahead) * (kTicksPerSecond << kFraction) / rate_;
    return WrapPts((anchor_ + t + kHalf) >> kFraction);
  }
  void Advance(uint32_t samples) {
    samples_ += samples;
    if (samples_ < rate_) return;
    // Whole seconds move the anchor: exactly 90000 ticks each.
    const int64_t seconds = samples_ / rate_;
    anchor_ += (seconds * kTicksPerSecond) << kFraction;
    anchor_ &= (kPtsModulus << kFraction) - 1;
    samples_ -= seconds * rate_;
  }

  // The source says that the next sample has this time. Returns what it is off by when that is a
  // jump (ticks, not followed here), else 0 after having been followed.
  int64_t Follow(int64_t pts, int64_t tolerance = kToleranceTicks) {
    const int64_t off = WrapDistance(pts, At());
    if (std::llabs(off) > tolerance) return off;
    const int64_t last = last_step_;
    last_step_ = off;
    if (std::llabs(off) > kAgreedTicks && std::llabs(off - last) <= kAgreedTicks) {
      // Twice the same: no jitter but a step of the source's own clock.
      anchor_ += off << kFraction;
      smoothed_ = 0;
      last_step_ = 0;
      return 0;
    }
    // A single stray stamp must not draw the clock away: rounding to milliseconds is the most that
    // is taken for jitter.
    const int64_t jitter = std::clamp(off, -kMaxJitterTicks, kMaxJitterTicks);
    smoothed_ += ((jitter << kFraction) - smoothed_) / kSmoothing;
    const int64_t slew = std::clamp(smoothed_ / kSmoothing, -kMaxSlew, kMaxSlew);
    anchor_ += slew;
    return 0;
  }

 private:
  static constexpr int kFraction = 16;  // bits below a tick
  static constexpr int64_t kHalf = int64_t{1} << (kFraction - 1);
  static constexpr int64_t kSmoothing = 8;
  static constexpr int64_t kMaxJitterTicks = kRoundingTicks / 2;
  static constexpr int64_t kMaxSlew = int64_t{2} << kFraction;  // two ticks for each time stamp

  int64_t anchor_ = 0;  // ticks << kFraction, of sample 0
  int64_t samples_ = 0;
  int64_t rate_ = 0;
  int64_t smoothed_ = 0;  // difference to the source, ticks << kFraction
  int64_t last_step_ = 0;
};

}  // namespace xg2g
