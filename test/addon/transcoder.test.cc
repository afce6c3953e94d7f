#include "audio/transcoder.h"

#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <memory>

#include "broadcast.h"
#include "hearing.h"

namespace xg2g::test {
namespace {

constexpr TranscoderSettings kStereo = {AudioTarget::kAac, 2, 192'000};

AudioCodec CodecOf(Sound codec) {
  return codec == Sound::kMp2   ? AudioCodec::kMpeg
         : codec == Sound::kAc3 ? AudioCodec::kAc3
         : codec == Sound::kDts ? AudioCodec::kDts
                                : AudioCodec::kLatm;
}

struct Out {
  int64_t pts;
  bool is_jump;
  Data data;
};

// A transcoder with what came out of it.
class Bench {
 public:
  explicit Bench(const TranscoderSettings& settings = kStereo)
      : transcoder(std::make_unique<Transcoder>(settings)) {}

  void Push(const CodedFrame& frame, int64_t pts) {
    Data padded = frame.data;
    padded.resize(padded.size() + 64);
    const auto header = ParseFrameHeader(CodecOf(frame.codec), frame.data);
    REQUIRE(header);
    transcoder->Push(*header, View(padded).first(frame.data.size()), pts, take_);
  }
  // A frame with this one's header, for what it says, and nothing that decodes.
  void PushBroken(const CodedFrame& frame, int64_t pts) {
    const Data zeros(frame.data.size() + 64);
    const auto header = ParseFrameHeader(CodecOf(frame.codec), frame.data);
    REQUIRE(header);
    transcoder->Push(*header, View(zeros).first(frame.data.size()), pts, take_);
  }
  void Push(const std::vector<CodedFrame>& frames, int64_t shift = 0) {
    for (const CodedFrame& f : frames) Push(f, WrapPts(f.pts + shift));
  }
  void Break() { transcoder->Break(take_); }
  void Flush() { transcoder->Flush(take_); }
  std::vector<CodedFrame> Frames() const {
    std::vector<CodedFrame> frames;
    for (const Out& o : out)
      frames.push_back({o.pts, Sound::kAac, static_cast<int>(transcoder->rate()),
                        static_cast<int>(transcoder->channels()), o.data});
    return frames;
  }

  std::unique_ptr<Transcoder> transcoder;
  std::vector<Out> out = {};

 private:
  std::function<void(const Transcoder::Unit&)> take_ = [this](const Transcoder::Unit& unit) {
    out.push_back({unit.pts, unit.is_jump, Data(unit.bytes.begin(), unit.bytes.end())});
  };
};

std::vector<CodedFrame> Frames(const Passage& sound, double seconds = 1, int64_t start = 900'000) {
  return Air({.seconds = seconds,
              .start = start,
              .video = {.kind = Video::Kind::kNone},
              .audio = {{.sound = {sound}}}})
      .sound[0];
}

std::vector<CodedFrame> Slice(const std::vector<CodedFrame>& frames, size_t from, size_t to) {
  return {frames.begin() + static_cast<long>(from), frames.begin() + static_cast<long>(to)};
}

size_t Jumps(const Bench& bench) {
  return static_cast<size_t>(std::ranges::count_if(bench.out, &Out::is_jump));
}

// All steps are one frame of 1024 samples at 48 kHz.
void CheckSteady(const Bench& bench) {
  for (size_t i = 1; i < bench.out.size(); ++i)
    CHECK(std::abs(WrapDistance(bench.out[i].pts, bench.out[i - 1].pts) - 1920) <= 1);
}

}  // namespace

TEST_CASE("Transcoder: the first frame lies the encoder's delay before the first sample") {
  for (const int rate : {48000, 44100, 32000}) {
    const auto frames = Frames({.rate = rate});
    Bench bench;
    bench.Push(frames);
    bench.Flush();
    const std::unique_ptr<Encoder> encoder =
        MakeEncoder({AudioTarget::kAac, static_cast<uint32_t>(rate), 2, 192'000});
    const double delay = static_cast<double>(encoder->delay_samples()) * kTicksPerSecond / rate;
    CHECK(delay > 0);
    CHECK(WrapDistance(frames[0].pts, bench.out[0].pts) == std::llround(delay));
    CHECK(Jumps(bench) == 0);
    CHECK(bench.transcoder->stats().frames_in == frames.size());
    CHECK(bench.transcoder->stats().frames_out == bench.out.size());
    CHECK(bench.transcoder->stats().clock_error_ticks <= 1);
    CHECK(bench.transcoder->rate() == static_cast<uint32_t>(rate));
  }
}

TEST_CASE("Transcoder: nothing comes out before the time is known") {
  const auto frames = Frames({});
  Bench bench;
  for (size_t i = 0; i < 10; ++i) bench.Push(frames[i], kNoTime);
  bench.Flush();
  CHECK(bench.out.empty());
  bench.Push(Slice(frames, 10, 20));
  bench.Flush();
  CHECK(WrapDistance(bench.out[0].pts, frames[10].pts) < 0);
}

TEST_CASE("Transcoder: a gap becomes silence of its length, up to two seconds") {
  const auto frames = Frames({}, 3.5);
  for (const size_t missing : {1, 2, 10, 83}) {
    CAPTURE(missing);
    Bench bench;
    bench.Push(Slice(frames, 0, 20));
    bench.Push(Slice(frames, 20 + missing, frames.size()));
    bench.Flush();
    CheckSteady(bench);
    CHECK(Jumps(bench) == 0);
    CHECK(bench.transcoder->stats().silence_samples == missing * 1152);
    CHECK(bench.transcoder->stats().reanchors == 0);
    CHECK(std::abs(LateBy(Hear(frames), Hear(bench.Frames()), frames[22 + missing].pts, 0.6)) <= 9);
  }
  Bench bench;
  bench.Push(Slice(frames, 0, 20));
  bench.Push(Slice(frames, 20 + 84, frames.size()));
  bench.Flush();
  CHECK(Jumps(bench) == 1);
  CHECK(bench.transcoder->stats().silence_samples == 0);
  CHECK(bench.transcoder->stats().reanchors == 1);
}

TEST_CASE("Transcoder: no more silence than sound, however the time stamps lie") {
  const auto frames = Frames({}, 3);
  Bench bench;
  for (size_t i = 0; i < 100; ++i)
    bench.Push(frames[i], WrapPts(frames[0].pts + static_cast<int64_t>(i) * 179'000));
  bench.Flush();
  const auto seconds = [](uint64_t samples) { return static_cast<double>(samples) / 48000; };
  CHECK(seconds(bench.transcoder->stats().silence_samples) <= 4 + 100 * 0.024);
  CHECK(bench.out.size() < 100 * 5 + 400);
  // Half of it lost, all the time: that is filled.
  Bench halves;
  for (size_t i = 0; i + 10 < frames.size(); i += 20) halves.Push(Slice(frames, i, i + 10));
  halves.Flush();
  CHECK(Jumps(halves) == 0);
  CheckSteady(halves);
}

TEST_CASE("Transcoder: a frame lost that is shorter than the clock's tolerance") {
  const auto frames = Frames({.codec = Sound::kDts}, 1.5);  // 10.7 ms
  Bench bench;
  bench.Push(Slice(frames, 0, 30));
  bench.transcoder->ExpectGap();
  bench.Push(Slice(frames, 31, frames.size()));
  bench.Flush();
  CheckSteady(bench);
  CHECK(bench.transcoder->stats().silence_samples == 512);
  // Told of a gap where there is none: nothing changes.
  Bench whole;
  whole.Push(Slice(frames, 0, 30));
  whole.transcoder->ExpectGap();
  whole.Push(Slice(frames, 30, frames.size()));
  whole.Flush();
  CHECK(whole.transcoder->stats().silence_samples == 0);
}

TEST_CASE("Transcoder: an overlap is cut, a long one is a new time line") {
  const auto frames = Frames({}, 2);
  for (const size_t again : {1, 2, 4}) {
    CAPTURE(again);
    Bench bench;
    bench.Push(Slice(frames, 0, 30));
    bench.Push(Slice(frames, 30 - again, frames.size()));
    bench.Flush();
    CheckSteady(bench);
    CHECK(Jumps(bench) == 0);
    CHECK(bench.transcoder->stats().dropped_samples == again * 1152);
    CHECK(std::abs(LateBy(Hear(frames), Hear(bench.Frames()), frames[32].pts, 0.9)) <= 9);
  }
  Bench bench;
  bench.Push(Slice(frames, 0, 30));
  bench.Push(Slice(frames, 25, frames.size()));
  bench.Flush();
  CHECK(Jumps(bench) == 1);
  CHECK(bench.transcoder->stats().dropped_samples == 0);
}

TEST_CASE("Transcoder: what was begun comes out before a break, and all of it") {
  const auto first = Frames({}), second = Frames({}, 1, 90'000'000);
  Bench bench;
  bench.Push(first);
  bench.Break();
  const size_t before = bench.out.size();
  CHECK(WrapDistance(WrapPts(bench.out.back().pts + 1920), WrapPts(first.back().pts + 2160)) >= 0);
  bench.Push(second);
  bench.Flush();
  CHECK(bench.out[before].is_jump);
  CHECK(Jumps(bench) == 1);
  CHECK(WrapDistance(second[0].pts, bench.out[before].pts) == 3000);  // 1600 samples
}

TEST_CASE("Transcoder: a jump that was announced is a new time line, however short") {
  const auto frames = Frames({}, 2);
  Bench bench;
  bench.Push(Slice(frames, 0, 30));
  bench.transcoder->ExpectJump();
  bench.Push(Slice(frames, 30, frames.size()), 5000);  // 56 ms
  bench.Flush();
  CHECK(Jumps(bench) == 1);
  CHECK(bench.transcoder->stats().silence_samples == 0);
  // Announced, but time goes on: no jump.
  Bench steady;
  steady.Push(Slice(frames, 0, 30));
  steady.transcoder->ExpectJump();
  steady.Push(Slice(frames, 30, frames.size()));
  steady.Flush();
  CHECK(Jumps(steady) == 0);
  CheckSteady(steady);
}

TEST_CASE("Transcoder: a damaged frame is silence of its length, noise is not hours of it") {
  const auto frames = Frames({.codec = Sound::kAc3}, 2);
  Bench bench;
  for (size_t i = 0; i < frames.size(); ++i) {
    const bool is_bad = i == 10 || (i >= 20 && i < 23);
    if (is_bad)
      bench.PushBroken(frames[i], frames[i].pts);
    else
      bench.Push(frames[i], frames[i].pts);
  }
  bench.Flush();
  CheckSteady(bench);
  CHECK(Jumps(bench) == 0);
  CHECK(bench.transcoder->stats().decode_errors == 4);
  CHECK(bench.transcoder->stats().silence_samples == 4 * 1536);
  CHECK(std::abs(LateBy(Hear(frames), Hear(bench.Frames()), frames[25].pts, 0.8)) <= 9);

  Bench noise;
  noise.Push(Slice(frames, 0, 5));
  for (int i = 0; i < 1000; ++i) noise.PushBroken(frames[10], kNoTime);
  CHECK(noise.transcoder->stats().decode_errors == 1000);
  CHECK(noise.transcoder->stats().silence_samples == Transcoder::kMaxConcealedFrames * 1536);
  // Then time stamps tell what is missing.
  noise.Push(Slice(frames, 40, frames.size()));
  noise.Flush();
  CheckSteady(noise);
  CHECK(noise.transcoder->stats().silence_samples == 35 * 1536);
}

TEST_CASE("Transcoder: the rate changes: time goes on, by the new rate's samples") {
  const Aired aired = Air(
      {.seconds = 3,
       .video = {.kind = Video::Kind::kNone},
       .audio = {
           {.sound = {{.rate = 48000}, {.from = 1, .rate = 32000}, {.from = 2, .rate = 44100}}}}});
  Bench bench;
  bench.Push(aired.sound[0]);
  bench.Flush();
  CHECK(Jumps(bench) == 0);
  for (size_t i = 1; i < bench.out.size(); ++i)
    CHECK(WrapDistance(bench.out[i].pts, bench.out[i - 1].pts) > 0);
  CHECK(bench.transcoder->rate() == 44100);
  CHECK(bench.transcoder->stats().clock_error_ticks <= 2);
}

TEST_CASE("Transcoder: channels as asked for") {
  const struct {
    int source;
    unsigned asked, made;
  } cases[] = {{6, 2, 2}, {6, 6, 6}, {6, 1, 1}, {2, 6, 2}, {2, 1, 1}, {1, 2, 2}, {1, 6, 1}};
  for (const auto& c : cases) {
    CAPTURE(c.source);
    CAPTURE(c.asked);
    Bench bench({AudioTarget::kAac, c.asked, 192'000});
    bench.Push(Frames({.codec = Sound::kAc3, .channels = c.source}, 0.3));
    bench.Flush();
    CHECK(bench.transcoder->channels() == c.made);
    CHECK(bench.transcoder->decoder().source_channels() == static_cast<unsigned>(c.source));
    const auto heard = Hear(bench.Frames());
    REQUIRE(!heard.empty());
    CHECK(heard[0].pcm.channels.size() == c.made);
  }
}

TEST_CASE("Transcoder: flushed twice, flushed when empty, used again") {
  Bench bench;
  bench.Flush();
  bench.Break();
  CHECK(bench.out.empty());
  const auto frames = Frames({});
  bench.Push(frames);
  bench.Flush();
  const size_t once = bench.out.size();
  bench.Flush();
  CHECK(bench.out.size() == once);
  bench.Push(Frames({}, 1, 50'000'000));
  bench.Flush();
  CHECK(bench.out.size() == 2 * once);
}

TEST_CASE("SupportsRate, MakeEncoder: what the targets have") {
  for (const uint32_t rate : {48000u, 44100u, 32000u, 24000u, 16000u}) {
    CHECK(SupportsRate(AudioTarget::kAac, rate));
    CHECK(SupportsRate(AudioTarget::kMp3, rate));
  }
  CHECK(SupportsRate(AudioTarget::kAac, 96000));
  CHECK_FALSE(SupportsRate(AudioTarget::kMp3, 96000));
  CHECK_FALSE(SupportsRate(AudioTarget::kAac, 12345));
  CHECK(MakeEncoder({AudioTarget::kMp3, 96000, 2, 128'000}) == nullptr);
  CHECK(MakeEncoder({AudioTarget::kAac, 0, 2, 128'000}) == nullptr);
  CHECK(CanEncode(AudioTarget::kAac));
  CHECK(TargetFor(AudioTarget::kMp3, 24000) == AudioTarget::kMp3);
  CHECK(TargetFor(AudioTarget::kMp3, 96000) == AudioTarget::kAac);
  CHECK(TargetFor(AudioTarget::kMp3, 0) == AudioTarget::kMp3);
}

}  // namespace xg2g::test
