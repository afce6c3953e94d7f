#include "windows.h"

#include <algorithm>

namespace xg2g::aac {

namespace {

// A sound begins where the high frequencies have so many times the energy that they had ..
constexpr float kSudden = 10.0f;
// .. and at least this much: -70 dB of full scale. Samples of full scale are 1 here.
constexpr float kFaint = 1e-7f * kShortLines;
constexpr float kKept = 0.7f;  // of the energy of the eighth before
constexpr unsigned kMaxGroup = 3;

}  // namespace

Windows::Windows(uint32_t rate, double bandwidth) : rate_(rate) {
  for (const bool is_short : {false, true}) {
    const auto edges = BandEdges(rate, is_short);
    const double limit = bandwidth / (rate / 2.0) * edges.back();
    bands_[is_short] = static_cast<unsigned>(
        std::lower_bound(edges.begin() + 1, edges.end() - 1, limit) - edges.begin());
  }
}

const Grid& Windows::Choose(std::span<const float* const> ahead) {
  unsigned next = kNone;
  for (unsigned channel = 0; channel < ahead.size(); ++channel)
    next = std::min(next, FindOnset(channel, ahead[channel]));
  const bool was_short = grid_.is_short();
  // No shape leads from short windows to others and back at once.
  if (onset_ != kNone || (was_short && next != kNone))
    grid_.sequence = Sequence::kShort;
  else if (next != kNone)
    grid_.sequence = Sequence::kStart;
  else
    grid_.sequence = was_short ? Sequence::kStop : Sequence::kLong;
  Group();
  Divide();
  onset_ = next;
  return grid_;
}

// The difference of neighbouring samples is a high pass.
unsigned Windows::FindOnset(unsigned channel, const float* ahead) {
  float& before = before_[channel];
  unsigned first = kNone;
  for (unsigned eighth = 0; eighth < kShortWindows; ++eighth, ahead += kShortLines) {
    float sums[4] = {};
    for (unsigned i = 0; i < kShortLines; i += 4)
      for (unsigned k = 0; k < 4; ++k) {
        const float step = ahead[i + k] - *(ahead + i + k - 1);
        sums[k] += step * step;
      }
    const float energy = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    if (first == kNone && energy > kSudden * before && energy > kFaint) first = eighth;
    before = kKept * before + (1 - kKept) * energy;
  }
  return first;
}

// Short windows begin an eighth apart, and each is two eighths long. The two that have an onset are
// kept apart from those before and behind it.
void Windows::Group() {
  grid_.groups = 1;
  grid_.windows = {1};
  if (!grid_.is_short()) return;
  for (unsigned window = 1; window < kShortWindows; ++window) {
    const bool is_edge = onset_ != kNone && window >= onset_ && window <= onset_ + 2;
    if (is_edge || grid_.windows[grid_.groups - 1] == kMaxGroup) ++grid_.groups;
    ++grid_.windows[grid_.groups - 1];
  }
}

void Windows::Divide() {
  const auto edges = BandEdges(rate_, grid_.is_short());
  grid_.bands = bands_[grid_.is_short()];
  unsigned unit = 0;
  for (unsigned group = 0; group < grid_.groups; ++group)
    for (unsigned band = 0; band < grid_.bands; ++band, ++unit) {
      const unsigned width = static_cast<unsigned>(edges[band + 1] - edges[band]);
      grid_.edges[unit + 1] = static_cast<uint16_t>(grid_.edges[unit] + width * grid_.windows[group]);
    }
}

}  // namespace xg2g::aac
