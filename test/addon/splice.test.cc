// A source that begins anew while a player goes on reading: one time line, sound and picture as far
// apart as they were, nothing on any PID that is not flagged.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "broadcast.h"
#include "hearing.h"
#include "remux.h"
#include "remuxer.h"

namespace xg2g::test {
namespace {

constexpr uint16_t kVideoPid = 0x100, kAudioPid = 0x101;
constexpr int64_t kLeastStep = 1800, kMostStep = 9000;  // 20 and 100 ms

struct Spliced {
  Data before = {}, after = {};
  int64_t last_time = kNoTime, shift = 0;  // of the first; of the second
  std::vector<Mark> marks = {};            // of the second

  Data Both() const {
    Data both = before;
    both.insert(both.end(), after.begin(), after.end());
    return both;
  }
};

Data RunToEnd(Remuxer& remuxer, View in) {
  Data out;
  const auto append = [&](const Data& more) { out.insert(out.end(), more.begin(), more.end()); };
  for (; !in.empty(); in = in.subspan(std::min<size_t>(in.size(), 1316)))
    append(Feed(remuxer, in.first(std::min<size_t>(in.size(), 1316))));
  remuxer.Flush();
  append(Drain(remuxer));
  return out;
}

Spliced Splice(View first, View second, RemuxerSettings settings = {}) {
  Spliced out;
  Remuxer before(settings);
  out.before = RunToEnd(before, first);
  out.last_time = before.last_time();
  settings.is_resumed = true;
  settings.continue_from = before.last_time();
  settings.shift = before.shift();
  if (before.program()) settings.tables_version = before.program()->next_version();
  Remuxer after(settings);
  out.after = RunToEnd(after, second);
  out.shift = after.shift();
  out.marks = after.TakeMarks();
  return out;
}

int64_t HighestPts(const TsDump& dump) {
  int64_t highest = kAbsent;
  for (const PesUnit& unit : dump.units)
    if (unit.pts != kAbsent && (highest == kAbsent || WrapDistance(unit.pts, highest) > 0))
      highest = unit.pts;
  return highest;
}

int64_t LowestTime(const TsDump& dump) {
  int64_t lowest = kAbsent;
  for (const PesUnit& unit : dump.units)
    for (const int64_t time : {unit.pts, unit.dts})
      if (time != kAbsent && (lowest == kAbsent || WrapDistance(time, lowest) < 0)) lowest = time;
  return lowest;
}

std::vector<int64_t> Pcrs(const TsDump& dump) {
  std::vector<int64_t> out;
  for (const TsPacket& p : dump.packets)
    if (p.pcr != kAbsent) out.push_back(p.pcr);
  return out;
}

// Everything on the PID is as it came in, but for time stamps that are later by `shift`.
void CheckMoved(const TsDump& in, const TsDump& out, uint16_t pid, int64_t shift) {
  CHECK((in.Es(pid) == out.Es(pid)));
  const auto before = in.Units(pid), after = out.Units(pid);
  REQUIRE(before.size() == after.size());
  for (size_t i = 0; i < before.size(); ++i) {
    CHECK((before[i].pts == kAbsent) == (after[i].pts == kAbsent));
    CHECK((before[i].dts == kAbsent) == (after[i].dts == kAbsent));
    if (before[i].pts != kAbsent) CHECK(WrapPts(before[i].pts + shift) == after[i].pts);
    if (before[i].dts != kAbsent) CHECK(WrapPts(before[i].dts + shift) == after[i].dts);
  }
}

void CheckClock(const TsDump& in, const TsDump& out, int64_t shift) {
  const auto before = Pcrs(in), after = Pcrs(out);
  REQUIRE(before.size() == after.size());
  for (size_t i = 0; i < before.size(); ++i)
    CHECK(WrapDistance(after[i], before[i] + shift * kPcrPerTick, kPcrModulus) == 0);
}

// On every PID the first packet says that its counter does not go on.
void CheckFlags(const TsDump& after) {
  std::set<uint16_t> seen;
  for (const TsPacket& p : after.packets)
    if (seen.insert(p.pid).second) {
      CAPTURE(p.pid);
      CHECK(p.is_discontinuity);
    }
}

void CheckContinuity(const Spliced& spliced) {
  const Data both = spliced.Both();
  for (const Fault& fault : ReadTs(both).faults) {
    CAPTURE(fault.what);
    CHECK_MESSAGE(fault.kind != FaultKind::kContinuity, "PID " << fault.pid);
  }
}

}  // namespace

TEST_CASE("Splice: time goes on, whatever the new source's clock says") {
  for (const auto kind : {Video::Kind::kH264, Video::Kind::kMpeg2, Video::Kind::kHevc})
    for (const int64_t start : {int64_t{0}, int64_t{900'000}, int64_t{5'000'000'000}, kPtsWrap - 60'000})
      for (const int64_t again : {int64_t{900'000}, kPtsWrap - 90'000}) {
        CAPTURE(start);
        CAPTURE(again);
        const Aired first = Air({.start = start, .video = {.kind = kind}});
        const Aired second = Air({.start = again, .video = {.kind = kind}, .seed = 2});
        // The connection breaks in the middle of a packet.
        const View cut = View(first.ts).first(first.ts.size() - 100 * kTsBytes - 77);
        const Spliced out = Splice(cut, second.ts);
        const TsDump in = ReadTs(second.ts), before = ReadTs(out.before), after = ReadTs(out.after);
        CHECK(after.Faults() == "");
        CHECK(out.last_time == HighestPts(before));
        const int64_t step = WrapDistance(LowestTime(after), out.last_time);
        CHECK(step >= kLeastStep);
        CHECK(step <= kMostStep);
        CheckMoved(in, after, kVideoPid, out.shift);
        CheckClock(in, after, out.shift);
        CheckFlags(after);
        CheckContinuity(out);
        CHECK(Pcrs(before).back() != Pcrs(after).front());
        CHECK(WrapDistance(Pcrs(after).front(), Pcrs(before).back(), kPcrModulus) > 0);
      }
}

TEST_CASE("Splice: sound stays as far from the picture as it was") {
  for (const Passage& sound : {Passage{.codec = Sound::kMp2}, Passage{.codec = Sound::kAc3, .rate = 44100}}) {
    const Aired first = Air({.start = 7'000'000, .audio = {{.sound = {sound}}}});
    const Aired second = Air({.start = 1'000, .audio = {{.sound = {sound}}}});
    const Spliced out = Splice(first.ts, second.ts);
    auto frames = FramesOf(ReadTs(out.after), kAudioPid);
    REQUIRE(!frames.empty());
    for (CodedFrame& frame : frames) frame.pts = WrapPts(frame.pts - out.shift);
    const int64_t from = WrapPts(second.sound[0][0].pts + kTicksPerSecond / 5);
    CHECK(std::abs(LateBy(Hear(second.sound[0]), Hear(frames), from, 1.3, sound.rate)) <= 9);
  }
}

TEST_CASE("Splice: a source that goes on by itself keeps its times") {
  const Aired first = Air({.start = 900'000, .audio = {{.lead = 0.3}}});
  const int64_t end = Splice(first.ts, first.ts).last_time;
  const Aired again = Air({.start = 900'000, .audio = {{.lead = 0.3}}});
  const int64_t lowest = LowestTime(ReadTs(again.ts));
  for (const int64_t gap : {-9000, 0, 1, 3600, 44'000, 45'000, 46'000}) {
    CAPTURE(gap);
    const Aired later =
        Air({.start = 900'000 + WrapDistance(end, lowest) + gap, .audio = {{.lead = 0.3}}});
    const Spliced out = Splice(first.ts, later.ts);
    CHECK((out.shift == 0) == (gap > 0 && gap <= 45'000));
    CheckMoved(ReadTs(later.ts), ReadTs(out.after), kVideoPid, out.shift);
  }
}

TEST_CASE("Splice: once moved, what goes on by itself keeps the same offset") {
  const Aired first = Air({.start = 90'000'000});
  const Aired second = Air({.start = 1'000'000});
  const Spliced out = Splice(first.ts, second.ts);
  REQUIRE(out.shift != 0);
  SUBCASE("another thread takes over in the middle") {
    const size_t half = second.ts.size() / 2;
    Remuxer rest({.is_resumed = true, .shift = out.shift});
    const TsDump after = ReadTs(RunToEnd(rest, View(second.ts).subspan(half)));
    CHECK(rest.shift() == out.shift);
    for (const PesUnit& unit : after.Units(kVideoPid))
      CHECK(std::ranges::any_of(second.pictures, [&](const Picture& picture) {
        return WrapPts(picture.pts + out.shift) == unit.pts;
      }));
    CheckFlags(after);
  }
  SUBCASE("another connection to it") {
    const TsDump dump = ReadTs(out.after);
    const int64_t sent = WrapDistance(HighestPts(dump), LowestTime(dump));
    const Aired third = Air({.start = 1'000'000 + sent + 9000});
    Remuxer rest({.is_resumed = true, .shift = out.shift, .continue_from = HighestPts(dump)});
    RunToEnd(rest, third.ts);
    CHECK(rest.shift() == out.shift);
  }
}

TEST_CASE("Splice: radio, whose clock lies with the sound") {
  for (const AudioTarget target : {AudioTarget::kAac, AudioTarget::kMp3, AudioTarget::kCopy}) {
    CAPTURE(static_cast<int>(target));
    const Broadcast radio{.start = 50'000'000, .video = {.kind = Video::Kind::kNone}};
    const Aired first = Air(radio);
    const Aired second = Air({.start = 4'000'000, .video = {.kind = Video::Kind::kNone}});
    const Spliced out = Splice(first.ts, second.ts, {.audio = target});
    const TsDump in = ReadTs(second.ts), before = ReadTs(out.before), after = ReadTs(out.after);
    CHECK(out.shift != 0);
    CHECK(after.Faults() == "");
    CHECK(out.last_time == HighestPts(before));
    const int64_t step = WrapDistance(LowestTime(after), out.last_time);
    CHECK(step > 0);
    CHECK(step <= kMostStep);
    CheckClock(in, after, out.shift);
    if (target == AudioTarget::kCopy) CheckMoved(in, after, kAudioPid, out.shift);
    CheckFlags(after);
    CheckContinuity(out);
    if (target == AudioTarget::kCopy) continue;
    REQUIRE(!out.marks.empty());
    for (const Mark& mark : out.marks)
      CHECK(std::ranges::any_of(after.Units(kAudioPid),
                                [&](const PesUnit& unit) { return unit.pts == mark.pts; }));
  }
}

TEST_CASE("Splice: the source's sound beside ours, and further tracks, move with it") {
  const std::vector<Audio> tracks = {{.pid = kAudioPid}, {.pid = 0x102, .language = "eng"}};
  const Aired first = Air({.start = 50'000'000, .audio = tracks});
  const Aired second = Air({.start = 4'000'000, .audio = tracks});
  const Spliced out = Splice(first.ts, second.ts, {.keeps_original = true});
  const TsDump in = ReadTs(second.ts), after = ReadTs(out.after);
  CHECK(after.Faults() == "");
  CheckFlags(after);
  CheckContinuity(out);
  for (const uint16_t pid : {0x1E00, 0x1E01}) {
    const auto source = in.Units(pid - 0x1E00 + kAudioPid), sent = after.Units(pid);
    REQUIRE(source.size() == sent.size());
    for (size_t i = 0; i < source.size(); ++i)
      CHECK(WrapPts(source[i].pts + out.shift) == sent[i].pts);
  }
}

TEST_CASE("Splice: marks tell the time that a player sees") {
  const Aired first = Air({.start = 50'000'000});
  const Aired second = Air({.start = 4'000'000});
  const Spliced out = Splice(first.ts, second.ts);
  const TsDump after = ReadTs(out.after);
  REQUIRE(!out.marks.empty());
  for (const Mark& mark : out.marks) {
    const auto units = after.Units(kVideoPid);
    const auto unit = std::ranges::find(units, mark.offset, &PesUnit::offset);
    REQUIRE(unit != units.end());
    CHECK(unit->pts == mark.pts);
    const auto pcrs = Pcrs(after);
    CHECK(std::ranges::find(pcrs, mark.pcr) != pcrs.end());
  }
}

TEST_CASE("Splice: new tables have a version that the player has not seen") {
  const Aired first = Air({.start = 50'000'000});
  const Spliced out = Splice(first.ts, Air({.start = 4'000'000}).ts);
  const auto& before = ReadTs(out.before).pmts;
  const auto& after = ReadTs(out.after).pmts;
  REQUIRE(!before.empty());
  REQUIRE(!after.empty());
  CHECK(after.front().table.version == ((before.back().table.version + 1) & 0x1F));
}

TEST_CASE("Splice: what is scrambled cannot be moved, so its clock is not") {
  const Aired first = Air({.start = 50'000'000});
  const Aired second = Air({.start = 4'000'000,
                            .video = {.is_scrambled = {0, kForever}},
                            .audio = {{.is_scrambled = {0, kForever}}}});
  const Spliced out = Splice(first.ts, second.ts);
  CHECK(out.shift == 0);
  CheckClock(ReadTs(second.ts), ReadTs(out.after), 0);
  CheckFlags(ReadTs(out.after));
}

TEST_CASE("Splice: time stamps of every kind, cut where they will be") {
  constexpr uint16_t kSubtitlePid = 0x110, kDataPid = 0x111;
  const Pat pat{.programs = {{1, 0x20}}};
  const Pmt pmt{.pcr_pid = kVideoPid,
                .streams = {{0x1B, kVideoPid}, {0x06, kSubtitlePid, {{0x59, Data(8, 1)}}}, {0x05, kDataPid}}};
  // Payload bytes in the first packet of each PES: the header is cut everywhere, or not at all.
  for (size_t room = 1; room <= 24; ++room)
    for (const int64_t base : {int64_t{1'000'000}, kPtsWrap - 8000}) {
      CAPTURE(room);
      TsWriter ts;
      ts.PutTables(pat, {pmt});
      const auto put = [&](uint16_t pid, const Data& pes, int64_t pcr) {
        PacketFields first{.pid = pid, .is_start = true, .pcr = pcr};
        first.stuffing = 184 - room;
        const size_t taken = ts.Put(first, pes);
        CHECK(taken == room);
        // Another PID comes between.
        ts.Put({.pid = kDataPid}, Data(184, 0xFF));
        ts.PutPes(pid, View(pes).subspan(taken), {.is_start = false});
      };
      for (int i = 0; i < 12; ++i) {
        const int64_t dts = WrapPts(base + i * 3600);
        const bool has_time = i % 4 != 3;
        put(kVideoPid,
            Pes({.pts = has_time ? WrapPts(dts + 7200) : kAbsent, .dts = has_time ? dts : kAbsent}, Data(400, 9)),
            WrapPts(dts - 9000) * kPcrPerTick + 123);
        if (i % 3 == 0) put(kSubtitlePid, Pes({.stream_id = 0xBD, .pts = WrapPts(dts + 90)}, Data(60, 3)), kAbsent);
      }
      RemuxerSettings settings{.audio = AudioTarget::kCopy, .is_resumed = true};
      settings.continue_from = 3'000'000'000;
      Remuxer remuxer(settings);
      const Data out = RunToEnd(remuxer, ts.bytes());
      const TsDump in_dump = ReadTs(ts.bytes()), out_dump = ReadTs(out);
      CHECK(remuxer.shift() != 0);
      for (const uint16_t pid : {kVideoPid, kSubtitlePid})
        CheckMoved(in_dump, out_dump, pid, remuxer.shift());
      CheckClock(in_dump, out_dump, remuxer.shift());
      CHECK((in_dump.Es(kDataPid) == out_dump.Es(kDataPid)));
      CheckFlags(out_dump);
    }
}

TEST_CASE("Splice: a unit that is said to start in a packet without payload begins no header") {
  TsWriter ts;
  ts.PutTables({.programs = {{1, 0x20}}}, {{.pcr_pid = kVideoPid, .streams = {{0x1B, kVideoPid}}}});
  const Data pes = Pes({.pts = 1'000'000}, Data(100, 9));
  ts.PutPes(kVideoPid, pes, {.pcr = 900'000 * kPcrPerTick});
  ts.Put({.pid = kVideoPid, .is_start = true, .has_payload = false});
  ts.Put({.pid = kVideoPid}, pes);  // picture that looks like a header
  RemuxerSettings settings{.is_resumed = true};
  settings.continue_from = 3'000'000'000;
  Remuxer remuxer(settings);
  const Data out = RunToEnd(remuxer, ts.bytes());
  CHECK(remuxer.shift() != 0);
  View last;
  const TsDump dump = ReadTs(out);
  for (const TsPacket& packet : dump.packets)
    if (packet.pid == kVideoPid) last = packet.payload;
  CHECK(std::ranges::equal(last, pes));
}

TEST_CASE("Splice: OPCR moves with the PCR, extensions and all else stay") {
  uint8_t packet[kTsBytes] = {0x47, 0x41, 0x00, 0x30, 20, 0x98, 0xFF, 0xFF, 0xFF, 0xFF, 0xFE | 0x01, 0x2C,
                              0x12, 0x34, 0x56, 0x78, 0x7F, 0x11};
  uint8_t moved[kTsBytes];
  std::memcpy(moved, packet, kTsBytes);
  REQUIRE(Packet(packet).IsValid());
  ShiftClocks(moved, 3);
  CHECK(Packet(packet).pcr() == (kPtsModulus - 1) * kPcrPerTick + 0x12C);
  CHECK(Packet(moved).pcr() == 2 * kPcrPerTick + 0x12C);
  CHECK((moved[10] & 0x7E) == (packet[10] & 0x7E));
  const int64_t opcr = int64_t{0x12345678} << 1;
  CHECK((int64_t{Be32(moved + 12)} << 1 | moved[16] >> 7) == opcr + 3);
  CHECK((moved[16] & 0x7F) == 0x7F);
  CHECK(moved[17] == 0x11);
  ShiftClocks(moved, -3);
  CHECK(std::memcmp(moved, packet, kTsBytes) == 0);
  // An OPCR for which there is no room is none.
  packet[4] = 8;
  std::memcpy(moved, packet, kTsBytes);
  ShiftClocks(moved, 3);
  CHECK(std::memcmp(moved + 12, packet + 12, kTsBytes - 12) == 0);
}

TEST_CASE("Splice: without a PES header in time, the clock is taken") {
  TsWriter ts;
  ts.PutTables({.programs = {{1, 0x20}}}, {{.pcr_pid = kVideoPid, .streams = {{0x1B, kVideoPid}}}});
  for (int i = 0; i < 50; ++i)
    ts.Put({.pid = kVideoPid, .pcr = (1'000'000 + i * 3600) * kPcrPerTick}, Data(100, 9));
  Remuxer remuxer({.is_resumed = true, .continue_from = 70'000'000});
  const TsDump out = ReadTs(RunToEnd(remuxer, ts.bytes()));
  REQUIRE(!Pcrs(out).empty());
  const int64_t step = Pcrs(out).front() / kPcrPerTick - 70'000'000;
  CHECK(step >= kLeastStep);
  CHECK(step <= kMostStep);
}

}  // namespace xg2g::test
