// The broadcast itself: keeps all rules of a transport stream, and is what it says it is.
#include "broadcast.h"

#include <doctest/doctest.h>

#include <cmath>

#include "hearing.h"

using namespace xg2g::test;

TEST_CASE("Air: a valid stream, whatever is in it") {
  const Audio ac3 = {
      .pid = 0x102, .language = "eng", .sound = {{.codec = Sound::kAc3, .channels = 6}}};
  const Audio sliced = {.pid = 0x103, .pes_bytes = 700, .is_bounded = false};
  const Broadcast cases[] = {
      {},
      {.seconds = 1, .start = kPtsWrap - 45'000},
      {.seconds = 1, .neighbours = {{2, 0x30}, {3, 0x31, true, 0x300}}, .audio = {{}, ac3, sliced}},
      {.seconds = 1, .video = {.kind = Video::Kind::kNone}, .null_every = 0},
      {.seconds = 1, .video = {.kind = Video::Kind::kMpeg2}, .pcr_pid = 0x1F0},
      {.seconds = 1,
       .video = {.kind = Video::Kind::kHevc, .is_open_gop = true},
       .has_pcr = false,
       .begins_flagged = true},
      {.seconds = 1, .audio = {{.frames_per_pes = 5, .pts_every = 3, .is_scrambled = {0.3, 0.6}}}},
  };
  for (const Broadcast& b : cases) {
    const Aired aired = Air(b);
    const TsDump dump = ReadTs(aired.ts);
    CHECK(dump.Faults() == "");
    CHECK(dump.LastPmt().Find(0x101) != nullptr);
    CHECK(dump.Pids().contains(0x11));
  }
}

TEST_CASE("Air: pictures and sound are where it says") {
  const Aired aired = Air({.start = kPtsWrap - 90'000, .audio = {{.frames_per_pes = 3}}});
  const TsDump dump = ReadTs(aired.ts);
  const auto pictures = dump.Units(0x100);
  REQUIRE(pictures.size() == aired.pictures.size());
  for (size_t i = 0; i < pictures.size(); ++i) {
    CHECK(pictures[i].pts == aired.pictures[i].pts);
    CHECK(pictures[i].is_random_access == aired.pictures[i].is_access);
  }
  const auto units = dump.Units(0x101);
  REQUIRE(units.size() == (aired.sound[0].size() + 2) / 3);
  for (size_t i = 0; i < units.size(); ++i) CHECK(units[i].pts == aired.sound[0][i * 3].pts);
  // 24 ms for each frame of MP2.
  for (size_t i = 1; i < aired.sound[0].size(); ++i)
    CHECK(((aired.sound[0][i].pts - aired.sound[0][i - 1].pts) & (kPtsWrap - 1)) == 2160);
}

TEST_CASE("Air: the PMT follows what is announced, with a new version each time") {
  const Aired aired =
      Air({.new_versions = {0.55}, .audio = {{}, {.pid = 0x102, .announced = {1, kForever}}}});
  std::vector<std::pair<uint8_t, size_t>> seen;
  for (const auto& sent : ReadTs(aired.ts).pmts) {
    const std::pair<uint8_t, size_t> now = {sent.table.version, sent.table.streams.size()};
    if (seen.empty() || seen.back() != now) seen.push_back(now);
  }
  CHECK(seen == std::vector<std::pair<uint8_t, size_t>>{{3, 2}, {4, 2}, {5, 3}});
}

TEST_CASE("Air: a change of rate leaves no gap") {
  const Aired aired = Air({.audio = {{.sound = {{}, {.from = 1, .rate = 44100}}}}});
  const auto& frames = aired.sound[0];
  for (size_t i = 1; i < frames.size(); ++i) {
    const double step = static_cast<double>((frames[i].pts - frames[i - 1].pts) & (kPtsWrap - 1));
    CHECK(std::abs(step - 1152.0 * 90'000 / frames[i - 1].rate) < 1);
  }
  CHECK(frames.front().rate == 48000);
  CHECK(frames.back().rate == 44100);
}

TEST_CASE("LosePackets, RepeatPackets, Widen: what they say and no more") {
  const Data ts = Air({.seconds = 0.5}).ts;
  const TsDump lost = ReadTs(LosePackets(ts, 0x101, 10, 3));
  CHECK(lost.CountFaults(FaultKind::kContinuity, 0x101) == 1);
  CHECK(lost.CountFaults(FaultKind::kContinuity, 0x100) == 0);
  CHECK(LosePackets(ts, kTsNullPid, 5, 7).size() == ts.size() - 7 * kTsBytes);
  CHECK(ReadTs(RepeatPackets(ts, 0x101, 4)).Faults() == "");
  CHECK(Widen(ts, 4, 0).size() == ts.size() / 188 * 192);
  CHECK(Widen(ts, 0, 16).size() == ts.size() / 188 * 204);
}

TEST_CASE("LateBy: finds how late sound is, over the wrap too") {
  const Aired aired = Air({.start = kPtsWrap - 50'000});
  const auto source = Hear(aired.sound[0]);
  for (const int64_t shift : {0, 9, -300, 1800}) {
    auto moved = source;
    for (Heard& h : moved) h.pts = (h.pts + shift) & (kPtsWrap - 1);
    const double late = LateBy(source, moved, aired.sound[0][0].pts + 9000, 1);
    CHECK(std::abs(late - static_cast<double>(shift)) < 1);
  }
}
