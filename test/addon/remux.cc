#include "remux.h"

#include <algorithm>

namespace xg2g::test {

Data Drain(Remuxer& remuxer) {
  Data out, window(7 * kPacketBytes + 5);  // odd, as a caller's may be
  while (const size_t n = remuxer.Pull(window))
    out.insert(out.end(), window.begin(), window.begin() + static_cast<long>(n));
  return out;
}

Data Feed(Remuxer& remuxer, View piece) {
  // A copy that is gone afterwards: what is kept beyond the call is a read of freed memory.
  Data copy(piece.begin(), piece.end());
  Data out;
  const auto pull = [&] {
    const Data more = Drain(remuxer);
    out.insert(out.end(), more.begin(), more.end());
  };
  // Of some pieces what passes is taken before the sound among it is done, and what brought it is
  // written over: it is all the same.
  Remuxer::OnPause on_pause;
  if (copy.size() % 2) {
    on_pause = [&](size_t taken) {
      pull();
      std::fill_n(copy.begin(), taken, uint8_t{0x5A});
    };
  }
  remuxer.Push(copy, on_pause);
  pull();
  remuxer.Settle();
  return out;
}

Remuxed Remux(View in, const RemuxerSettings& settings, const NextPiece& next) {
  Remuxer remuxer(settings);
  Remuxed out;
  const auto append = [&](const Data& more) {
    out.ts.insert(out.ts.end(), more.begin(), more.end());
  };
  while (!in.empty()) {
    const size_t size = std::min(next(), in.size());
    append(Feed(remuxer, in.first(size)));
    in = in.subspan(size);
    for (const Mark& mark : remuxer.TakeMarks()) out.marks.push_back(mark);
  }
  out.problem = remuxer.Problem();
  remuxer.Flush();
  append(Drain(remuxer));
  for (const Mark& mark : remuxer.TakeMarks()) out.marks.push_back(mark);
  out.stats = remuxer.stats();
  return out;
}

}  // namespace xg2g::test
