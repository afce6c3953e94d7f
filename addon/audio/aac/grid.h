// How the lines of a frame are divided: the scale factor bands of a rate, and for short windows the
// groups that share them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace xg2g::aac {

constexpr unsigned kFrameLines = 1024;
constexpr unsigned kShortWindows = 8;
constexpr unsigned kShortLines = kFrameLines / kShortWindows;
constexpr unsigned kMaxLongBands = 51;
constexpr unsigned kMaxShortBands = 14;
constexpr unsigned kMaxUnits = kShortWindows * kMaxShortBands;

// Samples of full scale are 32768 to AAC: so lines, energies and scale factors are counted.
constexpr float kFullScale = 32768.0f;

// Source: ISO/IEC 14496-3, table 4.128 (window_sequence).
enum class Sequence : uint8_t { kLong, kStart, kShort, kStop };

// Edges of the scale factor bands, in lines, from 0 to the last; empty for rates (Hz) that are not
// known here. Source: ISO/IEC 14496-3, tables 4.129 to 4.147.
std::span<const uint16_t> BandEdges(uint32_t rate, bool is_short);

// A unit is one band of one group of windows: what has a scale factor of its own. Lines are kept unit
// by unit and, within one, window by window; those above the bandwidth are left out.
struct Grid {
  Sequence sequence = Sequence::kLong;
  unsigned bands = 0;  // of each group
  unsigned groups = 1;
  std::array<uint8_t, kShortWindows> windows{1};  // of each group
  std::array<uint16_t, kMaxUnits + 1> edges{};    // of the units, lines; multiples of four

  bool is_short() const { return sequence == Sequence::kShort; }
  unsigned units() const { return bands * groups; }
  unsigned lines() const { return edges[units()]; }
  unsigned width(unsigned unit) const { return edges[unit + 1] - edges[unit]; }
};

// The sum of what `term` makes of the lines of a unit, four at a time, so that it can be vectorised.
template <class Term>
float SumOf(const Grid& grid, unsigned unit, Term&& term) {
  float sums[4] = {};
  for (unsigned i = grid.edges[unit]; i < grid.edges[unit + 1]; i += 4)
    for (unsigned k = 0; k < 4; ++k) sums[k] += term(i + k);
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

}  // namespace xg2g::aac
