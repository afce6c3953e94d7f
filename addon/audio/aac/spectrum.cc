#include "spectrum.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace xg2g::aac {

namespace {

template <size_t kSamples>
std::array<float, kSamples> RisingSine() {
  std::array<float, kSamples> slope;
  for (size_t i = 0; i < kSamples; ++i)
    slope[i] = static_cast<float>(
        std::sin(std::numbers::pi * (static_cast<double>(i) + 0.5) / (2.0 * kSamples)));
  return slope;
}

const auto kLongSlope = RisingSine<kFrameLines>();
const auto kShortSlope = RisingSine<kShortLines>();

template <size_t kSamples>
void Rise(const std::array<float, kSamples>& slope, const float* in, float* out) {
  for (size_t i = 0; i < kSamples; ++i) out[i] = in[i] * slope[i];
}
template <size_t kSamples>
void Fall(const std::array<float, kSamples>& slope, const float* in, float* out) {
  for (size_t i = 0; i < kSamples; ++i) out[i] = in[i] * slope[kSamples - 1 - i];
}

// Half a window beside short ones: as steep as theirs in its middle, and flat beside that.
constexpr unsigned kFlat = (kFrameLines - kShortLines) / 2;
constexpr unsigned kFlatAgain = kFlat + kShortLines;

void RiseLate(const float* in, float* out) {
  std::fill_n(out, kFlat, 0.0f);
  Rise(kShortSlope, in + kFlat, out + kFlat);
  std::copy_n(in + kFlatAgain, kFlat, out + kFlatAgain);
}
void FallEarly(const float* in, float* out) {
  std::copy_n(in, kFlat, out);
  Fall(kShortSlope, in + kFlat, out + kFlat);
  std::fill_n(out + kFlatAgain, kFlat, 0.0f);
}

}  // namespace

bool Spectrum::Mdct::Open(int lines) {
  AVTXContext* made = nullptr;
  const float scale = 2 * kFullScale;
  if (av_tx_init(&made, &run, AV_TX_FLOAT_MDCT, 0, lines, &scale, 0) < 0) return false;
  context.reset(made);
  return true;
}

bool Spectrum::Open() { return long_.Open(kFrameLines) && short_.Open(kShortLines); }

void Spectrum::Transform(const Grid& grid, const float* in, float* lines) {
  if (grid.is_short()) {
    Short(in);
    return Sort(grid, lines);
  }
  float* const first = windowed_.data();
  float* const second = first + kFrameLines;
  if (grid.sequence == Sequence::kStop) RiseLate(in, first);
  else Rise(kLongSlope, in, first);
  if (grid.sequence == Sequence::kStart) FallEarly(in + kFrameLines, second);
  else Fall(kLongSlope, in + kFrameLines, second);
  long_.run(long_.context.get(), lines, first, sizeof(float));
}

void Spectrum::Short(const float* in) {
  for (unsigned window = 0; window < kShortWindows; ++window) {
    const float* from = in + kFlat + window * kShortLines;
    Rise(kShortSlope, from, windowed_.data());
    Fall(kShortSlope, from + kShortLines, windowed_.data() + kShortLines);
    short_.run(short_.context.get(), unsorted_.data() + window * kShortLines, windowed_.data(),
               sizeof(float));
  }
}

void Spectrum::Sort(const Grid& grid, float* lines) const {
  const float* first = unsorted_.data();  // of the group's first window
  for (unsigned unit = 0, group = 0; group < grid.groups; ++group) {
    const unsigned windows = grid.windows[group];
    const float* from = first;
    for (unsigned band = 0; band < grid.bands; ++band, ++unit) {
      const unsigned width = grid.width(unit) / windows;
      for (unsigned window = 0; window < windows; ++window)
        lines = std::copy_n(from + window * kShortLines, width, lines);
      from += width;
    }
    first += windows * kShortLines;
  }
}

}  // namespace xg2g::aac
