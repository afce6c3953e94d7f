// Access points. Input: codec, seed (2), then PES packets (length in two bytes, bytes), each read
// in one go and in pieces.
#include "access.h"

#include "input.h"

using namespace xg2g;
using namespace xg2g::fuzz;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using Verdict = AccessScanner::Verdict;
  Input input(data, size);
  const auto codec = static_cast<VideoCodec>(input.Byte() % 4);
  Pieces pieces(input.Word(), 200);
  AccessScanner whole(codec), cut(codec);
  Require(whole.Feed({}) == Verdict::kNone, "nothing before the first PES");
  while (!input.IsEmpty()) {
    View es = input.Take(input.Word() % 10'000);
    whole.Begin();
    cut.Begin();
    const Verdict verdict = whole.Feed(es);
    Require(whole.Feed({}) == verdict, "a verdict stays");
    Require(verdict != Verdict::kMore || es.size() < kMaxScanBytes, "the scan ends");
    Verdict in_pieces = cut.Feed({});
    while (!es.empty()) {
      const View piece = es.first(std::min(pieces.Next(), es.size()));
      in_pieces = cut.Feed(piece);
      es = es.subspan(piece.size());
    }
    Require(verdict == in_pieces, "the same verdict however it is cut");
    if (verdict == Verdict::kAccess) Require(whole.kind() == cut.kind(), "the same kind too");
  }
  return 0;
}
