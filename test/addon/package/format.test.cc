// Parameter sets as x264 and x265 wrote them, and headers spelled out field by field.
#include "package/format.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "bits.h"
#include "package/init.h"
#include "package/nal.h"
#include "sound.h"

using namespace xg2g;
using test::BitWriter;
using test::Data;

namespace {

const Nal kAvcSps = {0x67, 0x4D, 0x40, 0x28, 0xE9, 0x80, 0xF0, 0x08, 0x9F, 0xBC, 0x04, 0x40,
                     0x00, 0x00, 0x03, 0x00, 0x40, 0x00, 0x00, 0x0C, 0x87, 0xC5, 0x8B, 0x4E};
const Nal kAvcPps = {0x68, 0xDE, 0x3C, 0x80};
const Nal kVps = {0x40, 0x01, 0x0C, 0x01, 0xFF, 0xFF, 0x01, 0x60, 0x00, 0x00, 0x03, 0x00,
                  0x90, 0x00, 0x00, 0x03, 0x00, 0x00, 0x03, 0x00, 0x7B, 0x95, 0x90, 0x09};
const Nal kHevcSps = {0x42, 0x01, 0x01, 0x01, 0x60, 0x00, 0x00, 0x03, 0x00, 0x90, 0x00,
                      0x00, 0x03, 0x00, 0x00, 0x03, 0x00, 0x7B, 0xA0, 0x03, 0xC0, 0x80,
                      0x11, 0x07, 0xCB, 0x92, 0x56, 0x44, 0xA4, 0xC2, 0xF0, 0x16, 0x80,
                      0x80, 0x00, 0x00, 0x03, 0x00, 0x80, 0x00, 0x00, 0x19, 0x04};
const Nal kHevcPps = {0x44, 0x01, 0xC0, 0x73, 0xC1, 0x89};

Data Stream(const std::vector<Nal>& nals) {
  Data out;
  for (const Nal& nal : nals) {
    out.insert(out.end(), {0, 0, 0, 1});
    out.insert(out.end(), nal.begin(), nal.end());
  }
  return out;
}

size_t Find(const Data& in, const Data& what) {
  return static_cast<size_t>(std::ranges::search(in, what).begin() - in.begin());
}

}  // namespace

TEST_CASE("ReadPictureFormat: H.264") {
  const auto format = ReadPictureFormat(VideoCodec::kH264, Stream({{0x09, 0xF0}, kAvcSps, kAvcPps}));
  REQUIRE(format);
  CHECK(format->codecs == "avc1.4D4028");
  CHECK(format->width == 1920);
  CHECK(format->height == 1080);
  CHECK(format->frame_rate == 25);
  CHECK(format->is_interlaced);
  CHECK(format->sps == std::vector<Nal>{kAvcSps});
  CHECK(format->pps == std::vector<Nal>{kAvcPps});
}

TEST_CASE("ReadPictureFormat: a picture of H.264 that is shown wider than it is, with every field") {
  BitWriter sps;
  sps.Put(8, 0x67).Put(8, 100).Put(8, 0).Put(8, 30).PutUe(0);
  sps.PutUe(1).PutUe(0).PutUe(0).Put(1, 0);           // 4:2:0, 8 bits
  sps.Put(1, 1).Put(1, 1).Put(16, 0xFFFF).Put(7, 0);  // a scaling list of ones, each se(0)
  sps.PutUe(0).PutUe(1);                              // picture order count of type 1
  sps.Put(1, 0).PutUe(0).PutUe(0).PutUe(2).PutUe(0).PutUe(0);
  sps.PutUe(4).Put(1, 0).PutUe(720 / 16 - 1).PutUe(576 / 16 - 1).Put(1, 1).Put(1, 1);
  sps.Put(1, 1).PutUe(1).PutUe(1).PutUe(0).PutUe(0);  // two pixels off on either side
  sps.Put(1, 1).Put(1, 1).Put(8, 255).Put(16, 64).Put(16, 45);
  sps.Put(1, 0).Put(1, 1).Put(3, 5).Put(1, 0).Put(1, 1).Put(24, 0x050505).Put(1, 0);
  sps.Put(1, 1).Put(32, 0x01010101).Put(32, 0x64646464).Put(1, 1).Put(8, 0xFF);
  const auto format = ReadPictureFormat(VideoCodec::kH264, Stream({sps.bytes(), kAvcPps}));
  REQUIRE(format);
  CHECK(format->codecs == "avc1.64001E");
  CHECK(format->width == 716);
  CHECK(format->height == 576);
  CHECK_FALSE(format->is_interlaced);
  CHECK(format->aspect_width == 64);
  CHECK(format->aspect_height == 45);
  CHECK(format->frame_rate == 50);
}

TEST_CASE("ReadPictureFormat: HEVC") {
  const auto format =
      ReadPictureFormat(VideoCodec::kHevc, Stream({kVps, kHevcSps, kHevcPps}));
  REQUIRE(format);
  CHECK(format->codecs == "hvc1.1.6.L123.90");
  CHECK(format->width == 1920);
  CHECK(format->height == 1080);
  CHECK_FALSE(format->is_interlaced);
  CHECK(format->chroma_format == 1);
  CHECK(format->luma_bits == 8);
  CHECK(format->vps == std::vector<Nal>{kVps});
}

TEST_CASE("ReadPictureFormat: MPEG-2") {
  const Data head = {0, 0, 1, 0xB3, 0x2D, 0x02, 0x40, 0x33, 0x12, 0x4F, 0x23, 0x81,
                     0, 0, 1, 0xB5, 0x14, 0x82, 0x00, 0x01, 0x00};
  const auto format = ReadPictureFormat(VideoCodec::kMpeg2, head);
  REQUIRE(format);
  CHECK(format->width == 720);
  CHECK(format->height == 576);
  CHECK(format->frame_rate == 25);
  CHECK(format->is_interlaced);
}

TEST_CASE("ReadPictureFormat: a parameter set that is cut anywhere is read as far as it goes") {
  for (const auto& [codec, sps] :
       {std::pair{VideoCodec::kH264, kAvcSps}, {VideoCodec::kHevc, kHevcSps}}) {
    for (size_t size = 1; size < sps.size(); ++size) {
      const auto format = ReadPictureFormat(codec, Stream({{sps.begin(), sps.begin() + static_cast<long>(size)}}));
      if (format) CHECK((format->width == 0 || format->width == 1920));
    }
  }
  CHECK_FALSE(ReadPictureFormat(VideoCodec::kH264, Stream({kAvcPps})));
}

TEST_CASE("ReadSoundFormat: what the frames of each codec say") {
  using test::Sound;
  const struct {
    Sound sound;
    AudioCodec codec;
    int channels;
    std::string codecs;
    std::vector<uint8_t> config;
  } cases[] = {
      {Sound::kAac, AudioCodec::kAdts, 2, "mp4a.40.2", {0x11, 0x90}},
      {Sound::kMp3, AudioCodec::kMpeg, 2, "mp4a.40.34", {}},
      {Sound::kMp2, AudioCodec::kMpeg, 2, "mp4a.40.33", {}},
      {Sound::kAc3, AudioCodec::kAc3, 6, "ac-3", {0x10, 0x3D, 0xE0}},
      {Sound::kEac3, AudioCodec::kEac3, 2, "ec-3", {0x06, 0x00, 0x20, 0x04, 0x00}},
  };
  for (const auto& c : cases) {
    CAPTURE(c.codecs);
    const int bitrate = c.channels == 6 ? 448'000 : 192'000;
    const auto frames = test::Encode(c.sound, test::Noise(48000, c.channels, 0.2, 1), bitrate);
    REQUIRE(!frames.empty());
    const auto header = ParseFrameHeader(c.codec, frames[1]);
    REQUIRE(header);
    const SoundFormat format = ReadSoundFormat(*header, frames[1]);
    CHECK(format.codecs == c.codecs);
    CHECK(format.rate == 48000);
    CHECK(format.channels == static_cast<unsigned>(c.channels));
    CHECK(format.config == c.config);
  }
}

TEST_CASE("MakeInit: the parameter sets stand in the sample entry, as they are") {
  const auto avc = ReadPictureFormat(VideoCodec::kH264, Stream({kAvcSps, kAvcPps}));
  const auto hevc = ReadPictureFormat(VideoCodec::kHevc, Stream({kVps, kHevcSps, kHevcPps}));
  const Data first = MakeInit(*avc), second = MakeInit(*hevc);
  CHECK(Find(first, {'a', 'v', 'c', '1'}) < Find(first, kAvcSps));
  CHECK(Find(first, kAvcSps) < Find(first, kAvcPps));
  CHECK(Find(first, kAvcPps) < first.size());
  CHECK(Find(second, {'h', 'v', 'c', '1'}) < Find(second, kVps));
  CHECK(Find(second, kVps) < Find(second, kHevcSps));
  CHECK(Find(second, kHevcSps) < Find(second, kHevcPps));
  CHECK(Find(second, kHevcPps) < second.size());
}

TEST_CASE("ForEachNal: units with start codes of three and four bytes, without what trails them") {
  const Data in = {9, 9, 0, 0, 1, 0x67, 1, 0, 0, 0, 1, 0x68, 0, 0, 3, 1, 0, 0, 1, 0, 0, 1, 0x65};
  std::vector<Data> units;
  ForEachNal(in, [&](Bytes nal) { units.emplace_back(nal.begin(), nal.end()); });
  CHECK(units == std::vector<Data>{{0x67, 1}, {0x68, 0, 0, 3, 1}, {0x65}});
  CHECK(Unescape(units[1]) == Data{0x68, 0, 0, 1});
}
