#include "audio/track.h"

#include <doctest/doctest.h>

#include "broadcast.h"

namespace xg2g::test {
namespace {

constexpr uint16_t kPid = 0x101;

Track::Settings Settings(AudioCodec codec = AudioCodec::kMpeg, uint16_t original = 0) {
  return {kPid, original, codec, {AudioTarget::kAac, 2, 128'000}, false};
}

// A track, its packets in and its packets out.
class Bench {
 public:
  explicit Bench(const Track::Settings& settings = Settings()) : track(settings) {}

  void Push(View packets) {
    for (size_t at = 0; at < packets.size(); at += kPacketBytes)
      track.Push(Packet(packets.data() + at), out_);
    Pull();
  }
  void Flush() {
    track.Flush(out_);
    Pull();
  }

  Track track;
  Data ts = {};

 private:
  void Pull() {
    Data window(out_.pending_bytes());
    out_.Pull(window);
    ts.insert(ts.end(), window.begin(), window.end());
  }
  Output out_;
};

// A second of MP2 in packets of its PID alone.
class Source {
 public:
  Source() : frames_(Air({.seconds = 1, .video = {.kind = Video::Kind::kNone}}).sound[0]) {}
  // The PES packets of some frames, their first packet as told.
  Data Packets(size_t from, size_t to, PacketFields first = {}) {
    for (size_t i = from; i < to; ++i)
      ts_.PutPes(kPid, Pes({.stream_id = 0xC0, .pts = frames_[i].pts}, frames_[i].data), first);
    return ts_.Take();
  }
  size_t size() const { return frames_.size(); }
  TsWriter& writer() { return ts_; }

 private:
  std::vector<CodedFrame> frames_;
  TsWriter ts_;
};

}  // namespace

TEST_CASE("Track: what it has sent, it tells") {
  Source source;
  Bench bench;
  CHECK(bench.track.mode() == Track::Mode::kUndecided);
  CHECK(bench.track.unit_pts() == kNoTime);
  CHECK(bench.track.source_rate() == 0);
  bench.Push(source.Packets(0, source.size()));
  bench.Flush();
  const TsDump dump = ReadTs(bench.ts);
  CHECK(dump.Faults() == "");
  CHECK(dump.Pids() == std::set<uint16_t>{kPid});
  CHECK(bench.track.mode() == Track::Mode::kTranscode);
  CHECK(bench.track.units() == dump.units.size());
  CHECK(bench.track.unit_pts() == dump.units.back().pts);
  CHECK(bench.track.source_rate() == 48000);
  for (const PesUnit& unit : dump.units) {
    CHECK(unit.stream_id == 0xC0);
    CHECK(unit.is_aligned);
    CHECK(unit.is_complete);
  }
}

TEST_CASE("Track: LATM, whose frames do not tell the rate, has that of the decoder") {
  const Aired aired = Air({.seconds = 1,
                           .video = {.kind = Video::Kind::kNone},
                           .audio = {{.sound = {{.codec = Sound::kLatm, .rate = 44100}}}}});
  TsWriter ts;
  for (const CodedFrame& frame : aired.sound[0])
    ts.PutPes(kPid, Pes({.stream_id = 0xC0, .pts = frame.pts}, frame.data));
  Bench bench(Settings(AudioCodec::kLatm));
  bench.Push(ts.Take());
  CHECK(bench.track.source_rate() == 44100);
}

TEST_CASE("Track: a clock among the sound goes into a packet of its own") {
  Source source;
  Bench bench;
  Data in;
  for (size_t i = 0; i < source.size(); ++i) {
    const Data more = source.Packets(i, i + 1, {.pcr = static_cast<int64_t>(i) * 648'000 + 7});
    in.insert(in.end(), more.begin(), more.end());
  }
  bench.Push(in);
  bench.Flush();
  const TsDump dump = ReadTs(bench.ts);
  CHECK(dump.Faults() == "");
  int64_t expected = 7;
  for (const TsPacket& p : dump.packets) {
    if (p.pcr == kAbsent) continue;
    CHECK(p.pcr == expected);
    CHECK_FALSE(p.has_payload);
    expected += 648'000;
  }
  CHECK(expected == static_cast<int64_t>(source.size()) * 648'000 + 7);
}

TEST_CASE("Track: a discontinuity that the source flags is flagged in what follows, once") {
  Source source;
  Bench bench;
  bench.Push(source.Packets(0, 20));
  bench.Push(source.Packets(20, 21, {.is_discontinuity = true}));
  bench.Push(source.Packets(21, source.size()));
  bench.Flush();
  const TsDump dump = ReadTs(bench.ts);
  CHECK(dump.Faults() == "");
  CHECK(std::ranges::count_if(dump.packets, &TsPacket::is_discontinuity) == 1);
}

TEST_CASE("Track: losses and repeats are counted, neither is heard twice") {
  Source source;
  Bench bench;
  bench.Push(source.Packets(0, 10));
  Data again = source.Packets(10, 11);
  bench.Push(again);
  bench.Push(View(again).last(kPacketBytes));
  source.writer().Lose(kPid, 3);
  bench.Push(source.Packets(11, source.size()));
  bench.Flush();
  CHECK(ReadTs(bench.ts).Faults() == "");
  CHECK(bench.track.stats().duplicates == 1);
  CHECK(bench.track.stats().continuity_errors == 1);
  CHECK(bench.track.stats().lost_frames == 1);
}

TEST_CASE("Track: the same counter with other bytes is a loss, not a repeat") {
  Source source;
  Bench bench;
  bench.Push(source.Packets(0, 10));
  source.writer().Lose(kPid, 15);
  bench.Push(source.Packets(10, 20));
  CHECK(bench.track.stats().duplicates == 0);
  CHECK(bench.track.stats().continuity_errors == 1);
}

TEST_CASE("Track: a few scrambled packets are a loss, more of them make it scrambled") {
  Source source;
  for (const size_t count : {Track::kScrambleHysteresis - 1, Track::kScrambleHysteresis}) {
    CAPTURE(count);
    Bench bench;
    bench.Push(source.Packets(0, 10));
    Data in = source.Packets(10, 20);
    for (size_t i = 0; i < count; ++i) in[i * kPacketBytes + 3] |= 0x80;
    bench.Push(View(in).first(count * kPacketBytes));
    CHECK(bench.track.IsClear() == (count < Track::kScrambleHysteresis));
    CHECK(bench.track.stats().scrambled_packets >= count);
    bench.Push(View(in).subspan(count * kPacketBytes));
    bench.Push(source.Packets(20, source.size()));
    CHECK(bench.track.IsClear());
    bench.Flush();
    CHECK(ReadTs(bench.ts).Faults() == "");
  }
}

TEST_CASE("Track: scrambled from the first packet on it passes as it is") {
  Source source;
  Bench bench;
  Data in = source.Packets(0, 20);
  for (size_t at = 0; at < in.size(); at += kPacketBytes) in[at + 3] |= 0xC0;
  bench.Push(in);
  CHECK(bench.ts == in);
  CHECK_FALSE(bench.track.IsClear());
}

TEST_CASE("Track: the original goes to its own PID, packet by packet") {
  Source source;
  Bench bench(Settings(AudioCodec::kMpeg, 0x1E00));
  Data in = source.Packets(0, source.size());
  bench.Push(in);
  bench.Flush();
  const TsDump dump = ReadTs(bench.ts);
  CHECK(dump.Faults() == "");
  CHECK(dump.Es(0x1E00) == ReadTs(in).Es(kPid));
  CHECK(!dump.Units(kPid).empty());
}

TEST_CASE("Track: payload that is no PES, or no sound, makes nothing and ends nothing") {
  Bench bench;
  TsWriter junk;
  for (int i = 0; i < 50; ++i) {
    junk.Put({.pid = kPid, .is_start = i % 5 == 0}, Data(184, static_cast<uint8_t>(i)));
    junk.PutPes(kPid, Pes({.stream_id = 0xBE}, Data(300, 0xFF)));  // padding
    junk.PutPes(kPid, Pes({.stream_id = 0xC0, .pts = 5}, Data(300, 0x00)));
    junk.Put({.pid = kPid, .has_payload = false});
  }
  bench.Push(junk.bytes());
  bench.Flush();
  CHECK(bench.ts.empty());
  Source source;
  bench.Push(source.Packets(0, source.size()));
  bench.Flush();
  CHECK(ReadTs(bench.ts).Faults() == "");
  CHECK(ReadTs(bench.ts).units.size() > 40);
}

}  // namespace xg2g::test
