#include "audio/framer.h"

#include <doctest/doctest.h>

#include <functional>
#include <random>

#include "bits.h"
#include "sound.h"

namespace xg2g::test {
namespace {

struct Got {
  int64_t pts;
  Data frame;
  bool operator==(const Got&) const = default;
};

struct Unit {
  int64_t pts;
  Data es;
};

AudioCodec CodecOf(Sound codec) {
  switch (codec) {
    case Sound::kMp2:
    case Sound::kMp3:
      return AudioCodec::kMpeg;
    case Sound::kAc3:
      return AudioCodec::kAc3;
    case Sound::kEac3:
      return AudioCodec::kEac3;
    case Sound::kAac:
      return AudioCodec::kAdts;
    case Sound::kLatm:
      return AudioCodec::kLatm;
    case Sound::kDts:
      return AudioCodec::kDts;
  }
  return AudioCodec::kNone;
}

class Cutter {
 public:
  explicit Cutter(AudioCodec codec) : framer(codec) {}
  void Push(const Unit& unit, size_t piece = 184) {
    framer.Begin(unit.pts);
    PushRaw(unit.es, piece);
  }
  void PushRaw(View es, size_t piece = 184) {
    for (size_t at = 0; at < es.size(); at += piece)
      framer.Push(es.subspan(at, std::min(piece, es.size() - at)), take_);
  }
  void Flush() { framer.Flush(take_); }

  Framer framer;
  std::vector<Got> got = {};

 private:
  std::function<void(const FrameHeader&, Bytes, int64_t)> take_ = [this](const FrameHeader& header,
                                                                         Bytes frame, int64_t pts) {
    CHECK(header.bytes == frame.size());
    // What libavcodec may read beyond the end.
    for (size_t i = 0; i < Framer::kPaddingBytes; ++i) REQUIRE(frame.data()[frame.size() + i] == 0);
    got.push_back({pts, Data(frame.begin(), frame.end())});
  };
};

std::vector<Data> Frames(Sound codec, double seconds = 0.5, int rate = 48000, int channels = 2) {
  return Encode(codec, Noise(rate, channels, seconds));
}

Data Join(const std::vector<Data>& frames) {
  Data out;
  for (const Data& frame : frames) out.insert(out.end(), frame.begin(), frame.end());
  return out;
}

// PES packets of any sizes, and the frames with the stamps that belong to them: each to the first
// frame that begins in its PES.
struct Cut {
  std::vector<Unit> units = {};
  std::vector<Got> expected = {};
};

Cut CutAt(const std::vector<Data>& frames, const std::function<size_t()>& size) {
  Cut cut;
  const Data es = Join(frames);
  std::vector<size_t> begins;
  for (size_t at = 0; const Data& frame : frames) {
    begins.push_back(at);
    cut.expected.push_back({kNoTime, frame});
    at += frame.size();
  }
  for (size_t at = 0; at < es.size();) {
    const size_t n = std::min(size(), es.size() - at);
    int64_t pts = kNoTime;
    for (size_t i = 0; i < begins.size(); ++i)
      if (begins[i] >= at && begins[i] < at + n) {
        pts = static_cast<int64_t>(1000 * i + 7);
        cut.expected[i].pts = pts;
        break;
      }
    cut.units.push_back(
        {pts, Data(es.begin() + static_cast<long>(at), es.begin() + static_cast<long>(at + n))});
    at += n;
  }
  return cut;
}

constexpr Sound kSounds[] = {Sound::kMp2, Sound::kMp3,  Sound::kAc3, Sound::kEac3,
                             Sound::kAac, Sound::kLatm, Sound::kDts};

}  // namespace

TEST_CASE("Framer: every frame with its time, however PES packets and pieces are cut") {
  std::mt19937 random(21);
  for (const Sound codec : kSounds) {
    const auto frames = Frames(codec);
    for (const size_t most : {size_t{0}, size_t{100}, size_t{700}, size_t{3000}, size_t{9000}}) {
      // 0: one frame in each PES
      size_t next = 0;
      const Cut cut =
          CutAt(frames, [&] { return most == 0 ? frames[next++].size() : 1 + random() % most; });
      for (const size_t piece : {size_t{1}, size_t{170}, size_t{184}, size_t{10'000}}) {
        CAPTURE(static_cast<int>(codec));
        CAPTURE(most);
        CAPTURE(piece);
        Cutter cutter(CodecOf(codec));
        for (const Unit& unit : cut.units) cutter.Push(unit, piece);
        cutter.Flush();
        CHECK((cutter.got == cut.expected));
        CHECK(cutter.framer.skipped_bytes() == 0);
      }
    }
  }
}

TEST_CASE("Framer: a frame is handed on when it is whole, not when the next one comes") {
  for (const Sound codec : kSounds) {
    const auto frames = Frames(codec);
    Cutter cutter(CodecOf(codec));
    for (size_t i = 0; i < 5; ++i) {
      cutter.Push({static_cast<int64_t>(i), frames[i]});
      CHECK(cutter.got.size() == i + 1);
    }
  }
}

TEST_CASE("Framer: joined in the middle of a frame, it begins with the first that is whole") {
  for (const Sound codec : kSounds) {
    const auto frames = Frames(codec);
    const Data es = Join(frames);
    for (const size_t lost : {size_t{1}, frames[0].size() / 2, frames[0].size() - 1}) {
      CAPTURE(static_cast<int>(codec));
      CAPTURE(lost);
      Cutter cutter(CodecOf(codec));
      cutter.Push({500, Data(es.begin() + static_cast<long>(lost), es.end())});
      cutter.Flush();
      REQUIRE(cutter.got.size() == frames.size() - 1);
      CHECK(cutter.got[0] == Got{500, frames[1]});
      CHECK(cutter.got.back().frame == frames.back());
      CHECK(cutter.framer.skipped_bytes() == frames[0].size() - lost);
    }
  }
}

TEST_CASE("Framer: after Reset() nothing is taken until the time is told again") {
  const auto frames = Frames(Sound::kMp2);
  Cutter cutter(AudioCodec::kMpeg);
  cutter.Push({0, frames[0]});
  cutter.framer.Begin(kNoTime);
  cutter.PushRaw(View(frames[1]).first(100));
  cutter.framer.Reset();
  cutter.PushRaw(frames[2]);
  cutter.Push({kNoTime, frames[3]});
  cutter.Push({9000, frames[4]});
  CHECK(cutter.got == std::vector<Got>{{0, frames[0]}, {9000, frames[4]}});
}

TEST_CASE("Framer: a source that never tells the time is taken all the same, some time later") {
  const auto frames = Frames(Sound::kMp2, 2);
  Cutter cutter(AudioCodec::kMpeg);
  for (const Data& frame : frames) cutter.Push({kNoTime, frame});
  CHECK(cutter.got.size() == frames.size() - (Framer::kMaxUntimedUnits - 1));
}

TEST_CASE("Framer: a header inside a frame is not believed") {
  auto frames = Frames(Sound::kMp2);
  std::copy_n(frames[0].begin(), 4, frames[0].begin() + 200);
  Cutter cutter(AudioCodec::kMpeg);
  const Data es = Join(frames);
  // Joined before the false header.
  cutter.Push({7, Data(es.begin() + 100, es.end())});
  REQUIRE(!cutter.got.empty());
  CHECK(cutter.got[0] == Got{7, frames[1]});
}

TEST_CASE(
    "Framer: damage between frames costs what is damaged, and time goes on by the next stamp") {
  for (const Sound codec : {Sound::kMp2, Sound::kAc3, Sound::kAac}) {
    const auto frames = Frames(codec);
    Cutter cutter(CodecOf(codec));
    for (size_t i = 0; i < frames.size(); ++i) {
      Data es = frames[i];
      if (i == 5) es[0] ^= 0xFF;
      cutter.Push({static_cast<int64_t>(i), es});
    }
    std::vector<Got> expected;
    for (size_t i = 0; i < frames.size(); ++i)
      if (i != 5) expected.push_back({static_cast<int64_t>(i), frames[i]});
    CAPTURE(static_cast<int>(codec));
    CHECK((cutter.got == expected));
  }
}

TEST_CASE("Framer: frames that follow another rate or layer are taken where a PES begins") {
  const auto first = Frames(Sound::kMp2), second = Frames(Sound::kMp2, 0.5, 44100);
  const auto third = Frames(Sound::kMp3);
  Cutter cutter(AudioCodec::kMpeg);
  std::vector<Got> expected;
  for (const auto* frames : {&first, &second, &third})
    for (const Data& frame : *frames) {
      expected.push_back({static_cast<int64_t>(expected.size()), frame});
      cutter.Push({expected.back().pts, frame});
    }
  CHECK((cutter.got == expected));
}

TEST_CASE("Framer: another codec than the PMT names is recognised by its frames") {
  for (const Sound flows : {Sound::kMp2, Sound::kAc3, Sound::kEac3, Sound::kAac, Sound::kLatm})
    for (const AudioCodec named :
         {AudioCodec::kMpeg, AudioCodec::kAc3, AudioCodec::kAdts, AudioCodec::kLatm}) {
      const auto frames = Frames(flows);
      Cutter cutter(named);
      for (size_t i = 0; i + 1 < frames.size(); i += 2) {
        Data es = frames[i];
        es.insert(es.end(), frames[i + 1].begin(), frames[i + 1].end());
        cutter.Push({static_cast<int64_t>(i), es});
      }
      CAPTURE(static_cast<int>(flows));
      CAPTURE(static_cast<int>(named));
      CHECK(cutter.got.size() >= frames.size() - 4);
      for (const Got& got : cutter.got) CHECK(std::ranges::find(frames, got.frame) != frames.end());
    }
}

TEST_CASE(
    "Framer: what the decoder must not get is left out, and keeps no stamp from the next frame") {
  // A dependent substream of E-AC-3 behind each frame.
  const auto frames = Frames(Sound::kEac3);
  BitWriter w;
  w.Put(16, 0x0B77)
      .Put(2, 1)
      .Put(3, 0)
      .Put(11, 299)
      .Put(2, 0)
      .Put(2, 3)
      .Put(3, 2)
      .Put(1, 0)
      .Put(5, 16);
  Data dependent = w.bytes();
  dependent.resize(600, 0x33);
  for (const size_t piece : {1, 184, 5000}) {
    Cutter cutter(AudioCodec::kEac3);
    std::vector<Got> expected;
    for (size_t i = 0; i < frames.size(); ++i) {
      Data es = frames[i];
      es.insert(es.end(), dependent.begin(), dependent.end());
      cutter.Push({static_cast<int64_t>(i), es}, piece);
      expected.push_back({static_cast<int64_t>(i), frames[i]});
    }
    CHECK((cutter.got == expected));
  }
}

TEST_CASE("Framer: noise yields no frames and does not fill it up") {
  std::mt19937 random(4);
  for (const Sound codec : kSounds) {
    Cutter cutter(CodecOf(codec));
    for (int i = 0; i < 50; ++i) {
      Data es(4000);
      for (uint8_t& byte : es) byte = static_cast<uint8_t>(random() % 255);  // no FF
      cutter.Push({i, es});
    }
    cutter.Flush();
    CHECK(cutter.got.size() <= 2);
  }
}

}  // namespace xg2g::test
