// Sections and programmes. Input: a flag, then either payloads of packets as they come (a byte for
// the unit start, one for the length, bytes), or sections (length in two bytes, bytes) whose CRC is
// mended, which have to come through packets unharmed and make a programme that keeps the rules.
#include "program.h"

#include "input.h"

using namespace xg2g;
using namespace xg2g::fuzz;

namespace {

void Look(Bytes section) {
  Require(section.size() >= 12 && section.size() <= kMaxSectionBytes, "the size of a section");
  Require(Crc32Mpeg(section) == 0, "the CRC of a section");
  Require(ReadSectionHeader(section).version <= 31, "a version of 5 bits");
  std::vector<PatEntry> entries;
  ReadPat(section, entries);
  Require(entries.size() <= kMaxPrograms, "the number of programmes");
  Pmt pmt;
  if (!ReadPmt(section, pmt)) return;
  for (size_t i = 0; i < pmt.stream_count; ++i) {
    const StreamKind kind = ReadStreamKind(pmt.streams[i], pmt.descriptors);
    Require(!(kind.audio != AudioCodec::kNone && !kind.is_audio), "a codec of sound is sound");
    Require(kind.language[3] == 0, "a language ends");
    const Bytes list = pmt.streams[i].descriptors;
    Require(list.data() >= section.data() &&
                list.data() + list.size() <= section.data() + section.size(),
            "descriptors lie in the section");
    ForEachDescriptor(pmt.streams[i].descriptors,
                      [](const Descriptor& d) { IsCodecDescriptor(d); });
  }
}

void PushPayloads(Input& input) {
  SectionAssembler assembler;
  while (!input.IsEmpty()) {
    const uint8_t flags = input.Byte();
    if (flags & 2) assembler.Reset();
    assembler.Push(input.Take(input.Byte() % 185), flags & 1, Look);
  }
}

// Through packets and back.
void CheckTransport(const std::vector<Data>& sections) {
  Output out;
  uint8_t continuity = 15;
  for (const Data& section : sections) out.Section({0x20, section}, continuity);
  Data ts(out.pending_bytes());
  out.Pull(ts);
  SectionAssembler assembler;
  std::vector<Data> got;
  for (size_t at = 0; at < ts.size(); at += kPacketBytes) {
    const Packet packet(ts.data() + at);
    assembler.Push(packet.payload(), packet.unit_start(), [&](Bytes section) {
      Look(section);
      got.emplace_back(section.begin(), section.end());
    });
  }
  Require(got == sections, "sections come through as they are");
}

void CheckProgram(const std::vector<Data>& sections, uint8_t flags) {
  const SoundPolicy policy{
      .target = static_cast<AudioTarget>(flags % 3),
      .bitrate = 128'000,
      .channels = 2,
      .languages = flags & 4 ? std::vector<std::string>{"deu", "eng"} : std::vector<std::string>{},
      .keeps_original = (flags & 8) != 0,
      .is_single = (flags & 16) != 0,
      .is_resumed = (flags & 32) != 0,
      .prefers_libavcodec = (flags & 64) != 0};
  const uint16_t number = sections.empty() ? 1 : ReadSectionHeader(sections[0]).extension;
  Program program(number, 0x20);
  Output out;
  int64_t now = 0;
  for (const Data& section : sections) {
    program.Update(section, policy, out);
    for (Stream& stream : program.streams())
      if ((stream.pid + now) % 7 != 0) stream.seen = now;
    program.UpdateAnnounced(now);
    program.Send(out, 1);
    now += kTicksPerSecond;
  }
  Data ts(out.pending_bytes());
  out.Pull(ts);
  Require(test::ReadTs(ts).Faults().empty(), "our tables keep the rules");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input input(data, size);
  const uint8_t flags = input.Byte();
  if (flags & 0x80) {
    PushPayloads(input);
    return 0;
  }
  std::vector<Data> sections;
  while (!input.IsEmpty() && sections.size() < 16) {
    const View body = input.Take(12 + input.Word() % 1013);
    if (body.size() < 12) break;
    Data section(body.begin(), body.end());
    if (section[0] == 0xFF) section[0] = 0x02;  // stuffing is no section
    section[1] = static_cast<uint8_t>((section[1] & 0xF0) | (section.size() - 3) >> 8);
    section[2] = static_cast<uint8_t>(section.size() - 3);
    std::vector<uint8_t*> places;
    for (uint8_t& byte : section) places.push_back(&byte);
    MendCrc(places);
    sections.push_back(std::move(section));
  }
  CheckTransport(sections);
  CheckProgram(sections, flags);
  return 0;
}
