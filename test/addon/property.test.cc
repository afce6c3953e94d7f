// Random broadcasts, whole and damaged, cut into random pieces, against a model that is slow and
// plain: it reads the input with the tests' own reader and does sums in exact fractions.
#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "broadcast.h"
#include "remux.h"

namespace xg2g::test {
namespace {

constexpr uint16_t kVideoPid = 0x100;
constexpr int kFrameSamples = 1024;   // of AAC
constexpr int kLookAheadSamples = 576;  // of our encoder

// A number below `end`.
class Dice {
 public:
  explicit Dice(unsigned seed) : random_(seed) {}
  size_t Below(size_t end) { return random_() % end; }
  bool OneIn(size_t n) { return Below(n) == 0; }
  double Between(double from, double to) {
    return from + (to - from) * static_cast<double>(Below(10'000)) / 10'000;
  }
  template <class T, size_t N>
  T Pick(const T (&from)[N]) {
    return from[Below(N)];
  }

 private:
  std::mt19937 random_;
};

Passage RandomPassage(Dice& dice) {
  // Few kinds, so that their sound is made once for all runs.
  static const Passage kinds[] = {
      {.codec = Sound::kMp2},
      {.codec = Sound::kMp2, .rate = 44100},
      {.codec = Sound::kMp2, .rate = 32000, .channels = 1},
      {.codec = Sound::kAc3, .channels = 6},
      {.codec = Sound::kAc3},
      {.codec = Sound::kEac3, .channels = 6},
      {.codec = Sound::kLatm},
      {.codec = Sound::kLatm, .rate = 44100},
  };
  return dice.Pick(kinds);
}

Broadcast RandomBroadcast(Dice& dice) {
  Broadcast b{.seconds = dice.Between(0.5, 1.5)};
  static const int64_t starts[] = {0, 900'000, 5'000'000'000, kPtsModulus - 1,
                                   kPtsModulus - 30'000};
  b.start = dice.Pick(starts) + static_cast<int64_t>(dice.Below(100'000));
  b.seed = static_cast<unsigned>(dice.Below(1000));
  static const Video::Kind kinds[] = {Video::Kind::kH264, Video::Kind::kMpeg2, Video::Kind::kHevc,
                                      Video::Kind::kNone};
  b.video.kind = dice.Pick(kinds);
  b.video.fps = dice.OneIn(2) ? 25 : 50;
  b.video.gop = 5 + dice.Below(20);
  b.video.is_open_gop = dice.OneIn(2);
  b.video.picture_bytes = 100 + dice.Below(3000);
  static const char* languages[] = {"deu", "eng", "fra", "mis"};
  b.audio.clear();
  for (size_t i = dice.OneIn(4) ? 2 + dice.Below(2) : 1; i > 0; --i) {
    Audio a{.pid = static_cast<uint16_t>(0x101 + b.audio.size())};
    a.language = dice.Pick(languages);
    a.sound = {RandomPassage(dice)};
    if (dice.OneIn(3)) a.frames_per_pes = 1 + dice.Below(5);
    if (dice.OneIn(4)) a.pes_bytes = 100 + dice.Below(4000);
    if (dice.OneIn(4)) a.pts_every = 1 + dice.Below(4);
    a.is_bounded = !dice.OneIn(4);
    a.lead = dice.Between(0.05, 1);
    b.audio.push_back(a);
  }
  if (dice.OneIn(4)) b.neighbours.push_back({77, 0x30, dice.OneIn(2)});
  if (dice.OneIn(6)) b.pcr_pid = 0x1F0;
  static const double intervals[] = {0.02, 0.1, 0.4};
  b.table_interval = dice.Pick(intervals);
  b.null_every = dice.OneIn(2) ? 0 : 2 + dice.Below(20);
  b.begins_flagged = dice.OneIn(3);
  return b;
}

RemuxerSettings RandomSettings(Dice& dice) {
  RemuxerSettings settings;
  settings.channels = dice.OneIn(4) ? 1 : dice.OneIn(4) ? 6 : 2;
  settings.bitrate = dice.OneIn(3) ? 96'000 : 192'000;
  settings.keeps_original = dice.OneIn(6);
  settings.settle_ms = dice.OneIn(3) ? 0 : 100;
  settings.is_resumed = dice.OneIn(5);
  settings.prefers_libavcodec = dice.OneIn(4);
  return settings;
}

NextPiece RandomPieces(Dice& dice) {
  static const size_t kinds[] = {1, 100, 188, 400, 5000, 70'000};
  const size_t most = dice.Pick(kinds);
  return [&dice, most] { return 1 + dice.Below(most); };
}

bool IsSame(const Remuxed& a, const Remuxed& b) {
  const auto is_same_mark = [](const Mark& x, const Mark& y) {
    return x.offset == y.offset && x.pts == y.pts && x.pcr == y.pcr && x.kind == y.kind;
  };
  return a.ts == b.ts && a.problem == b.problem &&
         std::ranges::equal(a.marks, b.marks, is_same_mark);
}

// The model: what has to come out of a PID that passes; beside it there may be packets that only say
// that it begins anew.
Data Passing(View in, uint16_t pid) {
  Data out;
  for (const TsPacket& p : ReadTs(in).packets)
    if (p.pid == pid && (p.has_payload || p.pcr != kAbsent)) out.insert(out.end(), p.bytes.begin(), p.bytes.end());
  return out;
}

// The model: the time stamps of the AAC frames that a track's source frames become. The first one
// lies a frame and the encoder's look-ahead before the first sample; all samples are covered, and the
// look-ahead again. Below 32 kHz, of more than two channels and where asked for, libavcodec encodes,
// whose first frame lies one before the first sample.
std::vector<int64_t> AacStamps(const std::vector<CodedFrame>& source, const RemuxerSettings& settings) {
  const int64_t rate = source[0].rate;
  const int64_t samples = static_cast<int64_t>(source.size()) * FrameSamples(source[0].codec);
  const unsigned channels = std::min(settings.channels, static_cast<unsigned>(source[0].channels));
  const bool is_ours = rate >= 32'000 && channels <= 2 && !settings.prefers_libavcodec;
  const int64_t delay = kFrameSamples + (is_ours ? kLookAheadSamples : 0);
  const int64_t frames = (samples + kFrameSamples - 1) / kFrameSamples + (is_ours ? 2 : 1);
  std::vector<int64_t> out;
  for (int64_t k = 0; k < frames; ++k) {
    // Rounded to the nearest tick, below zero too.
    const int64_t ticks2 = 2 * (k * kFrameSamples - delay) * kTicksPerSecond;
    out.push_back(
        WrapPts(source[0].pts + (ticks2 + rate + (ticks2 < 0 ? -2 * rate : 0)) / (2 * rate)));
  }
  return out;
}

void CheckPictures(View in, const Data& out) {
  CHECK((Passing(out, kVideoPid) == Passing(in, kVideoPid)));
}

// Nothing wrong on any PID that the remuxer writes, and time goes on but where that is flagged.
void CheckOurs(const TsDump& dump, const std::set<uint16_t>& ours) {
  for (const Fault& fault : dump.faults) {
    CAPTURE(fault.what);
    CAPTURE(fault.offset);
    const bool is_ours = ours.contains(fault.pid) || fault.kind == FaultKind::kSync ||
                         fault.kind == FaultKind::kLength;
    CHECK_MESSAGE(!is_ours, "PID " << fault.pid);
  }
  std::map<uint16_t, std::vector<size_t>> flags;  // offsets
  for (const TsPacket& p : dump.packets)
    if (p.is_discontinuity) flags[p.pid].push_back(p.offset);
  std::map<uint16_t, const PesUnit*> last;
  for (const PesUnit& unit : dump.units) {
    if (!ours.contains(unit.pid) || unit.pts == kAbsent) continue;
    const PesUnit* before = std::exchange(last[unit.pid], &unit);
    if (!before) continue;
    // In a packet of the unit, or in one of its own before it.
    const bool is_flagged = std::ranges::any_of(flags[unit.pid], [&](size_t offset) {
      return offset > before->offset && offset <= unit.offset;
    });
    if (!is_flagged)
      CHECK_MESSAGE(WrapDistance(unit.pts, before->pts) > 0, unit.pid << " at " << unit.offset);
  }
}

// The PIDs on which everything is written here: tables, and sound announced as AAC throughout.
std::set<uint16_t> Ours(const TsDump& dump) {
  std::set<uint16_t> ours = {0}, others;
  for (const auto& sent : dump.pmts) {
    ours.insert(sent.pid);
    for (const PmtStream& s : sent.table.streams) (s.type == 0x0F ? ours : others).insert(s.pid);
  }
  for (const uint16_t pid : others) ours.erase(pid);
  return ours;
}

// What can happen to packets on the way.
Data Damage(View in, Dice& dice) {
  Data ts(in.begin(), in.end());
  const auto packet = [&] { return dice.Below(ts.size() / kTsBytes) * kTsBytes; };
  for (size_t i = 1 + dice.Below(4); i > 0 && ts.size() >= 100 * kTsBytes; --i) {
    switch (dice.Below(9)) {
      case 0: {  // lost
        const size_t at = packet();
        const size_t n =
            std::min(ts.size() - at, (1 + dice.Below(dice.OneIn(2) ? 3 : 300)) * kTsBytes);
        ts.erase(ts.begin() + static_cast<long>(at), ts.begin() + static_cast<long>(at + n));
        break;
      }
      case 1:
        ts = RepeatPackets(ts, kTsNullPid, 1 + dice.Below(20));
        break;
      case 2:  // bits, anywhere
        for (size_t k = 1 + dice.Below(50); k > 0; --k)
          ts[dice.Below(ts.size())] ^= static_cast<uint8_t>(1 << dice.Below(8));
        break;
      case 3:  // headers that lie
        for (size_t k = 1 + dice.Below(20); k > 0; --k)
          ts[packet() + 1 + dice.Below(20)] = static_cast<uint8_t>(dice.Below(256));
        break;
      case 4:  // transport errors
        for (size_t k = 1 + dice.Below(20); k > 0; --k) ts[packet() + 1] |= 0x80;
        break;
      case 5: {  // a jump back: sent again
        const size_t to = packet(), from = packet();
        const Data again(ts.begin() + static_cast<long>(std::min(from, to)),
                         ts.begin() + static_cast<long>(std::max(from, to)));
        if (again.size() < 200'000)
          ts.insert(ts.begin() + static_cast<long>(to), again.begin(), again.end());
        break;
      }
      case 6: {  // two packets change places
        const size_t a = packet(), b = packet();
        std::swap_ranges(ts.begin() + static_cast<long>(a),
                         ts.begin() + static_cast<long>(a + kTsBytes),
                         ts.begin() + static_cast<long>(b));
        break;
      }
      case 7:  // bytes that are missing
        ts.erase(ts.begin() + static_cast<long>(dice.Below(ts.size())));
        break;
      default:  // scrambled for a while
        for (size_t at = packet(), k = dice.Below(200); k > 0 && at < ts.size();
             --k, at += kTsBytes)
          ts[at + 3] |= 0x80;
    }
  }
  return ts;
}

}  // namespace

TEST_CASE("Remuxer, whole input: as the model says, whatever is broadcast and however it is cut") {
  for (unsigned seed = 1; seed <= 30; ++seed) {
    CAPTURE(seed);
    Dice dice(seed);
    const Broadcast b = RandomBroadcast(dice);
    const RemuxerSettings settings = RandomSettings(dice);
    const Aired aired = Air(b);
    const Remuxed remuxed = Remux(aired.ts, settings);
    const TsDump dump = ReadTs(remuxed.ts);
    CHECK(dump.Faults() == "");
    CHECK(remuxed.problem == "");
    if (b.video.kind != Video::Kind::kNone) CheckPictures(aired.ts, remuxed.ts);
    CheckOurs(dump, Ours(dump));

    // One programme, all tracks in their order, each announced as what it is.
    REQUIRE(!dump.pats.empty());
    for (const auto& sent : dump.pats)
      CHECK(sent.table.programs == decltype(sent.table.programs){{b.program, b.pmt_pid}});
    const Pmt& pmt = dump.pmts.front().table;
    size_t next = b.video.kind == Video::Kind::kNone ? 0 : 1;
    REQUIRE(pmt.streams.size() >= next + b.audio.size());
    for (size_t i = 0; i < b.audio.size(); ++i) {
      CHECK(pmt.streams[next + i].pid == b.audio[i].pid);
      CHECK(pmt.streams[next + i].type == 0x0F);
      CHECK(*pmt.streams[next + i].Find(0x0A) == Language(b.audio[i].language));

      const auto expected = AacStamps(aired.sound[i], settings);
      const auto units = dump.Units(b.audio[i].pid);
      CHECK(units.size() == expected.size());
      for (size_t k = 0; k < std::min(units.size(), expected.size()); ++k)
        CHECK(std::abs(WrapDistance(units[k].pts, expected[k])) <= 1);
    }
    const auto access = std::ranges::count_if(aired.pictures, &Picture::is_access);
    if (b.video.kind != Video::Kind::kNone)
      CHECK(remuxed.marks.size() == static_cast<size_t>(access));

    for (int i = 0; i < 2; ++i) {
      CHECK(IsSame(Remux(aired.ts, settings, RandomPieces(dice)), remuxed));
    }
  }
}

TEST_CASE("Remuxer, packets lost and repeated: the rest of the picture is untouched") {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    Dice dice(1000 + seed);
    const Broadcast b = RandomBroadcast(dice);
    Data in = Air(b).ts;
    for (int i = 0; i < 3; ++i) {
      const uint16_t pids[] = {kVideoPid, 0x101, 0, b.pmt_pid, kNullPid};
      const uint16_t pid = dice.Pick(pids);
      // The first packets tell what it is.
      in = dice.OneIn(3) ? RepeatPackets(in, pid, 2 + dice.Below(9))
                         : LosePackets(in, pid, 60 + dice.Below(300), 1 + dice.Below(30));
    }
    const Remuxed remuxed = Remux(in, RandomSettings(dice), RandomPieces(dice));
    const TsDump dump = ReadTs(remuxed.ts);
    if (b.video.kind != Video::Kind::kNone) CheckPictures(in, remuxed.ts);
    CheckOurs(dump, Ours(dump));
  }
}

TEST_CASE("Remuxer, any damage: no fault of ours, bounded, and alike however it is cut") {
  for (unsigned seed = 1; seed <= 50; ++seed) {
    CAPTURE(seed);
    Dice dice(2000 + seed);
    Data in = Damage(Air(RandomBroadcast(dice)).ts, dice);
    // Another broadcast behind it: other tracks, another time, maybe another programme.
    if (dice.OneIn(2)) {
      Broadcast b = RandomBroadcast(dice);
      if (dice.OneIn(4)) b.program = 9;
      if (dice.OneIn(4)) b.pmt_pid = 0x21;
      in = Concatenate({in, Damage(Air(b).ts, dice)});
    }
    const RemuxerSettings settings = RandomSettings(dice);
    const Remuxed remuxed = Remux(in, settings);
    const TsDump dump = ReadTs(remuxed.ts);
    CheckOurs(dump, Ours(dump));
    // Gaps become silence of two seconds at most: frames of a few bytes, a packet each.
    CHECK(remuxed.ts.size() <= 3 * in.size() + 100'000);
    CHECK(IsSame(Remux(in, settings, RandomPieces(dice)), remuxed));
  }
}

}  // namespace xg2g::test
