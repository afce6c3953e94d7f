// PES headers out of any packets, and the frames of their payload: no crash, no frame longer than its
// codec allows, and each with zero bytes behind it.
#include <cstdlib>
#include <vector>

#include "audio/framer.h"
#include "pes.h"

using namespace xg2g;

// The first byte is the codec; then for each payload a length, whether a PES packet begins in it or
// one was lost before it, and its bytes.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  PesReader reader;
  Framer framer(static_cast<AudioCodec>(1 + data[0] % 6));
  const auto take = [](const FrameHeader& header, Bytes frame, int64_t pts) {
    if (frame.size() != header.bytes || frame.size() > kMaxFrameBytes || header.skip) std::abort();
    if (pts != kNoTime && (pts < 0 || pts >= kPtsModulus)) std::abort();
    for (size_t i = 0; i < Framer::kPaddingBytes; ++i)
      if (frame.data()[frame.size() + i] != 0) std::abort();
  };
  for (size_t at = 1; at + 2 <= size;) {
    const size_t length = std::min<size_t>(data[at] % 185, size - at - 2);
    const uint8_t flags = data[at + 1];
    const std::vector<uint8_t> payload(data + at + 2, data + at + 2 + length);
    if (flags & 2) {
      reader.Reset();
      framer.Reset();
    }
    reader.Push(
        payload, flags & 1, [&](const PesHeader& header) { framer.Begin(header.pts); },
        [&](Bytes bytes) { framer.Push(bytes, take); });
    at += 2 + length;
  }
  framer.Flush(take);
  return 0;
}
