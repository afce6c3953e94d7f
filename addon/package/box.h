// Boxes of ISO base media files, written front to back. Source: ISO/IEC 14496-12, 4.2.
#pragma once

#include "bytes.h"

#include <string_view>
#include <vector>

namespace xg2g {

class BoxWriter {
 public:
  // Returns the place that Close needs.
  size_t Open(std::string_view type) {
    const size_t place = bytes_.size();
    U32(0);
    Text(type);
    return place;
  }
  size_t Open(std::string_view type, uint8_t version, uint32_t flags) {
    const size_t place = Open(type);
    U32(uint32_t{version} << 24 | flags);
    return place;
  }
  void Close(size_t place) {
    PutBe32(&bytes_[place], static_cast<uint32_t>(bytes_.size() - place));
  }

  void U8(unsigned v) { bytes_.push_back(static_cast<uint8_t>(v)); }
  void U16(unsigned v) {
    U8(v >> 8);
    U8(v);
  }
  void U32(uint32_t v) {
    U16(v >> 16);
    U16(v & 0xFFFF);
  }
  void U64(uint64_t v) {
    U32(static_cast<uint32_t>(v >> 32));
    U32(static_cast<uint32_t>(v));
  }
  void Zeros(size_t count) { bytes_.insert(bytes_.end(), count, 0); }
  void Text(std::string_view text) { bytes_.insert(bytes_.end(), text.begin(), text.end()); }
  void Raw(Bytes v) { bytes_.insert(bytes_.end(), v.begin(), v.end()); }

  size_t size() const { return bytes_.size(); }
  void Reserve(size_t size) { bytes_.reserve(size); }
  uint8_t* At(size_t place) { return &bytes_[place]; }
  std::vector<uint8_t> Take() { return std::move(bytes_); }

 private:
  std::vector<uint8_t> bytes_;
};

}  // namespace xg2g
