// What the first four bytes of a packet say at a glance, and of many packets at once: most need no other look.
#pragma once

#include "packet.h"

#include <bit>
#include <cstring>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace xg2g {

// Sync byte, transport error, unit start, scrambling, adaptation and continuity: all but the
// priority bit and the PID.
inline constexpr uint32_t kFastMask = 0xFFC0'00FF;
// What no masked head is: every packet of the PID is to be looked at, or every one is dropped.
inline constexpr uint32_t kNotFast = ~kFastMask;
inline constexpr uint32_t kNotSent = kNotFast - 0x100;
inline bool IsHead(uint32_t expected) { return (expected & ~kFastMask) == 0; }
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

// How many packets from p on, of `count`, are of one PID, whatever else is in them. At least one.
inline size_t CountOfPid(const uint8_t* p, size_t stride, size_t count) {
  constexpr uint32_t kSyncAndPid = 0x00FF'1FFF;
  const uint32_t same = RawHead(p) & kSyncAndPid;
  size_t n = 1;
  while (n < count && (RawHead(p + n * stride) & kSyncAndPid) == same) ++n;
  return n;
}

// How many packets follow the one at p, of `count` with it: the same head, each with the next
// continuity counter. Looks at eight at a time where the processor can, without a branch but at the
// end of them, since a wrong guess costs as much as the walk over ten packets.
inline size_t CountFollowers(const uint8_t* p, size_t stride, size_t count) {
  constexpr uint32_t kCounter = 0x0F00'0000;
  constexpr uint32_t kOne = 0x0100'0000;
  const auto next = [](uint32_t head, uint32_t steps) {
    return (head & ~kCounter) | ((head + steps * kOne) & kCounter);
  };
  uint32_t expected = next(RawHead(p), 1);
  size_t followers = 0;
#ifdef __SSE2__
  const auto four = [](uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
    return _mm_setr_epi32(static_cast<int>(a), static_cast<int>(b), static_cast<int>(c),
                          static_cast<int>(d));
  };
  const auto next_four = [&](uint32_t head) {
    return four(head, next(head, 1), next(head, 2), next(head, 3));
  };
  // The counter of the eighth packet after each: four bits that wrap.
  const __m128i eight_on = four(8 * kOne, 8 * kOne, 8 * kOne, 8 * kOne);
  __m128i first = next_four(expected), second = next_four(next(expected, 4));
  for (; followers + 8 < count; followers += 8) {
    const uint8_t* q = p + (followers + 1) * stride;
    const auto heads = [&](size_t i) {
      return four(RawHead(q + i * stride), RawHead(q + (i + 1) * stride),
                  RawHead(q + (i + 2) * stride), RawHead(q + (i + 3) * stride));
    };
    const __m128i are_first = _mm_cmpeq_epi32(heads(0), first);
    const __m128i are_second = _mm_cmpeq_epi32(heads(4), second);
    // Two bits for each packet.
    const auto good =
        static_cast<uint16_t>(_mm_movemask_epi8(_mm_packs_epi32(are_first, are_second)));
    if (good != 0xFFFF) return followers + static_cast<size_t>(std::countr_one(good)) / 2;
    first = _mm_xor_si128(first, eight_on);
    second = _mm_xor_si128(second, eight_on);
  }
  expected = next(expected, static_cast<uint32_t>(followers));
#endif
  for (; followers + 1 < count; ++followers) {
    if (RawHead(p + (followers + 1) * stride) != expected) break;
    expected = next(expected, 1);
  }
  return followers;
}

}  // namespace xg2g
