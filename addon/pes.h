// PES packets out of transport packets, and PES packets of our own into them.
// Source: ISO/IEC 13818-1, 2.4.3.6 and 2.4.3.7.
#pragma once

#include "bytes.h"
#include "packet.h"

#include <array>

namespace xg2g {

class Output;

struct PesHeader {
  uint8_t stream_id;
  int64_t pts;            // 90 kHz, 0 .. 2^33-1, or kNoTime
  int64_t dts = kNoTime;  // likewise; kNoTime also where it is the PTS
};

// The time stamps at the front of a PES packet, to be read and moved where they lie.
struct PesTimes {
  int64_t pts = kNoTime, dts = kNoTime;  // 90 kHz, 0 .. 2^33-1
};
inline constexpr size_t kMaxTimesEnd = 19;
// How many bytes of a PES packet hold its header up to the last time stamp, told by those that are
// there: 0 for none (or no PES packet), more than `in` has where that is not all there yet.
size_t TimesEnd(Bytes in);
// These need the TimesEnd() of the bytes, and that many of them.
PesTimes ReadTimes(const uint8_t* pes, size_t times_end);
void ShiftTimes(uint8_t* pes, size_t times_end, int64_t ticks);

// Strips the headers of the PES packets of one PID. Keeps at most one header; payload is passed on
// as it comes.
class PesReader {
 public:
  static constexpr size_t kMaxHeaderBytes = 9 + 255;

  // begin(PesHeader) at each PES packet, data(Bytes) for its payload in pieces.
  template <class Begin, class Data>
  void Push(Bytes payload, bool unit_start, Begin&& begin, Data&& data);
  // A packet is missing: nothing is read until the next PES packet begins.
  void Reset() { state_ = State::kIdle; }
  uint64_t errors() const { return errors_; }  // units that did not begin with a PES header

 private:
  enum class State : uint8_t { kIdle, kHeader, kPayload };
  size_t HeaderBytes() const;  // as far as can be told from what is there
  bool ReadHeader(PesHeader& out);

  State state_ = State::kIdle;
  std::array<uint8_t, kMaxHeaderBytes> header_;
  size_t have_ = 0;
  size_t left_ = 0;  // payload bytes to come, where the length is told
  bool is_bounded_ = false;
  uint64_t errors_ = 0;
};

template <class Begin, class Data>
void PesReader::Push(Bytes payload, bool unit_start, Begin&& begin, Data&& data) {
  if (unit_start) {
    state_ = State::kHeader;
    have_ = 0;
  }
  while (state_ == State::kHeader && !payload.empty()) {
    const size_t n = std::min(HeaderBytes() - have_, payload.size());
    std::memcpy(header_.data() + have_, payload.data(), n);
    have_ += n;
    payload = payload.subspan(n);
    if (have_ < HeaderBytes()) continue;
    PesHeader header;
    if (!ReadHeader(header)) {
      ++errors_;
      state_ = State::kIdle;
      return;
    }
    state_ = State::kPayload;
    begin(header);
  }
  if (state_ != State::kPayload || payload.empty()) return;
  if (is_bounded_) {
    payload = payload.first(std::min(left_, payload.size()));
    left_ -= payload.size();
  }
  if (!payload.empty()) data(payload);
}

// What is written into the packets of one of our own PES packets.
struct PesUnit {
  uint16_t pid;
  uint8_t stream_id;
  int64_t pts;  // 90 kHz, 0 .. 2^33-1
  Bytes payload;
  bool discontinuity;  // sets discontinuity_indicator in the first packet
};
// Appends the unit as whole transport packets. continuity: the counter of the last payload packet on
// the PID; stepped for each packet written. The last packet is filled by its adaptation field.
void WritePes(Output& out, const PesUnit& unit, uint8_t& continuity);

// A whole PES packet: its header, and what follows.
struct PesBytes {
  uint16_t pid;
  Bytes head, body;
  bool discontinuity = false;
};
// As above.
void WriteUnit(Output& out, PesBytes unit, uint8_t& continuity);

}  // namespace xg2g
