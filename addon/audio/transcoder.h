// One track's sound: coded frames with time stamps in, coded frames of the target with theirs out.
// Gaps become silence, overlaps are cut, jumps are jumps: it never becomes drift.
#pragma once

#include "clock.h"
#include "decoder.h"
#include "encoder.h"

#include <array>

namespace xg2g {

struct TranscoderStats {
  uint64_t frames_in = 0, frames_out = 0;
  uint64_t decode_errors = 0;    // frames replaced by silence
  uint64_t silence_samples = 0;  // put into gaps and for damaged frames
  uint64_t dropped_samples = 0;  // cut where the source overlapped itself
  uint64_t reanchors = 0;        // jumps taken as such
  int64_t clock_error_ticks = 0;  // largest distance to a time stamp of the source after following it
};

struct TranscoderSettings {
  AudioTarget target;
  unsigned channels;  // 1, 2, 6
  uint32_t bitrate;   // bit/s
  bool prefers_libavcodec = false;
};

class Transcoder {
 public:
  // Gaps up to this long become silence; longer ones stay gaps.
  static constexpr int64_t kMaxSilenceTicks = 2 * kTicksPerSecond;
  // Beyond this, silence is given only against as much sound, and gaps stay gaps: time stamps that
  // lie would turn a packet of input into two seconds of work, and hold up the other streams.
  static constexpr int64_t kSilenceCreditTicks = 2 * kMaxSilenceTicks;
  // Overlaps up to this long are cut; longer ones are a new time line.
  static constexpr int64_t kMaxOverlapTicks = kTicksPerSecond / 10;
  // Damaged frames in a row that become silence. Beyond it time stamps tell what is missing: else
  // noise that looks like the headers of tiny frames would be turned into hours of silence.
  static constexpr unsigned kMaxConcealedFrames = 16;

  // A coded frame of the target. pts: 90 kHz, 0 .. 2^33-1; is_jump: it does not follow the last.
  struct Unit {
    Bytes bytes;
    int64_t pts;
    bool is_jump;
  };

  explicit Transcoder(const TranscoderSettings& settings)
      : settings_(settings), decoder_(settings.channels) {}

  // take(const Unit&) is called for what becomes ready.
  template <class Take>
  void Push(const FrameHeader& header, Bytes frame, int64_t pts, Take&& take);
  // The source says that its time line breaks here.
  template <class Take>
  void Break(Take&& take);
  // End of input: what is begun is filled up with silence.
  template <class Take>
  void Flush(Take&& take);
  // Another way was taken for a while: what comes next does not follow what was pushed last.
  void Forget();
  // The next jump of the time stamps is a new time line, however short.
  void ExpectJump() { expects_jump_ = true; }
  // Frames may be missing before the next one: where its time stamp is ahead, they are, however few.
  void ExpectGap() { expects_gap_ = true; }

  const TranscoderStats& stats() const { return stats_; }
  // Of what goes through, as decoded last, Hz; 0: nothing has since the beginning or Forget().
  uint32_t rate() const { return rate_; }
  unsigned channels() const { return channels_; }
  const Decoder& decoder() const { return decoder_; }

 private:
  static constexpr size_t kStartsKept = 8;

  // Samples that follow one another; null planes are silence.
  template <class Take>
  void Append(const uint8_t* const* planes, uint32_t offset, uint32_t samples, Take&& take);
  template <class Take>
  void Encode(Take&& take);
  template <class Take>
  void Collect(Take&& take);
  template <class Take>
  void Finish(Take&& take);
  template <class Take>
  bool Adopt(uint32_t rate, Take&& take);
  template <class Take>
  uint32_t Align(int64_t pts, uint32_t samples, Take&& take);
  int64_t UnitPts() const;

  TranscoderSettings settings_;
  Decoder decoder_;
  std::unique_ptr<Encoder> encoder_;
  SampleClock clock_;
  uint32_t rate_ = 0;
  unsigned channels_ = 0;
  uint32_t filled_ = 0;                        // samples in the encoder's planes
  std::array<int64_t, kStartsKept> starts_{};  // PTS of the frames submitted last, by number
  uint64_t submitted_ = 0, collected_ = 0;     // frames put in and got back since the encoder opened
  int64_t last_pts_ = kNoTime;                 // of what was handed on last
  bool is_jump_ = true;
  bool expects_jump_ = false;
  bool expects_gap_ = false;
  unsigned concealed_ = 0;     // damaged frames in a row
  uint32_t drop_samples_ = 0;  // still to be cut from an overlap
  int64_t silence_credit_ = kSilenceCreditTicks;
  TranscoderStats stats_;
};

template <class Take>
void Transcoder::Push(const FrameHeader& header, Bytes frame, int64_t pts, Take&& take) {
  ++stats_.frames_in;
  auto pcm = decoder_.Decode(header, frame);
  if (!pcm) {
    ++stats_.decode_errors;
    ExpectGap();
    if (!encoder_ || header.samples == 0 || ++concealed_ > kMaxConcealedFrames) return;
    stats_.silence_samples += header.samples;
    pcm = Pcm{nullptr, header.samples, rate_};
  }
  if (pcm->planes) concealed_ = 0;
  if (pcm->samples == 0 || !Adopt(pcm->rate, take)) return;
  const uint32_t cut = Align(pts, pcm->samples, take);
  if (!clock_.IsAnchored()) return;
  if (pcm->planes)
    silence_credit_ = std::min(kSilenceCreditTicks,
                               silence_credit_ + pcm->samples * kTicksPerSecond / rate_);
  Append(pcm->planes, cut, pcm->samples - cut, take);
}

// Opens an encoder for what the decoder yields now. The rate may change in mid-stream, and where as
// many channels are kept as there are, they too.
template <class Take>
bool Transcoder::Adopt(uint32_t rate, Take&& take) {
  const unsigned channels = decoder_.channels() ? decoder_.channels() : channels_;
  if (encoder_ && rate == rate_ && channels == channels_) return true;
  const int64_t now = clock_.IsAnchored() ? clock_.At() : kNoTime;
  Finish(take);
  const AudioTarget target = TargetFor(settings_.target, rate);
  encoder_ = MakeEncoder({target, rate, channels, settings_.bitrate, settings_.prefers_libavcodec});
  rate_ = rate;
  channels_ = channels;
  if (now != kNoTime) clock_.Anchor(now, rate);
  return encoder_ != nullptr;
}

// Holds the clock against the time stamp of the samples that come next. Returns how many of them
// are to be left out because their time is over already.
template <class Take>
uint32_t Transcoder::Align(int64_t pts, uint32_t samples, Take&& take) {
  if (pts != kNoTime && !clock_.IsAnchored()) {
    clock_.Anchor(pts, rate_);
    is_jump_ = true;
    expects_jump_ = false;
    drop_samples_ = 0;
  } else if (pts != kNoTime) {
    const int64_t waiting = int64_t{drop_samples_} * kTicksPerSecond / rate_;
    const int64_t off =
        clock_.Follow(WrapPts(pts + waiting), expects_gap_ ? SampleClock::kRoundingTicks
                                                           : SampleClock::kToleranceTicks);
    const bool is_short =
        off <= std::min(kMaxSilenceTicks, silence_credit_) && off >= -kMaxOverlapTicks;
    if (off != 0 && (expects_jump_ || !is_short)) {
      ++stats_.reanchors;
      Break(take);
      if (!Adopt(rate_, take)) return samples;
      clock_.Anchor(pts, rate_);
      drop_samples_ = 0;
    } else if (off > 0) {
      const auto gap = static_cast<uint32_t>((off * rate_ + kTicksPerSecond / 2) / kTicksPerSecond);
      stats_.silence_samples += gap;
      silence_credit_ -= off;
      Append(nullptr, 0, gap, take);
      clock_.Follow(pts);
    } else if (off < 0) {
      drop_samples_ = static_cast<uint32_t>((-off * rate_ + kTicksPerSecond / 2) / kTicksPerSecond);
    } else {
      const int64_t left = std::llabs(WrapDistance(WrapPts(pts + waiting), clock_.At()));
      stats_.clock_error_ticks = std::max(stats_.clock_error_ticks, left);
    }
    expects_jump_ = false;
  }
  if (pts != kNoTime) expects_gap_ = false;
  const uint32_t cut = std::min(drop_samples_, samples);
  drop_samples_ -= cut;
  stats_.dropped_samples += cut;
  return cut;
}

template <class Take>
void Transcoder::Append(const uint8_t* const* planes, uint32_t offset, uint32_t samples,
                        Take&& take) {
  while (samples > 0 && encoder_) {
    if (filled_ == 0) starts_[submitted_ % kStartsKept] = clock_.At();
    const uint32_t n = std::min(samples, encoder_->frame_samples() - filled_);
    for (unsigned c = 0; c < channels_; ++c) {
      float* to = encoder_->plane(c) + filled_;
      if (planes)
        std::memcpy(to, reinterpret_cast<const float*>(planes[c]) + offset, n * sizeof(float));
      else
        std::fill_n(to, n, 0.0f);
    }
    filled_ += n;
    offset += n;
    samples -= n;
    clock_.Advance(n);
    if (filled_ == encoder_->frame_samples()) Encode(take);
  }
}

template <class Take>
void Transcoder::Encode(Take&& take) {
  filled_ = 0;
  ++submitted_;
  if (encoder_->Submit()) return Collect(take);
  // The encoder failed: begin anew where the clock stands.
  encoder_.reset();
  submitted_ = collected_ = 0;
}

template <class Take>
void Transcoder::Collect(Take&& take) {
  for (Bytes bytes = encoder_->Next(); !bytes.empty(); bytes = encoder_->Next()) {
    const int64_t pts = UnitPts();
    ++collected_;
    // An encoder's first frame reaches back before its first sample, maybe into what was sent.
    if (!is_jump_ && last_pts_ != kNoTime && WrapDistance(pts, last_pts_) <= 0) continue;
    const bool is_first = last_pts_ == kNoTime;
    last_pts_ = pts;
    ++stats_.frames_out;
    take(Unit{bytes, pts, is_jump_ && !is_first});
    is_jump_ = false;
  }
}

template <class Take>
void Transcoder::Finish(Take&& take) {
  if (encoder_) {
    if (filled_ > 0) {
      const uint32_t missing = encoder_->frame_samples() - filled_;
      Append(nullptr, 0, missing, take);
    }
  }
  if (encoder_) {
    encoder_->Finish();
    Collect(take);
  }
  encoder_.reset();
  filled_ = 0;
  submitted_ = collected_ = 0;
}

template <class Take>
void Transcoder::Break(Take&& take) {
  Finish(take);
  clock_.Forget();
  decoder_.Flush();
  is_jump_ = true;
}

template <class Take>
void Transcoder::Flush(Take&& take) {
  Finish(take);
  clock_.Forget();
}

}  // namespace xg2g
