#include "packet.h"

#include <algorithm>

namespace xg2g {

namespace {
constexpr size_t kStrides[] = {188, 192, 204};
constexpr size_t kClockBytes = 6;  // PCR, OPCR

// 33 bits of 90 kHz; the 15 bits after them stay.
void ShiftClock(uint8_t* p, int64_t ticks) {
  const int64_t base = WrapPts((int64_t{Be32(p)} << 1 | p[4] >> 7) + ticks);
  PutBe32(p, static_cast<uint32_t>(base >> 1));
  p[4] = static_cast<uint8_t>((p[4] & 0x7F) | (base & 1) << 7);
}

}  // namespace

// Source: ISO/IEC 13818-1, 2.4.3.4: the OPCR follows the PCR, where there is one.
void ShiftClocks(uint8_t* packet, int64_t ticks) {
  const uint8_t flags = Packet(packet).adaptation_flags();
  const uint8_t* end = packet + 5 + packet[4];
  uint8_t* at = packet + 6;
  for (const uint8_t flag : {0x10, 0x08}) {
    if (!(flags & flag)) continue;
    if (at + kClockBytes > end) return;
    ShiftClock(at, ticks);
    at += kClockBytes;
  }
}

// The first offset from which `packets` sync bytes stand at one stride, all that fit at the end
// included: text or payload that happens to hold a few 0x47 does not pass.
std::optional<PacketFinder::Lock> PacketFinder::Find(Bytes in, size_t packets) {
  for (size_t offset = 0; offset + kPacketBytes <= in.size() && offset < kMaxStride; ++offset) {
    if (in[offset] != kSyncByte) continue;
    for (const size_t stride : kStrides) {
      size_t seen = 0;
      size_t at = offset;
      while (at < in.size() && in[at] == kSyncByte) {
        ++seen;
        at += stride;
      }
      if (seen >= packets && at >= in.size()) return Lock{offset, stride};
    }
  }
  // Damage inside the window: content with the first `packets` in step.
  for (size_t offset = 0; offset + kPacketBytes <= in.size(); ++offset) {
    if (in[offset] != kSyncByte) continue;
    for (const size_t stride : kStrides) {
      size_t seen = 0;
      for (size_t at = offset; at < in.size() && in[at] == kSyncByte && seen < packets; at += stride)
        ++seen;
      if (seen >= packets) return Lock{offset, stride};
    }
  }
  return std::nullopt;
}

}  // namespace xg2g
