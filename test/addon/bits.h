// Writes bit strings, most significant bit first: how tests spell out headers field by field.
#pragma once

#include <cstdint>
#include <vector>

namespace xg2g::test {

class BitWriter {
 public:
  // value: its low `width` bits are written, width 0 .. 64
  BitWriter& Put(unsigned width, uint64_t value) {
    while (width-- > 0) {
      if (bits_ % 8 == 0) bytes_.push_back(0);
      bytes_.back() |= static_cast<uint8_t>((value >> width & 1) << (7 - bits_ % 8));
      ++bits_;
    }
    return *this;
  }
  // ue(v). Source: ITU-T H.264, 9.1.
  BitWriter& PutUe(uint32_t value) {
    unsigned width = 0;
    while ((uint64_t{value} + 1) >> (width + 1) != 0) ++width;
    return Put(width, 0).Put(width + 1, uint64_t{value} + 1);
  }
  // The string so far, its last byte filled with zeros.
  const std::vector<uint8_t>& bytes() const { return bytes_; }

 private:
  std::vector<uint8_t> bytes_;
  unsigned bits_ = 0;
};

}  // namespace xg2g::test
