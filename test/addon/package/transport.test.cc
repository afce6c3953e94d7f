#include "package/transport.h"

#include <doctest/doctest.h>

#include <random>

#include "package/lineup.h"
#include "ts.h"

using namespace xg2g;
using test::Data;

namespace {

constexpr uint16_t kVideo = 0x100, kSound = 0x101;

Lineup Programme() {
  Lineup lineup{.transport_stream = 7, .program = 1, .pmt_pid = 0x20};
  lineup.picture = Elementary{kVideo, 0x1B, {.video = VideoCodec::kH264, .is_video = true}};
  lineup.sounds = {{kSound, 0x0F, {.audio = AudioCodec::kAdts, .is_audio = true}}};
  return lineup;
}

Data Pes(size_t bytes, int64_t pts, unsigned seed) {
  std::mt19937 random(seed);
  Data es(bytes);
  for (uint8_t& byte : es) byte = static_cast<uint8_t>(random());
  return test::Pes({.stream_id = 0xC0, .pts = pts}, es);
}

}  // namespace

TEST_CASE("Transport: counters come round at the end of a segment, and nothing is missing") {
  const Lineup lineup = Programme();
  Transport transport(MakeTables(lineup, &*lineup.picture, &lineup.sounds[0]), {kVideo, kSound});
  Data all;
  std::map<uint16_t, Data> sent;
  for (unsigned segment = 0; segment < 40; ++segment) {
    for (unsigned part = 0; part < 3; ++part) {
      std::vector<uint8_t> bytes;
      if (part == 0) transport.PutHead(bytes, 27'000'000 * int64_t{segment});
      for (unsigned i = 0; i < 2; ++i) {
        const unsigned seed = segment * 100 + part * 10 + i;
        for (const uint16_t pid : {kVideo, kSound}) {
          const Data pes = Pes(1 + seed * 7919 % 900, seed * 1000, seed + pid);
          transport.PutPes(bytes, pid, pes);
          sent[pid].insert(sent[pid].end(), pes.begin() + 14, pes.end());
        }
      }
      transport.Finish(bytes, part == 2);
      all.insert(all.end(), bytes.begin(), bytes.end());
      if (part != 0) continue;
      std::map<uint16_t, unsigned> first;
      for (const test::TsPacket& packet : test::ReadTs(bytes).packets)
        if (packet.has_payload) first.try_emplace(packet.pid, packet.continuity);
      CHECK(first == std::map<uint16_t, unsigned>{{0, 0}, {0x20, 0}, {kVideo, 0}, {kSound, 0}});
    }
  }
  const test::TsDump dump = test::ReadTs(all);
  CHECK(dump.Faults() == "");
  CHECK(dump.Es(kVideo) == sent[kVideo]);
  CHECK(dump.Es(kSound) == sent[kSound]);
  CHECK(dump.pmts.size() == 40);
}

TEST_CASE("Transport: what an adaptation field says stays, also where its payload is spread") {
  Transport transport({}, {kVideo});
  test::TsWriter ts;
  const Data pes = Pes(100, 9000, 1);
  ts.Put({.pid = kVideo, .is_start = true, .is_random_access = true, .pcr = 12'345'678}, pes);
  std::vector<uint8_t> part = ts.Take();
  transport.Finish(part, true);
  CHECK(part.size() == 16 * test::kTsBytes);
  const test::TsDump dump = test::ReadTs(part);
  CHECK(dump.packets[0].pcr == 12'345'678);
  CHECK(dump.packets[0].is_random_access);
  for (size_t i = 1; i < 16; ++i) CHECK_FALSE(dump.packets[i].is_start);
  Data payload;
  for (const test::TsPacket& packet : dump.packets)
    payload.insert(payload.end(), packet.payload.begin(), packet.payload.end());
  CHECK(payload == pes);
}

TEST_CASE("Transport: a segment without enough payload goes on counting") {
  Transport transport({}, {kVideo});
  test::TsWriter ts;
  ts.Put({.pid = kVideo}, Data{1, 2, 3});
  std::vector<uint8_t> first = ts.Take();
  transport.Finish(first, true);
  CHECK(first.size() == test::kTsBytes);
  ts.Put({.pid = kVideo}, Data(184, 7));
  std::vector<uint8_t> second = ts.Take();
  transport.Finish(second, true);
  CHECK((second[3] & 15) == 1);
  CHECK(second.size() == 15 * test::kTsBytes);
}

TEST_CASE("MakeTables: one programme with its streams, the version told by what it says") {
  Lineup lineup = Programme();
  lineup.sounds[0].kind.language = {'d', 'e', 'u', 0};
  const auto read = [&] { return test::ReadTs(MakeTables(lineup, &*lineup.picture, &lineup.sounds[0])); };
  const auto tables = MakeTables(lineup, &*lineup.picture, &lineup.sounds[0]);
  const test::TsDump dump = test::ReadTs(tables);
  CHECK(dump.Faults() == "");
  REQUIRE(dump.pmts.size() == 1);
  const test::Pmt pmt = dump.pmts[0].table;
  CHECK(pmt.pcr_pid == kVideo);
  CHECK(pmt.streams == std::vector<test::PmtStream>{{0x1B, kVideo},
                                                    {0x0F, kSound, {test::Language("deu")}}});
  CHECK(MakeTables(lineup, &*lineup.picture, &lineup.sounds[0]) == tables);
  lineup.sounds[0].kind.audio = AudioCodec::kAc3;
  lineup.sounds[0].kind.is_description = true;
  const auto other = MakeTables(lineup, &*lineup.picture, &lineup.sounds[0]);
  const test::TsDump changed = test::ReadTs(other);
  CHECK(changed.pmts[0].table.version != pmt.version);
  CHECK(changed.pmts[0].table.streams[1] ==
        test::PmtStream{0x81, kSound, {test::Registration("AC-3"), test::Language("deu", 3)}});
  CHECK(read().Faults() == "");
}
