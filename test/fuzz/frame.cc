// Frame headers and the framer. Input: codec, then commands: a byte (bit 0: a PES begins, bit 1: it
// has a PTS, bit 2: something is missing), a length (2), bytes.
#include "audio/framer.h"

#include "input.h"

using namespace xg2g;
using namespace xg2g::fuzz;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input input(data, size);
  const auto codec = static_cast<AudioCodec>(1 + input.Byte() % 6);
  Framer framer(codec);
  size_t pushed = 0, taken = 0;
  int64_t pts = 0;
  FrameHeader last;
  const auto take = [&](const FrameHeader& header, Bytes frame, int64_t stamp) {
    Require(frame.size() == header.bytes && header.bytes <= kMaxFrameBytes, "the size of a frame");
    Require(!header.skip && header.samples <= 4096 && header.channels <= 9, "limits of a frame");
    Require(stamp == kNoTime || stamp <= pts, "a time that was told");
    for (size_t i = 0; i < Framer::kPaddingBytes; ++i)
      Require(frame.data()[frame.size() + i] == 0, "zeros behind the frame");
    taken += frame.size();
    IsContinuation(last, header);
    last = header;
  };
  while (!input.IsEmpty()) {
    const uint8_t command = input.Byte();
    const View bytes = input.Take(input.Word() % 4096);
    for (size_t at = 0; at < bytes.size() && at < 64; ++at)
      ParseFrameHeader(codec, bytes.subspan(at));
    if (command & 4) framer.Reset();
    if (command & 1) framer.Begin(command & 2 ? ++pts : kNoTime);
    pushed += bytes.size();
    framer.Push(bytes, take);
  }
  framer.Flush(take);
  Require(taken + framer.skipped_bytes() <= pushed, "no byte counts twice");
  return 0;
}
