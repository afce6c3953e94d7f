// Keeps the bit rate: how much coarser or finer than where noise begins to be heard all units of the
// next frame may be. Frames take what they need for the same noise; over a second it evens out.
#pragma once

namespace xg2g::aac {

class Budget {
 public:
  // mean: bits of a frame on average; most: of any.
  Budget(int mean, int most);

  // Steps of 1.5 dB for the next frame.
  int steps() const;
  // Bits that it may take.
  int limit() const;
  // It has taken them, with so many steps.
  void Spend(int bits, int taken);

 private:
  // Frames' worth that may be left over: what they take varies by so much within a second.
  static constexpr float kReserveFrames = 16;

  float off() const;

  float mean_, most_;
  float reserve_;    // bits left over by earlier frames
  float level_ = 0;  // steps at which the reserve stays as it is
};

}  // namespace xg2g::aac
