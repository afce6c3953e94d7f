// Big-endian fields and bit strings over borrowed bytes. Nothing here allocates or throws.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace xg2g {

using Bytes = std::span<const uint8_t>;

inline uint16_t Be16(const uint8_t* p) { return static_cast<uint16_t>(p[0] << 8 | p[1]); }
inline uint32_t Be24(const uint8_t* p) { return uint32_t{p[0]} << 16 | uint32_t{p[1]} << 8 | p[2]; }
inline uint32_t Be32(const uint8_t* p) {
  uint32_t v;
  std::memcpy(&v, p, 4);
  return __builtin_bswap32(v);
}

inline void PutBe16(uint8_t* p, uint32_t v) {
  p[0] = static_cast<uint8_t>(v >> 8);
  p[1] = static_cast<uint8_t>(v);
}
inline void PutBe32(uint8_t* p, uint32_t v) {
  v = __builtin_bswap32(v);
  std::memcpy(p, &v, 4);
}

// Reads a bit string, most significant bit first. Past the end it yields 0 and ok() turns false.
class BitReader {
 public:
  explicit BitReader(Bytes in) : in_(in) {}

  // n: 0 .. 32
  uint32_t Bits(unsigned n) {
    if (n > in_.size() * 8 - position_) {
      position_ = in_.size() * 8;
      ok_ = false;
      return 0;
    }
    const uint64_t v = Ahead();
    position_ += n;
    return n > 0 ? static_cast<uint32_t>(v >> (64 - n)) : 0;
  }
  // ue(v) and se(v). Source: ITU-T H.264, 9.1.
  uint32_t Ue() {
    const auto zeros = static_cast<unsigned>(std::countl_zero(Ahead()));
    if (zeros >= 32) {  // more than a code can have, or the end
      Skip(SIZE_MAX);
      return 0;
    }
    Skip(zeros + 1);
    return (1u << zeros) - 1 + Bits(zeros);
  }
  int32_t Se() {
    const uint32_t code = Ue();
    return code & 1 ? static_cast<int32_t>(code / 2 + 1) : -static_cast<int32_t>(code / 2);
  }
  void Skip(size_t n) {
    if (n > in_.size() * 8 - position_) {
      position_ = in_.size() * 8;
      ok_ = false;
      return;
    }
    position_ += n;
  }
  bool ok() const { return ok_; }
  size_t position() const { return position_; }  // bits

 private:
  // The bits from the position on, at least 57 of them, with zeros behind the last.
  uint64_t Ahead() const {
    const size_t byte = position_ >> 3;
    uint64_t v = 0;
    if (in_.size() - byte >= 8) {
      std::memcpy(&v, in_.data() + byte, 8);
      v = __builtin_bswap64(v);
    } else {
      for (size_t i = byte; i < in_.size(); ++i) v |= uint64_t{in_[i]} << (56 - 8 * (i - byte));
    }
    return v << (position_ & 7);
  }

  Bytes in_;
  size_t position_ = 0;
  bool ok_ = true;
};

}  // namespace xg2g
