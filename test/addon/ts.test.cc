// The oracle itself: what is written is read back, and each broken rule is named.
#include "ts.h"

#include <doctest/doctest.h>

using namespace xg2g::test;

namespace {

Data Counting(size_t size) {
  Data out(size);
  for (size_t i = 0; i < size; ++i) out[i] = static_cast<uint8_t>(i * 7 + i / 256);
  return out;
}

const Pat kPat = {.transport_stream = 7, .version = 3, .programs = {{0, 0x10}, {1, 0x100}}};
const Pmt kPmt = {.program = 1,
                  .version = 5,
                  .pcr_pid = 0x101,
                  .descriptors = {Registration("HDMV")},
                  .streams = {{0x1B, 0x101, {}},
                              {0x03, 0x102, {Language("deu"), {0x52, {4}}}},
                              {0x06, 0x103, {Language("deu", 3), {0x6A, {0}}}}}};

TsWriter WithTables() {
  TsWriter ts;
  ts.PutTables(kPat, {kPmt});
  return ts;
}

// The kinds of fault in it, each counted once.
std::set<FaultKind> Kinds(const Data& ts) {
  std::set<FaultKind> out;
  for (const Fault& fault : ReadTs(ts).faults) out.insert(fault.kind);
  return out;
}

}  // namespace

TEST_CASE("Crc32: the check value of CRC-32/MPEG-2") {
  const std::string digits = "123456789";
  CHECK(Crc32(Data(digits.begin(), digits.end())) == 0x0376E6E7);
}

TEST_CASE("TsWriter, ReadTs: tables") {
  TsWriter ts = WithTables();
  const TsDump dump = ReadTs(ts.bytes());
  CHECK(dump.Faults() == "");
  REQUIRE(dump.pats.size() == 1);
  CHECK(dump.pats[0].table == kPat);
  REQUIRE(dump.pmts.size() == 1);
  CHECK(dump.LastPmt() == kPmt);
  CHECK(dump.pmts[0].pid == 0x100);
  CHECK(dump.LastPmt().Find(0x103)->Find(0x0A)->content == Data{'d', 'e', 'u', 3});
}

TEST_CASE("TsWriter, ReadTs: sections in packets of any room, one behind the other") {
  Pmt other = kPmt;
  other.program = 2;
  other.streams[1].descriptors.push_back({0x7F, Counting(200)});
  const Pat pat = {.programs = {{1, 0x100}, {2, 0x100}}};
  for (size_t room = 2; room <= 184; ++room) {
    CAPTURE(room);
    TsWriter ts;
    ts.PutSections(0, {Format(pat)}, room);
    ts.PutSections(0x100, {Format(kPmt), Format(other), Format(kPmt)}, room);
    const TsDump dump = ReadTs(ts.bytes());
    CHECK(dump.Faults() == "");
    REQUIRE(dump.pmts.size() == 3);
    CHECK(dump.pmts[0].table == kPmt);
    CHECK(dump.pmts[1].table == other);
    CHECK(dump.pmts[2].table == kPmt);
  }
}

TEST_CASE("TsWriter, ReadTs: PES of every size around the packet's") {
  TsWriter ts = WithTables();
  for (size_t size = 0; size < 400; ++size)
    ts.PutPes(0x102, Pes({.stream_id = 0xC0, .pts = static_cast<int64_t>(size)}, Counting(size)));
  const TsDump dump = ReadTs(ts.bytes());
  CHECK(dump.Faults() == "");
  const auto units = dump.Units(0x102);
  REQUIRE(units.size() == 400);
  for (size_t size = 0; size < 400; ++size) {
    CHECK(units[size].es == Counting(size));
    CHECK(units[size].pts == static_cast<int64_t>(size));
    CHECK(units[size].is_complete);
  }
}

TEST_CASE("TsWriter, ReadTs: time stamps up to their wrap") {
  for (int64_t pts : {int64_t{0}, int64_t{1}, int64_t{0x7FFF}, int64_t{0x8000}, int64_t{1} << 30,
                      (int64_t{1} << 32) + 12345, kPtsWrap - 1}) {
    TsWriter ts = WithTables();
    ts.PutPes(0x101, Pes({.pts = pts, .dts = pts, .is_bounded = false}, Counting(1000)),
              {.is_random_access = true, .pcr = pts * 300 + 299});
    const TsDump dump = ReadTs(ts.bytes());
    CHECK(dump.Faults() == "");
    const PesUnit unit = dump.Units(0x101).at(0);
    CHECK(unit.pts == pts);
    CHECK(unit.dts == pts);
    CHECK(unit.is_random_access);
    CHECK_FALSE(unit.is_complete);
    CHECK(dump.packets[2].pcr == pts * 300 + 299);
  }
}

TEST_CASE("TsWriter, ReadTs: random stuffing, PES header stuffing, packets without payload") {
  std::mt19937 random(5);
  TsWriter ts = WithTables();
  Data all;
  for (int i = 0; i < 200; ++i) {
    const Data es = Counting(random() % 3000);
    all.insert(all.end(), es.begin(), es.end());
    ts.PutPes(0x102, Pes({.stream_id = 0xBD, .pts = i, .stuffing = random() % 33}, es),
              {.is_discontinuity = i % 50 == 0, .private_data = Counting(i % 20)}, &random);
    if (i % 10 == 0) ts.PutNull(3);
  }
  const TsDump dump = ReadTs(ts.bytes());
  CHECK(dump.Faults() == "");
  CHECK(dump.Es(0x102) == all);
}

TEST_CASE("ReadTs: one repeated packet is legal, the second is not") {
  TsWriter ts = WithTables();
  ts.PutPes(0x102, Pes({.stream_id = 0xC0}, Counting(100)));
  ts.Repeat();
  CHECK(Kinds(ts.bytes()).empty());
  CHECK(ReadTs(ts.bytes()).Es(0x102) == Counting(100));
  ts.Repeat();
  CHECK(Kinds(ts.bytes()) == std::set{FaultKind::kContinuity});
}

TEST_CASE("ReadTs: a gap is a fault unless flagged, and ends the unit") {
  for (bool is_flagged : {false, true}) {
    TsWriter ts = WithTables();
    ts.PutPes(0x102, Pes({.stream_id = 0xC0, .is_bounded = true}, Counting(1000)));
    Data cut = ts.Take();
    cut.erase(cut.end() - 2 * kTsBytes, cut.end());
    ts.PutRaw(cut);
    ts.PutPes(0x102, Pes({.stream_id = 0xC0}, Counting(50)), {.is_discontinuity = is_flagged});
    const TsDump dump = ReadTs(ts.bytes());
    CHECK(dump.CountFaults(FaultKind::kContinuity, 0x102) == (is_flagged ? 0 : 1));
    CHECK(dump.faults.size() == (is_flagged ? 0 : 1));
    CHECK_FALSE(dump.Units(0x102).at(0).is_complete);
    CHECK(dump.Units(0x102).at(1).es == Counting(50));
  }
  TsWriter ts = WithTables();
  ts.PutPes(0x102, Pes({.stream_id = 0xC0}, Counting(10)));
  ts.Lose(0x102, 3);
  ts.PutPes(0x102, Pes({.stream_id = 0xC0}, Counting(10)));
  CHECK(Kinds(ts.bytes()) == std::set{FaultKind::kContinuity});
}

TEST_CASE("ReadTs: names each broken rule") {
  const Data tables = WithTables().Take();
  SUBCASE("length") {
    Data ts = tables;
    ts.push_back(0x47);
    CHECK(Kinds(ts) == std::set{FaultKind::kLength});
  }
  SUBCASE("sync") {
    Data ts = tables;
    ts[188] = 0x48;
    CHECK(Kinds(ts) == std::set{FaultKind::kSync});
  }
  SUBCASE("CRC") {
    Data ts = tables;
    ts[188 + 20] ^= 1;
    CHECK(Kinds(ts) == std::set{FaultKind::kCrc});
  }
  SUBCASE("adaptation field too long for a payload") {
    TsWriter ts = WithTables();
    ts.Put({.pid = 0x102});
    CHECK(Kinds(ts.bytes()) == std::set{FaultKind::kPacket});
  }
  SUBCASE("pointer_field") {
    TsWriter ts = WithTables();
    ts.Put({.pid = 0x100, .is_start = true}, Data(184, 0xC8));
    CHECK(Kinds(ts.bytes()) == std::set{FaultKind::kSection});
  }
  SUBCASE("a PES without start code") {
    TsWriter ts = WithTables();
    ts.Put({.pid = 0x102, .is_start = true}, Counting(184));
    CHECK(Kinds(ts.bytes()) == std::set{FaultKind::kPes});
  }
  SUBCASE("PES filled up behind its length, or short of it") {
    for (int more : {-3, 4}) {
      TsWriter ts = WithTables();
      Data pes = Pes({.stream_id = 0xC0}, Counting(500));
      pes.resize(pes.size() + static_cast<size_t>(more), 0xFF);
      ts.PutPes(0x102, pes);
      ts.PutPes(0x102, Pes({.stream_id = 0xC0}, Counting(500)));
      CHECK(Kinds(ts.bytes()) == std::set{FaultKind::kPes});
    }
  }
  SUBCASE("counter stepped without payload") {
    TsWriter ts = WithTables();
    ts.PutPes(0x102, Pes({.stream_id = 0xC0}, Counting(5)));
    ts.Put({.pid = 0x102, .continuity = 1, .has_payload = false});
    CHECK(Kinds(ts.bytes()) == std::set{FaultKind::kContinuity});
  }
  SUBCASE("none where all is well") { CHECK(Kinds(tables).empty()); }
}

TEST_CASE("ReadTs: scrambled packets are passed over") {
  TsWriter ts = WithTables();
  ts.PutPes(0x102, Counting(1000), {.scrambling = 2});
  const TsDump dump = ReadTs(ts.bytes());
  CHECK(dump.Faults() == "");
  CHECK(dump.Units(0x102).empty());
  CHECK(dump.packets.back().scrambling == 2);
}
