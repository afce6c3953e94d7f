// Lines to bits: how coarse each unit becomes, its codebook, and what that takes.
#pragma once

#include "books.h"
#include "grid.h"
#include "writer.h"

namespace xg2g::aac {

// One channel of a frame, or the sum or difference of two: its lines, and what is known of the units.
struct Lines {
  alignas(64) std::array<float, kFrameLines> lines;
  std::array<float, kMaxUnits> energies;    // sums of the squared lines
  std::array<float, kMaxUnits> thresholds;  // of noise, in the same measure
};

// What they become.
class Coded {
 public:
  // Looks at what is to be coded: the scale factors that give every unit the noise of its threshold,
  // and the finest there may be.
  void Aim(const Grid& grid, const Lines& in);
  // Makes the values, at scale factors that are `steps` above those. A step is 1.5 dB.
  // Returns the bits of what the two below write.
  unsigned Quantize(const Grid& grid, int steps);

  // individual_channel_stream(): global_gain, and all that comes behind ics_info().
  void WriteGain(BitWriter& out) const;
  void WriteRest(const Grid& grid, BitWriter& out) const;

 private:
  void ChooseScales(const Grid& grid, int steps);
  void ChooseBooks(const Grid& grid);
  unsigned CountBits(const Grid& grid) const;
  void WriteValues(const Grid& grid, unsigned unit, BitWriter& out) const;
  // Neighbours of one codebook within a group: section(book, units).
  template <class Section>
  void ForEachSection(const Grid& grid, Section&& section) const;
  // Of the units that have a codebook: step(difference to the scale factor before).
  template <class Step>
  void ForEachScaleStep(const Grid& grid, Step&& step) const;
  unsigned LargestValue(unsigned unit) const;

  alignas(64) std::array<float, kFrameLines> powers_;  // |line|^0.75, with the line's sign
  std::array<float, kMaxUnits> largest_;               // of the powers
  std::array<float, kMaxUnits> aims_, finest_;         // scale factors

  alignas(64) std::array<int16_t, kFrameLines> values_;
  std::array<uint8_t, kMaxUnits> scales_, books_;
  std::array<uint16_t, kMaxUnits> maxima_;  // of the values
  std::array<uint16_t, kMaxUnits> bits_;    // of the values in the unit's codebook
  uint8_t gain_;                            // scale factor of the first unit that has values
};

}  // namespace xg2g::aac
