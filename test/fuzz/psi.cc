// Sections, PAT, PMT and descriptors out of any payloads: every accessor is called, and what is taken
// lies within the section.
#include <cstdlib>
#include <vector>

#include "psi.h"

using namespace xg2g;

namespace {

void ReadAll(Bytes section) {
  const SectionHeader header = ReadSectionHeader(section);
  if (header.version > 31) std::abort();
  std::vector<PatEntry> programs;
  ReadPat(section, programs);
  if (programs.size() > kMaxPrograms) std::abort();
  Pmt pmt;
  if (!ReadPmt(section, pmt)) return;
  for (size_t i = 0; i < pmt.stream_count; ++i) {
    const PmtStream& stream = pmt.streams[i];
    if (stream.descriptors.data() < section.data() ||
        stream.descriptors.data() + stream.descriptors.size() > section.data() + section.size())
      std::abort();
    const StreamKind kind = ReadStreamKind(stream, pmt.descriptors);
    if (kind.language[3] != 0) std::abort();
    ForEachDescriptor(stream.descriptors, [](const Descriptor& d) { IsCodecDescriptor(d); });
  }
}

}  // namespace

// Each payload: a length, whether a section begins in it, its bytes. Sections are read as they are
// and, where their CRC is wrong, with the right one.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  SectionAssembler assembler;
  for (size_t at = 0; at + 2 <= size;) {
    const size_t length = std::min<size_t>(data[at] % 185, size - at - 2);
    const std::vector<uint8_t> payload(data + at + 2, data + at + 2 + length);
    assembler.Push(payload, data[at + 1] & 1, ReadAll);
    at += 2 + length;
  }
  if (size < 12 || size > kMaxSectionBytes) return 0;
  std::vector<uint8_t> section(data, data + size);
  PutBe16(&section[1], 0xB000 | static_cast<uint32_t>(size - 3));
  PutBe32(&section[size - 4], Crc32Mpeg(Bytes{section}.first(size - 4)));
  ReadAll(section);
  return 0;
}
