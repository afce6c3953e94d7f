#include "package/sound.h"

#include "package/fragment.h"

#include <algorithm>

namespace xg2g {

namespace {

// The clock of audio-only TS: how far it is behind the sound, and how often it is told. Source: ISO/IEC
// 13818-1, 2.7.2 (100 ms).
constexpr int64_t kClockLeadTicks = kTicksPerSecond / 10;
constexpr int64_t kClockSpacingTicks = kTicksPerSecond / 10;
// A frame that is followed by a gap lasts no longer than it sounds.
constexpr int64_t kMaxJitterTicks = kTicksPerSecond / 50;

int64_t ClockOf(int64_t stamp) { return WrapPts(stamp - kClockLeadTicks) * kPcrPerTick; }

// In samples since 1970; the nearest.
int64_t SamplesAt(int64_t time, uint32_t rate) {
  return time / kTicksPerSecond * rate +
         (time % kTicksPerSecond * rate + kTicksPerSecond / 2) / kTicksPerSecond;
}

}  // namespace

void SoundReader::Lose() {
  ++dropped_;
  pes_.clear();
  is_open_ = false;
  framer_.Reset();
}

size_t SoundReader::PesBytes() const {
  if (pes_.size() < 6) return 0;
  const size_t length = Be16(&pes_[4]);
  return length > 0 ? 6 + length : 0;
}

void SoundReader::SetFormat(const FrameHeader& header, Bytes frame) {
  SoundFormat format = ReadSoundFormat(header, frame);
  if (!format_ || !IsSame(*format_, format)) format_ = std::move(format);
}

// Where frames do not begin with the PES packet, the first one is looked for.
void SoundReader::Learn(int64_t pts, Bytes payload) {
  const auto header = ParseFrameHeader(codec_, payload);
  if (header && header->bytes <= payload.size() && !header->skip) return SetFormat(*header, payload);
  if (format_) return;
  framer_.Begin(pts);
  framer_.Push(payload, [this](const FrameHeader& found, Bytes frame, int64_t) {
    if (found.rate > 0) SetFormat(found, frame);
  });
}

Sound::Sound(const Elementary& stream, unsigned track, Container container, const Lineup& lineup)
    : stream_(stream),
      track_(track),
      container_(container),
      reader_(stream.kind.audio, container),
      transport_(MakeTables(lineup, nullptr, &stream), {stream.pid}) {}

void Sound::Move(unsigned track, const Lineup& lineup) {
  track_ = track;
  transport_ = Transport(MakeTables(lineup, nullptr, &stream_), {stream_.pid});
}

void Sound::Settle() {
  if (reader_.format()) format_ = *reader_.format();
  is_left_out_ = !format_;
  if (is_left_out_) heads_.clear();
}

bool Sound::IsStale() const {
  return reader_.format() && (!format_ || !IsSame(*format_, *reader_.format()));
}

void Sound::Add(SoundUnit unit) {
  if (container_ == Container::kMp4 && format_ && IsStale()) {
    ++dropped_;
    return;
  }
  const bool is_late = container_ == Container::kMp4 ? unit.time <= last_time_ : unit.time < last_time_;
  if (is_late) {
    // Another time line, where it is far: it counts from here on.
    if (last_time_ - unit.time > kMaxLateTicks) last_time_ = unit.time;
    ++dropped_;
    return;
  }
  last_time_ = unit.time;
  held_bytes_ += unit.bytes.size();
  units_.push_back(std::move(unit));
  while (held_bytes_ > kMaxHeldBytes) {
    Pop();
    ++dropped_;
  }
}

void Sound::Pop() {
  held_bytes_ -= units_.front().bytes.size();
  units_.pop_front();
}

void Sound::DropBefore(int64_t time) {
  while (!units_.empty() && units_.front().time < time) Pop();
}

void Sound::MuxInto(PartRecord& part, Transport& transport) {
  const int64_t end = part.head.time + part.head.duration;
  const size_t keep = part.head.is_last ? 0 : 1;
  while (units_.size() > keep && units_[keep].time < end) {
    transport.PutPes(part.bytes, stream_.pid, units_.front().bytes);
    Pop();
  }
}

void Sound::Cut(const PartHead& head) {
  if (is_left_out_) return;
  heads_.push_back(head);
  heads_.back().is_independent = true;
}

std::optional<PartRecord> Sound::Take(int64_t now, bool is_last) {
  if (heads_.empty()) return {};
  const PartHead head = heads_.front();
  const int64_t end = head.time + head.duration;
  const bool is_due = is_last || heads_.size() > kMaxHeadsWaiting || now - end > kMaxLateTicks;
  if (!is_due && (units_.empty() || units_.back().time < end)) return {};
  heads_.pop_front();
  DropBefore(head.time);
  const auto past = std::ranges::find_if(units_, [&](const SoundUnit& u) { return u.time >= end; });
  const auto count = static_cast<size_t>(past - units_.begin());
  const bool is_ts = container_ == Container::kTs;
  if (count == 0) return PartRecord{track_, head, {}};
  PartRecord record{track_, head, is_ts ? MakeTransport(head, count) : MakeFragment(head, count)};
  for (size_t i = 0; i < count; ++i) Pop();
  return record;
}

std::vector<uint8_t> Sound::MakeTransport(const PartHead& head, size_t count) {
  std::vector<uint8_t> part;
  transport_.PutHead(part, ClockOf(units_.front().stamp));
  int64_t clock_time = units_.front().time;
  for (size_t i = 0; i < count; ++i) {
    const SoundUnit& unit = units_[i];
    if (unit.time - clock_time >= kClockSpacingTicks) {
      transport_.PutClock(part, ClockOf(unit.stamp));
      clock_time = unit.time;
    }
    transport_.PutPes(part, stream_.pid, unit.bytes);
  }
  transport_.Finish(part, head.is_last);
  return part;
}

std::vector<uint8_t> Sound::MakeFragment(const PartHead& head, size_t count) {
  const uint32_t rate = (format_ ? *format_ : *reader_.format()).rate;
  const auto at = [&](size_t i) { return SamplesAt(units_[i].time, rate); };
  Fragment fragment(Fragment::Kind::kSound, head, at(0), count, held_bytes_);
  for (size_t i = 0; i < count; ++i) {
    int64_t duration = i + 1 < units_.size() ? at(i + 1) - at(i) : units_[i].samples;
    const int64_t most = units_[i].samples + kMaxJitterTicks * rate / kTicksPerSecond;
    if (i + 1 == count && duration > most) duration = units_[i].samples;
    fragment.Add({.duration = static_cast<uint32_t>(duration)}, units_[i].bytes);
  }
  return fragment.Finish();
}

}  // namespace xg2g
