// How much noise each unit of a frame may have before it is heard. A model, and a simple one: energies
// that spread over the bands of the ear, and the threshold of hearing.
#pragma once

#include "grid.h"

namespace xg2g::aac {

// Of one rate.
class Ear {
 public:
  explicit Ear(uint32_t rate);

  // energies: sums of squared lines, of the units of a frame. thresholds: as many, in the same
  // measure; the noise of all of them together begins to be heard there.
  void Listen(const Grid& grid, const float* energies, float* thresholds) const;

 private:
  struct Band {
    float to_next, to_last;  // share of the energy that spreads to the neighbours
    float masked;            // share of what is heard here that noise may have
    float quiet;             // noise that is not heard where there is nothing else
  };
  static void MakeBands(uint32_t rate, bool is_short, Band* bands);

  std::array<Band, kMaxLongBands> long_;
  std::array<Band, kMaxShortBands> short_;
};

}  // namespace xg2g::aac
