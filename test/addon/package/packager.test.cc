// Broadcasts made on the spot, as the remuxer would hand them on, and what the packager makes of them.
#include "package/packager.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>

#include "broadcast.h"

namespace xg2g::test {
namespace {

constexpr uint16_t kVideoPid = 0x100;
const xg2g::PackagerSettings kSettings = {.slot_ticks = 90'000, .part_ticks = 22'500};

struct Packaged {
  std::vector<std::vector<TrackInfo>> tracks = {};
  std::vector<InitRecord> inits = {};
  std::vector<PartRecord> parts = {};
  PackagerStats stats = {};
  std::string problem = {};

  Data Track(unsigned track) const {
    Data all;
    for (const PartRecord& part : parts)
      if (part.track == track) all.insert(all.end(), part.bytes.begin(), part.bytes.end());
    return all;
  }
  // Of track 0.
  std::vector<PartHead> Heads() const {
    std::vector<PartHead> heads;
    for (const PartRecord& part : parts)
      if (part.track == 0) heads.push_back(part.head);
    return heads;
  }
};

void Drain(Packager& packager, Packaged& out) {
  while (auto record = packager.Take()) {
    if (const auto* tracks = std::get_if<TracksRecord>(&*record)) out.tracks.push_back(tracks->tracks);
    if (const auto* init = std::get_if<InitRecord>(&*record)) out.inits.push_back(*init);
    if (auto* part = std::get_if<PartRecord>(&*record)) out.parts.push_back(std::move(*part));
  }
}

Packaged Package(View in, Container container = Container::kTs, size_t piece = 65536) {
  PackagerSettings settings = kSettings;
  settings.container = container;
  Packager packager(settings);
  Packaged out;
  for (; !in.empty(); in = in.subspan(std::min(piece, in.size()))) {
    const Data copy(in.begin(), in.begin() + static_cast<long>(std::min(piece, in.size())));
    packager.Push(copy);
    Drain(packager, out);
  }
  packager.Flush();
  Drain(packager, out);
  out.stats = packager.stats();
  out.problem = packager.Problem();
  return out;
}

Broadcast Programme(std::vector<Passage> sound = {{.codec = Sound::kAac}}) {
  return {.seconds = 5, .audio = {{.sound = std::move(sound)}}};
}

std::string CodecsOf(const Packaged& packaged, unsigned track) {
  for (const TrackInfo& info : packaged.tracks.back())
    if (info.track == track) return info.codecs;
  return "none";
}

}  // namespace

TEST_CASE("Packager: a stream in TS keeps its pictures and its sound") {
  const Aired aired = Air(Programme());
  const Packaged out = Package(aired.ts);
  CHECK(out.problem == "");
  CHECK(out.stats.dropped_frames == 0);
  REQUIRE(out.tracks.size() == 1);
  CHECK(CodecsOf(out, 0) == "avc1.4D4028,mp4a.40.2");
  CHECK(out.tracks[0][0].width == 1920);
  const Data ts = out.Track(0);
  const TsDump before = ReadTs(aired.ts), after = ReadTs(ts);
  CHECK(after.Faults() == "");
  const Data sent = before.Es(kVideoPid), kept = after.Es(kVideoPid);
  REQUIRE(kept.size() > sent.size() * 4 / 5);  // from the first access point behind the tables on
  CHECK(std::equal(kept.rbegin(), kept.rend(), sent.rbegin()));
  // Sound from the first picture on: each PES packet as it was.
  const auto first = std::ranges::find_if(
      before.units, [&](const PesUnit& u) { return u.pid == 0x101 && u.pts >= out.Heads()[0].time; });
  const auto sound = after.Units(0x101);
  REQUIRE(first != before.units.end());
  CHECK(sound.front().es == first->es);
  CHECK(sound.size() > 200);
}

TEST_CASE("Packager: nothing depends on how the input is cut") {
  const Aired aired = Air(Programme());
  for (const Container container : {Container::kTs, Container::kMp4}) {
    const Packaged whole = Package(aired.ts, container, aired.ts.size());
    for (const size_t piece : {1u, 187u, 1316u, 10'000u}) {
      const Packaged pieces = Package(aired.ts, container, piece);
      CHECK(pieces.Track(0) == whole.Track(0));
      CHECK(pieces.parts.size() == whole.parts.size());
    }
  }
}

TEST_CASE("Packager: sound of each codec has its place") {
  const struct {
    Passage sound;
    std::string codecs, box;
  } cases[] = {{{.codec = Sound::kMp3}, "mp4a.40.34", "esds"},
               {{.codec = Sound::kMp2}, "mp4a.40.33", "esds"},
               {{.codec = Sound::kAc3, .channels = 6}, "ac-3", "dac3"},
               {{.codec = Sound::kEac3}, "ec-3", "dec3"},
               {{.codec = Sound::kAac, .rate = 44100}, "mp4a.40.2", "esds"}};
  for (const auto& c : cases) {
    CAPTURE(c.codecs);
    const Aired aired = Air(Programme({c.sound}));
    CHECK(CodecsOf(Package(aired.ts), 0) == "avc1.4D4028," + c.codecs);
    const Packaged out = Package(aired.ts, Container::kMp4);
    CHECK(CodecsOf(out, 1) == c.codecs);
    REQUIRE(out.inits.size() == 2);
    const std::vector<uint8_t>& init = out.inits[1].bytes;
    CHECK(std::search(init.begin(), init.end(), c.box.begin(), c.box.end()) != init.end());
    CHECK(out.Track(1).size() > 20'000);
  }
}

TEST_CASE("Packager: frames that begin anywhere in PES packets are found") {
  Broadcast b = Programme({{.codec = Sound::kAc3}});
  b.audio[0].pes_bytes = 1000;
  b.audio[0].is_bounded = false;
  const Aired aired = Air(b);
  const Packaged out = Package(aired.ts, Container::kMp4);
  size_t bytes = 0;
  for (const PartRecord& part : out.parts) bytes += part.track == 1 ? part.bytes.size() : 0;
  CHECK(bytes > 70'000);  // 192 kbit/s
  CHECK(CodecsOf(Package(aired.ts), 0) == "avc1.4D4028,ac-3");
}

TEST_CASE("Packager: sound that is announced and does not come is left out") {
  Broadcast b = Programme();
  b.audio.push_back({.pid = 0x102, .language = "eng", .sound = {{.codec = Sound::kAac}}, .airs = {kForever}});
  const Data ts = Air(b).ts;
  for (const auto container : {Container::kTs, Container::kMp4}) {
    const Packaged out = Package(ts, container);
    REQUIRE(out.tracks.size() == 1);
    CHECK(out.tracks[0].size() == (container == Container::kTs ? 1 : 2));
  }
}

TEST_CASE("Packager: sound begins with the first picture, sent before it or after it") {
  for (const double lead : {0.05, 0.2, 0.6, 1.0}) {
    CAPTURE(lead);
    Broadcast b = Programme();
    b.audio[0].lead = lead;
    b.video.gop = 50;  // there is time to hear what is sent before
    const Data ts = Air(b).ts;
    const TsDump dump = ReadTs(Package(View(ts).subspan(ts.size() / 188 / 4 * 188)).Track(0));
    const auto first = [&](uint16_t pid) {
      return std::ranges::min(dump.Units(pid), {}, &PesUnit::pts).pts;
    };
    const int64_t late = first(b.audio[0].pid) - first(kVideoPid);
    CHECK(late >= 0);
    CHECK(late < 2048);  // a frame of AAC
  }
}

TEST_CASE("Packager: a segment in TS has the sound of its pictures, and no part lacks more than a frame of it") {
  constexpr int64_t kFrame = 1920;
  for (const double lead : {0.05, 0.2, 0.6, 1.0}) {
    CAPTURE(lead);
    Broadcast b = Programme();
    b.audio[0].lead = lead;
    const Packaged out = Package(Air(b).ts);
    std::map<int64_t, std::pair<int64_t, int64_t>> segments;  // first and last sound, by number
    const int64_t ending = out.parts.back().head.msn - 1;  // after which no sound comes for the pictures
    for (const PartRecord& part : out.parts) {
      if (part.head.msn >= ending) break;
      const auto sound = ReadTs(part.bytes).Units(0x101);
      REQUIRE(!sound.empty());
      const int64_t first = sound.front().pts, last = sound.back().pts;
      const int64_t end = part.head.time + part.head.duration;
      CHECK(first >= part.head.time - kFrame);
      CHECK(last >= end - 2 * kFrame);
      CHECK(last < end);
      segments.try_emplace(part.head.msn, first, last).first->second.second = last;
    }
    CHECK(segments.size() >= 3);
    for (const PartHead& head : out.Heads()) {
      if (head.part > 0 || head.msn >= ending) continue;
      const auto [first, last] = segments.at(head.msn);
      CHECK(first >= head.time);
      if (head.msn > out.parts[0].head.msn) CHECK(first < head.time + kFrame);  // that one began in mid-broadcast
    }
  }
}

TEST_CASE("Packager: pictures wait for sound that has ended, and then go on without it") {
  Broadcast b = Programme();
  b.seconds = 10;
  b.audio[0].airs = {0, 2.5};
  Packager packager(kSettings);
  packager.Push(Air(b).ts);
  Packaged out;
  Drain(packager, out);
  const auto heads = out.Heads();
  REQUIRE(!heads.empty());
  const int64_t lasts = heads.back().time - heads.front().time;
  CHECK(lasts > 3.5 * kTicksPerSecond);
  CHECK(lasts < 6 * kTicksPerSecond);
}

TEST_CASE("Packager: pictures that wait for sound are bounded in bytes, too") {
  Broadcast b = Programme();
  b.seconds = 4;
  b.video.picture_bytes = 700'000;
  b.null_every = 0;
  b.audio[0].airs = {0, 0.5};
  Packager packager(kSettings);
  const Data ts = Air(b).ts;
  packager.Push(ts);
  Packaged out;
  Drain(packager, out);
  size_t given = 0;
  for (const PartRecord& part : out.parts) given += part.bytes.size();
  REQUIRE(ts.size() > Packager::kMaxSilentBytes + 10'000'000);
  CHECK(given + Packager::kMaxSilentBytes + 10'000'000 > ts.size());  // the part under way, and one
  CHECK(given + Packager::kMaxSilentBytes < ts.size());
}

TEST_CASE("Packager: a picture whose only sound does not come is told alone, and begins all the same") {
  Broadcast b = Programme();
  b.audio[0].airs = {kForever};
  const Packaged out = Package(Air(b).ts);
  CHECK(CodecsOf(out, 0) == "avc1.4D4028");
  const auto heads = out.Heads();
  REQUIRE(heads.size() > 10);
  const auto second = std::ranges::find_if(heads, [&](const PartHead& h) { return h.msn != heads[0].msn; });
  CHECK(second->time - heads[0].time < 2 * kTicksPerSecond);
}

TEST_CASE("Packager: a sound that begins later is told, and what follows is a discontinuity") {
  Broadcast b = Programme();
  b.audio.push_back({.pid = 0x102, .language = "eng", .sound = {{.codec = Sound::kAac}}, .airs = {2.5}});
  const Packaged out = Package(Air(b).ts, Container::kMp4);
  REQUIRE(out.tracks.size() == 2);
  CHECK(out.tracks[1].size() == 3);
  const auto heads = out.Heads();
  CHECK(std::ranges::count_if(heads, &PartHead::is_discontinuous) == 1);
  CHECK(out.Track(2).size() > 10'000);
}

TEST_CASE("Packager: the clock rides with the picture, wherever the source sends it") {
  Broadcast b = Programme();
  b.pcr_pid = 0x1FF;
  const Data track = Package(Air(b).ts).Track(0);
  const TsDump dump = ReadTs(track);
  CHECK(dump.Faults() == "");
  CHECK(dump.LastPmt().pcr_pid == kVideoPid);
  int64_t last = kAbsent;
  size_t clocks = 0;
  for (const TsPacket& packet : dump.packets) {
    if (packet.pcr == kAbsent) continue;
    CHECK(packet.pid == kVideoPid);
    CHECK(packet.pcr >= last);
    last = packet.pcr;
    ++clocks;
  }
  CHECK(clocks > 100);
}

TEST_CASE("Packager: a picture larger than any is dropped, and the time goes on") {
  Broadcast b = Programme();
  b.seconds = 0.4;
  b.video.picture_bytes = 3u << 20;  // key pictures are twice as large
  b.video.gop = 40;
  Broadcast usual = Programme();
  usual.seconds = 2;
  usual.start = b.start + 2 * 90'000;
  const Packaged out = Package(Concatenate({Air(usual).ts, Air(b).ts}), Container::kTs);
  CHECK(out.stats.dropped_frames > 0);
  size_t largest = 0;
  for (const PartRecord& part : out.parts) largest = std::max(largest, part.bytes.size());
  CHECK(largest < Packager::kMaxPartBytes + 2 * xg2g::Picture::kMaxFrameBytes);
}

TEST_CASE("Packager: MPEG-2 goes into TS alone, and what HLS does not know goes nowhere") {
  Broadcast b = Programme();
  b.video.kind = Video::Kind::kMpeg2;
  const Data ts = Air(b).ts;
  CHECK(CodecsOf(Package(ts), 0) == "mp4v.61,mp4a.40.2");
  CHECK(Package(ts, Container::kMp4).problem == "MP4 has no place for MPEG-2 video");
  Broadcast radio = Programme({{.codec = Sound::kLatm}});
  radio.video.kind = Video::Kind::kNone;
  const Packaged none = Package(Air(radio).ts);
  CHECK(none.parts.empty());
  CHECK(none.problem == "no picture or sound that HLS has a place for: aac_latm");
}

TEST_CASE("Packager: radio is cut by its first sound") {
  Broadcast b = Programme();
  b.video.kind = Video::Kind::kNone;
  b.audio.push_back({.pid = 0x102, .language = "eng", .sound = {{.codec = Sound::kAac}}});
  const Packaged out = Package(Air(b).ts);
  REQUIRE(out.tracks.size() == 1);
  CHECK(out.tracks[0].size() == 2);
  const auto heads = out.Heads();
  CHECK(heads.size() > 18);
  for (const PartHead& head : heads) CHECK(head.is_independent);
  for (const unsigned track : {0u, 1u}) {
    const Data ts = out.Track(track);
    CHECK(ReadTs(ts).Faults() == "");
    CHECK(ReadTs(ts).Units(track == 0 ? 0x101 : 0x102).size() > 200);
  }
}

TEST_CASE("Packager: damage of any kind leaves parts that keep the rules") {
  for (unsigned seed = 0; seed < 40; ++seed) {
    std::mt19937 random(seed);
    Broadcast b = Programme();
    b.seconds = 3;
    b.video.gop = 5 + seed % 20;
    Data ts = Air(b).ts;
    for (size_t i = 0; i < ts.size() / 2000; ++i) ts[random() % ts.size()] = static_cast<uint8_t>(random());
    if (seed % 3 == 0) ts = LosePackets(ts, kTsNullPid, random() % 500, random() % 300);
    if (seed % 4 == 0) ts = RepeatPackets(ts, kTsNullPid, 7);
    CAPTURE(seed);
    const Packaged out = Package(ts, seed % 2 ? Container::kTs : Container::kMp4);
    const auto heads = out.Heads();
    for (size_t i = 1; i < heads.size(); ++i) {
      const bool is_new = heads[i].msn != heads[i - 1].msn;
      CHECK(heads[i].msn >= heads[i - 1].msn);
      CHECK(heads[i].part == (is_new ? 0 : heads[i - 1].part + 1));
      CHECK(heads[i - 1].is_last == is_new);
      CHECK(heads[i].time >= heads[i - 1].time + heads[i - 1].duration);
    }
    if (seed % 2 == 0) continue;
    const Data track = out.Track(0);
    const TsDump dump = ReadTs(track);
    for (const Fault& fault : dump.faults) CHECK(fault.kind != FaultKind::kContinuity);
  }
}

}  // namespace xg2g::test
