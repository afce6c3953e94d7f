#include "books.h"

#include <bit>
#include <cstdlib>
#include <cstring>

namespace xg2g::aac {

namespace {

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

void CountQuads(std::span<const int16_t> values, BitsByBook& bits) {
  LaneSum sum;
  for (size_t i = 0; i < values.size(); i += 4)
    sum.Add(kQuadBits[Index(&values[i], 4, kQuadLargest)]);
  for (unsigned book = 1; book < kFirstPairBook; ++book) bits[book] = sum[book];
}

void CountPairs(std::span<const int16_t> values, BitsByBook& bits) {
  LaneSum sum;
  for (size_t i = 0; i < values.size(); i += 2) {
    const int16_t pair[2] = {ClampToEscape(values[i]), ClampToEscape(values[i + 1])};
    sum.Add(kPairBits[Index(pair, 2, kEscape)]);
  }
  for (unsigned book = kFirstPairBook; book < kBooks; ++book)
    bits[book] = sum[book - kFirstPairBook + 1];
}

// As many ones as a value has bits more than 5, a zero, and all below its highest bit.
// Source: ISO/IEC 14496-3, 4.6.3.3.
unsigned EscapeBits(std::span<const int16_t> values) {
  unsigned bits = 0;
  for (const int16_t value : values) {
    const auto size = static_cast<unsigned>(std::abs(value));
    if (size >= kEscape) bits += 2 * static_cast<unsigned>(std::bit_width(size)) - 5;
  }
  return bits;
}

}  // namespace

void CountByBook(std::span<const int16_t> values, unsigned largest, BitsByBook& bits) {
  bits[0] = 0;
  if (largest <= kQuadLargest) CountQuads(values, bits);
  CountPairs(values, bits);
  if (largest >= kEscape)
    bits[kEscapeBook] = static_cast<uint16_t>(bits[kEscapeBook] + EscapeBits(values));
}

void BookSearch::Add(const BitsByBook& bits, unsigned largest, bool begins_group) {
  constexpr int kImpossible = 1 << 20;
  const int anew = best_ + section_bits_;
  unsigned goes_on = 0;
  best_ = kImpossible;
  for (unsigned book = 0; book < kBooks; ++book) {
    if (kLargest[book] < largest) {
      costs_[book] = kImpossible;
      continue;
    }
    const bool stays = !begins_group && costs_[book] <= anew;
    if (stays) goes_on |= 1u << book;
    // Within a section of values an empty unit has a scale factor, too: a bit, for no difference.
    const int scale_bits = largest == 0 && book > 0 ? 1 : 0;
    costs_[book] = (stays ? costs_[book] : anew) + bits[book] + scale_bits;
    if (costs_[book] >= best_) continue;
    best_ = costs_[book];
    best_books_[units_] = static_cast<uint8_t>(book);
  }
  goes_on_[units_++] = static_cast<uint16_t>(goes_on);
}

void BookSearch::Trace(std::span<uint8_t> books) const {
  unsigned book = 0;
  for (unsigned unit = units_; unit-- > 0;) {
    const bool begins = unit + 1 == units_ || !(goes_on_[unit + 1] >> book & 1);
    if (begins) book = best_books_[unit];
    books[unit] = static_cast<uint8_t>(book);
  }
}

}  // namespace xg2g::aac
