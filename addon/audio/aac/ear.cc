#include "ear.h"

#include <algorithm>
#include <cmath>

namespace xg2g::aac {

namespace {

constexpr double kUpwardsDb = 15;    // per Bark, by which a sound masks less what is higher
constexpr double kDownwardsDb = 25;  // and lower
// By how much noise has to lie below what masks it where a Bark has 32 lines of a long window, at
// 2 kHz. There is more of tones below that, which mask less, and more of noise above: 26 dB where it
// has 4 lines, 6 dB where it has 120.
constexpr double kMaskDb = 14;
constexpr double kMiddleLines = 32, kMaskSlope = 1.5;
// Short windows see low bands as one, where the ear hears several, not all of them masked.
constexpr double kShortMaskDb = 6;
constexpr double kFullScaleSpl = 96;  // what a sine of full scale is taken to sound like, dB

double Power(double db) { return std::pow(10.0, db / 10); }

// Source: Zwicker and Terhardt, Analytical expressions for critical-band rate (1980).
double Bark(double hz) {
  return 13 * std::atan(0.00076 * hz) + 3.5 * std::atan(hz / 7500 * hz / 7500);
}

// Of hearing in quiet, dB SPL. Source: Terhardt, Calculating virtual pitch (1979).
double QuietSpl(double hz) {
  const double khz = std::max(hz, 20.0) / 1000;
  return 3.64 * std::pow(khz, -0.8) - 6.5 * std::exp(-0.6 * (khz - 3.3) * (khz - 3.3)) +
         1e-3 * std::pow(khz, 4);
}

// Of a sine of full scale in a window of so many lines. An orthogonal transform would have half of
// its square in each sample; AAC's is sqrt(2 lines) times as large.
double FullScaleEnergy(double lines) { return kFullScale * kFullScale / 2 * lines * 2 * lines; }

}  // namespace

Ear::Ear(uint32_t rate) {
  MakeBands(rate, false, long_.data());
  MakeBands(rate, true, short_.data());
}

void Ear::MakeBands(uint32_t rate, bool is_short, Band* bands) {
  const auto edges = BandEdges(rate, is_short);
  const double lines = is_short ? kShortLines : kFrameLines;
  const double mask = Power(-kMaskDb - (is_short ? kShortMaskDb : 0));
  const auto hz = [&](double line) { return line * rate / 2 / lines; };
  const auto centre = [&](size_t band) { return hz((edges[band] + edges[band + 1]) / 2.0); };
  const size_t count = edges.size() - 1;
  for (size_t band = 0; band < count; ++band) {
    const double here = Bark(centre(band));
    const double above = band + 1 < count ? Bark(centre(band + 1)) - here : 0;
    const double below = band > 0 ? here - Bark(centre(band - 1)) : 0;
    const double width = Bark(hz(edges[band + 1])) - Bark(hz(edges[band]));
    const double density = (edges[band + 1] - edges[band]) / width * kFrameLines / lines;
    const double quiet = Power(QuietSpl(centre(band)) - kFullScaleSpl);
    bands[band] = {static_cast<float>(Power(-kUpwardsDb * above)),
                   static_cast<float>(Power(-kDownwardsDb * below)),
                   static_cast<float>(mask * width * std::pow(density / kMiddleLines, kMaskSlope)),
                   static_cast<float>(FullScaleEnergy(lines) * std::min(width, 1.0) * quiet)};
  }
}

void Ear::Listen(const Grid& grid, const float* energies, float* thresholds) const {
  const Band* bands = grid.is_short() ? short_.data() : long_.data();
  for (unsigned group = 0; group < grid.groups; ++group) {
    float spread = 0;
    for (unsigned band = 0; band < grid.bands; ++band) {
      thresholds[band] = spread + energies[band];
      spread = thresholds[band] * bands[band].to_next;
    }
    spread = 0;
    for (unsigned band = grid.bands; band-- > 0;) {
      const float heard = (thresholds[band] + spread) * bands[band].masked;
      thresholds[band] = std::max(heard, bands[band].quiet * grid.windows[group]);
      spread = (spread + energies[band]) * bands[band].to_last;
    }
    energies += grid.bands;
    thresholds += grid.bands;
  }
}

}  // namespace xg2g::aac
