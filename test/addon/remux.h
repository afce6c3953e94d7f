// Drives the remuxer as a worker does: pushes pieces, pulls into a window, flushes.
#pragma once

#include <functional>

#include "remuxer.h"
#include "ts.h"

namespace xg2g::test {

struct Remuxed {
  Data ts = {};
  std::vector<Mark> marks = {};
  RemuxerStats stats = {};
  std::string problem = {};  // before the end of the input was told
};

// How many bytes the next piece has; never 0.
using NextPiece = std::function<size_t()>;
inline NextPiece Pieces(size_t bytes) {
  return [bytes] { return bytes; };
}

// The whole of `in`, in pieces.
Remuxed Remux(View in, const RemuxerSettings& settings = {}, const NextPiece& next = Pieces(65536));
// One piece into a remuxer that goes on; returns what comes out.
Data Feed(Remuxer& remuxer, View piece);
// Everything that waits to be pulled.
Data Drain(Remuxer& remuxer);

}  // namespace xg2g::test
