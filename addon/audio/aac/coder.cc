#include "coder.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace xg2g::aac {

namespace {

constexpr int kMaxScale = 255;
constexpr float kUnity = 100;  // the scale factor of steps of 1
constexpr unsigned kMaxValue = 8191;
constexpr float kRounding = 0.45f;  // 0.41 gives the least noise, 0.5 takes nothing off the level
// Noise of a line that is not worth bits in any sound: 6 dB below that of samples of 16 bits.
constexpr float kInaudible = 40.0f;
constexpr float kNothing = 1e-9f;

// Source: ISO/IEC 14496-3, tables 4.50 and 4.52.
constexpr unsigned kGainBits = 8;
constexpr unsigned kToolBits = 3;  // no pulse_data(), tns_data() nor gain_control_data()
constexpr unsigned kBookBits = 4;
unsigned SectionLengthBits(const Grid& grid) { return grid.is_short() ? 3 : 5; }

// Largest value of each book.
constexpr unsigned kLargest[kBooks] = {0, 1, 1, 2, 2, 4, 4, 7, 7, 12, 12, kMaxValue};

// What a power is multiplied with: 2^(-3/16 (scale - 100)).
const auto kPowerScales = [] {
  std::array<float, kMaxScale + 1> table;
  for (int scale = 0; scale <= kMaxScale; ++scale)
    table[static_cast<size_t>(scale)] = static_cast<float>(std::exp2(-0.1875 * (scale - kUnity)));
  return table;
}();

int16_t Clamp(int16_t value) { return std::clamp<int16_t>(value, -kEscape, kEscape); }

// What follows a codeword for a value from 16 on: as many ones as it has bits more than 5, a zero,
// and all below its highest bit. Source: ISO/IEC 14496-3, 4.6.3.3.
unsigned EscapeBits(unsigned value) {
  return value < kEscape ? 0 : 2 * static_cast<unsigned>(std::bit_width(value)) - 5;
}
void WriteEscape(unsigned value, BitWriter& out) {
  if (value < kEscape) return;
  const auto below = static_cast<unsigned>(std::bit_width(value)) - 1;
  const unsigned ones = below - 4;
  out.Put((1u << ones) - 1, ones);
  out.Put(value - (1u << below), below + 1);
}

// Adds up the lanes of many entries.
class LaneSum {
 public:
  void Add(const BookBits& entry) {
    Eight lanes;
    std::memcpy(&lanes, entry.lanes, sizeof lanes);
    sum_ += lanes;
  }
  uint16_t operator[](unsigned lane) const { return sum_[lane]; }

 private:
  using Eight = uint16_t __attribute__((vector_size(16)));
  Eight sum_ = {};
};

using BitsByBook = std::array<uint16_t, kBooks>;

void CountQuads(std::span<const int16_t> values, BitsByBook& bits) {
  LaneSum sum;
  for (size_t i = 0; i < values.size(); i += 4)
    sum.Add(kQuadBits[Index(&values[i], 4, kQuadLargest)]);
  for (unsigned book = 1; book < kFirstPairBook; ++book) bits[book] = sum[book];
}

void CountPairs(std::span<const int16_t> values, unsigned largest, BitsByBook& bits) {
  LaneSum sum;
  unsigned escapes = 0;
  for (size_t i = 0; i < values.size(); i += 2) {
    if (largest < kEscape) {
      sum.Add(kPairBits[Index(&values[i], 2, kEscape)]);
      continue;
    }
    const int16_t pair[2] = {Clamp(values[i]), Clamp(values[i + 1])};
    sum.Add(kPairBits[Index(pair, 2, kEscape)]);
    for (size_t k = i; k < i + 2; ++k)
      escapes += EscapeBits(static_cast<unsigned>(std::abs(values[k])));
  }
  for (unsigned book = kFirstPairBook; book < kBooks; ++book)
    bits[book] = sum[book - kFirstPairBook + 1];
  bits[kEscapeBook] = static_cast<uint16_t>(bits[kEscapeBook] + escapes);
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

// The cheapest books of all: for each unit and book the least bits so far where this unit has that
// book, be it by going on with the section of the unit before or by a new one.
void Coded::ChooseBooks(const Grid& grid) {
  constexpr int kImpossible = 1 << 20;
  const int section_bits = static_cast<int>(kBookBits + SectionLengthBits(grid));
  std::array<BitsByBook, kMaxUnits> bits;
  std::array<uint16_t, kMaxUnits> goes_on;  // a bit for each book
  std::array<uint8_t, kMaxUnits> best_books;
  std::array<int, kBooks> costs{};
  int best = 0;
  for (unsigned unit = 0; unit < grid.units(); ++unit) {
    const std::span<const int16_t> values(values_.data() + grid.edges[unit], grid.width(unit));
    const unsigned largest = maxima_[unit];
    bits[unit][0] = 0;
    if (largest <= kQuadLargest) CountQuads(values, bits[unit]);
    CountPairs(values, largest, bits[unit]);
    const bool is_first = unit % grid.bands == 0;
    const int anew = best + section_bits;
    unsigned on = 0;
    best = kImpossible;
    for (unsigned book = 0; book < kBooks; ++book) {
      if (kLargest[book] < largest) {
        costs[book] = kImpossible;
        continue;
      }
      const bool stays = !is_first && costs[book] <= anew;
      // Within a section of values an empty unit has a scale factor, too: a bit, for no difference.
      const int own = bits[unit][book] + (largest == 0 && book > 0 ? 1 : 0);
      on |= (stays ? 1u : 0u) << book;
      costs[book] = (stays ? costs[book] : anew) + own;
      if (costs[book] >= best) continue;
      best = costs[book];
      best_books[unit] = static_cast<uint8_t>(book);
    }
    goes_on[unit] = static_cast<uint16_t>(on);
  }
  unsigned book = 0;
  for (unsigned unit = grid.units(); unit-- > 0;) {
    const bool is_last = unit + 1 == grid.units();
    if (is_last || !(goes_on[unit + 1] >> book & 1)) book = best_books[unit];
    books_[unit] = static_cast<uint8_t>(book);
    bits_[unit] = bits[unit][book];
  }
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
    const int16_t pair[2] = {Clamp(at[0]), Clamp(at[1])};
    const Codeword word = book.words[Index(pair, 2, kEscape)];
    out.Put(word.bits, word.length);
    for (unsigned k = 0; k < 2; ++k) WriteEscape(static_cast<unsigned>(std::abs(at[k])), out);
  }
}

}  // namespace xg2g::aac
