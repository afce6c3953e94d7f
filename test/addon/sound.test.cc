// The sound source itself: every codec can be made, decoded, and comes back in place.
#include "sound.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace xg2g::test;

namespace {

struct Case {
  Sound codec;
  int rate, channels;
};

const Case kCases[] = {
    {Sound::kMp2, 48000, 2},  {Sound::kMp2, 44100, 2},  {Sound::kMp2, 32000, 1},
    {Sound::kMp3, 44100, 2},  {Sound::kAc3, 48000, 2},  {Sound::kAc3, 48000, 6},
    {Sound::kAc3, 44100, 2},  {Sound::kEac3, 48000, 6}, {Sound::kAac, 48000, 2},
    {Sound::kAac, 44100, 1},  {Sound::kLatm, 48000, 2}, {Sound::kDts, 48000, 6},
};

}  // namespace

TEST_CASE("Encode, Decode: each codec gives back rate, channels, level and sound") {
  for (const Case& c : kCases) {
    CAPTURE(static_cast<int>(c.codec));
    CAPTURE(c.rate);
    CAPTURE(c.channels);
    const Pcm source = Noise(c.rate, c.channels, 0.6);
    const auto frames = Encode(c.codec, source);
    const auto pieces = Decode(c.codec, frames);
    REQUIRE(pieces.size() == frames.size());
    const auto frame_samples = static_cast<size_t>(FrameSamples(c.codec));
    for (const Pcm& piece : pieces) CHECK(piece.size() == frame_samples);
    const Pcm decoded = Join(pieces);
    CHECK(decoded.rate == c.rate);
    CHECK(decoded.channels.size() == static_cast<size_t>(c.channels));
    // The left channel: LFE is another matter.
    const Pcm left = {.rate = c.rate, .channels = {decoded.channels.at(0)}};
    const Pcm source_left = {.rate = c.rate, .channels = {source.channels.at(0)}};
    CHECK(std::abs(Level(left) - Level(source_left)) < 1);
    // The encoder's delay is whole samples.
    const double lag = Lag(source, decoded, 3000);
    CHECK(std::abs(lag - std::round(lag)) < 0.05);
    CHECK(lag >= 0);
  }
}

TEST_CASE("Sweep: is as loud as asked") {
  CHECK(Level(Sweep(48000, 2, 1, 0.5)) == doctest::Approx(-9.03).epsilon(0.01));
}

TEST_CASE("Lag: finds shifts of whole samples and of none") {
  const Pcm source = Noise(48000, 1, 0.5);
  for (int shift : {-700, -1, 0, 1, 33, 999}) {
    Pcm moved = source;
    auto& samples = moved.channels[0];
    if (shift >= 0)
      samples.insert(samples.begin(), static_cast<size_t>(shift), 0.0f);
    else
      samples.erase(samples.begin(), samples.begin() - shift);
    CHECK(std::abs(Lag(source, moved, 1000) - shift) < 0.01);
  }
}

TEST_CASE("SplitAdts: the frames, end to end or not at all") {
  const auto frames = Encode(Sound::kAac, Sweep(48000, 2, 0.2));
  Data es;
  for (const Data& frame : frames) es.insert(es.end(), frame.begin(), frame.end());
  CHECK(SplitAdts(es) == frames);
  es.push_back(0);
  CHECK_THROWS(SplitAdts(es));
}

TEST_CASE("Decode: a damaged frame is an empty piece") {
  auto frames = Encode(Sound::kMp2, Sweep(48000, 2, 0.2));
  std::fill(frames[3].begin(), frames[3].end(), uint8_t{0});
  const auto pieces = Decode(Sound::kMp2, frames);
  CHECK(pieces[3].size() == 0);
  CHECK(pieces[4].size() == 1152);
}
