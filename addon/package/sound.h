// One sound of a stream: read out of its packets into what the container holds of it, and cut into parts where
// the track that leads is cut.
#pragma once

#include "audio/framer.h"
#include "package/continuity.h"
#include "package/format.h"
#include "package/lineup.h"
#include "package/record.h"
#include "package/transport.h"
#include "pes.h"

#include <deque>

namespace xg2g {

// A PES packet (TS), or a frame without its ADTS header (MP4).
struct SoundUnit {
  int64_t stamp = 0;  // PTS, 33 bits
  int64_t time = 0;   // since 1970
  uint32_t samples = 0;
  std::vector<uint8_t> bytes = {};
};

// The units of one PID.
class SoundReader {
 public:
  static constexpr size_t kMaxPesBytes = 128 * 1024;

  SoundReader(AudioCodec codec, Container container)
      : codec_(codec), container_(container), framer_(codec) {}

  // A packet of the PID. take(SoundUnit&&)
  template <class Take>
  void Push(const Packet& packet, Take&& take);
  // End of input.
  template <class Take>
  void Flush(Take&& take);

  // Null until a frame has been seen.
  const SoundFormat* format() const { return format_ ? &*format_ : nullptr; }
  uint64_t continuity_errors() const { return continuity_.gaps(); }
  uint64_t dropped() const { return dropped_; }

 private:
  void Lose();
  // The bytes that the PES packet has by its length; 0 while that is not known, or not told.
  size_t PesBytes() const;
  template <class Take>
  void OnPes(Take&& take);
  template <class Take>
  void OnFrame(const FrameHeader& header, Bytes frame, int64_t pts, Take&& take);
  void Learn(int64_t pts, Bytes payload);
  void SetFormat(const FrameHeader& header, Bytes frame);

  AudioCodec codec_;
  Container container_;
  Continuity continuity_;
  std::vector<uint8_t> pes_;
  bool is_open_ = false;
  Framer framer_;
  std::optional<SoundFormat> format_;
  // The last PTS that was told, and the samples since.
  int64_t anchor_ = kNoTime;
  uint64_t samples_ = 0;
  uint64_t dropped_ = 0;
};

class Sound {
 public:
  static constexpr size_t kMaxHeldBytes = 4u << 20;
  static constexpr size_t kMaxHeadsWaiting = 64;
  // What a part of the picture waits for its sound, at most.
  static constexpr int64_t kMaxLateTicks = 5 * kTicksPerSecond;

  // track: its number, 0 also where it comes with the picture.
  Sound(const Elementary& stream, unsigned track, Container container, const Lineup& lineup);
  // Goes on as another track, or under other tables.
  void Move(unsigned track, const Lineup& lineup);

  const Elementary& stream() const { return stream_; }
  SoundReader& reader() { return reader_; }
  const SoundReader& reader() const { return reader_; }
  unsigned track() const { return track_; }

  // The format seen so far is told to players from now on: what has another has no place before the tracks
  // are told anew. Where none was seen the sound is left out: players wait for what they are told of.
  void Settle();
  void Unsettle() {
    format_.reset();
    is_left_out_ = false;
  }
  bool is_left_out() const { return is_left_out_; }
  const SoundFormat* format() const { return format_ ? &*format_ : nullptr; }
  // What flows is not what was told.
  bool IsStale() const;

  // Has all come that begins before this time?
  bool HasPassed(int64_t time) const { return last_time_ != kNoTime && last_time_ >= time; }
  // The next unit, its time set.
  void Add(SoundUnit unit);
  void DropBefore(int64_t time);
  // With the picture: hands over what begins before the part's end, but for the last of it where the segment
  // goes on: it is there then to bring the counter round.
  void MuxInto(PartRecord& part, Transport& transport);
  // As a track of its own: a part is to be made. It is there when the sound has passed its end, or does
  // not come.
  void Cut(const PartHead& head);
  // now: time of what leads. is_last: nothing more comes.
  std::optional<PartRecord> Take(int64_t now, bool is_last);

  size_t held_bytes() const { return held_bytes_; }
  uint64_t dropped() const { return dropped_ + reader_.dropped(); }

 private:
  void Pop();
  std::vector<uint8_t> MakeTransport(const PartHead& head, size_t count);
  std::vector<uint8_t> MakeFragment(const PartHead& head, size_t count);

  Elementary stream_;
  unsigned track_;
  Container container_;
  SoundReader reader_;
  Transport transport_;
  std::optional<SoundFormat> format_;
  bool is_left_out_ = false;
  std::deque<SoundUnit> units_;
  std::deque<PartHead> heads_;
  size_t held_bytes_ = 0;
  int64_t last_time_ = kNoTime;
  uint64_t dropped_ = 0;
};

template <class Take>
void SoundReader::Push(const Packet& packet, Take&& take) {
  const Continuity::Step step = continuity_.Take(packet);
  if (step == Continuity::Step::kRepeat || !packet.has_payload()) return;
  if (step == Continuity::Step::kGap) Lose();
  if (packet.unit_start()) {
    if (is_open_ && PesBytes() == 0) OnPes(take);
    pes_.clear();
    is_open_ = true;
  }
  if (!is_open_) return;
  const Bytes payload = packet.payload();
  pes_.insert(pes_.end(), payload.begin(), payload.end());
  if (pes_.size() > kMaxPesBytes) return Lose();
  const size_t whole = PesBytes();
  if (whole == 0 || pes_.size() < whole) return;
  pes_.resize(whole);
  is_open_ = false;
  OnPes(take);
}

template <class Take>
void SoundReader::Flush(Take&& take) {
  if (is_open_ && PesBytes() == 0) OnPes(take);
  is_open_ = false;
  if (container_ == Container::kTs) return;
  framer_.Flush([&](const FrameHeader& header, Bytes frame, int64_t pts) {
    OnFrame(header, frame, pts, take);
  });
}

template <class Take>
void SoundReader::OnPes(Take&& take) {
  const size_t times = TimesEnd(pes_);
  const size_t head = pes_.size() > 9 ? 9u + pes_[8] : 9;
  if (times > pes_.size() || head >= pes_.size() || Be24(pes_.data()) != 1) return Lose();
  const int64_t pts = times > 0 ? ReadTimes(pes_.data(), times).pts : kNoTime;
  const Bytes payload = Bytes(pes_).subspan(head);
  if (container_ == Container::kMp4) {
    framer_.Begin(pts);
    return framer_.Push(payload, [&](const FrameHeader& header, Bytes frame, int64_t at) {
      OnFrame(header, frame, at, take);
    });
  }
  if (pts != kNoTime) anchor_ = pts;
  if (anchor_ == kNoTime) return Lose();
  Learn(pts, payload);
  take(SoundUnit{.stamp = anchor_, .bytes = pes_});
}

template <class Take>
void SoundReader::OnFrame(const FrameHeader& header, Bytes frame, int64_t pts, Take&& take) {
  constexpr size_t kAdtsHeader = 7, kAdtsHeaderWithCrc = 9;
  if (pts != kNoTime) {
    anchor_ = pts;
    samples_ = 0;
  }
  if (anchor_ == kNoTime || header.rate == 0 || header.samples == 0) {
    ++dropped_;
    return;
  }
  SetFormat(header, frame);
  const int64_t since = static_cast<int64_t>(samples_ * kTicksPerSecond / header.rate);
  samples_ += header.samples;
  if (header.codec == AudioCodec::kAdts)
    frame = frame.subspan(frame[1] & 1 ? kAdtsHeader : kAdtsHeaderWithCrc);
  take(SoundUnit{.stamp = WrapPts(anchor_ + since),
                 .samples = header.samples,
                 .bytes = {frame.begin(), frame.end()}});
}

}  // namespace xg2g
