// What the first four bytes of a packet say at a glance, and of many packets at once: most need no other look.
#pragma once

#include "packet.h"

#include <bit>
#include <cstring>

namespace xg2g {

// Sync byte, transport error, unit start, scrambling, adaptation and continuity: all but the
// priority bit and the PID.
inline constexpr uint32_t kFastMask = 0xFFC0'00FF;
// What no masked head is: every packet of the PID is to be looked at.
inline constexpr uint32_t kNotFast = ~kFastMask;
// A packet of payload alone, clear, in the middle of a unit.
inline constexpr uint32_t kFastPacket = 0x4700'0010;

// The last packet of a unit: an adaptation field that says nothing fills it up.
inline constexpr uint32_t kAdaptationBit = 0x20;
inline bool IsStuffed(const uint8_t* p) { return p[4] == 0 || (p[4] <= 182 && p[5] == 0); }

// The first four bytes as they lie in memory: the continuity counter is in the uppermost byte.
inline uint32_t RawHead(const uint8_t* p) {
  uint32_t v;
  std::memcpy(&v, p, 4);
  return v;
}
static_assert(std::endian::native == std::endian::little);

inline bool IsNull(const uint8_t* p) { return (RawHead(p) & 0x00FF'1FFF) == 0x00FF'1F47; }

inline constexpr size_t kBatch = 8;
using Heads = uint32_t __attribute__((vector_size(kBatch * sizeof(uint32_t))));
inline constexpr Heads kOneToEight = {1u << 24, 2u << 24, 3u << 24, 4u << 24,
                               5u << 24, 6u << 24, 7u << 24, 8u << 24};

// How many packets follow the one at p, of `count` with it: the same head but for the priority bit,
// each with the next continuity counter. Looks at eight at a time, without a branch but at the end
// of a batch, since a wrong guess costs as much as the walk over ten packets.
inline size_t CountFollowers(const uint8_t* p, size_t stride, size_t count) {
  constexpr uint32_t kCounter = 0x0F00'0000;
  constexpr uint32_t kIgnored = 0x0000'2000;  // transport_priority
  const uint32_t same = RawHead(p) & ~kCounter & ~kIgnored;
  uint32_t counter = RawHead(p);
  size_t followers = 0;
  while (followers + kBatch < count) {
    const uint8_t* q = p + (followers + 1) * stride;
    const Heads heads = {RawHead(q),
                         RawHead(q + stride),
                         RawHead(q + 2 * stride),
                         RawHead(q + 3 * stride),
                         RawHead(q + 4 * stride),
                         RawHead(q + 5 * stride),
                         RawHead(q + 6 * stride),
                         RawHead(q + 7 * stride)};
    const Heads differs = ((heads & ~kIgnored) ^ same ^ ((counter + kOneToEight) & kCounter));
    uint64_t parts[sizeof(Heads) / sizeof(uint64_t)];
    std::memcpy(parts, &differs, sizeof parts);
    if ((parts[0] | parts[1] | parts[2] | parts[3]) != 0) {
      uint32_t mask = 0;
      for (size_t i = 0; i < kBatch; ++i) mask |= uint32_t{differs[i] != 0} << i;
      return followers + static_cast<size_t>(std::countr_zero(mask));
    }
    followers += kBatch;
    counter += 8u << 24;
  }
  return followers;
}

}  // namespace xg2g
