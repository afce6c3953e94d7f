#include "audio/aac/encoder.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "sound.h"

using namespace xg2g;
using namespace xg2g::test;

namespace {

constexpr size_t kFrame = 1024;
constexpr uint32_t kBitrate = 192'000;

EncoderSettings SettingsFor(const Pcm& pcm, uint32_t bitrate = kBitrate) {
  return {AudioTarget::kAac, static_cast<uint32_t>(pcm.rate),
          static_cast<unsigned>(pcm.channels.size()), bitrate};
}

// All frames of a sound, in ADTS.
std::vector<Data> EncodeAll(const Pcm& pcm, uint32_t bitrate = kBitrate) {
  const auto encoder = aac::Make(SettingsFor(pcm, bitrate));
  REQUIRE(encoder);
  std::vector<Data> out;
  const auto collect = [&] {
    for (Bytes bytes = encoder->Next(); !bytes.empty(); bytes = encoder->Next())
      out.emplace_back(bytes.begin(), bytes.end());
  };
  for (size_t at = 0; at < pcm.size(); at += kFrame) {
    for (unsigned c = 0; c < pcm.channels.size(); ++c)
      for (size_t i = 0; i < kFrame; ++i)
        encoder->plane(c)[i] = at + i < pcm.size() ? pcm.channels[c][at + i] : 0.0f;
    REQUIRE(encoder->Submit());
    collect();
  }
  encoder->Finish();
  collect();
  return out;
}

// What is heard of it, from its first sample on.
Pcm Heard(const Pcm& pcm, uint32_t bitrate = kBitrate) {
  const size_t delay = aac::Make(SettingsFor(pcm, bitrate))->delay_samples();
  Pcm out = Join(Decode(Sound::kAac, EncodeAll(pcm, bitrate)));
  REQUIRE(out.channels.size() == pcm.channels.size());
  for (auto& channel : out.channels) {
    REQUIRE(channel.size() >= delay + pcm.size());
    channel.erase(channel.begin(), channel.begin() + static_cast<long>(delay));
    channel.resize(pcm.size());
  }
  return out;
}

Pcm Difference(const Pcm& a, const Pcm& b) {
  Pcm out = a;
  for (size_t c = 0; c < a.channels.size(); ++c)
    for (size_t i = 0; i < a.size(); ++i) out.channels[c][i] -= b.channels[c][i];
  return out;
}

Pcm Part(const Pcm& pcm, size_t from, size_t count) {
  Pcm out{.rate = pcm.rate};
  for (const auto& channel : pcm.channels)
    out.channels.emplace_back(channel.begin() + static_cast<long>(from),
                              channel.begin() + static_cast<long>(from + count));
  return out;
}

Pcm Silence(int rate, int channels, size_t samples) {
  return {.rate = rate, .channels = {static_cast<size_t>(channels), std::vector<float>(samples)}};
}

// Full-scale noise up to half the rate: the most that there is to encode.
Pcm WhiteNoise(int rate, int channels, double seconds) {
  Pcm out = Silence(rate, channels, static_cast<size_t>(rate * seconds));
  std::mt19937 random(7);
  std::uniform_real_distribution<float> sample(-1, 1);
  for (auto& channel : out.channels)
    for (float& s : channel) s = sample(random);
  return out;
}

size_t LargestFrame(const std::vector<Data>& frames) {
  return std::ranges::max(frames, {}, &Data::size).size();
}

// Without ADTS headers.
double Kbits(std::span<const Data> frames, int rate) {
  size_t bytes = 0;
  for (const Data& frame : frames) bytes += frame.size() - 7;
  return static_cast<double>(bytes) * 8 * rate / (static_cast<double>(frames.size()) * kFrame) / 1000;
}

}  // namespace

TEST_CASE("AacEncoder: the same sound comes out, at its time and level") {
  for (const int rate : {48000, 44100, 32000})
    for (const int channels : {1, 2}) {
      CAPTURE(rate);
      CAPTURE(channels);
      const Pcm noise = Noise(rate, channels, 3);
      const Pcm heard = Heard(noise);
      CHECK(std::abs(Lag(noise, heard, 2000)) < 0.01);
      CHECK(std::abs(Level(heard) - Level(noise)) < 0.2);
      CHECK(Level(Difference(noise, heard)) < Level(noise) - (channels == 1 ? 17 : 13));
      const Pcm sweep = Sweep(rate, channels, 3);
      CHECK(Level(Difference(sweep, Heard(sweep))) < Level(sweep) - 32);
    }
}

TEST_CASE("AacEncoder: what is only in one channel is not heard in the other") {
  Pcm noise = Noise(48000, 2, 2);
  std::ranges::fill(noise.channels[1], 0.0f);
  const Pcm heard = Heard(noise);
  CHECK(Level({.channels = {heard.channels[1]}}) < -100);
}

TEST_CASE("AacEncoder: channels of opposite phase stay so") {
  Pcm noise = Noise(48000, 2, 2);
  std::ranges::transform(noise.channels[0], noise.channels[1].begin(), std::negate<>());
  const Pcm heard = Heard(noise);
  CHECK(Level(Difference(noise, heard)) < Level(noise) - 17);
}

TEST_CASE("AacEncoder: the bit rate is kept, and no frame is larger than a decoder's buffer") {
  for (const uint32_t bitrate : {64'000u, 128'000u, 192'000u, 320'000u})
    for (const int channels : {1, 2}) {
      CAPTURE(bitrate);
      CAPTURE(channels);
      const auto frames = EncodeAll(WhiteNoise(48000, channels, 8), bitrate);
      CHECK(LargestFrame(frames) <= 7 + 6144 / 8 * static_cast<size_t>(channels));
      const double most = 6.144 * channels * 48000 / kFrame;
      const double kbits = Kbits(std::span(frames).subspan(100), 48000);  // settled
      if (bitrate / 1000.0 < most) CHECK(kbits == doctest::Approx(bitrate / 1000.0).epsilon(0.02));
      else CHECK(kbits > 0.9 * most);
    }
}

TEST_CASE("AacEncoder: silence takes next to nothing, and stays silent") {
  const Pcm silence = Silence(48000, 2, 48000);
  CHECK(LargestFrame(EncodeAll(silence)) < 30);
  CHECK(Level(Heard(silence)) <= -200);
}

// Before it, too, by what the transform spreads: wherever in a frame it lies.
TEST_CASE("AacEncoder: a sound that begins suddenly is not heard before it begins") {
  const Pcm noise = Noise(48000, 2, 0.2);
  constexpr size_t kFirst = 20 * kFrame, kNear = 256;
  for (size_t phase = 0; phase < kFrame; phase += 37) {
    CAPTURE(phase);
    Pcm pcm = Silence(48000, 2, 60 * kFrame);
    for (size_t c = 0; c < 2; ++c)
      std::ranges::copy(noise.channels[c],
                        pcm.channels[c].begin() + static_cast<long>(kFirst + phase));
    const Pcm heard = Heard(pcm);
    CHECK(Level(Part(heard, kFirst + phase - 2 * kFrame, 2 * kFrame - kNear)) < -90);
    CHECK(Level(Part(heard, kFirst + phase, noise.size())) == doctest::Approx(Level(noise)).epsilon(0.01));
  }
}

TEST_CASE("AacEncoder: all samples are there at the end, and nothing is made of none") {
  for (const size_t samples : {size_t{1}, kFrame - 1, kFrame, kFrame + 1, 5 * kFrame}) {
    CAPTURE(samples);
    Pcm pcm = Silence(48000, 1, samples);
    for (size_t i = 0; i < samples; ++i) pcm.channels[0][i] = 0.5f;
    CHECK(Heard(pcm).channels[0].back() > 0.1f);
  }
  CHECK(EncodeAll(Silence(48000, 2, 0)).empty());
}

// Decoders of damaged frames yield such samples.
TEST_CASE("AacEncoder: what is no sound at all does not outlast itself") {
  const float bad[] = {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                       -std::numeric_limits<float>::infinity(), std::numeric_limits<float>::max(), 1e-40f};
  for (const float value : bad) {
    CAPTURE(value);
    Pcm pcm = Noise(48000, 2, 2);
    std::fill_n(pcm.channels[0].begin() + 30'000, 3000, value);
    const auto frames = EncodeAll(pcm);
    for (const Pcm& piece : Decode(Sound::kAac, frames)) CHECK(piece.size() == kFrame);
    const Pcm heard = Heard(pcm);
    const Pcm before = Part(pcm, 0, 20'000), after = Part(pcm, 60'000, 36'000);
    CHECK(Level(Difference(before, Part(heard, 0, 20'000))) < Level(before) - 13);
    CHECK(Level(Difference(after, Part(heard, 60'000, 36'000))) < Level(after) - 13);
  }
}

TEST_CASE("Suits: mono and stereo at the rates of broadcasts; the rest is libavcodec's") {
  CHECK(aac::Suits({AudioTarget::kAac, 48000, 2, kBitrate}));
  CHECK(aac::Suits({AudioTarget::kAac, 32000, 1, kBitrate}));
  CHECK_FALSE(aac::Suits({AudioTarget::kAac, 24000, 2, kBitrate}));
  CHECK_FALSE(aac::Suits({AudioTarget::kAac, 48000, 6, kBitrate}));
  CHECK_FALSE(aac::Suits({AudioTarget::kMp3, 48000, 2, kBitrate}));
  CHECK(MakeEncoder({AudioTarget::kAac, 48000, 2, kBitrate})->delay_samples() == 1600);
  CHECK(MakeEncoder({AudioTarget::kAac, 48000, 6, kBitrate})->delay_samples() == 1024);
  CHECK(MakeEncoder({AudioTarget::kAac, 48000, 2, kBitrate, true})->delay_samples() == 1024);
}
