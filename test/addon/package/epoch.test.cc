#include "package/epoch.h"

#include <doctest/doctest.h>

#include "ts.h"

using namespace xg2g;
using test::Data;

namespace {
constexpr int64_t kNowMs = 1'767'644'100'000;  // 2026-01-05 20:15 UTC
constexpr int64_t kNow = kNowMs * 90;
}  // namespace

TEST_CASE("NearestTime: the wraps are counted by the clock, to 13 hours on either side") {
  for (const int64_t apart : {int64_t{0}, int64_t{1}, kPtsModulus / 2 - 1, -kPtsModulus / 2}) {
    const int64_t time = kNow + apart;
    CHECK(NearestTime(WrapPts(time), kNow) == time);
  }
  CHECK(NearestTime(WrapPts(kNow + kPtsModulus / 2), kNow) == kNow - kPtsModulus / 2);
  CHECK(NearestTime(kPtsModulus - 1, 0) == kPtsModulus - 1);  // not before 1970
}

TEST_CASE("Epoch: two that begin hours apart tell the same time") {
  const int64_t start = kNow - 3'000'000'000;
  Epoch early(kNowMs), late(kNowMs + 7 * 3'600'000);
  int64_t time = start;
  early.Advance(WrapPts(time));
  for (; time < start + 7 * 3600 * kTicksPerSecond; time += kTicksPerSecond)
    CHECK_FALSE(early.Advance(WrapPts(time)));
  early.Advance(WrapPts(time));
  late.Advance(WrapPts(time));
  CHECK(early.time() == time);
  CHECK(late.time() == time);
}

TEST_CASE("Epoch: time goes on over the wrap") {
  Epoch epoch(kNowMs);
  int64_t before = 0;
  for (int64_t stamp = kPtsModulus - 36'000; stamp < kPtsModulus + 36'000; stamp += 3600) {
    CHECK_FALSE(epoch.Advance(WrapPts(stamp)));
    if (before > 0) CHECK(epoch.time() - before == 3600);
    before = epoch.time();
  }
}

TEST_CASE("Epoch: a gap keeps the time, another time line is joined to the one before") {
  Epoch epoch(0);
  epoch.Advance(1'000'000);
  epoch.Advance(1'003'600);
  SUBCASE("a gap") {
    CHECK(epoch.Advance(1'003'600 + 5 * kTicksPerSecond));
    CHECK(epoch.time() == 1'003'600 + 5 * kTicksPerSecond);
  }
  SUBCASE("a step back") {
    CHECK(epoch.Advance(500'000));
    CHECK(epoch.time() == 1'007'200);
    CHECK(epoch.TimeOf(500'900) == 1'008'100);
    CHECK_FALSE(epoch.Advance(503'600));
    CHECK(epoch.time() == 1'010'800);
  }
  SUBCASE("far ahead") {
    CHECK(epoch.Advance(1'000'000'000));
    CHECK(epoch.time() == 1'007'200);
  }
}

TEST_CASE("WallClock: ours holds, until the broadcast's is far from it") {
  WallClock clock(kNowMs);
  clock.Begin(1'000'000);
  CHECK(clock.At(1'000'000 + 90'000) == kNowMs + 1000);
  clock.Correct(1'000'000 + 900'000, kNowMs + 11'500);
  CHECK(clock.At(1'000'000) == kNowMs);
  clock.Correct(1'000'000 + 900'000, kNowMs + 3'610'000);
  CHECK(clock.At(1'000'000) == kNowMs + 3'600'000);
}

TEST_CASE("ReadUtcMs: TDT and TOT, and nothing else") {
  // EN 300 468, annex C: 93/10/13 12:45:00 is C079124500.
  const Data utc = {0xC0, 0x79, 0x12, 0x45, 0x00};
  const auto read = [&](uint8_t table, size_t shorter = 0) {
    test::TsWriter ts;
    Data payload = {0, table, 0x70, 0x05};
    payload.insert(payload.end(), utc.begin(), utc.end() - static_cast<long>(shorter));
    ts.Put({.pid = kTdtPid, .is_start = true}, payload);
    return ReadUtcMs(Packet(ts.bytes().data()));
  };
  CHECK(read(0x70) == 750'516'300'000);
  CHECK(read(0x73) == 750'516'300'000);
  CHECK(read(0x71) == kNoTime);
  CHECK(read(0x70, 1) == kNoTime);
}
