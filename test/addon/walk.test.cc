// The hot loop of the walk: what looks almost like the packet that was expected.
#include <doctest/doctest.h>

#include <algorithm>

#include "broadcast.h"
#include "remux.h"

namespace xg2g::test {

TEST_CASE("Remuxer: zeros in the place of a packet do not pass as one") {
  const Aired aired = Air({.seconds = 0.5});
  const auto has_sync = [](const Data& ts) {
    for (size_t at = 0; at < ts.size(); at += kTsBytes)
      if (ts[at] != 0x47) return false;
    return ts.size() % kTsBytes == 0;
  };
  const size_t packets = aired.ts.size() / kTsBytes;
  for (size_t at = 0; at < packets; at += at + 7 < packets ? 7 : 1) {
    Data damaged = aired.ts;
    std::fill_n(damaged.begin() + static_cast<ptrdiff_t>(at * kTsBytes), kTsBytes, 0);
    CAPTURE(at);
    CHECK(has_sync(Remux(damaged).ts));
  }
}

TEST_CASE("Remuxer: each bit of the head of a packet in a run is looked at") {
  // Runs of one PID, long enough for several packets to be looked at together.
  const Aired aired = Air({.seconds = 0.4, .video = {.picture_bytes = 40'000}, .audio = {}});
  const auto noticed = [](const RemuxerStats& s) {
    return s.continuity_errors + s.tei_packets + s.scrambled_packets + s.dropped_packets +
           s.invalid_packets + s.duplicates + s.clear_units - s.packets_in;
  };
  const uint64_t clean = noticed(Remux(aired.ts).stats);
  constexpr size_t kPriority = 10;    // says nothing
  constexpr size_t kAdaptation = 26;  // what follows may then be a valid field, or not
  const size_t middle = aired.ts.size() / kTsBytes / 2;
  for (size_t at = middle; at < middle + 10; ++at) {
    for (size_t bit = 0; bit < 32; ++bit) {
      Data damaged = aired.ts;
      damaged[at * kTsBytes + bit / 8] ^= static_cast<uint8_t>(0x80 >> bit % 8);
      CAPTURE(at);
      CAPTURE(bit);
      if (bit == kAdaptation) continue;
      CHECK((noticed(Remux(damaged).stats) != clean) == (bit != kPriority));
    }
  }
}

}  // namespace xg2g::test
