// Writes a bit string, most significant bit first, into a buffer of fixed size.
#pragma once

#include "../../bytes.h"

namespace xg2g::aac {

class BitWriter {
 public:
  explicit BitWriter(std::span<uint8_t> out) : out_(out) {}

  // The low `count` bits, 0 .. 32; none above them are set. What does not fit is left out.
  void Put(uint32_t bits, unsigned count) {
    pending_ = pending_ << count | bits;
    waiting_ += count;
    if (waiting_ >= 32) Flush32();
  }
  // Zeros up to the next byte. Returns the bytes written since the beginning.
  size_t Align() {
    Put(0, (8 - waiting_ % 8) % 8);
    for (; waiting_ >= 8; waiting_ -= 8)
      if (size_ < out_.size()) out_[size_++] = static_cast<uint8_t>(pending_ >> (waiting_ - 8));
    return size_;
  }
  size_t bits() const { return size_ * 8 + waiting_; }

 private:
  void Flush32() {
    waiting_ -= 32;
    if (out_.size() - size_ < 4) return;
    PutBe32(out_.data() + size_, static_cast<uint32_t>(pending_ >> waiting_));
    size_ += 4;
  }

  std::span<uint8_t> out_;
  size_t size_ = 0;
  uint64_t pending_ = 0;
  unsigned waiting_ = 0;  // bits in it
};

}  // namespace xg2g::aac
