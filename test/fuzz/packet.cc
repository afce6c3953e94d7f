// PacketFinder and Packet: any bytes, in pieces and in one go; every accessor.
// Input: seed (2), largest piece (2), bytes.
#include "packet.h"

#include "input.h"

using namespace xg2g;
using namespace xg2g::fuzz;

namespace {

struct Found {
  std::vector<Data> packets = {};
  uint64_t losses = 0, skipped_bytes = 0;
  bool operator==(const Found&) const = default;
};

size_t g_sum = 0;  // so that nothing is left out

void Look(const Packet& p) {
  g_sum += p.error() + p.unit_start() + p.pid() + p.scrambled() + p.continuity();
  if (!p.IsValid()) return;
  g_sum +=
      p.payload().size() + p.adaptation_flags() + p.discontinuity() + p.adaptation_says_something();
  const int64_t pcr = p.pcr();
  Require(pcr == kNoTime || (pcr >= 0 && pcr < int64_t{1} << 42), "a PCR of 42 bits");
  for (const uint8_t byte : p.payload()) g_sum += byte;
}

Found Find(View in, Pieces* pieces) {
  PacketFinder finder;
  Found found;
  const auto walk = [&](const uint8_t* p, size_t stride, size_t count) {
    for (size_t i = 0; i < count; ++i, p += stride) {
      if (*p != kSyncByte) return i;
      Look(Packet(p));
      found.packets.emplace_back(p, p + kPacketBytes);
    }
    return count;
  };
  while (!in.empty()) {
    const size_t size = std::min(pieces ? pieces->Next() : in.size(), in.size());
    const Data piece(in.begin(), in.begin() + static_cast<long>(size));
    finder.Push(piece, walk, [] {});
    in = in.subspan(size);
  }
  finder.Flush(walk);
  found.losses = finder.losses();
  found.skipped_bytes = finder.skipped_bytes();
  return found;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input input(data, size);
  const unsigned seed = input.Word();
  Pieces pieces(seed, 1 + input.Word() % 2048);
  const View in = input.Rest();
  const Found whole = Find(in, nullptr);
  Require(whole == Find(in, &pieces), "the same packets however the input is cut");
  Require(whole.packets.size() * kPacketBytes + whole.skipped_bytes <= in.size() + 16,
          "no byte counts twice");
  return 0;
}
