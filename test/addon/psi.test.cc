#include "psi.h"

#include <doctest/doctest.h>

#include <random>
#include <string>

#include "mux.h"
#include "packet.h"
#include "ts.h"

namespace xg2g::test {
namespace {

// The sections that come out of the packets of a PID, as a table reader of the remuxer gets them.
struct Assembled {
  std::vector<Data> sections = {};
  uint64_t errors = 0;
};

Assembled Assemble(View ts) {
  SectionAssembler assembler;
  Assembled out;
  for (size_t at = 0; at < ts.size(); at += kPacketBytes) {
    const Packet packet(ts.data() + at);
    assembler.Push(packet.payload(), packet.unit_start(), [&](Bytes section) {
      out.sections.emplace_back(section.begin(), section.end());
    });
  }
  out.errors = assembler.errors();
  return out;
}

Data SectionOf(size_t body, uint16_t extension = 1) {
  Data content(body);
  for (size_t i = 0; i < body; ++i) content[i] = static_cast<uint8_t>(i * 13 + extension);
  return Section(0x02, extension, 4, true, content);
}

Data InPackets(const std::vector<Data>& sections, size_t room = 184) {
  TsWriter ts;
  ts.PutSections(0x100, sections, room);
  return ts.Take();
}

Descriptor Raw(uint8_t tag, Data content) {
  return {tag, std::move(content)};
}

// What ReadPmt and ReadStreamKind make of one entry.
StreamKind KindOf(uint8_t type, const std::vector<Descriptor>& descriptors,
                  const std::vector<Descriptor>& program = {}) {
  const Data section = Format(Pmt{.descriptors = program, .streams = {{type, 0x101, descriptors}}});
  xg2g::Pmt pmt;
  REQUIRE(ReadPmt(section, pmt));
  REQUIRE(pmt.stream_count == 1);
  return ReadStreamKind(pmt.streams[0], pmt.descriptors);
}

std::string LanguageOf(const StreamKind& kind) {
  return kind.language.data();
}

}  // namespace

TEST_CASE("Crc32Mpeg: the check value, and 0 over a section") {
  const std::string digits = "123456789";
  CHECK(Crc32Mpeg(Data(digits.begin(), digits.end())) == 0x0376E6E7);
  CHECK(Crc32Mpeg(SectionOf(77)) == 0);
  CHECK(Crc32Mpeg({}) == 0xFFFFFFFF);
}

TEST_CASE("SectionAssembler: sections of every length, in packets of any room") {
  for (size_t body = 0; body <= 1012; body += body < 20 || body > 990 ? 1 : 37)
    for (const size_t room : {184, 183, 100, 20, 3}) {
      CAPTURE(body);
      CAPTURE(room);
      const Assembled got = Assemble(InPackets({SectionOf(body)}, room));
      CHECK(got.sections == std::vector<Data>{SectionOf(body)});
      CHECK(got.errors == 0);
    }
}

TEST_CASE("SectionAssembler: several sections, one behind the other, over packets") {
  std::mt19937 random(5);
  for (int run = 0; run < 200; ++run) {
    std::vector<Data> sections(1 + random() % 12);
    for (Data& section : sections)
      section = SectionOf(random() % (random() % 2 ? 1013 : 40), static_cast<uint16_t>(random()));
    CAPTURE(run);
    CHECK(Assemble(InPackets(sections)).sections == sections);
  }
}

TEST_CASE("SectionAssembler: a table that is sent again and again comes each time") {
  TsWriter ts;
  for (int i = 0; i < 5; ++i) ts.PutSections(0x100, {SectionOf(400)});
  CHECK(Assemble(ts.bytes()).sections == std::vector<Data>(5, SectionOf(400)));
}

TEST_CASE("SectionAssembler: no bit may be wrong") {
  const Data good = SectionOf(30);
  for (size_t bit = 0; bit < good.size() * 8; ++bit) {
    Data bad = good;
    bad[bit / 8] ^= static_cast<uint8_t>(0x80 >> bit % 8);
    // Where the length is damaged, what follows is swallowed; the next unit start mends that.
    TsWriter ts;
    ts.PutSections(0x100, {bad});
    ts.PutSections(0x100, {good});
    ts.PutSections(0x100, {good});
    const Assembled got = Assemble(ts.bytes());
    CAPTURE(bit);
    REQUIRE(!got.sections.empty());
    for (const Data& section : got.sections) CHECK(section == good);
    CHECK(got.sections.size() == 2);
    CHECK(got.errors >= 1);
  }
}

TEST_CASE("SectionAssembler: what was begun is given up, what follows is read") {
  const Data long_one = SectionOf(600), short_one = SectionOf(20);
  const Data packets = InPackets({long_one});
  SUBCASE("the next unit begins too early") {
    TsWriter ts;
    ts.PutRaw(View(packets).first(2 * kPacketBytes));
    ts.PutSections(0x100, {short_one});
    const Assembled got = Assemble(ts.bytes());
    CHECK(got.sections == std::vector<Data>{short_one});
    CHECK(got.errors == 1);
  }
  SUBCASE("a pointer_field that leads out of the packet") {
    Data bad = packets;
    bad[4] = 184;
    const Assembled got = Assemble(Data(bad.begin(), bad.begin() + kPacketBytes));
    CHECK(got.sections.empty());
    CHECK(got.errors == 1);
  }
  SUBCASE("joined in the middle of a section") {
    TsWriter ts;
    ts.PutRaw(View(packets).subspan(kPacketBytes));
    ts.PutSections(0x100, {short_one});
    const Assembled got = Assemble(ts.bytes());
    CHECK(got.sections == std::vector<Data>{short_one});
    CHECK(got.errors == 0);
  }
  SUBCASE("a packet is lost, and Reset() told so") {
    SectionAssembler assembler;
    std::vector<Data> sections;
    const auto take = [&](Bytes s) { sections.emplace_back(s.begin(), s.end()); };
    assembler.Push(Packet(packets.data()).payload(), true, take);
    assembler.Reset();
    assembler.Push(Packet(packets.data() + 2 * kPacketBytes).payload(), false, take);
    const Data next = InPackets({short_one});
    assembler.Push(Packet(next.data()).payload(), true, take);
    CHECK(sections == std::vector<Data>{short_one});
  }
  SUBCASE("longer than a section may be") {
    const Assembled got = Assemble(InPackets({SectionOf(1013), short_one}));
    CHECK(got.sections == std::vector<Data>{short_one});
    CHECK(got.errors == 1);
  }
  SUBCASE("shorter than a section with a CRC") {
    for (uint8_t length = 0; length < 9; ++length) {
      Data tiny(3 + length, 0x02);
      tiny[1] = 0xB0;
      tiny[2] = length;
      const Assembled got = Assemble(InPackets({tiny, short_one}));
      CHECK(got.sections == std::vector<Data>{short_one});
      CHECK(got.errors == 1);
    }
  }
  SUBCASE("an empty payload") {
    SectionAssembler assembler;
    assembler.Push({}, true, [](Bytes) {});
    assembler.Push({}, false, [](Bytes) {});
    CHECK(assembler.errors() == 1);
  }
}

TEST_CASE("SectionAssembler: sections too short to be a table are passed over") {
  SectionAssembler assembler;
  size_t taken = 0;
  // A section of no length at all, one of five bytes, then the pointer to nothing.
  const std::vector<uint8_t> payload = {0, 0x02, 0xB0, 0x00, 0x70, 0x70, 0x05, 1, 2, 3, 4, 5, 0xFF};
  assembler.Push(payload, true, [&](Bytes) { ++taken; });
  CHECK(taken == 0);
  CHECK(assembler.errors() == 2);
}

TEST_CASE("ReadPat: programmes without the network, over several sections") {
  const Data first = Format(Pat{.programs = {{0, 0x10}, {28106, 0x20}, {2, 0x1FFE}}});
  const Data second = Format(Pat{.programs = {{3, 0x30}}});
  std::vector<PatEntry> entries;
  ReadPat(first, entries);
  ReadPat(second, entries);
  REQUIRE(entries.size() == 3);
  CHECK(entries[0].program == 28106);
  CHECK(entries[0].pid == 0x20);
  CHECK(entries[1].pid == 0x1FFE);
  CHECK(entries[2].program == 3);
}

TEST_CASE("ReadPat: keeps kMaxPrograms and no more") {
  Pat pat;
  for (uint16_t i = 1; i <= 250; ++i) pat.programs.emplace_back(i, 0x20 + i);
  std::vector<PatEntry> entries;
  ReadPat(Format(pat), entries);
  ReadPat(Format(pat), entries);
  CHECK(entries.size() == kMaxPrograms);
}

TEST_CASE("ReadSectionHeader: version, current_next, numbers") {
  const SectionHeader header = ReadSectionHeader(Section(0x02, 0xABCD, 21, false, {}, 3, 7));
  CHECK(header.table == 0x02);
  CHECK(header.extension == 0xABCD);
  CHECK(header.version == 21);
  CHECK_FALSE(header.is_current);
  CHECK(header.number == 3);
  CHECK(header.last_number == 7);
}

TEST_CASE("ReadPmt: what was written") {
  const Pmt source = {
      .program = 500,
      .version = 9,
      .pcr_pid = 0x1ABC,
      .descriptors = {Registration("HDMV"), Raw(0x09, {1, 2, 3, 4})},
      .streams = {{0x1B, 0x100, {}}, {0x06, 0x101, {Language("deu")}}, {0x03, 0x102}}};
  const Data section = Format(source);
  xg2g::Pmt pmt;
  REQUIRE(ReadPmt(section, pmt));
  CHECK(pmt.program == 500);
  CHECK(pmt.version == 9);
  CHECK(pmt.pcr_pid == 0x1ABC);
  CHECK(pmt.descriptors.size() == 12);
  REQUIRE(pmt.stream_count == 3);
  for (size_t i = 0; i < 3; ++i) {
    CHECK(pmt.streams[i].type == source.streams[i].type);
    CHECK(pmt.streams[i].pid == source.streams[i].pid);
  }
  CHECK(pmt.streams[1].descriptors.size() == 6);
}

TEST_CASE("ReadPmt: lengths that run out of the section are refused") {
  const Data good = Format(Pmt{.descriptors = {Registration("HDMV")},
                               .streams = {{0x06, 0x101, {Language("deu"), Raw(0x6A, {0})}}}});
  const size_t info = 10, es_info = 12 + 6 + 3;
  for (const size_t place : {info, es_info})
    for (unsigned length = 0; length < 0x1000; ++length) {
      Data bad = good;
      bad[place] = static_cast<uint8_t>(0xF0 | length >> 8);
      bad[place + 1] = static_cast<uint8_t>(length);
      xg2g::Pmt pmt;
      CAPTURE(length);
      if (!ReadPmt(bad, pmt)) continue;
      for (size_t i = 0; i < pmt.stream_count; ++i) {
        const Bytes d = pmt.streams[i].descriptors;
        if (!d.empty()) CHECK(d.data() + d.size() <= bad.data() + bad.size() - 4);
        ReadStreamKind(pmt.streams[i], pmt.descriptors);
      }
    }
  xg2g::Pmt pmt;
  for (size_t size = 12; size < 16; ++size) CHECK_FALSE(ReadPmt(View(good).first(size), pmt));
}

TEST_CASE("ReadPmt: more streams than are looked at") {
  Pmt many;
  for (uint16_t i = 0; i < 100; ++i)
    many.streams.push_back({0x03, static_cast<uint16_t>(0x100 + i)});
  xg2g::Pmt pmt;
  REQUIRE(ReadPmt(Format(many), pmt));
  CHECK(pmt.stream_count == kMaxStreams);
}

TEST_CASE("ForEachDescriptor: a cut one ends the list") {
  const Data list = {0x0A, 4, 'd', 'e', 'u', 0, 0x52, 0, 0x05, 9, 'A', 'C'};
  std::vector<uint8_t> tags;
  ForEachDescriptor(list, [&](const xg2g::Descriptor& d) { tags.push_back(d.tag); });
  CHECK(tags == std::vector<uint8_t>{0x0A, 0x52});
}

TEST_CASE("ReadStreamKind: codecs by stream type and descriptors") {
  const struct {
    uint8_t type;
    std::vector<Descriptor> descriptors;
    bool is_video, is_audio;
    VideoCodec video;
    AudioCodec audio;
    std::string name;
  } cases[] = {
      {0x01, {}, true, false, VideoCodec::kMpeg2, AudioCodec::kNone, "mpeg1video"},
      {0x02, {}, true, false, VideoCodec::kMpeg2, AudioCodec::kNone, "mpeg2video"},
      {0x1B, {}, true, false, VideoCodec::kH264, AudioCodec::kNone, "h264"},
      {0x24, {}, true, false, VideoCodec::kHevc, AudioCodec::kNone, "hevc"},
      {0x33, {}, true, false, VideoCodec::kNone, AudioCodec::kNone, "vvc"},
      {0x03, {}, false, true, VideoCodec::kNone, AudioCodec::kMpeg, "mp2"},
      {0x04, {}, false, true, VideoCodec::kNone, AudioCodec::kMpeg, "mp2"},
      {0x0F, {}, false, true, VideoCodec::kNone, AudioCodec::kAdts, "aac"},
      {0x11, {}, false, true, VideoCodec::kNone, AudioCodec::kLatm, "aac_latm"},
      {0x81, {}, false, true, VideoCodec::kNone, AudioCodec::kAc3, "ac3"},
      {0x87, {}, false, true, VideoCodec::kNone, AudioCodec::kEac3, "eac3"},
      {0x06, {Raw(0x6A, {0})}, false, true, VideoCodec::kNone, AudioCodec::kAc3, "ac3"},
      {0x06, {Raw(0x7A, {0})}, false, true, VideoCodec::kNone, AudioCodec::kEac3, "eac3"},
      {0x06, {Raw(0x7B, {})}, false, true, VideoCodec::kNone, AudioCodec::kDts, "dts"},
      {0x06, {Raw(0x7C, {0x51})}, false, true, VideoCodec::kNone, AudioCodec::kLatm, "aac_latm"},
      {0x06, {Registration("AC-3")}, false, true, VideoCodec::kNone, AudioCodec::kAc3, "ac3"},
      {0x06, {Registration("EAC3")}, false, true, VideoCodec::kNone, AudioCodec::kEac3, "eac3"},
      {0x06, {Registration("DTS2")}, false, true, VideoCodec::kNone, AudioCodec::kDts, "dts"},
      {0x06,
       {Registration("Opus"), Raw(0x7F, {0x80, 2})},
       false,
       true,
       VideoCodec::kNone,
       AudioCodec::kNone,
       "opus"},
      {0x06, {Raw(0x7F, {0x15, 0})}, false, true, VideoCodec::kNone, AudioCodec::kNone, "ac4"},
      {0x06, {Registration("HEVC")}, true, false, VideoCodec::kHevc, AudioCodec::kNone, "hevc"},
      // Teletext, subtitles, tables, messages: neither.
      {0x06,
       {Raw(0x56, {'d', 'e', 'u', 9, 0})},
       false,
       false,
       VideoCodec::kNone,
       AudioCodec::kNone,
       ""},
      {0x06, {Raw(0x59, Data(8, 0))}, false, false, VideoCodec::kNone, AudioCodec::kNone, ""},
      {0x06, {}, false, false, VideoCodec::kNone, AudioCodec::kNone, ""},
      {0x05, {Raw(0x6F, {})}, false, false, VideoCodec::kNone, AudioCodec::kNone, ""},
      {0x0B, {}, false, false, VideoCodec::kNone, AudioCodec::kNone, ""},
      {0x15, {}, false, false, VideoCodec::kNone, AudioCodec::kNone, ""},
      {0x86, {Registration("CUEI")}, false, false, VideoCodec::kNone, AudioCodec::kNone, ""},
      // A descriptor that does not belong to the type changes nothing.
      {0x1B, {Raw(0x6A, {0})}, true, false, VideoCodec::kH264, AudioCodec::kNone, "h264"},
      {0x03, {Raw(0x7A, {0})}, false, true, VideoCodec::kNone, AudioCodec::kMpeg, "mp2"},
      {0x03, {Registration("AC-3")}, false, true, VideoCodec::kNone, AudioCodec::kMpeg, "mp2"},
  };
  for (const auto& c : cases) {
    CAPTURE(static_cast<int>(c.type));
    CAPTURE(c.name);
    const StreamKind kind = KindOf(c.type, c.descriptors);
    CHECK(kind.is_video == c.is_video);
    CHECK(kind.is_audio == c.is_audio);
    CHECK(kind.video == c.video);
    CHECK(kind.audio == c.audio);
    CHECK(kind.name == c.name);
  }
}

TEST_CASE("ReadStreamKind: type 86 is DTS on Blu-ray and a splice message elsewhere") {
  CHECK(KindOf(0x86, {}, {Registration("HDMV")}).audio == AudioCodec::kDts);
  CHECK_FALSE(KindOf(0x86, {}).is_audio);
  CHECK(KindOf(0x84, {}, {Registration("HDMV")}).audio == AudioCodec::kEac3);
}

TEST_CASE("ReadStreamKind: DTS of Blu-ray's types only where something says that it is one") {
  for (const uint8_t type : {0x82, 0x85, 0x86}) {
    CAPTURE(static_cast<int>(type));
    for (const char* owner : {"HDMV", "HDPR"}) {
      CHECK(KindOf(type, {}, {Registration(owner)}).audio == AudioCodec::kDts);
      CHECK(KindOf(type, {}, {Raw(0x09, {1, 2, 3, 4}), Registration(owner)}).name == "dts");
      CHECK(KindOf(type, {Registration(owner)}).audio == AudioCodec::kDts);
    }
    CHECK(KindOf(type, {Registration("DTS1")}).audio == AudioCodec::kDts);
    // Subtitles, splice messages, anybody's data.
    CHECK_FALSE(KindOf(type, {}).is_audio);
    CHECK_FALSE(KindOf(type, {Registration("SCTE")}).is_audio);
    CHECK_FALSE(KindOf(type, {}, {Registration("GA94")}).is_audio);
    CHECK_FALSE(KindOf(type, {Raw(0x05, {'H', 'D', 'M'})}).is_audio);
  }
  CHECK(KindOf(0x8A, {}).audio == AudioCodec::kDts);
  CHECK(KindOf(0x8A, {}, {Registration("HDMV")}).audio == AudioCodec::kDts);
  // Without a core there is nothing that we can decode: it passes as it is.
  CHECK(KindOf(0xA2, {}, {Registration("HDMV")}).is_audio);
  CHECK(KindOf(0xA2, {}, {Registration("HDMV")}).audio == AudioCodec::kNone);
}

TEST_CASE("ReadStreamKind: languages and what is described") {
  const struct {
    std::vector<Descriptor> descriptors;
    std::string language;
    bool is_description;
  } cases[] = {
      {{}, "", false},
      {{Language("deu")}, "deu", false},
      {{Language("DEU")}, "deu", false},
      {{Language("deu", 1)}, "deu", true},   // clean effects
      {{Language("deu", 2)}, "deu", false},  // for the hearing impaired: a full mix
      {{Language("deu", 3)}, "deu", true},   // audio description
      {{Language("qad")}, "qad", true},
      {{Language("qaa")}, "qaa", false},
      {{Language("mul")}, "mul", false},
      {{Raw(0x0A, {'d', 'e', 'u'})}, "", false},  // cut
      {{Raw(0x0A, {'d', 0, 'u', 0})}, "", false},
      {{Raw(0x0A, {})}, "", false},
      // Two languages: left and right, or in turns. The first one names it.
      {{Raw(0x0A, {'f', 'r', 'a', 0, 'd', 'e', 'u', 0})}, "fra", false},
      {{Language("fra"), Language("deu")}, "fra", false},
      // Supplementary audio: mix type and editorial class, then maybe a language.
      {{Language("eng"), Raw(0x7F, {0x06, 0x80 | 1 << 2})}, "eng", true},
      {{Raw(0x7F, {0x06, 0x80 | 1 << 2 | 1, 'e', 'n', 'g'})}, "eng", true},
      {{Raw(0x7F, {0x06, 0x80 | 2 << 2})}, "", true},   // clean audio
      {{Raw(0x7F, {0x06, 0x80 | 3 << 2})}, "", true},   // spoken subtitles
      {{Raw(0x7F, {0x06, 0x80 | 0 << 2})}, "", false},  // main
      {{Raw(0x7F, {0x06})}, "", false},
      {{Raw(0x7F, {})}, "", false},
      {{Raw(0x7F, {0x06, 0x80 | 1 << 2 | 1, 'e', 'n'})}, "", true},
  };
  for (size_t i = 0; i < std::size(cases); ++i) {
    CAPTURE(i);
    const StreamKind kind = KindOf(0x03, cases[i].descriptors);
    CHECK(LanguageOf(kind) == cases[i].language);
    CHECK(kind.is_description == cases[i].is_description);
  }
}

TEST_CASE("IsCodecDescriptor: those that tell the codec, not those that tell the rest") {
  for (const uint8_t tag : {0x05, 0x6A, 0x7A, 0x7B, 0x7C, 0x81, 0xCC})
    CHECK(IsCodecDescriptor({tag, {}}));
  for (const uint8_t tag : {0x0A, 0x52, 0x09, 0x13, 0x56, 0x59, 0x66})
    CHECK_FALSE(IsCodecDescriptor({tag, {}}));
  const Data supplementary = {0x06, 0x84}, ac4 = {0x15};
  CHECK_FALSE(IsCodecDescriptor({0x7F, supplementary}));
  CHECK(IsCodecDescriptor({0x7F, ac4}));
  CHECK_FALSE(IsCodecDescriptor({0x7F, {}}));
}

TEST_CASE("SectionWriter: sections that the other side reads, up to their full length") {
  for (const size_t fill : {0, 1, 100, 1007}) {
    SectionWriter writer;
    writer.Begin(0x02, 500, 17);
    writer.Word(0xE100);
    const size_t info = writer.OpenLength();
    // Descriptors of at most 255 bytes.
    for (size_t left = fill; left >= 2;) {
      const size_t size = std::min<size_t>(left - 2, 200);
      const Data body(size, 0x42);
      writer.Add({0x13, body});
      left -= 2 + size;
      if (left == 1) break;
    }
    writer.CloseLength(info);
    REQUIRE(writer.End());
    CHECK(Crc32(writer.bytes()) == 0);
    Output out;
    uint8_t continuity = 15;
    out.Section({0x99, writer.bytes()}, continuity);
    Data ts(out.pending_bytes());
    out.Pull(ts);
    const Assembled got = Assemble(ts);
    CHECK(got.sections == std::vector<Data>{writer.bytes()});
  }
  SectionWriter writer;
  writer.Begin(0x02, 1, 0);
  for (int i = 0; i < 1100; ++i) writer.Byte(0);
  CHECK_FALSE(writer.End());
}

}  // namespace xg2g::test
