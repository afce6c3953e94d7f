// PES. Input: seed (2), stream id, PTS (5), then payloads of packets (a byte for the unit start,
// one for the length, bytes). Read in pieces and in one go; what is left is written and read back.
#include "pes.h"

#include "input.h"
#include "mux.h"

using namespace xg2g;
using namespace xg2g::fuzz;

namespace {

struct Unit {
  uint8_t stream_id;
  int64_t pts;
  Data es = {};
  bool operator==(const Unit&) const = default;
};

class Reader {
 public:
  void Push(View payload, bool unit_start) {
    reader_.Push(
        payload, unit_start,
        [&](const PesHeader& h) {
          units_.push_back({h.stream_id, h.pts});
        },
        [&](Bytes data) {
          Require(!units_.empty(), "a header before the payload");
          Data& es = units_.back().es;
          es.insert(es.end(), data.begin(), data.end());
        });
  }
  const std::vector<Unit>& units() const { return units_; }
  uint64_t errors() const { return reader_.errors(); }

 private:
  PesReader reader_;
  std::vector<Unit> units_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input input(data, size);
  Pieces pieces(input.Word(), 40);
  const uint8_t stream_id = static_cast<uint8_t>(0xC0 | input.Byte() % 0x30);
  int64_t pts = 0;
  for (int i = 0; i < 5; ++i) pts = pts << 8 | input.Byte();
  pts &= kPtsModulus - 1;

  Reader whole, cut;
  Data all;
  while (!input.IsEmpty()) {
    const bool unit_start = input.Byte() & 1;
    View payload = input.Take(input.Byte() % 185);
    all.insert(all.end(), payload.begin(), payload.end());
    whole.Push(payload, unit_start);
    bool is_first = unit_start;
    do {
      const View piece = payload.first(std::min(pieces.Next(), payload.size()));
      cut.Push(piece, is_first);
      is_first = false;
      payload = payload.subspan(piece.size());
    } while (!payload.empty());
  }
  Require(whole.units() == cut.units(), "the same units however they are cut");
  Require(whole.errors() == cut.errors(), "the same errors however they are cut");
  for (const Unit& unit : whole.units())
    Require(unit.pts == kNoTime || (unit.pts >= 0 && unit.pts < kPtsModulus), "a PTS of 33 bits");
  if (all.empty()) return 0;

  Output out;
  uint8_t continuity = 15;
  WritePes(out, {0x100, stream_id, pts, all, (stream_id & 1) != 0}, continuity);
  Data ts(out.pending_bytes());
  out.Pull(ts);
  const test::TsDump dump = test::ReadTs(ts);
  Require(dump.Faults().empty(), "our PES keep the rules");
  Require(dump.units.size() == 1 && dump.units[0].es == all && dump.units[0].pts == pts,
          "what is written is read back");
  return 0;
}
