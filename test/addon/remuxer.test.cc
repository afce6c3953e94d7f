// What a viewer would notice: picture untouched, sound in its place, nothing announced that does
// not flow, no fault in the stream.
#include "remuxer.h"

#include <doctest/doctest.h>

#include <cmath>

#include "broadcast.h"
#include "hearing.h"
#include "remux.h"

namespace xg2g::test {
namespace {

constexpr double kMostTicks = 9;  // 0.1 ms
constexpr uint16_t kVideoPid = 0x100, kAudioPid = 0x101;

// All packets of a PID, one after the other.
Data PacketsOf(View ts, uint16_t pid) {
  Data out;
  for (size_t at = 0; at + kTsBytes <= ts.size(); at += kTsBytes) {
    const View p = ts.subspan(at, kTsBytes);
    if (((p[1] & 0x1F) << 8 | p[2]) == pid) out.insert(out.end(), p.begin(), p.end());
  }
  return out;
}

int64_t After(int64_t pts, double seconds) {
  return WrapPts(pts + std::llround(seconds * kTicksPerSecond));
}

// Sound of a track lies where it was, from `from` to `to` seconds after its beginning.
void CheckSync(const std::vector<CodedFrame>& source, const std::vector<CodedFrame>& out,
               double from, double to, int rate = 48000) {
  REQUIRE(!source.empty());
  REQUIRE(!out.empty());
  const double late = LateBy(Hear(source), Hear(out), After(source[0].pts, from), to - from, rate);
  CHECK(std::abs(late) <= kMostTicks);
}

// Distances from each frame to the next, in ticks.
std::vector<int64_t> Steps(const std::vector<CodedFrame>& frames) {
  std::vector<int64_t> out;
  for (size_t i = 1; i < frames.size(); ++i)
    out.push_back(WrapDistance(frames[i].pts, frames[i - 1].pts));
  return out;
}

std::vector<std::string> Languages(const Pmt& pmt) {
  std::vector<std::string> out;
  for (const PmtStream& s : pmt.streams)
    if (const auto* d = s.Find(0x0A)) out.emplace_back(d->content.begin(), d->content.begin() + 3);
  return out;
}

Audio Track(uint16_t pid, const std::string& language, Passage sound = {}) {
  return {.pid = pid, .language = language, .sound = {sound}};
}

}  // namespace

TEST_CASE("Remuxer: picture, service tables and subtitles pass as the same bytes") {
  for (const auto kind : {Video::Kind::kH264, Video::Kind::kMpeg2, Video::Kind::kHevc}) {
    const Aired aired = Air({.video = {.kind = kind}});
    const Remuxed out = Remux(aired.ts);
    const TsDump out_dump = ReadTs(out.ts);
    CHECK(out_dump.Faults() == "");
    CHECK((PacketsOf(out.ts, kVideoPid) == PacketsOf(aired.ts, kVideoPid)));
    CHECK((PacketsOf(out.ts, 0x11) == PacketsOf(aired.ts, 0x11)));
    CHECK_FALSE(out_dump.Pids().contains(kNullPid));
  }
}

TEST_CASE("Remuxer: sound of every codec, rate and layout is where it was") {
  const Passage cases[] = {
      {.codec = Sound::kMp2},
      {.codec = Sound::kMp2, .rate = 44100},
      {.codec = Sound::kMp2, .rate = 32000, .channels = 1},
      {.codec = Sound::kMp3, .rate = 44100},
      {.codec = Sound::kAc3},
      {.codec = Sound::kAc3, .channels = 6},
      {.codec = Sound::kAc3, .rate = 44100},
      {.codec = Sound::kEac3, .channels = 6},
      {.codec = Sound::kAac, .channels = 6},
      {.codec = Sound::kLatm},
      {.codec = Sound::kLatm, .rate = 44100},
      {.codec = Sound::kDts, .channels = 6},
  };
  for (const Passage& sound : cases) {
    CAPTURE(static_cast<int>(sound.codec));
    CAPTURE(sound.rate);
    CAPTURE(sound.channels);
    const Aired aired = Air({.audio = {Track(kAudioPid, "deu", sound)}});
    const Remuxed remuxed = Remux(aired.ts);
    const TsDump dump = ReadTs(remuxed.ts);
    CHECK(dump.Faults() == "");
    const auto frames = FramesOf(dump, kAudioPid);
    REQUIRE(!frames.empty());
    CHECK(frames[0].rate == sound.rate);
    CHECK(frames[0].channels == 2);
    CheckSync(aired.sound[0], frames, 0.1, 1.7, sound.rate);
    // Every sample of the source is covered, and time goes on without a step but for rounding.
    CHECK(WrapDistance(frames[0].pts, aired.sound[0][0].pts) <= 0);
    const int64_t source_end =
        aired.sound[0].back().pts + FrameSamples(sound.codec) * kTicksPerSecond / sound.rate;
    const int64_t end = frames.back().pts + 1024 * kTicksPerSecond / sound.rate;
    CHECK(WrapDistance(end, source_end) >= -1);
    const double step = 1024.0 * kTicksPerSecond / sound.rate;
    for (const int64_t s : Steps(frames)) CHECK(std::abs(static_cast<double>(s) - step) < 1.01);
  }
}

TEST_CASE("Remuxer: sound is where it was, however the source packs it") {
  const Audio cases[] = {
      {.frames_per_pes = 5},
      {.frames_per_pes = 3, .pts_every = 4},
      {.pts_every = 7},
      {.pes_bytes = 1000},
      {.pes_bytes = 184},
      {.pes_bytes = 3000, .pts_every = 2},
      {.is_bounded = false},
      {.pts_jitter = 1},
      {.pts_grain = 90, .pts_jitter = 0},
      {.lead = 1.5},
      {.sound = {{.codec = Sound::kAc3}}, .pes_bytes = 2500},
      {.sound = {{.codec = Sound::kAc3, .rate = 44100}}, .frames_per_pes = 4, .pts_jitter = 1},
      {.sound = {{.codec = Sound::kLatm}}, .pes_bytes = 500, .is_bounded = false},
  };
  for (const Audio& audio : cases) {
    CAPTURE(&audio - cases);
    const Aired aired = Air({.audio = {audio}});
    const TsDump dump = ReadTs(Remux(aired.ts).ts);
    CHECK(dump.Faults() == "");
    CheckSync(aired.sound[0], FramesOf(dump, kAudioPid), 0.1, 1.7, audio.sound[0].rate);
  }
}

TEST_CASE("Remuxer: sound and picture over the wrap of the clock") {
  for (const int64_t before : {0, 1, 45'000, 90'000, 120'000}) {
    for (const int rate : {48000, 44100}) {
      CAPTURE(before);
      CAPTURE(rate);
      const Aired aired =
          Air({.start = kPtsModulus - before, .audio = {Track(kAudioPid, "deu", {.rate = rate})}});
      const TsDump dump = ReadTs(Remux(aired.ts).ts);
      CHECK(dump.Faults() == "");
      const auto frames = FramesOf(dump, kAudioPid);
      CheckSync(aired.sound[0], frames, 0.1, 1.7, rate);
      for (const int64_t step : Steps(frames)) CHECK(std::abs(step - 1024 * 90'000 / rate) <= 1);
      for (const test::PesUnit& unit : dump.Units(kAudioPid)) CHECK_FALSE(unit.is_discontinuity);
    }
  }
}

TEST_CASE("Remuxer: sound that is lost becomes silence of its length") {
  const Passage cases[] = {{.codec = Sound::kMp2},
                           {.codec = Sound::kAc3, .channels = 6},
                           {.codec = Sound::kEac3},
                           {.codec = Sound::kLatm},
                           {.codec = Sound::kDts, .channels = 2}};
  for (const Passage& sound : cases)
    for (const size_t count : {1, 3, 40}) {
      CAPTURE(static_cast<int>(sound.codec));
      CAPTURE(count);
      const Aired aired = Air({.seconds = 3, .audio = {Track(kAudioPid, "deu", sound)}});
      const Remuxed remuxed = Remux(LosePackets(aired.ts, kAudioPid, 120, count));
      const TsDump dump = ReadTs(remuxed.ts);
      CHECK(dump.Faults() == "");
      const auto frames = FramesOf(dump, kAudioPid);
      for (const int64_t step : Steps(frames)) CHECK(std::abs(step - 1920) <= 1);
      CheckSync(aired.sound[0], frames, 2, 2.8);
      CHECK((PacketsOf(remuxed.ts, kVideoPid) == PacketsOf(aired.ts, kVideoPid)));
    }
}

TEST_CASE("Remuxer: where sound is lost it is silent, not filled with something else") {
  const Aired aired = Air({.seconds = 3});
  // Ten frames of MP2, 240 ms, from the second 1.2 on.
  const TsDump dump = ReadTs(Remux(LosePackets(aired.ts, kAudioPid, 200, 40)).ts);
  const auto heard = Hear(FramesOf(dump, kAudioPid));
  const int64_t begin = aired.sound[0][0].pts;
  CHECK(Level(Lay(heard, After(begin, 1.25), 0.14, 48000)) < -60);
  CHECK(Level(Lay(heard, After(begin, 1.0), 0.14, 48000)) > -30);
  CHECK(Level(Lay(heard, After(begin, 1.5), 0.14, 48000)) > -30);
}

TEST_CASE("Remuxer: packets of all kinds cut out: the same position after it") {
  for (const size_t count : {10, 200, 700}) {
    CAPTURE(count);
    const Aired aired = Air({.seconds = 4, .has_sdt = false});
    const Remuxed remuxed = Remux(LosePackets(aired.ts, kNullPid, 700, count));
    const TsDump dump = ReadTs(remuxed.ts);
    // The picture has the source's gap; what is ours has none.
    CHECK(dump.faults.size() == dump.CountFaults(FaultKind::kContinuity, kVideoPid) +
                                    dump.CountFaults(FaultKind::kPes, kVideoPid));
    const auto frames = FramesOf(dump, kAudioPid);
    CheckSync(aired.sound[0], frames, 0.1, 0.6);
    CheckSync(aired.sound[0], frames, 3, 3.7);
    for (const int64_t step : Steps(frames)) CHECK(std::abs(step - 1920) <= 1);
  }
}

TEST_CASE("Remuxer: a long gap stays a gap, and is flagged") {
  const Aired aired = Air({.seconds = 8, .audio = {{}, {.pid = 0x102, .airs = {0, 1}}}});
  // Five seconds of one track.
  const auto rest = Air({.seconds = 8}).sound[0];
  const size_t packets_a_second = 4 * 42;
  const Remuxed remuxed =
      Remux(LosePackets(aired.ts, kAudioPid, packets_a_second, 4 * packets_a_second));
  const TsDump dump = ReadTs(remuxed.ts);
  CHECK(dump.Faults() == "");
  const auto frames = FramesOf(dump, kAudioPid);
  size_t gaps = 0;
  for (const int64_t step : Steps(frames)) gaps += step > 2 * kTicksPerSecond;
  CHECK(gaps == 1);
  size_t flagged = 0;
  for (const test::PesUnit& unit : dump.Units(kAudioPid)) flagged += unit.is_discontinuity;
  CHECK(flagged == 1);
  CheckSync(rest, frames, 6.5, 7.7);
}

TEST_CASE("Remuxer: the rate changes in mid-stream") {
  const Aired aired = Air({.seconds = 4.5,
                           .audio = {{.sound = {{.rate = 48000},
                                                {.from = 1.5, .rate = 44100},
                                                {.from = 3, .rate = 32000}}}}});
  const TsDump dump = ReadTs(Remux(aired.ts).ts);
  CHECK(dump.Faults() == "");
  const auto frames = FramesOf(dump, kAudioPid);
  CheckSync(aired.sound[0], frames, 0.1, 1.4, 48000);
  CheckSync(aired.sound[0], frames, 1.6, 2.9, 44100);
  CheckSync(aired.sound[0], frames, 3.1, 4.3, 32000);
  for (const int64_t step : Steps(frames)) CHECK(step > 0);
}

TEST_CASE("Remuxer: 5.1 and stereo in turns, as at each commercial break") {
  for (const unsigned channels : {2u, 6u, 1u}) {
    CAPTURE(channels);
    const Passage wide = {.codec = Sound::kAc3, .channels = 6};
    Passage narrow = {.from = 1.5, .codec = Sound::kAc3, .channels = 2};
    Passage again = wide;
    again.from = 3;
    const Aired aired = Air({.seconds = 4.5, .audio = {{.sound = {wide, narrow, again}}}});
    const TsDump dump = ReadTs(Remux(aired.ts, {.channels = channels}).ts);
    CHECK(dump.Faults() == "");
    const auto frames = FramesOf(dump, kAudioPid);
    for (const auto& [from, to, width] : {std::tuple{0.1, 1.4, 6}, {1.6, 2.9, 2}, {3.1, 4.3, 6}}) {
      CheckSync(aired.sound[0], frames, from, to);
      for (const CodedFrame& f : frames) {
        const int64_t since = WrapDistance(f.pts, aired.sound[0][0].pts);
        if (since < from * kTicksPerSecond || since > to * kTicksPerSecond) continue;
        CHECK(f.channels == (channels == 6 ? width : static_cast<int>(channels)));
      }
    }
    for (const int64_t step : Steps(frames)) CHECK(step > 0);
  }
}

TEST_CASE("Remuxer: the codec changes on the same PID, announced or not") {
  for (const bool is_announced : {true, false}) {
    CAPTURE(is_announced);
    const Aired aired = Air({.seconds = 3,
                             .audio = {{.sound = {{}, {.from = 1.5, .codec = Sound::kAc3}},
                                        .announces_changes = is_announced}}});
    const TsDump dump = ReadTs(Remux(aired.ts).ts);
    CHECK(dump.Faults() == "");
    CHECK(dump.LastPmt().Find(kAudioPid)->type == 0x0F);
    const auto frames = FramesOf(dump, kAudioPid);
    CheckSync(aired.sound[0], frames, 0.1, 1.3);
    CheckSync(aired.sound[0], frames, 1.7, 2.7);
  }
}

TEST_CASE("Remuxer: time jumps, flagged or not, forward or back") {
  for (const bool is_flagged : {true, false})
    for (const int64_t jump :
         {int64_t{40'000'000}, int64_t{-40'000'000}, int64_t{600'000}, int64_t{-250'000}}) {
      CAPTURE(is_flagged);
      CAPTURE(jump);
      const int64_t start = 1'000'000'000;
      const Aired first = Air({.start = start, .has_sdt = false});
      const Aired second =
          Air({.start = start + jump, .has_sdt = false, .begins_flagged = is_flagged, .seed = 9});
      const Remuxed remuxed = Remux(Concatenate({first.ts, second.ts}));
      const TsDump dump = ReadTs(remuxed.ts);
      // The source's own steps of the counter, where it does not flag them.
      CHECK(dump.CountFaults(FaultKind::kContinuity, kAudioPid) == 0);
      CHECK(dump.CountFaults(FaultKind::kPes, kAudioPid) == 0);
      if (is_flagged) CHECK(dump.Faults() == "");
      const auto frames = FramesOf(dump, kAudioPid);
      const auto split = std::ranges::find_if(frames, [&](const CodedFrame& f) {
        return std::abs(WrapDistance(f.pts, second.sound[0][0].pts)) < 2 * 1920;
      });
      REQUIRE(split != frames.end());
      CheckSync(first.sound[0], {frames.begin(), split}, 0.1, 1.7);
      CheckSync(second.sound[0], {split, frames.end()}, 0.1, 1.7);
      size_t flags = 0;
      for (const test::PesUnit& unit : dump.Units(kAudioPid)) flags += unit.is_discontinuity;
      CHECK(flags == 1);
      CHECK(remuxed.stats.discontinuities == 1);
    }
}

TEST_CASE("Remuxer: a step of the source's sound by some milliseconds is followed") {
  for (const double lead : {0.205, 0.195}) {
    const Aired first = Air({}),
                second = Air({.start = 900'000 + 180'000, .audio = {{.lead = lead}}});
    const TsDump dump = ReadTs(Remux(Concatenate({first.ts, second.ts})).ts);
    const auto frames = FramesOf(dump, kAudioPid);
    CheckSync(first.sound[0], frames, 0.1, 1.7);
    CheckSync(second.sound[0], frames, 0.1, 1.7);
  }
}

TEST_CASE("Remuxer: packets that come twice are heard once") {
  const Aired aired = Air({});
  const Data clean = Remux(aired.ts).ts;
  for (const uint16_t pid : {kAudioPid, uint16_t{0}, uint16_t{0x20}}) {
    const Remuxed remuxed = Remux(RepeatPackets(aired.ts, pid, 3));
    CHECK(remuxed.ts == clean);
  }
  const Remuxed all = Remux(RepeatPackets(aired.ts, kNullPid, 5));
  const TsDump dump = ReadTs(all.ts);
  CHECK(dump.Faults() == "");
  CHECK(dump.Es(kVideoPid) == ReadTs(aired.ts).Es(kVideoPid));
  CHECK(dump.Es(kAudioPid) == ReadTs(clean).Es(kAudioPid));
}

TEST_CASE("Remuxer: all tracks stay, with their languages and places") {
  const Broadcast b{.audio = {Track(0x101, "deu"),
                              Track(0x102, "eng", {.codec = Sound::kAc3, .channels = 6}),
                              Track(0x103, "fra", {.codec = Sound::kAac, .channels = 6}),
                              Track(0x104, "mis", {.codec = Sound::kLatm})}};
  const Aired aired = Air(b);
  const TsDump dump = ReadTs(Remux(aired.ts).ts);
  CHECK(dump.Faults() == "");
  CHECK(Languages(dump.pmts.front().table) == std::vector<std::string>{"deu", "eng", "fra", "mis"});
  for (size_t i = 0; i < 4; ++i) {
    CAPTURE(i);
    const auto* entry = dump.LastPmt().Find(b.audio[i].pid);
    REQUIRE(entry);
    CHECK(entry->type == 0x0F);
    CHECK(entry->Find(0x52) != nullptr);
    CheckSync(aired.sound[i], FramesOf(dump, b.audio[i].pid), 0.1, 1.7);
  }
}

TEST_CASE("Remuxer: tracks that are not asked for are neither announced nor sent") {
  const Aired aired = Air(
      {.audio = {Track(0x101, "deu"), Track(0x102, "eng"), Track(0x103, "fra")}, .pcr_pid = 0x101});
  const TsDump dump = ReadTs(Remux(aired.ts, {.languages = {"fre", "eng"}}).ts);
  CHECK(dump.Faults() == "");
  CHECK(Languages(dump.LastPmt()) == std::vector<std::string>{"fra", "eng"});
  // The clock rides on a track that is not sent: it goes on without the sound.
  CHECK(dump.Units(0x101).empty());
  std::vector<int64_t> clocks[2];
  const TsDump source = ReadTs(aired.ts);
  for (const TsPacket& p : source.packets)
    if (p.pcr != kAbsent) clocks[0].push_back(p.pcr);
  for (const TsPacket& p : dump.packets)
    if (p.pcr != kAbsent) clocks[1].push_back(p.pcr);
  CHECK(clocks[0] == clocks[1]);
}

TEST_CASE("Remuxer: the first tables are complete, and lead") {
  const Aired aired =
      Air({.audio = {Track(0x101, "deu"), Track(0x102, "eng"), Track(0x103, "fra")}});
  // Joined at any packet.
  for (size_t skip = 0; skip < 60; skip += 7) {
    CAPTURE(skip);
    const TsDump dump = ReadTs(Remux(View(aired.ts).subspan(skip * kTsBytes)).ts);
    REQUIRE(dump.packets.size() > 2);
    CHECK(dump.packets[0].pid == 0);
    CHECK(dump.packets[1].pid == 0x20);
    CHECK(dump.pmts.front().table.streams.size() == 4);
    CHECK(dump.pmts.front().table.version == dump.pmts.back().table.version);
  }
}

TEST_CASE("Remuxer: tracks that do not come are waited for, as long as was said and no longer") {
  const Aired aired = Air({.audio = {Track(0x101, "deu"), {.pid = 0x102, .airs = {9, 10}}}});
  for (const uint32_t settle_ms : {0u, 100u, 400u}) {
    CAPTURE(settle_ms);
    Remuxer remuxer({.settle_ms = settle_ms});
    int64_t first_clock = kAbsent, clock = kAbsent;
    for (const TsPacket& p : ReadTs(aired.ts).packets) {
      if (p.pcr != kAbsent) clock = p.pcr / 27'000;
      if (first_clock == kAbsent) first_clock = clock;
      if (!Feed(remuxer, p.bytes).empty()) break;
    }
    // By the clock, which comes every 40 ms.
    CHECK(clock - first_clock >= settle_ms);
    CHECK(clock - first_clock <= settle_ms + 40);
  }
}

TEST_CASE("Remuxer: a PMT over several packets") {
  const std::vector<Descriptor> many = {{0x83, Data(200, 1)}, {0x84, Data(100, 2)}};
  const Aired aired =
      Air({.video = {.descriptors = many}, .audio = {{.descriptors = many}, {.pid = 0x102}}});
  const TsDump dump = ReadTs(Remux(aired.ts).ts);
  CHECK(dump.Faults() == "");
  const PmtStream* entry = dump.LastPmt().Find(kAudioPid);
  REQUIRE(entry);
  CHECK(entry->type == 0x0F);
  CHECK(*entry->Find(0x83) == many[0]);
  CHECK(*entry->Find(0x84) == many[1]);
  CheckSync(aired.sound[0], FramesOf(dump, kAudioPid), 0.1, 1.7);
}

TEST_CASE("Remuxer: tables come at least every half second, however rare the source's are") {
  for (const double interval : {0.02, 0.1, 0.5, 2.0}) {
    CAPTURE(interval);
    const Aired aired = Air({.seconds = 5, .table_interval = interval});
    const TsDump dump = ReadTs(Remux(aired.ts).ts);
    int64_t clock = kAbsent, sent = kAbsent, longest = 0;
    size_t next = 0;
    for (const TsPacket& p : dump.packets) {
      if (p.pcr != kAbsent) clock = p.pcr / 300;
      if (next < dump.pmts.size() && dump.pmts[next].offset == p.offset) {
        ++next;
        if (sent != kAbsent && clock != kAbsent) longest = std::max(longest, clock - sent);
        sent = clock;
      }
    }
    CHECK(longest <= kTicksPerSecond / 2);
    CHECK(dump.pmts.size() <= 5 * 25);  // and not so often that they cost
  }
}

TEST_CASE("Remuxer: tables come again without any clock") {
  const Aired aired = Air({.seconds = 3, .has_pcr = false});
  const Remuxed remuxed = Remux(aired.ts);
  const TsDump dump = ReadTs(remuxed.ts);
  CHECK(dump.Faults() == "");
  CHECK(dump.pmts.size() >= 6);
  CheckSync(aired.sound[0], FramesOf(dump, kAudioPid), 0.1, 2.7);
}

TEST_CASE("Remuxer: radio, with its clock among the sound") {
  for (const double table_interval : {0.1, 1.0}) {
    const Aired aired = Air(
        {.seconds = 3, .video = {.kind = Video::Kind::kNone}, .table_interval = table_interval});
    const Remuxed remuxed = Remux(aired.ts);
    const TsDump in = ReadTs(aired.ts), dump = ReadTs(remuxed.ts);
    CHECK(dump.Faults() == "");
    CHECK(dump.LastPmt().pcr_pid == kAudioPid);
    std::vector<int64_t> clocks[2];
    for (const TsPacket& p : in.packets)
      if (p.pcr != kAbsent) clocks[0].push_back(p.pcr);
    for (const TsPacket& p : dump.packets)
      if (p.pcr != kAbsent) clocks[1].push_back(p.pcr);
    CHECK(clocks[0] == clocks[1]);
    CheckSync(aired.sound[0], FramesOf(dump, kAudioPid), 0.1, 2.7);
    // Places to join: every half second, each at a PES of sound.
    CHECK(remuxed.marks.size() >= 5);
    for (const Mark& mark : remuxed.marks) {
      CHECK(mark.kind == AccessKind::kAudio);
      const auto unit = std::ranges::find_if(
          dump.units, [&](const test::PesUnit& u) { return u.pts == mark.pts; });
      REQUIRE(unit != dump.units.end());
      CHECK(unit->offset >= mark.offset);
      CHECK(unit->offset < mark.offset + 30 * kTsBytes);
    }
  }
}

TEST_CASE("Remuxer: radio that is copied has places to join as well") {
  const Aired aired = Air({.seconds = 3, .video = {.kind = Video::Kind::kNone}});
  const Remuxed remuxed = Remux(aired.ts, {.audio = AudioTarget::kCopy});
  const TsDump dump = ReadTs(remuxed.ts);
  CHECK(remuxed.marks.size() >= 5);
  for (const Mark& mark : remuxed.marks) {
    CHECK(mark.kind == AccessKind::kAudio);
    const auto unit = std::ranges::find(dump.units, mark.offset, &test::PesUnit::offset);
    REQUIRE(unit != dump.units.end());
    CHECK(unit->pts == mark.pts);
  }
}

TEST_CASE("Remuxer: marks name the packets where a decoder can start") {
  for (const auto kind : {Video::Kind::kH264, Video::Kind::kMpeg2, Video::Kind::kHevc})
    for (const bool is_open : {false, true}) {
      const Aired aired =
          Air({.start = kPtsModulus - 60'000, .video = {.kind = kind, .is_open_gop = is_open}});
      const Remuxed remuxed = Remux(aired.ts);
      const TsDump dump = ReadTs(remuxed.ts);
      std::vector<Picture> expected;
      for (const Picture& p : aired.pictures)
        if (p.is_access) expected.push_back(p);
      REQUIRE(remuxed.marks.size() == expected.size());
      CHECK(remuxed.stats.access_points == expected.size());
      for (size_t i = 0; i < expected.size(); ++i) {
        const Mark& mark = remuxed.marks[i];
        CHECK(mark.pts == expected[i].pts);
        const auto packet = std::ranges::find(dump.packets, mark.offset, &TsPacket::offset);
        REQUIRE(packet != dump.packets.end());
        CHECK(packet->pid == kVideoPid);
        CHECK(packet->is_start);
        CHECK(packet->is_random_access);
        CHECK(mark.pcr == packet->pcr);
        const AccessKind closed = AccessKind::kIdr;
        const AccessKind open =
            kind == Video::Kind::kH264 ? AccessKind::kRecovery : AccessKind::kCra;
        CHECK(mark.kind == (kind == Video::Kind::kMpeg2 ? AccessKind::kMpeg2
                            : is_open                   ? open
                                                        : closed));
      }
    }
}

TEST_CASE("Remuxer: sound as loud as it was, downmixed like ffmpeg does") {
  const struct {
    Passage sound;
    double gain;  // dB
  } cases[] = {
      {{.codec = Sound::kMp2}, 0},
      {{.codec = Sound::kMp2, .channels = 1}, 10 * std::log10(0.5)},
      {{.codec = Sound::kAc3}, 0},
      // Left, and centre and surround 3 dB lower, from independent channels: twice the power.
      {{.codec = Sound::kAc3, .channels = 6}, 10 * std::log10(2)},
      {{.codec = Sound::kEac3, .channels = 6}, 10 * std::log10(2)},
  };
  for (const auto& c : cases) {
    CAPTURE(static_cast<int>(c.sound.codec));
    CAPTURE(c.sound.channels);
    const Aired aired = Air({.audio = {Track(kAudioPid, "deu", c.sound)}});
    // At a bitrate at which the encoder itself takes nothing off noise.
    const auto out = FramesOf(ReadTs(Remux(aired.ts, {.bitrate = 320'000}).ts), kAudioPid);
    const int64_t from = After(aired.sound[0][0].pts, 0.2);
    const double source = Level(Lay(Hear(aired.sound[0]), from, 1.4, c.sound.rate));
    const double level = Level(Lay(Hear(out), from, 1.4, c.sound.rate));
    CHECK(std::abs(level - source - c.gain) < 0.2);
  }
}

TEST_CASE("Remuxer: MP3 on request") {
  for (const int rate : {48000, 44100, 32000}) {
    const Aired aired =
        Air({.audio = {Track(kAudioPid, "deu", {.codec = Sound::kAc3, .rate = rate})}});
    const TsDump dump = ReadTs(Remux(aired.ts, {.audio = AudioTarget::kMp3}).ts);
    CHECK(dump.Faults() == "");
    CHECK(dump.LastPmt().Find(kAudioPid)->type == 0x03);
    const auto frames = FramesOf(dump, kAudioPid, Sound::kMp3);
    CheckSync(aired.sound[0], frames, 0.2, 1.7, rate);
  }
}

TEST_CASE("Remuxer: MP3 of low rates has the type of MPEG-2 audio, from the first table on") {
  const Passage low = {.codec = Sound::kMp2, .rate = 24000, .bitrate = 128'000};
  const Aired aired = Air({.audio = {Track(kAudioPid, "deu", low)}});
  const TsDump dump = ReadTs(Remux(aired.ts, {.audio = AudioTarget::kMp3, .bitrate = 96'000}).ts);
  CHECK(dump.Faults() == "");
  for (const auto& sent : dump.pmts) CHECK(sent.table.Find(kAudioPid)->type == 0x04);
  const auto frames = FramesOf(dump, kAudioPid, Sound::kMp3);
  REQUIRE(!frames.empty());
  CHECK(frames[0].rate == 24000);
  CheckSync(aired.sound[0], frames, 0.2, 1.7, 24000);
}

TEST_CASE("Remuxer: where MP3 has not the rate, sound becomes AAC and is announced as such") {
  const struct {
    Passage sound;
    size_t tables;  // which name another type, since only the decoder knows the rate
  } cases[] = {{{.codec = Sound::kAac, .rate = 96000, .channels = 6}, 0},
               {{.codec = Sound::kAac, .rate = 96000}, 0},
               {{.codec = Sound::kLatm, .rate = 96000}, 2}};
  for (const auto& c : cases) {
    const Aired aired = Air({.audio = {Track(kAudioPid, "deu", c.sound)}});
    const TsDump dump = ReadTs(Remux(aired.ts, {.audio = AudioTarget::kMp3}).ts);
    CHECK(dump.Faults() == "");
    for (size_t i = c.tables; i < dump.pmts.size(); ++i)
      CHECK(dump.pmts[i].table.Find(kAudioPid)->type == 0x0F);
    const auto frames = FramesOf(dump, kAudioPid);
    REQUIRE(!frames.empty());
    CHECK(frames[0].rate == 96000);
    CheckSync(aired.sound[0], frames, 0.2, 1.7, 96000);
  }
}

TEST_CASE("Remuxer: a rate that MP3 has not, for a while") {
  const Passage plain = {.codec = Sound::kAac, .channels = 6};
  Passage high = plain, again = plain;
  high.from = 1.5;
  high.rate = 96000;
  again.from = 3;
  const Aired aired = Air({.seconds = 4.5, .audio = {{.sound = {plain, high, again}}}});
  const TsDump dump = ReadTs(Remux(aired.ts, {.audio = AudioTarget::kMp3}).ts);
  CHECK(dump.Faults() == "");
  std::vector<int> types;
  for (const auto& sent : dump.pmts) {
    const int type = sent.table.Find(kAudioPid)->type;
    if (types.empty() || types.back() != type) types.push_back(type);
  }
  CHECK((types == std::vector<int>{0x03, 0x0F, 0x03}));
}

TEST_CASE("Remuxer: what already is what was asked for passes as it is") {
  const struct {
    Passage sound;
    AudioTarget target;
  } cases[] = {{{.codec = Sound::kAac}, AudioTarget::kAac},
               {{.codec = Sound::kAac, .channels = 1}, AudioTarget::kAac},
               {{.codec = Sound::kMp3}, AudioTarget::kMp3},
               {{.codec = Sound::kAc3, .channels = 6}, AudioTarget::kCopy},
               {{.codec = Sound::kMp2}, AudioTarget::kCopy}};
  for (const auto& c : cases) {
    CAPTURE(static_cast<int>(c.sound.codec));
    const Aired aired = Air({.audio = {Track(kAudioPid, "deu", c.sound)}});
    const Data out = Remux(aired.ts, {.audio = c.target}).ts;
    CHECK(ReadTs(out).Faults() == "");
    CHECK((PacketsOf(out, kAudioPid) == PacketsOf(aired.ts, kAudioPid)));
  }
}

TEST_CASE("Remuxer: stereo that passes and 5.1 that is turned, in turns") {
  const Passage narrow = {.codec = Sound::kAac};
  const Passage wide = {.from = 1.5, .codec = Sound::kAac, .channels = 6};
  Passage again = narrow;
  again.from = 3;
  const Aired aired = Air({.seconds = 4.5, .audio = {{.sound = {narrow, wide, again}}}});
  const Remuxed remuxed = Remux(aired.ts);
  const TsDump dump = ReadTs(remuxed.ts);
  CHECK(dump.Faults() == "");
  const auto frames = FramesOf(dump, kAudioPid);
  for (const CodedFrame& f : frames) CHECK(f.channels == 2);
  CheckSync(aired.sound[0], frames, 0.1, 1.4);
  CheckSync(aired.sound[0], frames, 1.6, 2.9);
  CheckSync(aired.sound[0], frames, 3.1, 4.3);
}

TEST_CASE("Remuxer: the original goes beside on request") {
  const Aired aired = Air(
      {.audio = {Track(0x101, "deu", {.codec = Sound::kAc3, .channels = 6}), Track(0x102, "eng")}});
  const TsDump in = ReadTs(aired.ts);
  const TsDump dump = ReadTs(Remux(aired.ts, {.keeps_original = true}).ts);
  CHECK(dump.Faults() == "");
  const Pmt& pmt = dump.LastPmt();
  REQUIRE(pmt.streams.size() == 5);
  CHECK(pmt.streams[1].type == 0x0F);
  CHECK(pmt.streams[3].type == 0x06);
  CHECK(pmt.streams[3].Find(0x6A) != nullptr);
  CHECK(dump.Es(pmt.streams[3].pid) == in.Es(0x101));
  CHECK(dump.Es(pmt.streams[4].pid) == in.Es(0x102));
  CheckSync(aired.sound[0], FramesOf(dump, 0x101), 0.1, 1.7);
}

TEST_CASE("Remuxer: packets of 192 and 204 bytes come out as 188") {
  const Aired aired = Air({});
  const Data plain = Remux(aired.ts).ts;
  CHECK((Remux(Widen(aired.ts, 4, 0)).ts == plain));
  CHECK((Remux(Widen(aired.ts, 0, 16)).ts == plain));
  const std::string text = "HTTP/1.1 200 OK\r\n\r\n";
  CHECK((Remux(Concatenate({Data(text.begin(), text.end()), aired.ts})).ts == plain));
}

TEST_CASE("Remuxer: which programme is sent") {
  const struct {
    std::vector<Neighbour> neighbours;
    uint16_t asked, sent;
  } cases[] = {
      {{}, 0, 1},
      {{}, 1, 1},
      {{}, 99, 1},                                 // not there: the one that flows
      {{{2, 0x30}, {3, 0x31}}, 0, 1},              // without PMT
      {{{2, 0x30, true}, {3, 0x40, true}}, 0, 1},  // with PMT, but nothing flows
      {{{2, 0x30, true, 0x300}}, 1, 1},
      {{{2, 0x30, true, 0x300}}, 2, 2},
      {{{2, 0x30, true, 0x300}}, 0, 1},        // both flow: the one seen first
      {{{2, 0x30, true, 0x300, true}}, 0, 1},  // scrambled: the one that is clear
      {{{2, 0x30, true, 0x300, true}}, 2, 2},  // asked for all the same
      {{{2, 0x20, true, 0x300}}, 1, 1},        // two PMTs on one PID
      {{{2, 0x20, true, 0x300}}, 2, 2},
  };
  for (size_t i = 0; i < std::size(cases); ++i) {
    CAPTURE(i);
    const Aired aired = Air({.neighbours = cases[i].neighbours});
    const TsDump dump = ReadTs(Remux(aired.ts, {.program = cases[i].asked}).ts);
    CHECK(dump.Faults() == "");
    REQUIRE(!dump.pats.empty());
    for (const auto& sent : dump.pats) {
      REQUIRE(sent.table.programs.size() == 1);
      CHECK(sent.table.programs[0].first == cases[i].sent);
      CHECK(sent.table.transport_stream == 7);
    }
    for (const auto& sent : dump.pmts) CHECK(sent.table.program == cases[i].sent);
    // Nothing of the others is sent.
    CHECK(dump.Pids().contains(0x300) == (cases[i].sent == 2));
    CHECK(dump.Pids().contains(kVideoPid) == (cases[i].sent == 1));
  }
}

TEST_CASE("Remuxer: a track that is announced but absent is not, until it begins") {
  const Aired aired = Air(
      {.seconds = 4,
       .audio = {Track(0x101, "deu"), {.pid = 0x102, .language = "eng", .airs = {2, kForever}}}});
  const TsDump dump = ReadTs(Remux(aired.ts).ts);
  CHECK(dump.Faults() == "");
  CHECK(Languages(dump.pmts.front().table) == std::vector<std::string>{"deu"});
  CHECK(Languages(dump.LastPmt()) == std::vector<std::string>{"deu", "eng"});
  CHECK(dump.LastPmt().version == (dump.pmts.front().table.version + 1) % 32);
  // Announced before its first packet.
  const auto announced =
      std::ranges::find_if(dump.pmts, [](const auto& p) { return p.table.streams.size() == 3; });
  const auto first =
      std::ranges::find_if(dump.packets, [](const TsPacket& p) { return p.pid == 0x102; });
  REQUIRE(first != dump.packets.end());
  CHECK(announced->offset < first->offset);
  CheckSync(aired.sound[1], FramesOf(dump, 0x102), 0.1, 1.7);
}

TEST_CASE("Remuxer: a track that ends is withdrawn after five seconds, and welcome again") {
  Broadcast b{.seconds = 10,
              .video = {.picture_bytes = 300},
              .audio = {Track(0x101, "deu"), {.pid = 0x102, .language = "eng", .airs = {0, 2}}}};
  const Aired first = Air(b);
  const Aired second = Air({.seconds = 2,
                            .start = 900'000 + 10 * 90'000,
                            .audio = {Track(0x101, "deu"), Track(0x102, "eng")}});
  const TsDump dump = ReadTs(Remux(Concatenate({first.ts, second.ts})).ts);
  CHECK(dump.CountFaults(FaultKind::kContinuity, 0x102) == 0);
  std::vector<std::pair<size_t, double>> seen;  // streams, and since when by the clock
  size_t next = 0;
  double clock = 0;
  for (const TsPacket& p : dump.packets) {
    if (p.pcr != kAbsent) clock = static_cast<double>(p.pcr) / 27e6 - 10;
    if (next < dump.pmts.size() && dump.pmts[next].offset == p.offset) {
      const size_t streams = dump.pmts[next++].table.streams.size();
      if (seen.empty() || seen.back().first != streams) seen.emplace_back(streams, clock);
    }
  }
  REQUIRE(seen.size() == 3);
  CHECK(seen[0].first == 3);
  CHECK(seen[1].first == 2);
  CHECK(seen[1].second > 6.9);
  CHECK(seen[1].second < 7.5);
  CHECK(seen[2].first == 3);
  CheckSync(second.sound[1], FramesOf(dump, 0x102), 0.2, 1.7);
}

TEST_CASE("Remuxer: the PMT changes: version alone, a new PID, a new track") {
  SUBCASE("version alone") {
    const Aired aired = Air({.new_versions = {0.5, 1.0}});
    const TsDump dump = ReadTs(Remux(aired.ts).ts);
    CHECK(dump.Faults() == "");
    CheckSync(aired.sound[0], FramesOf(dump, kAudioPid), 0.1, 1.7);
    for (const int64_t step : Steps(FramesOf(dump, kAudioPid))) CHECK(step == 1920);
    CHECK(dump.LastPmt().version == (dump.pmts.front().table.version + 2) % 32);
  }
  SUBCASE("a new PID for the sound") {
    const Aired aired =
        Air({.seconds = 4,
             .audio = {{.pid = 0x101, .announced = {0, 2}, .airs = {0, 1.9}},
                       {.pid = 0x1A1, .announced = {2, kForever}, .airs = {2, kForever}}}});
    const TsDump dump = ReadTs(Remux(aired.ts).ts);
    CHECK(dump.Faults() == "");
    CheckSync(aired.sound[0], FramesOf(dump, 0x101), 0.1, 1.7);
    CheckSync(aired.sound[1], FramesOf(dump, 0x1A1), 0.1, 1.7);
    CHECK(dump.LastPmt().Find(0x101) == nullptr);
    CHECK(dump.LastPmt().Find(0x1A1) != nullptr);
    // All of the old track's sound came out, though its PID went away.
    CHECK(WrapDistance(FramesOf(dump, 0x101).back().pts, aired.sound[0].back().pts) >= 0);
  }
  SUBCASE("a new track") {
    const Aired aired = Air({.seconds = 4,
                             .audio = {Track(0x101, "deu"),
                                       {.pid = 0x102,
                                        .language = "eng",
                                        .announced = {2, kForever},
                                        .airs = {2, kForever}}}});
    const TsDump dump = ReadTs(Remux(aired.ts).ts);
    CHECK(dump.Faults() == "");
    CheckSync(aired.sound[0], FramesOf(dump, 0x101), 0.1, 3.7);
    CheckSync(aired.sound[1], FramesOf(dump, 0x102), 0.1, 1.7);
    for (const int64_t step : Steps(FramesOf(dump, 0x101))) CHECK(step == 1920);
  }
}

TEST_CASE("Remuxer: another programme takes over") {
  const Aired first = Air({});
  Broadcast b{.program = 5, .pmt_pid = 0x25, .seed = 4};
  SUBCASE("at the same PMT PID") {
    b.pmt_pid = 0x20;
  }
  SUBCASE("at another") {}
  const Aired second = Air(b);
  const TsDump dump = ReadTs(Remux(Concatenate({first.ts, second.ts})).ts);
  CHECK(dump.CountFaults(FaultKind::kContinuity, 0) == 0);
  CHECK(dump.CountFaults(FaultKind::kContinuity, b.pmt_pid) == 0);
  CHECK(dump.CountFaults(FaultKind::kContinuity, kAudioPid) == 0);
  CHECK(dump.LastPmt().program == 5);
  CHECK(dump.pats.back().table.programs[0] == std::pair<uint16_t, uint16_t>{5, b.pmt_pid});
  CHECK(dump.pats.back().table.version != dump.pats.front().table.version);
}

TEST_CASE("Remuxer: the PMT moves to the PID of what was a stream") {
  // The new PMT goes on naming that PID, as no sender should.
  const Aired first = Air({.audio = {Track(0x101, "deu"), Track(0x102, "eng")}});
  const Aired second = Air({.pmt_pid = 0x102,
                            .pmt_version = 3,
                            .audio = {Track(0x101, "deu"), Track(0x103, "eng")},
                            .seed = 4});
  const TsDump dump = ReadTs(Remux(Concatenate({first.ts, second.ts})).ts);
  CHECK(dump.pats.back().table.programs[0] == std::pair<uint16_t, uint16_t>{1, 0x102});
  for (const FaultKind kind : {FaultKind::kContinuity, FaultKind::kSection, FaultKind::kCrc})
    CHECK(dump.CountFaults(kind, 0x102) == 0);
}

TEST_CASE("Remuxer: scrambled sound passes untouched, and is turned when it clears up") {
  const Descriptor ca = {0x09, {0x18, 0x30, 0xE5, 0x01}};
  const Aired aired = Air({.seconds = 4, .audio = {{.is_scrambled = {0, 2}, .descriptors = {ca}}}});
  const Remuxed remuxed = Remux(aired.ts);
  const TsDump in = ReadTs(aired.ts), dump = ReadTs(remuxed.ts);
  CHECK(dump.Faults() == "");
  CHECK(dump.pmts.front().table.Find(kAudioPid)->type == 0x03);
  CHECK(dump.pmts.front().table.Find(kAudioPid)->Find(0x09) != nullptr);
  CHECK(dump.LastPmt().Find(kAudioPid)->type == 0x0F);
  CHECK(dump.LastPmt().Find(kAudioPid)->Find(0x09) == nullptr);
  Data scrambled[2];
  for (const TsPacket& p : in.packets)
    if (p.pid == kAudioPid && p.scrambling)
      scrambled[0].insert(scrambled[0].end(), p.bytes.begin(), p.bytes.end());
  for (const TsPacket& p : dump.packets)
    if (p.pid == kAudioPid && p.scrambling)
      scrambled[1].insert(scrambled[1].end(), p.bytes.begin(), p.bytes.end());
  CHECK((scrambled[0] == scrambled[1]));
  // What is announced as AAC is AAC.
  std::vector<CodedFrame> clear;
  for (const CodedFrame& f : aired.sound[0])
    if (WrapDistance(f.pts, aired.sound[0][0].pts) > 2 * 90'000) clear.push_back(f);
  const auto change = std::ranges::find_if(
      dump.pmts, [](const auto& p) { return p.table.Find(kAudioPid)->type == 0x0F; });
  TsDump rest = dump;
  std::erase_if(rest.units, [&](const test::PesUnit& u) { return u.offset < change->offset; });
  CheckSync(clear, FramesOf(rest, kAudioPid), 0.4, 1.6);
}

TEST_CASE("Remuxer: the keys of a scrambled programme pass, those of others do not") {
  const Descriptor ca = {0x09, {0x18, 0x30, 0xE5, 0x01}};
  const Aired aired = Air({.descriptors = {ca}, .audio = {{.is_scrambled = {0, kForever}}}});
  TsWriter keys;
  for (const uint16_t pid : {0x501, 0x502})
    keys.PutSections(pid, {Section(0x80, 1, 0, true, Data(30, 7))});
  const Data out = Remux(Concatenate({keys.bytes(), aired.ts})).ts;
  CHECK((PacketsOf(out, 0x501) == PacketsOf(keys.bytes(), 0x501)));
  CHECK(PacketsOf(out, 0x502).empty());
}

TEST_CASE("Remuxer: a clear track that is scrambled for a while") {
  const Aired aired = Air({.seconds = 5, .audio = {{.is_scrambled = {1.5, 3}}}});
  const TsDump dump = ReadTs(Remux(aired.ts).ts);
  CHECK(dump.Faults() == "");
  CHECK(dump.pmts.front().table.Find(kAudioPid)->type == 0x0F);
  CHECK(dump.LastPmt().Find(kAudioPid)->type == 0x0F);
  std::set<uint8_t> types;
  for (const auto& p : dump.pmts) types.insert(p.table.Find(kAudioPid)->type);
  CHECK(types == std::set<uint8_t>{0x03, 0x0F});
}

TEST_CASE("Remuxer: a track that is scrambled for a while, with its original beside") {
  const Aired aired = Air({.seconds = 5, .audio = {{.is_scrambled = {1.5, 3}}}});
  const TsDump dump = ReadTs(Remux(aired.ts, {.keeps_original = true}).ts);
  CHECK(dump.Faults() == "");
  CHECK(dump.LastPmt().streams.size() == 3);
}

TEST_CASE("Remuxer: a scrambled picture passes with clear sound turned") {
  const Aired aired = Air({.video = {.is_scrambled = {0, kForever}}});
  const Remuxed remuxed = Remux(aired.ts);
  const TsDump dump = ReadTs(remuxed.ts);
  CHECK(dump.Faults() == "");
  CHECK((PacketsOf(remuxed.ts, kVideoPid) == PacketsOf(aired.ts, kVideoPid)));
  CheckSync(aired.sound[0], FramesOf(dump, kAudioPid), 0.1, 1.7);
  CHECK(remuxed.marks.empty());
  CHECK(remuxed.problem == "");
  CHECK(remuxed.stats.scrambled_packets > 0);
}

TEST_CASE("Remuxer: input that nothing can be made of is told") {
  const Aired aired = Air({.neighbours = {{2, 0x30}, {3, 0x31}}});
  const auto without = [&](std::set<uint16_t> pids) {
    Data out;
    for (const TsPacket& p : ReadTs(aired.ts).packets)
      if (!pids.contains(p.pid)) out.insert(out.end(), p.bytes.begin(), p.bytes.end());
    return out;
  };
  const std::string page = "<html>no such service</html>";
  const struct {
    Data in;
    std::string problem;
  } cases[] = {
      {{}, "no input"},
      {Data(page.begin(), page.end()), "no sync: 28 bytes without transport packets"},
      {Data(100'000, 0x11), "no sync: 100000 bytes without transport packets"},
      {without({0}), "no PAT in " + std::to_string(without({0}).size() / kTsBytes) + " packets"},
      {without({0x20}), "no PMT: PAT lists 2, 3, 1"},
      {Air({.video = {.is_scrambled = {0, kForever}}, .audio = {{.is_scrambled = {0, kForever}}}})
           .ts,
       "scrambled: "},
      {without({kVideoPid, kAudioPid}), "nothing flows of programme 1"},
      {aired.ts, ""},
      {Air({.video = {.kind = Video::Kind::kNone}}).ts, ""},
      {Air({.audio = {}}).ts, ""},
  };
  for (const auto& c : cases) {
    CAPTURE(c.problem);
    Remuxer remuxer({});
    for (size_t at = 0; at < c.in.size(); at += 65536)
      Feed(remuxer, View(c.in).subspan(at, std::min<size_t>(65536, c.in.size() - at)));
    remuxer.Flush();
    Drain(remuxer);
    if (c.problem == "scrambled: ")
      CHECK(remuxer.Problem().starts_with(c.problem));
    else
      CHECK(remuxer.Problem() == c.problem);
  }
}

TEST_CASE("Remuxer: a PAT without programmes, a PMT without streams") {
  TsWriter ts;
  for (int i = 0; i < 10; ++i) ts.PutTables({.programs = {{0, 0x10}}}, {});
  CHECK(Remux(ts.bytes()).problem == "PAT lists no programme");
  TsWriter empty;
  for (int i = 0; i < 10; ++i) empty.PutTables({.programs = {{1, 0x20}}}, {{.program = 1}});
  const Remuxed out = Remux(empty.bytes());
  CHECK(out.problem == "");
  CHECK(ReadTs(out.ts).Faults() == "");
}

TEST_CASE("Remuxer: no sound: the picture passes all the same") {
  const Aired aired = Air({.audio = {}});
  const Remuxed remuxed = Remux(aired.ts);
  CHECK(ReadTs(remuxed.ts).Faults() == "");
  CHECK((PacketsOf(remuxed.ts, kVideoPid) == PacketsOf(aired.ts, kVideoPid)));
}

TEST_CASE("Remuxer: going on where another left off is flagged on what is ours") {
  const Aired aired = Air({});
  const TsDump fresh = ReadTs(Remux(aired.ts).ts);
  const TsDump resumed = ReadTs(Remux(aired.ts, {.is_resumed = true}).ts);
  CHECK_FALSE(fresh.Units(kAudioPid).front().is_discontinuity);
  CHECK(resumed.Units(kAudioPid).front().is_discontinuity);
  CHECK(resumed.Faults() == "");
  // Behind the output of the one before, as a player sees it after a fail-over.
  const Aired later = Air({.start = 900'000 + 180'000});
  Data both = Remux(aired.ts).ts;
  const Data more = Remux(later.ts, {.is_resumed = true}).ts;
  both.insert(both.end(), more.begin(), more.end());
  CHECK(ReadTs(both).CountFaults(FaultKind::kContinuity, kAudioPid) == 0);
}

TEST_CASE("Remuxer: picture leaves in the call that brought it, sound as soon as a frame is full") {
  const Aired aired = Air({.seconds = 3});
  Remuxer remuxer({});
  size_t video_in = 0, video_out = 0;
  int64_t heard = kAbsent;  // end of the source's sound that has come in
  const TsDump in = ReadTs(aired.ts);
  size_t frame = 0, audio_bytes = 0, frame_end = aired.sound[0][0].data.size();
  for (const TsPacket& p : in.packets) {
    const Data piece = Feed(remuxer, p.bytes);
    const TsDump out = ReadTs(piece);
    video_in += p.pid == kVideoPid;
    video_out += PacketsOf(piece, kVideoPid).size() / kTsBytes;
    if (p.pid == kAudioPid) {
      // The frames of one PES each begin with its packet; the payload less the PES header.
      audio_bytes += p.payload.size() - (p.is_start ? 14 : 0);
      while (frame < aired.sound[0].size() && audio_bytes >= frame_end) {
        heard = WrapPts(aired.sound[0][frame].pts + 2160);
        if (++frame < aired.sound[0].size()) frame_end += aired.sound[0][frame].data.size();
      }
    }
    if (p.offset < aired.ts.size() / 10) continue;  // while it finds out what to send
    CHECK(video_in == video_out);
    const auto units = out.Units(kAudioPid);
    if (p.pid == kAudioPid && !units.empty()) {
      // The encoder's delay of 1600 samples, and what does not fill a frame.
      const int64_t waits = WrapDistance(heard, WrapPts(units.back().pts + 1920));
      CHECK(waits >= 0);
      CHECK(waits < 3000 + 1920);
    }
  }
}

TEST_CASE("Remuxer: what came before sound can be had before the sound is done") {
  const Aired aired = Air({.seconds = 3});
  Remuxer remuxer({});
  const View in = aired.ts;
  const size_t half = in.size() / 2 / kTsBytes * kTsBytes;
  Feed(remuxer, in.first(half));
  const Data rest(in.begin() + static_cast<long>(half), in.end());
  size_t pauses = 0;
  Data early;
  remuxer.Push(rest, [&](size_t) {
    const Data more = Drain(remuxer);
    early.insert(early.end(), more.begin(), more.end());
    ++pauses;
  });
  const Data late = Drain(remuxer);
  const size_t pictures = PacketsOf(rest, kVideoPid).size();
  CHECK(pauses > 40);
  CHECK(PacketsOf(early, kVideoPid).size() > pictures * 9 / 10);
  CHECK(PacketsOf(early, kVideoPid).size() + PacketsOf(late, kVideoPid).size() == pictures);
}

// The payload of a PID.
static Data PayloadOf(View ts, uint16_t pid) {
  Data payload;
  for (const TsPacket& p : ReadTs(ts).packets)
    if (p.pid == pid) payload.insert(payload.end(), p.payload.begin(), p.payload.end());
  return payload;
}

TEST_CASE("Remuxer: one that is lost while it works on sound has sent what passes, and the next does not again") {
  RemuxerSettings settings;
  Broadcast broadcast{.seconds = 2};
  SUBCASE("the picture") {}
  SUBCASE("the source's sound as well") { settings.keeps_original = true; }
  SUBCASE("several frames in a packet") {
    broadcast.audio = {{.sound = {{.rate = 24000, .channels = 1, .bitrate = 8000}}, .frames_per_pes = 3}};
  }
  const Aired aired = Air(broadcast);
  const Data pictures = PayloadOf(aired.ts, kVideoPid);
  RemuxerSettings resumed = settings;
  resumed.is_resumed = true;
  for (const size_t size : {size_t{5000}, 100 * kTsBytes}) {
    size_t losses = 0;
    for (size_t lost_in = 0;; ++lost_in) {
      // Each run loses the remuxer in another pause.
      Remuxer first(settings);
      View rest = aired.ts;
      Data sent;
      size_t pauses = 0;
      bool is_lost = false;
      const auto pull = [&] {
        const Data more = Drain(first);
        sent.insert(sent.end(), more.begin(), more.end());
      };
      while (!rest.empty() && !is_lost) {
        const View piece = rest.first(std::min(size, rest.size()));
        size_t released = 0;
        first.Push(piece, [&](size_t taken) {
          if (is_lost) return;
          pull();
          released = taken;
          is_lost = pauses++ == lost_in;
        });
        if (!is_lost) pull();
        first.Settle();
        rest = rest.subspan(is_lost ? released : piece.size());
      }
      if (rest.size() < aired.ts.size() / 4) break;  // the next one has to find tables
      ++losses;
      const Data more = Remux(rest, resumed).ts;
      sent.insert(sent.end(), more.begin(), more.end());
      const TsDump dump = ReadTs(sent);
      CHECK((PayloadOf(sent, kVideoPid) == pictures));
      CHECK(dump.CountFaults(FaultKind::kContinuity, kVideoPid) == 0);
      int64_t before = kAbsent;
      for (const PesUnit& unit : dump.Units(kAudioPid)) {
        if (before != kAbsent) CHECK(WrapDistance(unit.pts, before) > 0);
        before = unit.pts;
      }
    }
    CHECK(losses > 5);
  }
}

TEST_CASE("Remuxer: what it holds while it does not know the programme is bounded") {
  TsWriter ts;
  for (int i = 0; i < 100; ++i) ts.Put({.pid = 0x123}, Data(184, 1));
  Remuxer remuxer({});
  size_t out = 0;
  for (int i = 0; i < 1000; ++i) out += Feed(remuxer, ts.bytes()).size();
  remuxer.Flush();
  out += Drain(remuxer).size();
  CHECK(out == 0);
  CHECK(remuxer.stats().packets_in == 100'000);
  CHECK(remuxer.stats().dropped_packets >= 100'000 - Probe::kHoldBytes / kPacketBytes);
}

TEST_CASE("Remuxer: marks that nobody asks for are bounded") {
  const Aired aired = Air({.seconds = 20, .video = {.gop = 1, .picture_bytes = 100}, .audio = {}});
  Remuxer remuxer({});
  Feed(remuxer, aired.ts);
  const auto marks = remuxer.TakeMarks();
  CHECK(marks.size() == Remuxer::kMaxMarks);
  CHECK(marks.back().pts == aired.pictures.back().pts);
  CHECK(remuxer.TakeMarks().empty());
  CHECK(remuxer.stats().access_points == aired.pictures.size());
}

TEST_CASE("Remuxer: cut anywhere, it gives what is whole") {
  const Aired aired = Air({.seconds = 1});
  for (size_t size = 0; size < 40 * kTsBytes; size += 61) {
    const View cut = View(aired.ts).first(size);
    const Data out = Remux(cut).ts;
    CHECK(ReadTs(out).Faults() == "");
    CHECK(PacketsOf(out, kVideoPid).size() <= size);
  }
}

}  // namespace xg2g::test
