// The Huffman codebooks of AAC, as look-up tables: the codeword of a pair or four of values with
// all that follows it but escapes, and how many bits they take in each book.
// Source: ISO/IEC 14496-3, 4.6.3 and 4.A.1.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace xg2g::aac {

constexpr unsigned kBooks = 12;         // 0: all values are 0
constexpr unsigned kFirstPairBook = 5;  // those below it take four values at once
constexpr unsigned kEscapeBook = 11;
constexpr int kEscape = 16;  // values from here on are followed by an escape sequence
constexpr int kQuadLargest = 2;
constexpr unsigned kMaxValue = 8191;  // with its escape sequence
// Absolute values that each book has.
constexpr unsigned kLargest[kBooks] = {0, 1, 1, 2, 2, 4, 4, 7, 7, 12, 12, kMaxValue};
constexpr int kMaxScaleStep = 60;

struct Codeword {
  uint32_t bits : 24;
  uint32_t length : 8;
};

struct Codebook {
  const Codeword* words;  // by Index() of the values, with signs
  unsigned values;        // that one codeword is for: 4 or 2
  int largest;            // absolute value
};
extern const Codebook kCodebooks[kBooks];

// Of the difference of two scale factors, -60 .. 60.
Codeword ScaleStep(int difference);

// Where values lie in a table for values up to `largest`.
inline size_t Index(const int16_t* values, unsigned count, int largest) {
  int index = 0;
  for (unsigned i = 0; i < count; ++i) index = index * (2 * largest + 1) + values[i] + largest;
  return static_cast<size_t>(index);
}

// What a codeword can say of a value.
inline int16_t ClampToEscape(int16_t value) {
  return value > kEscape ? kEscape : value < -kEscape ? -kEscape : value;
}

// Bits that a codeword takes in each book; 0 where the book has not such values. Lane 1 is the first
// book of its kind: 1 to 4 for four values, 5 to 11 for two.
struct alignas(16) BookBits {
  uint16_t lanes[8];
};
extern const BookBits* const kQuadBits;  // by Index(.., 4, kQuadLargest)
extern const BookBits* const kPairBits;  // by Index(.., 2, kEscape), larger ones clamped

}  // namespace xg2g::aac
