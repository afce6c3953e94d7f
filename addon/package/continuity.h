// The counter of one PID. Source: ISO/IEC 13818-1, 2.4.3.3.
#pragma once

#include "packet.h"

namespace xg2g {

class Continuity {
 public:
  enum class Step : uint8_t { kNext, kRepeat, kGap };

  Step Take(const Packet& packet) {
    if (packet.discontinuity()) last_ = kUnknown;
    if (!packet.has_payload()) return Step::kNext;
    const unsigned before = last_;
    last_ = packet.continuity();
    if (before == kUnknown || last_ == ((before + 1) & 0x0F)) return Step::kNext;
    if (last_ == before) return Step::kRepeat;
    ++gaps_;
    return Step::kGap;
  }
  uint64_t gaps() const { return gaps_; }

 private:
  static constexpr unsigned kUnknown = 16;
  unsigned last_ = kUnknown;
  uint64_t gaps_ = 0;
};

}  // namespace xg2g
