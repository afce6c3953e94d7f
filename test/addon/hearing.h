// Where sound lies in time: decoded frames laid out by their time stamps, and how far what came out
// is from what went in. Shares no code with addon/.
#pragma once

#include "broadcast.h"

namespace xg2g::test {

// Decoded sound and the time of its first sample.
struct Heard {
  int64_t pts;  // 0 .. 2^33-1
  Pcm pcm;
};

// Decodes frame by frame; each change of codec, rate or channels gets a new decoder. Frames that do
// not decode are left out.
std::vector<Heard> Hear(const std::vector<CodedFrame>& frames);

// The frames of ADTS or MPEG audio that begin on a PID, by the PTS of their PES packets.
std::vector<CodedFrame> FramesOf(const TsDump& dump, uint16_t pid, Sound codec = Sound::kAac);

// The first channel from `from` on, for `seconds`; silence where nothing was heard. Only sound of
// the given rate.
Pcm Lay(const std::vector<Heard>& heard, int64_t from, double seconds, int rate);

// By how many ticks (90 kHz) `out` is later than `source`, in `seconds` of sound from `from` on.
double LateBy(const std::vector<Heard>& source, const std::vector<Heard>& out, int64_t from,
              double seconds, int rate = 48000);

}  // namespace xg2g::test
