#include "coder.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace xg2g::aac {

namespace {

constexpr int kMaxScale = 255;
constexpr float kUnity = 100;  // the scale factor of steps of 1
constexpr float kRounding = 0.45f;  // 0.41 gives the least noise, 0.5 takes nothing off the level
// Noise of a line that is not worth bits in any sound: 6 dB below that of samples of 16 bits.
constexpr float kInaudible = 40.0f;
constexpr float kNothing = 1e-9f;

// Source: ISO/IEC 14496-3, tables 4.50 and 4.52.
constexpr unsigned kGainBits = 8;
constexpr unsigned kToolBits = 3;  // no pulse_data(), tns_data() nor gain_control_data()
constexpr unsigned kBookBits = 4;
unsigned SectionLengthBits(const Grid& grid) { return grid.is_short() ? 3 : 5; }

// What a power is multiplied with: 2^(-3/16 (scale - 100)).
const auto kPowerScales = [] {
  std::array<float, kMaxScale + 1> table;
  for (int scale = 0; scale <= kMaxScale; ++scale)
    table[static_cast<size_t>(scale)] = static_cast<float>(std::exp2(-0.1875 * (scale - kUnity)));
  return table;
}();

// The ones tell how many bits a value has. Source: ISO/IEC 14496-3, 4.6.3.3.
void WriteEscape(unsigned value, BitWriter& out) {
  if (value < kEscape) return;
  const auto below = static_cast<unsigned>(std::bit_width(value)) - 1;
  const unsigned ones = below - 4;
  out.Put((1u << ones) - 1, ones);
  out.Put(value - (1u << below), below + 1);
}

}  // namespace

// A value's step at x is 4/3 x^(1/4) s^(3/4), where s = 2^(scale/4), and its noise a twelfth of the
// square: 4/27 s^(3/2) times the sum of the roots of the lines.
void Coded::Aim(const Grid& grid, const Lines& in) {
  alignas(64) std::array<float, kFrameLines> roots;
  for (unsigned i = 0; i < grid.lines(); ++i) {
    roots[i] = std::sqrt(std::fabs(in.lines[i]));
    powers_[i] = std::copysign(roots[i] * std::sqrt(roots[i]), in.lines[i]);
  }
  for (unsigned unit = 0; unit < grid.units(); ++unit) {
    float peaks[4] = {};
    for (unsigned i = grid.edges[unit]; i < grid.edges[unit + 1]; i += 4)
      for (unsigned k = 0; k < 4; ++k) peaks[k] = std::max(peaks[k], std::fabs(powers_[i + k]));
    largest_[unit] = std::max({peaks[0], peaks[1], peaks[2], peaks[3]});

    const float form = SumOf(grid, unit, [&](unsigned i) { return roots[i]; }) + kNothing;
    const auto scale = [&](float noise) {
      return kUnity + 8.0f / 3 * std::log2(27.0f / 4 * noise / form);
    };
    aims_[unit] = scale(in.thresholds[unit]);
    // The largest value must not be beyond what can be written, nor values finer than is heard.
    const float fits = std::log2((largest_[unit] + kNothing) / (kMaxValue - 1)) / 0.1875f;
    finest_[unit] = std::max({scale(kInaudible * static_cast<float>(grid.width(unit))),
                              kUnity + fits + 1, 0.0f});
  }
}

unsigned Coded::Quantize(const Grid& grid, int steps) {
  ChooseScales(grid, steps);
  for (unsigned unit = 0; unit < grid.units(); ++unit) {
    const unsigned from = grid.edges[unit], to = grid.edges[unit + 1];
    if (maxima_[unit] == 0) {
      std::fill(values_.data() + from, values_.data() + to, int16_t{0});
      continue;
    }
    const float factor = kPowerScales[scales_[unit]];
    for (unsigned i = from; i < to; ++i)
      values_[i] =
          static_cast<int16_t>(powers_[i] * factor + std::copysign(kRounding, powers_[i]));
  }
  ChooseBooks(grid);
  return CountBits(grid);
}

unsigned Coded::LargestValue(unsigned unit) const {
  return static_cast<unsigned>(largest_[unit] * kPowerScales[scales_[unit]] + kRounding);
}

void Coded::ChooseScales(const Grid& grid, int steps) {
  int highest = 0;
  for (unsigned unit = 0; unit < grid.units(); ++unit) {
    const float wanted = std::max(aims_[unit] + static_cast<float>(steps), finest_[unit]);
    int scale = static_cast<int>(std::clamp(wanted, 0.0f, float{kMaxScale}));
    // A difference of one costs more bits than it is worth.
    const int last = unit > 0 ? scales_[unit - 1] : scale;
    if (std::abs(scale - last) == 1 && static_cast<float>(last) >= finest_[unit]) scale = last;
    scales_[unit] = static_cast<uint8_t>(scale);
    maxima_[unit] = static_cast<uint16_t>(LargestValue(unit));
    if (maxima_[unit] > 0) highest = std::max(highest, scale);
  }
  gain_ = 0;
  for (unsigned unit = 0; unit < grid.units(); ++unit) {
    if (scales_[unit] < highest - kMaxScaleStep) {
      scales_[unit] = static_cast<uint8_t>(highest - kMaxScaleStep);
      maxima_[unit] = static_cast<uint16_t>(LargestValue(unit));
    }
    if (maxima_[unit] > 0 && gain_ == 0) gain_ = scales_[unit];
  }
}

void Coded::ChooseBooks(const Grid& grid) {
  std::array<BitsByBook, kMaxUnits> bits;
  BookSearch search(static_cast<int>(kBookBits + SectionLengthBits(grid)));
  for (unsigned unit = 0; unit < grid.units(); ++unit) {
    CountByBook({values_.data() + grid.edges[unit], grid.width(unit)}, maxima_[unit], bits[unit]);
    search.Add(bits[unit], maxima_[unit], unit % grid.bands == 0);
  }
  search.Trace({books_.data(), grid.units()});
  for (unsigned unit = 0; unit < grid.units(); ++unit) bits_[unit] = bits[unit][books_[unit]];
}

template <class Section>
void Coded::ForEachSection(const Grid& grid, Section&& section) const {
  for (unsigned group = 0; group < grid.groups; ++group)
    for (unsigned unit = group * grid.bands, end = unit + grid.bands; unit < end;) {
      unsigned next = unit + 1;
      while (next < end && books_[next] == books_[unit]) ++next;
      section(books_[unit], next - unit);
      unit = next;
    }
}

template <class Step>
void Coded::ForEachScaleStep(const Grid& grid, Step&& step) const {
  int last = gain_;
  for (unsigned unit = 0; unit < grid.units(); ++unit) {
    if (books_[unit] == 0) continue;
    const int scale = maxima_[unit] > 0 ? scales_[unit] : last;
    step(scale - last);
    last = scale;
  }
}

unsigned Coded::CountBits(const Grid& grid) const {
  unsigned bits = kGainBits + kToolBits;
  const unsigned length_bits = SectionLengthBits(grid);
  const unsigned longest = (1u << length_bits) - 1;
  ForEachSection(grid, [&](unsigned, unsigned units) {
    bits += kBookBits + length_bits * (units / longest + 1);
  });
  ForEachScaleStep(grid, [&](int step) { bits += ScaleStep(step).length; });
  for (unsigned unit = 0; unit < grid.units(); ++unit) bits += bits_[unit];
  return bits;
}

void Coded::WriteGain(BitWriter& out) const { out.Put(gain_, kGainBits); }

void Coded::WriteRest(const Grid& grid, BitWriter& out) const {
  const unsigned length_bits = SectionLengthBits(grid);
  const unsigned longest = (1u << length_bits) - 1;
  ForEachSection(grid, [&](unsigned book, unsigned units) {
    out.Put(book, kBookBits);
    for (; units >= longest; units -= longest) out.Put(longest, length_bits);
    out.Put(units, length_bits);
  });
  ForEachScaleStep(grid, [&](int step) {
    const Codeword word = ScaleStep(step);
    out.Put(word.bits, word.length);
  });
  out.Put(0, kToolBits);
  for (unsigned unit = 0; unit < grid.units(); ++unit)
    if (books_[unit] != 0) WriteValues(grid, unit, out);
}

void Coded::WriteValues(const Grid& grid, unsigned unit, BitWriter& out) const {
  const Codebook& book = kCodebooks[books_[unit]];
  const int16_t* const end = values_.data() + grid.edges[unit + 1];
  for (const int16_t* at = values_.data() + grid.edges[unit]; at < end; at += book.values) {
    if (books_[unit] != kEscapeBook) {
      const Codeword word = book.words[Index(at, book.values, book.largest)];
      out.Put(word.bits, word.length);
      continue;
    }
    const int16_t pair[2] = {ClampToEscape(at[0]), ClampToEscape(at[1])};
    const Codeword word = book.words[Index(pair, 2, kEscape)];
    out.Put(word.bits, word.length);
    for (unsigned k = 0; k < 2; ++k) WriteEscape(static_cast<unsigned>(std::abs(at[k])), out);
  }
}

}  // namespace xg2g::aac
