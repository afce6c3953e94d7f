#include "timeline.h"


#include <cstdlib>

namespace xg2g {

namespace {

constexpr int64_t kBackTicks = 5 * kTicksPerSecond;        // back by more: another time line
constexpr int64_t kNaturalGapTicks = kTicksPerSecond / 2;  // to another source of the same time line
// From the last time stamp to another time line: a picture, and what an encoder's first frame of
// sound reaches back before its time.
constexpr int64_t kFollowTicks = kTicksPerSecond * 6 / 100;
constexpr int64_t kMostFromClock = 10 * kTicksPerSecond;  // a PTS farther from the PCR is none

}  // namespace

void TimeLine::ReadClock(const Packet& packet, Found& found) const {
  if (found.clock == kNoTime && packet.pcr() != kNoTime) found.clock = packet.pcr() / kPcrPerTick;
}

void TimeLine::ReadTimesOf(const Packet& packet, Found& found) const {
  if (!packet.unit_start() || packet.scrambled()) return;
  const size_t end = TimesEnd(packet.payload());
  if (end == 0 || end > packet.payload().size()) return;
  const PesTimes times = ReadTimes(packet.payload().data(), end);
  for (const int64_t time : {times.pts, times.dts}) {
    if (time == kNoTime) continue;
    const bool is_far = found.clock != kNoTime && std::llabs(WrapDistance(time, found.clock)) > kMostFromClock;
    const bool is_first = found.earliest == kNoTime || WrapDistance(time, found.earliest) < 0;
    if (!is_far && is_first) found.earliest = time;
  }
}

void TimeLine::Follow(const Found& found) {
  const int64_t earliest = found.earliest != kNoTime ? found.earliest : found.clock;
  if (earliest == kNoTime) return;
  const int64_t gap = WrapDistance(WrapPts(earliest + shift_), continue_from_);
  if (gap > 0 && gap <= kNaturalGapTicks) return;
  shift_ = WrapPts(continue_from_ + kFollowTicks - earliest);
}

// A carry runs through all five bytes of a time stamp, so both packets have to be there.
bool TimeLine::MoveSplit(PacketBytes& begun, const Packet& packet, PacketBytes& second) const {
  const Bytes head = Packet(begun.data()).payload();
  const Bytes tail = packet.payload();
  uint8_t header[kMaxTimesEnd];
  const size_t from_tail = std::min(kMaxTimesEnd - head.size(), tail.size());
  std::memcpy(header, head.data(), head.size());
  std::memcpy(header + head.size(), tail.data(), from_tail);
  const size_t end = TimesEnd({header, head.size() + from_tail});
  const bool is_whole = !packet.unit_start() && !packet.scrambled() && end > head.size() &&
                        end <= head.size() + from_tail;
  if (!is_whole) return false;
  ShiftTimes(header, end, shift_);
  std::memcpy(begun.data() + (kPacketBytes - head.size()), header, head.size());
  std::memcpy(second.data(), packet.data(), kPacketBytes);
  if (packet.has_clock()) ShiftClocks(second.data(), shift_);
  std::memcpy(second.data() + (kPacketBytes - tail.size()), header + head.size(), end - head.size());
  return true;
}

void TimeLine::Note(int64_t pts) {
  if (pts == kNoTime) return;
  const int64_t ahead = last_ == kNoTime ? 1 : WrapDistance(pts, last_);
  if (ahead > 0 || ahead < -kBackTicks) last_ = pts;
}

int64_t TimeLine::NoteOf(const Packet& packet) {
  if (!packet.unit_start() || packet.scrambled()) return kNoTime;
  const size_t end = TimesEnd(packet.payload());
  if (end == 0 || end > packet.payload().size()) return kNoTime;
  const int64_t pts = ReadTimes(packet.payload().data(), end).pts;
  Note(pts);
  return pts;
}

}  // namespace xg2g
