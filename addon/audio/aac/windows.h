// Which windows each frame has: long ones, but where a sound begins so suddenly that what is lost of
// it would be heard before it. Source: ISO/IEC 14496-3, 4.6.11.3 (window_sequence).
#pragma once

#include "grid.h"

namespace xg2g::aac {

// Samples behind a frame's window that have to be known. A frame before short windows has another
// shape: it ends where the first of them has risen, and what begins before that is in its own window.
// No encoder that switches its windows in time can look less far ahead.
constexpr unsigned kLookAhead = (kFrameLines + kShortLines) / 2;

// Of one encoder: all channels have the same windows, or they could not be coded as sums and
// differences.
class Windows {
 public:
  // bandwidth: Hz, above which nothing is kept.
  Windows(uint32_t rate, double bandwidth);

  // The windows of the next frame. ahead: of each channel the kFrameLines samples up to the end of
  // the look-ahead, and the one before them at [-1].
  const Grid& Choose(std::span<const float* const> ahead);

 private:
  static constexpr unsigned kNone = kShortWindows;
  static constexpr unsigned kMaxChannels = 2;

  unsigned FindOnset(unsigned channel, const float* ahead);
  void Group();
  void Divide();

  uint32_t rate_;
  unsigned bands_[2];  // below the bandwidth: of long windows, of short ones
  Grid grid_;
  unsigned onset_ = kNone;  // the short window in the second half of which a sound begins
  std::array<float, kMaxChannels> before_{};  // energy of the high frequencies, the latest above all
};

}  // namespace xg2g::aac
