#include "packet.h"

#include <algorithm>

namespace xg2g {

namespace {
constexpr size_t kStrides[] = {188, 192, 204};
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
