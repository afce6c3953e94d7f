// What the fuzz targets share: fields taken off the front of the input, a check that ends the
// process, and the mending of what no mutation gets right by chance.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <span>
#include <vector>

#include "test/addon/ts.h"

namespace xg2g::fuzz {

using test::Data;
using test::View;

inline void Require(bool is_so, const char* what) {
  if (is_so) return;
  std::fprintf(stderr, "not so: %s\n", what);
  std::abort();
}

// Reads the input from its front; past its end everything is 0.
class Input {
 public:
  Input(const uint8_t* data, size_t size) : rest_(data, size) {}

  uint8_t Byte() {
    if (rest_.empty()) return 0;
    const uint8_t byte = rest_[0];
    rest_ = rest_.subspan(1);
    return byte;
  }
  unsigned Word() {
    const unsigned high = Byte();
    return high << 8 | Byte();
  }
  View Take(size_t size) {
    const View taken = rest_.first(std::min(size, rest_.size()));
    rest_ = rest_.subspan(taken.size());
    return taken;
  }
  View Rest() { return Take(rest_.size()); }
  bool IsEmpty() const { return rest_.empty(); }

 private:
  View rest_;
};

// Sizes of pieces, 1 .. most.
class Pieces {
 public:
  Pieces(unsigned seed, size_t most) : random_(seed), most_(most) {}
  size_t Next() { return 1 + random_() % most_; }

 private:
  std::minstd_rand random_;
  size_t most_;
};

// Writes the CRC that the section ought to have into its last four bytes.
inline void MendCrc(const std::vector<uint8_t*>& section) {
  Data bytes;
  for (size_t i = 0; i + 4 < section.size(); ++i) bytes.push_back(*section[i]);
  const uint32_t crc = test::Crc32(bytes);
  for (size_t i = 0; i < 4; ++i)
    *section[section.size() - 4 + i] = static_cast<uint8_t>(crc >> (24 - 8 * i));
}

// The CRC of each section that begins in a packet of 188 bytes, on any PID.
inline void MendSections(Data& ts) {
  std::map<unsigned, std::vector<uint8_t*>> open;
  for (size_t at = 0; at + test::kTsBytes <= ts.size(); at += test::kTsBytes) {
    uint8_t* const p = ts.data() + at;
    if (!(p[3] & 0x10)) continue;
    size_t place = p[3] & 0x20 ? 5u + p[4] : 4u;
    std::vector<uint8_t*>& section = open[(p[1] & 0x1Fu) << 8 | p[2]];
    if (p[1] & 0x40) {
      section.clear();
      if (place < test::kTsBytes) place += 1u + p[place];
      if (place >= test::kTsBytes || p[place] > 0x7F) continue;
    } else if (section.empty()) {
      continue;
    }
    for (; place < test::kTsBytes; ++place) {
      section.push_back(p + place);
      if (section.size() < 3) continue;
      const size_t size = 3 + ((*section[1] & 0x0Fu) << 8 | *section[2]);
      if (section.size() < size) continue;
      if (size >= 12 && size <= 1024) MendCrc(section);
      section.clear();
      if (place + 1 < test::kTsBytes && p[place + 1] > 0x7F) break;
    }
  }
}

inline void MendSync(Data& ts) {
  for (size_t at = 0; at < ts.size(); at += test::kTsBytes) ts[at] = 0x47;
}

}  // namespace xg2g::fuzz
