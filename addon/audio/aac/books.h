// Which codebook each unit has: the bits of its values in all of them, and the cheapest sections.
#pragma once

#include "codebooks.h"
#include "grid.h"

#include <span>

namespace xg2g::aac {

using BitsByBook = std::array<uint16_t, kBooks>;

// Bits of a unit's values with signs and escape sequences, in the books that have such values.
// largest: absolute value among them.
void CountByBook(std::span<const int16_t> values, unsigned largest, BitsByBook& bits);

// Finds the books that take least in all: for each unit and book it knows the least bits so far where
// this unit has that book, be it by going on with the section of the unit before or by a new one.
class BookSearch {
 public:
  // section_bits: what the head of a section takes.
  explicit BookSearch(int section_bits) : section_bits_(section_bits) {}

  // The next unit; sections end where a group begins.
  void Add(const BitsByBook& bits, unsigned largest, bool begins_group);
  // The books of all units.
  void Trace(std::span<uint8_t> books) const;

 private:
  int section_bits_;
  unsigned units_ = 0;
  int best_ = 0;                  // bits up to the last unit
  std::array<int, kBooks> costs_;  // .. where that one has the book
  std::array<uint16_t, kMaxUnits> goes_on_;  // a bit for each book: by going on
  std::array<uint8_t, kMaxUnits> best_books_;
};

}  // namespace xg2g::aac
