#include "pes.h"

#include <doctest/doctest.h>

#include <random>

#include "mux.h"
#include "ts.h"

namespace xg2g::test {
namespace {

// What PesReader makes of the payloads of packets.
struct Read {
  struct Unit {
    uint8_t stream_id;
    int64_t pts;
    Data es = {};
    bool operator==(const Unit&) const = default;
  };
  std::vector<Unit> units = {};
  uint64_t errors = 0;
};

class Reader {
 public:
  void Push(View payload, bool unit_start) {
    reader_.Push(
        payload, unit_start,
        [&](const PesHeader& h) {
          read_.units.push_back({h.stream_id, h.pts});
        },
        [&](Bytes data) {
          REQUIRE(!read_.units.empty());
          CHECK(!data.empty());
          Data& es = read_.units.back().es;
          es.insert(es.end(), data.begin(), data.end());
        });
    read_.errors = reader_.errors();
  }
  void Reset() { reader_.Reset(); }
  const Read& read() const { return read_; }

 private:
  PesReader reader_;
  Read read_;
};

// One PES in pieces of one size.
Read InPieces(View pes, size_t piece) {
  Reader reader;
  for (size_t at = 0; at < pes.size(); at += piece)
    reader.Push(pes.subspan(at, std::min(piece, pes.size() - at)), at == 0);
  return reader.read();
}

Data Counting(size_t size) {
  Data out(size);
  for (size_t i = 0; i < size; ++i) out[i] = static_cast<uint8_t>(i * 7 + i / 256);
  return out;
}

struct Written {
  Data ts = {};
  uint8_t continuity = 15;
};

Written Write(const xg2g::PesUnit& unit, uint8_t continuity = 15) {
  Output out;
  Written written{.continuity = continuity};
  WritePes(out, unit, written.continuity);
  written.ts.resize(out.pending_bytes());
  out.Pull(written.ts);
  return written;
}

}  // namespace

TEST_CASE("PesReader: header and payload, in pieces of any size") {
  const Data es = Counting(500);
  const PesFields cases[] = {
      {.stream_id = 0xC0, .pts = 123456789},
      {.stream_id = 0xBD, .pts = 1, .dts = 0, .stuffing = 7},
      {.stream_id = 0xE0, .pts = kPtsModulus - 1, .is_bounded = false},
      {.stream_id = 0xC0},
      {.stream_id = 0xFD, .stuffing = 32},
  };
  for (const PesFields& fields : cases) {
    const Data pes = Pes(fields, es);
    for (size_t piece = 1; piece <= pes.size(); piece += piece < 60 ? 1 : 97) {
      CAPTURE(piece);
      const Read read = InPieces(pes, piece);
      CHECK(read.units == std::vector<Read::Unit>{{fields.stream_id, fields.pts, es}});
      CHECK(read.errors == 0);
    }
  }
}

TEST_CASE("PesReader: a header split at every byte") {
  const Data pes = Pes({.stream_id = 0xC0, .pts = 77, .dts = 70, .stuffing = 20}, Counting(40));
  for (size_t split = 0; split <= pes.size(); ++split) {
    Reader reader;
    reader.Push(View(pes).first(split), true);
    reader.Push(View(pes).subspan(split), false);
    CAPTURE(split);
    CHECK(reader.read().units == std::vector<Read::Unit>{{0xC0, 77, Counting(40)}});
  }
}

TEST_CASE("PesReader: a PTS at every bit") {
  for (int bit = 0; bit < 33; ++bit)
    for (const int64_t pts : {int64_t{1} << bit, (kPtsModulus - 1) ^ (int64_t{1} << bit)}) {
      const Read read = InPieces(Pes({.stream_id = 0xC0, .pts = pts}, Counting(1)), 100);
      REQUIRE(read.units.size() == 1);
      CHECK(read.units[0].pts == pts);
    }
}

TEST_CASE("PesReader: what follows the told length is not payload") {
  Data pes = Pes({.stream_id = 0xC0, .pts = 5}, Counting(300));
  const Data stuffing(100, 0xFF);
  pes.insert(pes.end(), stuffing.begin(), stuffing.end());
  for (const size_t piece : {1, 184, 1000})
    CHECK(InPieces(pes, piece).units[0].es == Counting(300));
}

TEST_CASE("PesReader: streams without flags have six bytes of header") {
  for (const uint8_t id : {0xBC, 0xBE, 0xBF, 0xF0, 0xF1, 0xF2, 0xF8, 0xFF}) {
    const Data pes = {0, 0, 1, id, 0, 4, 0x80, 0x80, 5, 6};
    const Read read = InPieces(pes, 3);
    CHECK(read.units == std::vector<Read::Unit>{{id, kNoTime, {0x80, 0x80, 5, 6}}});
  }
}

TEST_CASE("PesReader: what is no PES is counted, and the next one is read") {
  const Data good = Pes({.stream_id = 0xC0, .pts = 9}, Counting(20));
  const auto with = [&](size_t at, uint8_t value) {
    Data bad = good;
    bad[at] = value;
    return bad;
  };
  const Data cases[] = {
      with(2, 2),                   // no start code
      with(3, 0xB3),                // the start code of a picture
      with(6, 0x40),                // no '10'
      with(5, 2),      with(5, 7),  // ends inside its own header
      Data(188, 0xFF),
  };
  for (const Data& bad : cases) {
    Reader reader;
    reader.Push(bad, true);
    reader.Push(Counting(50), false);
    CHECK(reader.read().errors == 1);
    CHECK(reader.read().units.empty());
    reader.Push(good, true);
    CHECK(reader.read().units == std::vector<Read::Unit>{{0xC0, 9, Counting(20)}});
  }
}

TEST_CASE("PesReader: flags that promise a PTS without room for it") {
  Data pes = Pes({.stream_id = 0xC0, .pts = 9}, Counting(20));
  pes[8] = 4;  // of five bytes
  const Read read = InPieces(pes, 100);
  REQUIRE(read.units.size() == 1);
  CHECK(read.units[0].pts == kNoTime);
}

TEST_CASE("PesReader: nothing before the first unit, nothing after Reset()") {
  Reader reader;
  reader.Push(Counting(100), false);
  CHECK(reader.read().units.empty());
  reader.Push(Pes({.stream_id = 0xC0, .pts = 9}, Counting(20)), true);
  reader.Reset();
  reader.Push(Counting(100), false);
  CHECK(reader.read().units == std::vector<Read::Unit>{{0xC0, 9, Counting(20)}});
}

TEST_CASE("PesReader: a unit that ends early is followed by the next") {
  const Data pes = Pes({.stream_id = 0xC0, .pts = 9}, Counting(200));
  Reader reader;
  reader.Push(View(pes).first(100), true);
  reader.Push(View(pes).first(5), true);  // cut in its header
  reader.Push(pes, true);
  CHECK(reader.read().units ==
        std::vector<Read::Unit>{{0xC0, 9, Counting(86)}, {0xC0, 9, Counting(200)}});
}

TEST_CASE("WritePes: units of every size are read back, without a fault") {
  for (size_t size = 1; size <= 1500; size += size < 760 ? 1 : 41)
    for (const bool is_flagged : {false, true}) {
      const Data es = Counting(size);
      const Written written = Write({.pid = 0x1ABC,
                                     .stream_id = 0xC0,
                                     .pts = 4711,
                                     .payload = es,
                                     .discontinuity = is_flagged});
      const TsDump dump = ReadTs(written.ts);
      CAPTURE(size);
      CAPTURE(is_flagged);
      REQUIRE(dump.Faults() == "");
      REQUIRE(dump.units.size() == 1);
      const test::PesUnit& unit = dump.units[0];
      CHECK(unit.pid == 0x1ABC);
      CHECK(unit.stream_id == 0xC0);
      CHECK(unit.pts == 4711);
      CHECK(unit.dts == kAbsent);
      CHECK(unit.is_aligned);
      CHECK(unit.is_complete);
      CHECK(unit.is_discontinuity == is_flagged);
      CHECK(unit.es == es);
      // No packet more than it takes.
      CHECK(dump.packets.size() == (size + 14 + (is_flagged ? 2 : 0) + 183) / 184);
      // Nothing but the adaptation field fills the last packet: the length tells the rest.
      CHECK(dump.packets.back().has_adaptation == ((size + 14 + (is_flagged ? 2 : 0)) % 184 != 0 ||
                                                   (is_flagged && dump.packets.size() == 1)));
    }
}

TEST_CASE("WritePes: a spare byte is an adaptation field of length 0") {
  const Data es = Counting(184 - 14 - 1);
  const Written written = Write({0x100, 0xC0, 0, es, false});
  REQUIRE(written.ts.size() == kPacketBytes);
  CHECK(written.ts[3] == 0x30);
  CHECK(written.ts[4] == 0);
  CHECK(written.ts[5] == 0);  // the start code
  CHECK(written.ts[7] == 1);
}

TEST_CASE("WritePes: the counter goes on from packet to packet and unit to unit") {
  uint8_t continuity = 15;
  Data ts;
  for (int i = 0; i < 40; ++i) {
    const Data es = Counting(static_cast<size_t>(i) * 53 + 1);
    const Written written = Write({0x100, 0xC0, i, es, false}, continuity);
    continuity = written.continuity;
    ts.insert(ts.end(), written.ts.begin(), written.ts.end());
  }
  CHECK(ReadTs(ts).Faults() == "");
  CHECK((ts[3] & 0x0F) == 0);
}

TEST_CASE("WritePes: a PTS at every bit") {
  const Data es = Counting(10);
  for (int bit = 0; bit < 33; ++bit)
    for (const int64_t pts : {int64_t{1} << bit, (kPtsModulus - 1) ^ (int64_t{1} << bit)}) {
      const TsDump dump = ReadTs(Write({0x100, 0xC0, pts, es, false}).ts);
      CHECK(dump.Faults() == "");
      CHECK(dump.units.at(0).pts == pts);
    }
}

TEST_CASE("WritePes: longer than its length field can tell, the length is 0") {
  const Data es = Counting(66'000);
  const Written written = Write({0x100, 0xC0, 0, es, false});
  CHECK(ReadTs(written.ts).Faults() == "");
  CHECK(ReadTs(written.ts).Es(0x100) == es);
  const Data most = Counting(0xFFFF - 8);
  CHECK(ReadTs(Write({0x100, 0xC0, 0, most, false}).ts).units.at(0).is_complete);
}

TEST_CASE("WritePes, PesReader: the one reads what the other writes") {
  std::mt19937 random(11);
  for (int i = 0; i < 200; ++i) {
    const Data es = Counting(1 + random() % 3000);
    const int64_t pts = WrapPts(static_cast<int64_t>(random()) << 2 | (random() & 3));
    const Written written = Write({0x100, 0xC7, pts, es, i % 3 == 0});
    Reader reader;
    for (size_t at = 0; at < written.ts.size(); at += kPacketBytes) {
      const Packet packet(written.ts.data() + at);
      reader.Push(packet.payload(), packet.unit_start());
    }
    CHECK(reader.read().units == std::vector<Read::Unit>{{0xC7, pts, es}});
  }
}

}  // namespace xg2g::test
