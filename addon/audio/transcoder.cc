#include "transcoder.h"

namespace xg2g {

void Transcoder::Forget() {
  encoder_.reset();
  rate_ = 0;
  filled_ = 0;
  submitted_ = collected_ = 0;
  clock_.Forget();
  decoder_.Flush();
  is_jump_ = true;
}

// The time of the coded frame that the encoder yields next: it is frame number `collected_`, and
// the encoder's delay lies before the first sample that was put in.
int64_t Transcoder::UnitPts() const {
  const int64_t frame = encoder_->frame_samples();
  const int64_t sample = static_cast<int64_t>(collected_) * frame - encoder_->delay_samples();
  const int64_t number = sample < 0 ? 0 : std::min<int64_t>(sample / frame, submitted_ - 1);
  const int64_t inside = sample - number * frame;
  const int64_t ticks = inside * kTicksPerSecond;
  const int64_t half = static_cast<int64_t>(rate_) / 2;
  const int64_t rounded = (ticks >= 0 ? ticks + half : ticks - half) / static_cast<int64_t>(rate_);
  return WrapPts(starts_[static_cast<size_t>(number) % kStartsKept] + rounded);
}

}  // namespace xg2g
