// Whole audio frames out of the payload of PES packets, each with the time stamp that belongs to it.
#pragma once

#include "../bytes.h"
#include "../packet.h"
#include "frame.h"

#include <array>
#include <vector>

namespace xg2g {

// A PTS belongs to the first frame that begins in its PES packet; frames span transport packets and
// PES packets. A frame is handed on as soon as it is complete by its own header.
// Source: ISO/IEC 13818-1, 2.4.3.7.
class Framer {
 public:
  // Zero bytes after each frame: what libavcodec may read beyond the end.
  static constexpr size_t kPaddingBytes = 64;
  // After loss, PES packets without a PTS that are passed over before one is taken all the same.
  static constexpr unsigned kMaxUntimedUnits = 32;

  explicit Framer(AudioCodec codec) : codec_(codec) {}

  // A PES packet begins.
  void Begin(int64_t pts);
  // Payload of it. take(FrameHeader, Bytes frame, int64_t pts or kNoTime); the frame is followed by
  // kPaddingBytes zero bytes and is valid during the call.
  template <class Take>
  void Push(Bytes in, Take&& take);
  // Something is missing: nothing is taken until a PES packet tells the time again.
  void Reset();
  // End of input: the last frame needs no other behind it to be believed.
  template <class Take>
  void Flush(Take&& take);

  uint64_t skipped_bytes() const { return skipped_bytes_; }
  // Steps when frames may be missing before the one that comes next.
  uint64_t losses() const { return losses_; }

 private:
  static constexpr size_t kBufferBytes = 2 * kMaxFrameBytes;
  static constexpr size_t kMaxStamps = 16;  // PES packets that begin within one frame

  template <class Take>
  void Parse(bool is_last, Take&& take);
  // The lock is lost: goes on where a time stamp holds; false when there is none yet.
  bool Resume();
  // Whether a PES packet with a time stamp begins where the next frame is looked for.
  bool IsStamped() const {
    for (size_t i = 0; i < stamp_count_; ++i)
      if (stamps_[i].at == at_ && !stamps_[i].is_past) return true;
    return false;
  }
  void DropStamps(size_t count);
  // The PMT may name another codec than flows: takes the one whose header stands here.
  enum class Guess : uint8_t { kNone, kNeedsMore, kFound };
  Guess Recognise(Bytes in);
  // The stamp of the PES packet that a frame at `place` begins in, if it is the first to do so.
  int64_t TakeStamp(size_t place);
  // Makes room for so many bytes and the padding.
  void Reserve(size_t bytes);
  // Drops bytes from the front.
  void Drop(size_t n);

  AudioCodec codec_;
  std::vector<uint8_t> buffer_;  // grows with the frames, up to kBufferBytes + kPaddingBytes
  size_t size_ = 0;
  size_t at_ = 0;    // where the next frame is looked for
  size_t skip_ = 0;  // bytes still to come of a frame that the decoder must not get
  // Time stamps not yet given to a frame, and the places in the buffer from which on they hold.
  struct Stamp {
    size_t at;
    int64_t pts;
    bool is_past = false;  // its place has been dropped; it waits for a frame
  };
  std::array<Stamp, kMaxStamps> stamps_{};
  size_t stamp_count_ = 0;
  bool is_waiting_ = true;  // for a PES packet with a PTS
  bool is_locked_ = false;
  unsigned untimed_units_ = 0;
  FrameHeader last_{};
  uint64_t skipped_bytes_ = 0, losses_ = 0;
};

inline void Framer::Begin(int64_t pts) {
  if (is_waiting_) {
    if (pts == kNoTime && ++untimed_units_ < kMaxUntimedUnits) return;
    is_waiting_ = false;
    untimed_units_ = 0;
  }
  if (pts == kNoTime) return;
  if (stamp_count_ == kMaxStamps) DropStamps(1);
  stamps_[stamp_count_++] = {size_, pts};
}

inline Framer::Guess Framer::Recognise(Bytes in) {
  Guess guess = Guess::kNone;
  for (const AudioCodec codec : {AudioCodec::kAdts, AudioCodec::kAc3, AudioCodec::kMpeg,
                                 AudioCodec::kLatm, AudioCodec::kDts}) {
    const auto header = codec != codec_ ? ParseFrameHeader(codec, in) : std::nullopt;
    if (!header) continue;
    const Bytes next = in.subspan(std::min<size_t>(header->bytes, in.size()));
    const auto follower = ParseFrameHeader(codec, next);
    const bool is_alone = in.size() == header->bytes;  // one frame in each PES packet
    if (is_alone || (follower && IsContinuation(*header, *follower))) {
      codec_ = codec;
      return Guess::kFound;
    }
    if (next.size() < FrameHeaderBytes(codec)) guess = Guess::kNeedsMore;
  }
  return guess;
}

inline void Framer::DropStamps(size_t count) {
  std::copy(stamps_.begin() + count, stamps_.begin() + stamp_count_, stamps_.begin());
  stamp_count_ -= count;
}

inline int64_t Framer::TakeStamp(size_t place) {
  size_t count = 0;
  while (count < stamp_count_ && stamps_[count].at <= place) ++count;
  if (count == 0) return kNoTime;
  const int64_t pts = stamps_[count - 1].pts;
  DropStamps(count);
  return pts;
}

inline void Framer::Reset() {
  ++losses_;
  skipped_bytes_ += size_ - at_;
  size_ = at_ = skip_ = stamp_count_ = 0;
  is_waiting_ = true;
  is_locked_ = false;
}

inline void Framer::Reserve(size_t bytes) {
  if (bytes + kPaddingBytes <= buffer_.size()) return;
  buffer_.resize(std::min(std::max(bytes, 2 * buffer_.size()), kBufferBytes) + kPaddingBytes);
}

inline void Framer::Drop(size_t n) {
  std::memmove(buffer_.data(), buffer_.data() + n, size_ - n);
  size_ -= n;
  at_ -= n;
  for (size_t i = 0; i < stamp_count_; ++i) {
    Stamp& stamp = stamps_[i];
    stamp.is_past |= stamp.at < n;
    stamp.at -= std::min(stamp.at, n);
  }
}

template <class Take>
void Framer::Push(Bytes in, Take&& take) {
  if (is_waiting_) {
    skipped_bytes_ += in.size();
    return;
  }
  while (!in.empty()) {
    const size_t n = std::min(in.size(), kBufferBytes - size_);
    Reserve(size_ + n);
    std::memcpy(buffer_.data() + size_, in.data(), n);
    size_ += n;
    in = in.subspan(n);
    Parse(false, take);
    if (at_ > 0) Drop(at_);
  }
}

template <class Take>
void Framer::Flush(Take&& take) {
  Parse(true, take);
  Reset();
}

// Frames that are lost are as many as the next time stamp tells: without one nothing is taken.
inline bool Framer::Resume() {
  is_locked_ = false;
  ++losses_;
  for (size_t i = 0; i < stamp_count_; ++i) {
    if (stamps_[i].at <= at_) continue;
    skipped_bytes_ += stamps_[i].at - at_;
    at_ = stamps_[i].at;
    return true;
  }
  Reset();
  return false;
}

template <class Take>
void Framer::Parse(bool is_last, Take&& take) {
  while (size_ > at_) {
    const Bytes rest{buffer_.data() + at_, size_ - at_};
    if (skip_ > 0) {
      const size_t n = std::min(skip_, rest.size());
      at_ += n;
      skip_ -= n;
      continue;
    }
    const bool is_stamped = IsStamped();
    const auto header = ParseFrameHeader(codec_, rest);
    if (!header && rest.size() < FrameHeaderBytes(codec_) && !is_last) return;
    if (!header && is_stamped) {
      const Guess guess = Recognise(rest);
      if (guess == Guess::kFound) continue;
      if (guess == Guess::kNeedsMore && !is_last) return;
    }
    const bool is_next = header && (header->skip || IsContinuation(last_, *header));
    if (is_locked_ && !is_next && !(header && is_stamped)) {
      if (!Resume()) return;
      continue;
    }
    if (!header) {
      ++at_;
      ++skipped_bytes_;
      continue;
    }
    if (header->skip) {
      skip_ = header->bytes;
      continue;
    }
    if (rest.size() < header->bytes) return;
    if (!is_locked_ && !is_stamped) {
      // Not where a PES packet begins: believe it when another frame follows, or the end.
      const Bytes next = rest.subspan(header->bytes);
      const auto follower = ParseFrameHeader(codec_, next);
      if (!follower && next.size() < FrameHeaderBytes(codec_) && !is_last) return;
      const bool is_end = is_last && next.empty();
      if (!is_end && !(follower && (follower->skip || IsContinuation(*header, *follower)))) {
        ++at_;
        ++skipped_bytes_;
        continue;
      }
    }
    is_locked_ = true;
    last_ = *header;
    const size_t begin = at_;
    at_ += header->bytes;
    const int64_t pts = TakeStamp(begin);
    uint8_t saved[kPaddingBytes];
    uint8_t* end = buffer_.data() + at_;
    std::memcpy(saved, end, kPaddingBytes);
    std::memset(end, 0, kPaddingBytes);
    take(*header, Bytes{buffer_.data() + begin, header->bytes}, pts);
    std::memcpy(end, saved, kPaddingBytes);
  }
}

}  // namespace xg2g
