#include "audio/frame.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "bits.h"

using namespace xg2g;
using xg2g::test::BitWriter;

namespace {

using Header = std::vector<uint8_t>;

constexpr AudioCodec kCodecs[] = {AudioCodec::kMpeg, AudioCodec::kAc3,  AudioCodec::kEac3,
                                  AudioCodec::kAdts, AudioCodec::kLatm, AudioCodec::kDts};

// version: 0 is 2.5, 1 reserved, 2 LSF, 3 MPEG-1; layer: 1 .. 3, 4 is the reserved code
Header Mpeg(unsigned version, unsigned layer, unsigned bitrate, unsigned rate, unsigned padding = 0,
            unsigned mode = 0) {
  BitWriter w;
  w.Put(11, 0x7FF).Put(2, version).Put(2, 4 - layer).Put(1, 1);
  w.Put(4, bitrate).Put(2, rate).Put(1, padding).Put(1, 0).Put(2, mode).Put(6, 0);
  return w.bytes();
}

Header Ac3(unsigned fscod, unsigned frmsizecod, unsigned acmod = 2, unsigned lfe = 0,
           unsigned bsid = 8) {
  BitWriter w;
  w.Put(16, 0x0B77).Put(16, 0x1234).Put(2, fscod).Put(6, frmsizecod);
  w.Put(5, bsid).Put(3, 0).Put(3, acmod);
  // Mix levels are all ones, so that a reader that does not skip them sees another LFE.
  const unsigned other = lfe ? 0 : 3;
  if (acmod == 3 || acmod == 5 || acmod == 7) w.Put(2, other);
  if (acmod >= 4) w.Put(2, other);
  if (acmod == 2) w.Put(2, other);
  w.Put(1, lfe).Put(16, 0);
  return w.bytes();
}

struct Eac3 {
  unsigned stream_type = 0, substream = 0, frmsiz = 383, fscod = 0, numblkscod = 3, acmod = 2;
  unsigned lfe = 0, bsid = 16;
  operator Header() const {
    BitWriter w;
    w.Put(16, 0x0B77).Put(2, stream_type).Put(3, substream).Put(11, frmsiz).Put(2, fscod);
    w.Put(2, numblkscod).Put(3, acmod).Put(1, lfe).Put(5, bsid).Put(19, 0);
    return w.bytes();
  }
};

struct Adts {
  unsigned profile = 1, rate = 3, channels = 2, bytes = 500, blocks = 0, no_crc = 1, layer = 0;
  operator Header() const {
    BitWriter w;
    w.Put(12, 0xFFF).Put(1, 0).Put(2, layer).Put(1, no_crc).Put(2, profile).Put(4, rate).Put(1, 0);
    w.Put(3, channels).Put(4, 0).Put(13, bytes).Put(11, 0x7FF).Put(2, blocks);
    return w.bytes();
  }
};

Header Loas(unsigned length, unsigned sync = 0x2B7) {
  return BitWriter().Put(11, sync).Put(13, length).bytes();
}

struct Dts {
  unsigned normal = 1, deficit = 31, blocks = 15, fsize = 1005, amode = 9, rate = 13, lfe = 2;
  operator Header() const {
    BitWriter w;
    w.Put(32, 0x7FFE8001).Put(1, normal).Put(5, deficit).Put(1, 0).Put(7, blocks).Put(14, fsize);
    w.Put(6, amode).Put(4, rate).Put(5, 24).Put(5, 0).Put(3, 0).Put(1, 0).Put(1, 0).Put(2, lfe);
    w.Put(40, 0xAAAAAAAAAA);
    return w.bytes();
  }
};

Header DtsExtension(bool wide, unsigned header_bytes, unsigned bytes) {
  BitWriter w;
  w.Put(32, 0x64582025).Put(8, 0).Put(2, 0).Put(1, wide);
  w.Put(wide ? 12 : 8, header_bytes - 1).Put(wide ? 20 : 16, bytes - 1).Put(48, 0);
  return w.bytes();
}

// 14 bits in each 16-bit word, the sign bit extended as on a CD.
Header Narrow(const Header& in) {
  BitWriter out;
  for (size_t bit = 0; bit + 14 <= in.size() * 8; bit += 14) {
    unsigned word = 0;
    for (size_t i = bit; i < bit + 14; ++i) word = word << 1 | (in[i / 8] >> (7 - i % 8) & 1);
    out.Put(2, word >> 13 ? 3 : 0).Put(14, word);
  }
  return out.bytes();
}

Header Swapped(Header in) {
  for (size_t i = 0; i + 1 < in.size(); i += 2) std::swap(in[i], in[i + 1]);
  return in;
}

FrameHeader Parse(AudioCodec codec, const Header& in) {
  const auto header = ParseFrameHeader(codec, in);
  REQUIRE(header);
  return *header;
}

bool IsRefused(AudioCodec codec, const Header& in) { return !ParseFrameHeader(codec, in); }

std::vector<std::pair<AudioCodec, Header>> OneOfEach() {
  return {{AudioCodec::kMpeg, Mpeg(3, 2, 10, 1)}, {AudioCodec::kAc3, Ac3(0, 30)},
          {AudioCodec::kEac3, Eac3{}},            {AudioCodec::kAdts, Adts{}},
          {AudioCodec::kLatm, Loas(300)},         {AudioCodec::kDts, Dts{}},
          {AudioCodec::kDts, Swapped(Dts{})},     {AudioCodec::kDts, Narrow(Dts{})},
          {AudioCodec::kDts, DtsExtension(true, 100, 4000)}};
}

// What holds for any header, whatever bytes it was read from.
bool IsWithinLimits(const FrameHeader& h) {
  return h.bytes > 0 && h.bytes <= (h.skip ? kMaxSkippedBytes : kMaxFrameBytes) &&
         h.channels <= 9 && h.rate <= 96000 && h.samples <= 4096 &&
         (h.codec == AudioCodec::kMpeg) == (h.layer != 0);
}

}  // namespace

TEST_CASE("ParseFrameHeader: MPEG audio, frames of known length") {
  struct Case {
    Header in;
    unsigned layer, rate, samples, bytes, channels;
  };
  const Case cases[] = {
      {Mpeg(3, 2, 10, 1), 2, 48000, 1152, 576, 2},         // 192 kbit/s, the usual DVB sound
      {Mpeg(3, 2, 12, 1), 2, 48000, 1152, 768, 2},         // 256
      {Mpeg(3, 2, 10, 0, 0), 2, 44100, 1152, 626, 2},
      {Mpeg(3, 2, 10, 0, 1), 2, 44100, 1152, 627, 2},
      {Mpeg(3, 2, 14, 2, 1), 2, 32000, 1152, 1729, 2},     // the longest: 384 kbit/s, padded
      {Mpeg(3, 2, 5, 1, 0, 3), 2, 48000, 1152, 240, 1},    // 80 kbit/s mono
      {Mpeg(3, 2, 10, 1, 0, 2), 2, 48000, 1152, 576, 2},   // dual channel: two mono programmes
      {Mpeg(2, 2, 8, 1), 2, 24000, 1152, 384, 2},          // LSF, 64 kbit/s
      {Mpeg(2, 2, 14, 2), 2, 16000, 1152, 1440, 2},        // LSF, 160 kbit/s
      {Mpeg(3, 1, 14, 1), 1, 48000, 384, 448, 2},          // layer I counts slots of 4 bytes
      {Mpeg(3, 1, 14, 0, 1), 1, 44100, 384, 488, 2},
      {Mpeg(2, 1, 14, 2), 1, 16000, 384, 768, 2},
      {Mpeg(3, 3, 9, 0, 1), 3, 44100, 1152, 418, 2},       // the MP3 frame everybody knows
      {Mpeg(3, 3, 14, 2), 3, 32000, 1152, 1440, 2},
      {Mpeg(2, 3, 8, 0), 3, 22050, 576, 208, 2},
      {Mpeg(0, 3, 1, 1), 3, 12000, 576, 48, 2},            // MPEG-2.5
      {Mpeg(0, 3, 14, 2, 1), 3, 8000, 576, 1441, 2},
  };
  for (const Case& c : cases) {
    const FrameHeader h = Parse(AudioCodec::kMpeg, c.in);
    CHECK(h.codec == AudioCodec::kMpeg);
    CHECK(h.layer == c.layer);
    CHECK(h.rate == c.rate);
    CHECK(h.samples == c.samples);
    CHECK(h.bytes == c.bytes);
    CHECK(h.channels == c.channels);
    CHECK_FALSE(h.skip);
  }
}

TEST_CASE("ParseFrameHeader: MPEG audio, every bit rate fills its time") {
  const std::vector<unsigned> kbps[2][3] = {
      {{32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448},
       {32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384},
       {32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320}},
      {{32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256},
       {8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160},
       {8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160}}};
  for (unsigned version : {2u, 3u})
    for (unsigned layer = 1; layer <= 3; ++layer)
      for (unsigned bitrate = 1; bitrate <= 14; ++bitrate)
        for (unsigned rate = 0; rate <= 2; ++rate) {
          CAPTURE(version);
          CAPTURE(layer);
          CAPTURE(bitrate);
          CAPTURE(rate);
          const FrameHeader plain = Parse(AudioCodec::kMpeg, Mpeg(version, layer, bitrate, rate));
          const FrameHeader padded =
              Parse(AudioCodec::kMpeg, Mpeg(version, layer, bitrate, rate, 1));
          const unsigned slot = layer == 1 ? 4 : 1;
          CHECK(padded.bytes == plain.bytes + slot);
          const double exact =
              kbps[version == 2][layer - 1][bitrate - 1] * 125.0 * plain.samples / plain.rate;
          CHECK(plain.bytes <= exact);
          CHECK(padded.bytes > exact);
          CHECK(padded.bytes <= kMaxMpegBytes);
        }
}

TEST_CASE("ParseFrameHeader: MPEG audio, reserved and free values are none") {
  CHECK(IsRefused(AudioCodec::kMpeg, Mpeg(1, 2, 10, 1)));
  CHECK(IsRefused(AudioCodec::kMpeg, Mpeg(3, 4, 10, 1)));
  CHECK(IsRefused(AudioCodec::kMpeg, Mpeg(3, 2, 0, 1)));
  CHECK(IsRefused(AudioCodec::kMpeg, Mpeg(3, 2, 15, 1)));
  CHECK(IsRefused(AudioCodec::kMpeg, Mpeg(3, 2, 10, 3)));
  CHECK(IsRefused(AudioCodec::kMpeg, Mpeg(0, 2, 10, 1)));
  CHECK(IsRefused(AudioCodec::kMpeg, Mpeg(0, 1, 10, 1)));
  CHECK(IsRefused(AudioCodec::kMpeg, {0xFF, 0xDB, 0x90, 0x00}));
  CHECK(IsRefused(AudioCodec::kMpeg, Adts{}));
}

TEST_CASE("ParseFrameHeader: AC-3, all frame sizes of A/52 Table 5.18") {
  // 16-bit words at 48, 44.1 and 32 kHz for each pair of codes; 44.1 kHz odd codes have one more.
  const unsigned words[19][3] = {
      {64, 69, 96},      {80, 87, 120},     {96, 104, 144},    {112, 121, 168},  {128, 139, 192},
      {160, 174, 240},   {192, 208, 288},   {224, 243, 336},   {256, 278, 384},  {320, 348, 480},
      {384, 417, 576},   {448, 487, 672},   {512, 557, 768},   {640, 696, 960},  {768, 835, 1152},
      {896, 975, 1344},  {1024, 1114, 1536}, {1152, 1253, 1728}, {1280, 1393, 1920}};
  const unsigned rates[3] = {48000, 44100, 32000};
  for (unsigned code = 0; code < 38; ++code)
    for (unsigned fscod = 0; fscod < 3; ++fscod) {
      CAPTURE(code);
      CAPTURE(fscod);
      const FrameHeader h = Parse(AudioCodec::kAc3, Ac3(fscod, code));
      CHECK(h.codec == AudioCodec::kAc3);
      CHECK(h.bytes == 2 * (words[code / 2][fscod] + (fscod == 1 ? code % 2 : 0)));
      CHECK(h.bytes <= kMaxAc3Bytes);
      CHECK(h.rate == rates[fscod]);
      CHECK(h.samples == 1536);
    }
}

TEST_CASE("ParseFrameHeader: AC-3, channels by acmod and LFE") {
  const unsigned channels[8] = {2, 1, 2, 3, 3, 4, 4, 5};
  for (unsigned acmod = 0; acmod < 8; ++acmod)
    for (unsigned lfe = 0; lfe < 2; ++lfe) {
      CAPTURE(acmod);
      CAPTURE(lfe);
      CHECK(Parse(AudioCodec::kAc3, Ac3(0, 20, acmod, lfe)).channels == channels[acmod] + lfe);
      CHECK(Parse(AudioCodec::kEac3, Eac3{.acmod = acmod, .lfe = lfe}).channels ==
            channels[acmod] + lfe);
    }
}

TEST_CASE("ParseFrameHeader: AC-3 and E-AC-3 are told apart by bsid, whichever is expected") {
  for (unsigned bsid = 0; bsid < 32; ++bsid) {
    CAPTURE(bsid);
    const Header in = Ac3(0, 20, 2, 0, bsid);
    for (AudioCodec expected : {AudioCodec::kAc3, AudioCodec::kEac3}) {
      const auto h = ParseFrameHeader(expected, in);
      if (bsid <= 10) {
        REQUIRE(h);
        CHECK(h->codec == AudioCodec::kAc3);
        CHECK(h->rate == (bsid <= 8 ? 48000u : bsid == 9 ? 24000u : 12000u));
      } else if (bsid <= 16) {
        REQUIRE(h);
        CHECK(h->codec == AudioCodec::kEac3);
      } else {
        CHECK_FALSE(h);
      }
    }
  }
}

TEST_CASE("ParseFrameHeader: AC-3, reserved values are none") {
  CHECK(IsRefused(AudioCodec::kAc3, Ac3(3, 20)));
  for (unsigned code = 38; code < 64; ++code) CHECK(IsRefused(AudioCodec::kAc3, Ac3(0, code)));
  Header swapped = Swapped(Ac3(0, 20));
  CHECK(IsRefused(AudioCodec::kAc3, swapped));
}

TEST_CASE("ParseFrameHeader: E-AC-3, rates and blocks") {
  const unsigned rates[3] = {48000, 44100, 32000}, blocks[4] = {1, 2, 3, 6};
  for (unsigned fscod = 0; fscod < 3; ++fscod)
    for (unsigned code = 0; code < 4; ++code) {
      const FrameHeader h = Parse(AudioCodec::kEac3, Eac3{.fscod = fscod, .numblkscod = code});
      CHECK(h.codec == AudioCodec::kEac3);
      CHECK(h.rate == rates[fscod]);
      CHECK(h.samples == 256 * blocks[code]);
      CHECK(h.bytes == 768);
    }
  // fscod 3: half rates, always six blocks
  for (unsigned code = 0; code < 3; ++code) {
    const FrameHeader h = Parse(AudioCodec::kEac3, Eac3{.fscod = 3, .numblkscod = code});
    CHECK(h.rate == rates[code] / 2);
    CHECK(h.samples == 1536);
  }
  CHECK(IsRefused(AudioCodec::kEac3, Eac3{.fscod = 3, .numblkscod = 3}));
}

TEST_CASE("ParseFrameHeader: E-AC-3, sizes") {
  CHECK(Parse(AudioCodec::kEac3, Eac3{.frmsiz = 2047}).bytes == kMaxEac3Bytes);
  CHECK(Parse(AudioCodec::kEac3, Eac3{.frmsiz = 3}).bytes == 8);
  CHECK(IsRefused(AudioCodec::kEac3, Eac3{.frmsiz = 2}));
  CHECK(IsRefused(AudioCodec::kEac3, Eac3{.frmsiz = 0}));
}

TEST_CASE("ParseFrameHeader: E-AC-3, only independent substream 0 is for the decoder") {
  CHECK_FALSE(Parse(AudioCodec::kEac3, Eac3{}).skip);
  CHECK_FALSE(Parse(AudioCodec::kEac3, Eac3{.stream_type = 2}).skip);
  CHECK(Parse(AudioCodec::kEac3, Eac3{.stream_type = 1}).skip);
  for (unsigned id = 1; id < 8; ++id) CHECK(Parse(AudioCodec::kEac3, Eac3{.substream = id}).skip);
  CHECK(IsRefused(AudioCodec::kEac3, Eac3{.stream_type = 3}));
}

TEST_CASE("ParseFrameHeader: ADTS, every sampling index") {
  const unsigned rates[16] = {96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050,
                              16000, 12000, 11025, 8000,  7350,  0,     0,     0};
  for (unsigned i = 0; i < 16; ++i) {
    CAPTURE(i);
    if (rates[i] == 0) {
      CHECK(IsRefused(AudioCodec::kAdts, Adts{.rate = i}));
    } else {
      const FrameHeader h = Parse(AudioCodec::kAdts, Adts{.rate = i});
      CHECK(h.rate == rates[i]);
      CHECK(h.samples == 1024);
      CHECK(h.bytes == 500);
      CHECK(h.adts_lc);
    }
  }
}

TEST_CASE("ParseFrameHeader: ADTS, channels, blocks, profile") {
  const unsigned channels[8] = {0, 1, 2, 3, 4, 5, 6, 8};  // 0: told in the frame
  for (unsigned i = 0; i < 8; ++i)
    CHECK(Parse(AudioCodec::kAdts, Adts{.channels = i}).channels == channels[i]);
  for (unsigned i = 0; i < 4; ++i) {
    const FrameHeader h = Parse(AudioCodec::kAdts, Adts{.blocks = i});
    CHECK(h.samples == 1024 * (i + 1));
    CHECK(h.adts_lc == (i == 0));
  }
  for (unsigned i = 0; i < 4; ++i)
    CHECK(Parse(AudioCodec::kAdts, Adts{.profile = i}).adts_lc == (i == 1));
}

TEST_CASE("ParseFrameHeader: ADTS, the length holds more than the header") {
  CHECK(Parse(AudioCodec::kAdts, Adts{.bytes = 8191}).bytes == kMaxAdtsBytes);
  CHECK(Parse(AudioCodec::kAdts, Adts{.bytes = 8}).bytes == 8);
  for (unsigned bytes = 0; bytes <= 7; ++bytes)
    CHECK(IsRefused(AudioCodec::kAdts, Adts{.bytes = bytes}));
  CHECK(IsRefused(AudioCodec::kAdts, Adts{.bytes = 9, .no_crc = 0}));
  CHECK(Parse(AudioCodec::kAdts, Adts{.bytes = 10, .no_crc = 0}).bytes == 10);
  CHECK(IsRefused(AudioCodec::kAdts, Adts{.bytes = 15, .blocks = 3, .no_crc = 0}));
}

TEST_CASE("ParseFrameHeader: ADTS and MPEG audio do not pass for each other") {
  for (unsigned layer = 1; layer < 4; ++layer)
    CHECK(IsRefused(AudioCodec::kAdts, Adts{.layer = layer}));
  CHECK(IsRefused(AudioCodec::kMpeg, Adts{}));
}

TEST_CASE("ParseFrameHeader: LOAS") {
  for (unsigned length : {1u, 2u, 300u, 8191u}) {
    const FrameHeader h = Parse(AudioCodec::kLatm, Loas(length));
    CHECK(h.bytes == length + 3);
    CHECK(h.rate == 0);
    CHECK(h.samples == 0);
    CHECK(h.channels == 0);
  }
  CHECK(IsRefused(AudioCodec::kLatm, Loas(0)));
  CHECK(IsRefused(AudioCodec::kLatm, Loas(300, 0x2B6)));
  CHECK(Parse(AudioCodec::kLatm, Loas(8191)).bytes == kMaxLatmBytes);
}

TEST_CASE("ParseFrameHeader: DTS, the four ways of laying words into bytes") {
  struct Case {
    unsigned fsize, big16, little16, narrow;
  };
  for (const Case& c : {Case{1005, 1006, 1006, 1150}, Case{3583, 3584, 3584, 4096},
                        Case{2012, 2013, 2014, 2302}, Case{16383, 16384, 16384, 18726}}) {
    CAPTURE(c.fsize);
    const Header plain = Dts{.fsize = c.fsize};
    const std::pair<Header, unsigned> ways[] = {{plain, c.big16},
                                                {Swapped(plain), c.little16},
                                                {Narrow(plain), c.narrow},
                                                {Swapped(Narrow(plain)), c.narrow}};
    for (const auto& [in, bytes] : ways) {
      const FrameHeader h = Parse(AudioCodec::kDts, in);
      CHECK(h.codec == AudioCodec::kDts);
      CHECK(h.bytes == bytes);
      CHECK(h.bytes <= kMaxDtsBytes);
      CHECK(h.rate == 48000);
      CHECK(h.samples == 512);
      CHECK(h.channels == 6);
      CHECK_FALSE(h.skip);
    }
  }
}

TEST_CASE("ParseFrameHeader: DTS, rates and reserved values") {
  const unsigned rates[16] = {0,     8000, 16000, 32000, 0,     0, 11025, 22050,
                              44100, 0,    0,     12000, 24000, 48000, 0, 0};
  for (unsigned i = 0; i < 16; ++i) {
    CAPTURE(i);
    if (rates[i] == 0)
      CHECK(IsRefused(AudioCodec::kDts, Dts{.rate = i}));
    else
      CHECK(Parse(AudioCodec::kDts, Dts{.rate = i}).rate == rates[i]);
  }
  for (unsigned samples : {256u, 512u, 1024u, 2048u, 4096u})
    CHECK(Parse(AudioCodec::kDts, Dts{.blocks = samples / 32 - 1}).samples == samples);
  CHECK(IsRefused(AudioCodec::kDts, Dts{.blocks = 14}));
  CHECK(IsRefused(AudioCodec::kDts, Dts{.deficit = 30}));
  CHECK(IsRefused(AudioCodec::kDts, Dts{.fsize = 94}));
  CHECK(IsRefused(AudioCodec::kDts, Dts{.amode = 16}));
  CHECK(IsRefused(AudioCodec::kDts, Dts{.lfe = 3}));
  CHECK(Parse(AudioCodec::kDts, Dts{.amode = 0, .lfe = 0}).channels == 1);
  CHECK(Parse(AudioCodec::kDts, Dts{.amode = 2, .lfe = 1}).channels == 3);
}

TEST_CASE("ParseFrameHeader: DTS-HD extension is skipped by its own length") {
  for (bool wide : {false, true}) {
    const FrameHeader h = Parse(AudioCodec::kDts, DtsExtension(wide, 100, 19705));
    CHECK(h.skip);
    CHECK(h.bytes == 19705);
  }
  CHECK(Parse(AudioCodec::kDts, DtsExtension(true, 4096, 1 << 20)).bytes == kMaxSkippedBytes);
  CHECK(IsRefused(AudioCodec::kDts, DtsExtension(false, 100, 99)));
}

TEST_CASE("ParseFrameHeader: a cut header is none") {
  for (const auto& [codec, in] : OneOfEach()) {
    CAPTURE(static_cast<int>(codec));
    const size_t needed = FrameHeaderBytes(codec);
    REQUIRE(in.size() >= needed);
    CHECK(ParseFrameHeader(codec, Bytes(in).first(needed)));
    for (size_t size = 0; size < needed; ++size) {
      const Header cut(in.begin(), in.begin() + static_cast<long>(size));
      CHECK(IsRefused(codec, cut));
    }
  }
}

TEST_CASE("ParseFrameHeader: expecting nothing finds nothing") {
  for (const auto& [codec, in] : OneOfEach()) CHECK(IsRefused(AudioCodec::kNone, in));
}

TEST_CASE("ParseFrameHeader: any header with one or two bits wrong stays within the limits") {
  int outside = 0;
  for (const auto& [codec, good] : OneOfEach())
    for (size_t a = 0; a < good.size() * 8; ++a)
      for (size_t b = a; b < good.size() * 8; ++b) {
        Header in = good;
        in[a / 8] ^= static_cast<uint8_t>(1 << a % 8);
        if (b != a) in[b / 8] ^= static_cast<uint8_t>(1 << b % 8);
        const auto h = ParseFrameHeader(codec, in);
        outside += h && !IsWithinLimits(*h);
      }
  CHECK(outside == 0);
}

TEST_CASE("ParseFrameHeader: any 16 bits at any place stay within the limits") {
  int outside = 0;
  for (const auto& [codec, good] : OneOfEach())
    for (size_t at = 0; at + 2 <= FrameHeaderBytes(codec); ++at)
      for (unsigned value = 0; value < 65536; ++value) {
        Header in = good;
        in[at] = static_cast<uint8_t>(value >> 8);
        in[at + 1] = static_cast<uint8_t>(value);
        const auto h = ParseFrameHeader(codec, in);
        outside += h && !IsWithinLimits(*h);
      }
  CHECK(outside == 0);
}

TEST_CASE("ParseFrameHeader: random bytes stay within the limits") {
  const unsigned seed = 20240117;
  CAPTURE(seed);
  std::mt19937 random(seed);
  const auto starts = OneOfEach();
  int outside = 0;
  for (int i = 0; i < 100000; ++i) {
    Header in(random() % 20);
    for (uint8_t& byte : in) byte = static_cast<uint8_t>(random());
    // Half of them begin as a header does, so that more than the sync is tried.
    const Header& start = starts[random() % starts.size()].second;
    if (random() % 2)
      std::copy_n(start.begin(), std::min({in.size(), start.size(), size_t{4}}), in.begin());
    for (AudioCodec codec : kCodecs) {
      const auto h = ParseFrameHeader(codec, in);
      outside += h && !IsWithinLimits(*h);
    }
  }
  CHECK(outside == 0);
}

TEST_CASE("IsContinuation: the same codec, layer and rate") {
  const FrameHeader mp2 = Parse(AudioCodec::kMpeg, Mpeg(3, 2, 10, 1));
  CHECK(IsContinuation(mp2, mp2));
  CHECK(IsContinuation(mp2, Parse(AudioCodec::kMpeg, Mpeg(3, 2, 6, 1, 0, 3))));
  CHECK_FALSE(IsContinuation(mp2, Parse(AudioCodec::kMpeg, Mpeg(3, 2, 10, 0))));
  CHECK_FALSE(IsContinuation(mp2, Parse(AudioCodec::kMpeg, Mpeg(3, 3, 10, 1))));
  CHECK_FALSE(IsContinuation(mp2, Parse(AudioCodec::kMpeg, Mpeg(2, 2, 10, 1))));
  const FrameHeader surround = Parse(AudioCodec::kAc3, Ac3(0, 30, 7, 1));
  CHECK(IsContinuation(surround, Parse(AudioCodec::kAc3, Ac3(0, 20, 2, 0))));
  CHECK_FALSE(IsContinuation(surround, Parse(AudioCodec::kAc3, Ac3(2, 30, 7, 1))));
  CHECK_FALSE(IsContinuation(surround, Parse(AudioCodec::kEac3, Eac3{})));
}

TEST_CASE("IsContinuation: extensions belong to the stream of their core") {
  const FrameHeader core = Parse(AudioCodec::kDts, Dts{});
  const FrameHeader extension = Parse(AudioCodec::kDts, DtsExtension(false, 100, 4000));
  CHECK(IsContinuation(core, extension));
  CHECK(IsContinuation(extension, core));
  const FrameHeader ac3 = Parse(AudioCodec::kAc3, Ac3(0, 30, 7, 1));
  const FrameHeader dependent = Parse(AudioCodec::kEac3, Eac3{.stream_type = 1});
  CHECK(IsContinuation(ac3, dependent));
  CHECK(IsContinuation(dependent, ac3));
  CHECK_FALSE(IsContinuation(ac3, extension));
}
