#include "audio/aac/codebooks.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>
#include <map>
#include <vector>

using namespace xg2g::aac;

namespace {

// All fours or pairs of values from -largest to largest.
std::vector<std::vector<int16_t>> AllValues(unsigned count, int largest) {
  std::vector<std::vector<int16_t>> all = {{}};
  for (unsigned i = 0; i < count; ++i) {
    std::vector<std::vector<int16_t>> longer;
    for (const auto& values : all)
      for (int value = -largest; value <= largest; ++value) {
        longer.push_back(values);
        longer.back().push_back(static_cast<int16_t>(value));
      }
    all = std::move(longer);
  }
  return all;
}

// Can every string of bits be read in one way only, and does every one begin with some codeword?
bool IsCompletePrefixCode(const std::vector<Codeword>& words) {
  double share = 0;
  std::map<std::pair<unsigned, unsigned>, int> seen;
  for (const Codeword& word : words) {
    share += std::exp2(-static_cast<double>(word.length));
    if (++seen[{word.bits, word.length}] > 1) return false;
  }
  for (const Codeword& word : words)
    for (unsigned shorter = 1; shorter < word.length; ++shorter)
      if (seen.contains({word.bits >> (word.length - shorter), shorter})) return false;
  return share == 1.0;
}

}  // namespace

TEST_CASE("Codebooks: each is complete and can be read in one way only") {
  for (unsigned number = 1; number < kBooks; ++number) {
    CAPTURE(number);
    const Codebook& book = kCodebooks[number];
    std::vector<Codeword> words;
    for (const auto& values : AllValues(book.values, book.largest))
      words.push_back(book.words[Index(values.data(), book.values, book.largest)]);
    CHECK(IsCompletePrefixCode(words));
  }
  std::vector<Codeword> steps;
  for (int step = -kMaxScaleStep; step <= kMaxScaleStep; ++step) steps.push_back(ScaleStep(step));
  CHECK(IsCompletePrefixCode(steps));
}

// Read off ISO/IEC 14496-3, tables 4.A.1, 4.A.2, 4.A.4, 4.A.8 and 4.A.12.
TEST_CASE("Codebooks: some codewords of the standard") {
  const auto is = [](Codeword word, unsigned bits, unsigned length) {
    return word.bits == bits && word.length == length;
  };
  CHECK(is(ScaleStep(0), 0b0, 1));
  CHECK(is(ScaleStep(-1), 0b100, 3));
  CHECK(is(ScaleStep(1), 0b1010, 4));
  const int16_t nothing[4] = {}, last[4] = {0, 0, 0, 1}, minus[4] = {-1, 0, 0, 0}, pair[2] = {-1, 1};
  CHECK(is(kCodebooks[1].words[Index(nothing, 4, 1)], 0b0, 1));
  CHECK(is(kCodebooks[3].words[Index(nothing, 4, 2)], 0b0, 1));
  CHECK(is(kCodebooks[3].words[Index(last, 4, 2)], 0b1001'0, 5));
  CHECK(is(kCodebooks[3].words[Index(minus, 4, 2)], 0b1000'1, 5));
  CHECK(is(kCodebooks[7].words[Index(nothing, 2, 7)], 0b0, 1));
  CHECK(is(kCodebooks[7].words[Index(pair, 2, 7)], 0b1100'10, 6));
  CHECK(is(kCodebooks[11].words[Index(nothing, 2, kEscape)], 0b0000, 4));
}

TEST_CASE("Codebooks: bits are counted as they are written") {
  for (unsigned number = 1; number < kBooks; ++number) {
    CAPTURE(number);
    const Codebook& book = kCodebooks[number];
    const bool is_quad = number < kFirstPairBook;
    const int largest = is_quad ? kQuadLargest : kEscape;
    const unsigned lane = is_quad ? number : number - kFirstPairBook + 1;
    for (const auto& values : AllValues(book.values, book.largest)) {
      const size_t index = Index(values.data(), book.values, largest);
      const BookBits& bits = (is_quad ? kQuadBits : kPairBits)[index];
      const Codeword word = book.words[Index(values.data(), book.values, book.largest)];
      CHECK(bits.lanes[lane] == word.length);
    }
  }
}
