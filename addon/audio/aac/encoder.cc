#include "encoder.h"

#include "../adts.h"
#include "budget.h"
#include "coder.h"
#include "ear.h"
#include "spectrum.h"
#include "windows.h"

#include <algorithm>

namespace xg2g::aac {

namespace {

constexpr unsigned kMaxChannels = 2;
// Of a frame, for each channel. Source: ISO/IEC 14496-3, 4.5.3.1 (decoder input buffer).
constexpr int kMaxChannelBits = 6144;
// Decoders of damaged frames yield anything; +18 dB is more than any of a sound frame.
constexpr float kMaxSample = 8.0f;

// Source: ISO/IEC 14496-3, table 4.85 (id_syn_ele).
enum Element : unsigned { kSingle = 0, kPair = 1, kEnd = 7 };
constexpr unsigned kElementBits = 3;
// Of a frame beside its channels: the element's head, ics_info(), the end and what fills its byte.
constexpr int kFrameBits = 32;

// In Hz. What lies above would cost more than it gives.
double Bandwidth(const EncoderSettings& settings) {
  const double bitrate = static_cast<double>(settings.bitrate) / settings.channels;
  return std::clamp(4000 + 0.15 * bitrate, 9000.0, 18400.0);
}

class AacEncoder final : public Encoder {
 public:
  explicit AacEncoder(const EncoderSettings& settings)
      : settings_(settings),
        windows_(settings.rate, Bandwidth(settings)),
        ear_(settings.rate),
        budget_(static_cast<int>(uint64_t{settings.bitrate} * kFrameLines / settings.rate),
                kMaxChannelBits * static_cast<int>(settings.channels)) {}
  bool Open() { return spectrum_.Open(); }

  unsigned frame_samples() const override { return kFrameLines; }
  unsigned delay_samples() const override { return kFrameLines + kLookAhead; }
  float* plane(unsigned channel) override { return samples_[channel].data() + kHistory; }
  bool Submit() override;
  Bytes Next() override;
  void Finish() override;

 private:
  // A frame's window, and what is looked at ahead of it. The last kFrameLines are the newest.
  static constexpr unsigned kHistory = kWindowSamples + kLookAhead - kFrameLines;
  using Samples = std::array<float, kHistory + kFrameLines>;

  void EncodeFrame();
  void Analyse(unsigned channel);
  void ChoosePairs();
  bool IsBetterPaired(unsigned unit, float sum, float difference) const;
  void Quantize();
  int CountBits(int steps);
  size_t Write(std::span<uint8_t> out) const;
  bool AreMixed() const { return pairs_ > 0 && pairs_ < grid_.units(); }
  void WriteWindows(BitWriter& out) const;
  void WritePairs(BitWriter& out) const;

  EncoderSettings settings_;
  Windows windows_;
  Ear ear_;
  Spectrum spectrum_;
  Budget budget_;

  unsigned waiting_ = 0;  // frames that can be made of the samples
  bool has_samples_ = false, is_finished_ = false;
  alignas(64) std::array<Samples, kMaxChannels> samples_{};

  Grid grid_;
  std::array<Lines, kMaxChannels> lines_;
  std::array<Coded, kMaxChannels> coded_;
  std::array<bool, kMaxUnits> is_paired_;  // units that are coded as half the sum and difference
  unsigned pairs_ = 0;

  std::array<uint8_t, kMaxAdtsFrameBytes> out_;
  size_t out_bytes_ = 0;
};

bool AacEncoder::Submit() {
  for (unsigned channel = 0; channel < settings_.channels; ++channel) {
    float* const samples = plane(channel);
    // Neither comparison is true of what is no number: that becomes -kMaxSample, too.
    for (unsigned i = 0; i < kFrameLines; ++i) {
      const float low = samples[i] > -kMaxSample ? samples[i] : -kMaxSample;
      samples[i] = low < kMaxSample ? low : kMaxSample;
    }
  }
  has_samples_ = true;
  ++waiting_;
  return true;
}

// The last samples are in the history still, and the look-ahead's behind them: two frames more.
void AacEncoder::Finish() {
  if (!has_samples_) return;
  is_finished_ = true;
  for (unsigned channel = 0; channel < settings_.channels; ++channel)
    std::fill_n(plane(channel), kFrameLines, 0.0f);
  waiting_ += 2;
}

Bytes AacEncoder::Next() {
  if (waiting_ == 0) return {};
  --waiting_;
  EncodeFrame();
  for (unsigned channel = 0; channel < settings_.channels; ++channel) {
    Samples& samples = samples_[channel];
    std::copy(samples.begin() + kFrameLines, samples.end(), samples.begin());
    if (is_finished_) std::fill_n(plane(channel), kFrameLines, 0.0f);
  }
  return {out_.data(), out_bytes_};
}

void AacEncoder::EncodeFrame() {
  const float* ahead[kMaxChannels] = {plane(0), plane(1)};
  grid_ = windows_.Choose(std::span<const float* const>(ahead, settings_.channels));
  for (unsigned channel = 0; channel < settings_.channels; ++channel) Analyse(channel);
  if (settings_.channels == 2) ChoosePairs();
  for (unsigned channel = 0; channel < settings_.channels; ++channel)
    coded_[channel].Aim(grid_, lines_[channel]);
  Quantize();
  out_bytes_ = kAdtsHeaderBytes + Write(std::span(out_).subspan(kAdtsHeaderBytes));
  WriteAdtsHeader(out_.data(), AdtsRateIndex(settings_.rate), settings_.channels, out_bytes_);
}

void AacEncoder::Analyse(unsigned channel) {
  Lines& out = lines_[channel];
  spectrum_.Transform(grid_, samples_[channel].data(), out.lines.data());
  for (unsigned unit = 0; unit < grid_.units(); ++unit)
    out.energies[unit] =
        SumOf(grid_, unit, [&](unsigned i) { return out.lines[i] * out.lines[i]; });
  ear_.Listen(grid_, out.energies.data(), out.thresholds.data());
}

// Sum and difference are halved, so the noise of both together is in each channel: each may have half
// of what the more sensitive channel may.
void AacEncoder::ChoosePairs() {
  Lines& left = lines_[0];
  Lines& right = lines_[1];
  pairs_ = 0;
  for (unsigned unit = 0; unit < grid_.units(); ++unit) {
    const float product =
        SumOf(grid_, unit, [&](unsigned i) { return left.lines[i] * right.lines[i]; });
    const float both = left.energies[unit] + right.energies[unit];
    const float sum = std::max(0.0f, (both + 2 * product) / 4);
    const float difference = std::max(0.0f, (both - 2 * product) / 4);
    is_paired_[unit] = IsBetterPaired(unit, sum, difference);
    if (!is_paired_[unit]) continue;
    ++pairs_;
    for (unsigned i = grid_.edges[unit]; i < grid_.edges[unit + 1]; ++i) {
      const float l = left.lines[i], r = right.lines[i];
      left.lines[i] = (l + r) / 2;
      right.lines[i] = (l - r) / 2;
    }
    left.energies[unit] = sum;
    right.energies[unit] = difference;
    left.thresholds[unit] = right.thresholds[unit] =
        std::min(left.thresholds[unit], right.thresholds[unit]) / 2;
  }
}

// A line takes half the logarithm of one more than its energy above the noise in bits.
bool AacEncoder::IsBetterPaired(unsigned unit, float sum, float difference) const {
  const Lines& left = lines_[0];
  const Lines& right = lines_[1];
  const float threshold = std::min(left.thresholds[unit], right.thresholds[unit]) / 2;
  const auto above = [](float energy, float noise) { return 1 + energy / noise; };
  return above(sum, threshold) * above(difference, threshold) <
         above(left.energies[unit], left.thresholds[unit]) *
             above(right.energies[unit], right.thresholds[unit]);
}

void AacEncoder::Quantize() {
  int steps = budget_.steps();
  int bits = CountBits(steps);
  // Rather too few at once, since it ends as soon as it fits; at the last everything is zero.
  constexpr int kStepsForTwice = 12, kSilent = 255;
  while (bits > budget_.limit() && steps < kSilent) {
    steps += 1 + kStepsForTwice * (bits - budget_.limit()) / budget_.limit();
    bits = CountBits(steps);
  }
  budget_.Spend(bits, steps);
}

int AacEncoder::CountBits(int steps) {
  int bits = kFrameBits + static_cast<int>(AreMixed() ? grid_.units() : 0);
  for (unsigned channel = 0; channel < settings_.channels; ++channel)
    bits += static_cast<int>(coded_[channel].Quantize(grid_, steps));
  return bits;
}

// Source: ISO/IEC 14496-3, tables 4.3 to 4.6 (raw_data_block() and what is in it).
size_t AacEncoder::Write(std::span<uint8_t> out) const {
  BitWriter writer(out);
  if (settings_.channels == 1) {
    writer.Put(kSingle, kElementBits);
    writer.Put(0, 4);  // element_instance_tag
    coded_[0].WriteGain(writer);
    WriteWindows(writer);
    coded_[0].WriteRest(grid_, writer);
  } else {
    writer.Put(kPair, kElementBits);
    writer.Put(0, 4);
    writer.Put(1, 1);  // common_window
    WriteWindows(writer);
    WritePairs(writer);
    for (const Coded& channel : coded_) {
      channel.WriteGain(writer);
      channel.WriteRest(grid_, writer);
    }
  }
  writer.Put(kEnd, kElementBits);
  return writer.Align();
}

// ics_info()
void AacEncoder::WriteWindows(BitWriter& out) const {
  out.Put(0, 1);
  out.Put(static_cast<unsigned>(grid_.sequence), 2);
  out.Put(0, 1);  // window_shape: sine
  if (!grid_.is_short()) {
    out.Put(grid_.bands, 6);
    out.Put(0, 1);  // no prediction
    return;
  }
  out.Put(grid_.bands, 4);
  // scale_factor_grouping: of each window but the first, whether it is in the last one's group.
  for (unsigned group = 0; group < grid_.groups; ++group) {
    if (group > 0) out.Put(0, 1);
    const unsigned others = grid_.windows[group] - 1u;
    out.Put((1u << others) - 1, others);
  }
}

// ms_mask_present and ms_used
void AacEncoder::WritePairs(BitWriter& out) const {
  if (!AreMixed()) return out.Put(pairs_ == 0 ? 0 : 2, 2);
  out.Put(1, 2);
  for (unsigned unit = 0; unit < grid_.units(); ++unit) out.Put(is_paired_[unit], 1);
}

}  // namespace

bool Suits(const EncoderSettings& settings) {
  return settings.target == AudioTarget::kAac && settings.channels <= kMaxChannels &&
         !BandEdges(settings.rate, false).empty();
}

std::unique_ptr<Encoder> Make(const EncoderSettings& settings) {
  auto encoder = std::make_unique<AacEncoder>(settings);
  if (!encoder->Open()) return nullptr;
  return encoder;
}

}  // namespace xg2g::aac
