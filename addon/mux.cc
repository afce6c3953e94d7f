#include "mux.h"

namespace xg2g {

SectionPackets::SectionPackets(uint16_t pid, Bytes section) {
  bool is_first = true;
  while (!section.empty()) {
    const size_t at = bytes_.size();
    bytes_.resize(at + kPacketBytes, 0xFF);
    uint8_t* p = bytes_.data() + at;
    *p++ = kSyncByte;
    *p++ = static_cast<uint8_t>((is_first ? 0x40 : 0) | pid >> 8);
    *p++ = static_cast<uint8_t>(pid);
    *p++ = 0x10;
    if (is_first) *p++ = 0;  // pointer_field
    const size_t n = std::min(static_cast<size_t>(bytes_.data() + bytes_.size() - p), section.size());
    std::memcpy(p, section.data(), n);
    section = section.subspan(n);
    is_first = false;
  }
}

void Output::Section(const SectionPackets& section, uint8_t& continuity) {
  for (size_t i = 0; i < section.count(); ++i) {
    continuity = (continuity + 1) & 0x0F;
    Add(section.packet(i))[3] |= continuity;
  }
}

void Output::Adaptation(uint16_t pid, uint8_t continuity, int64_t pcr, bool discontinuity) {
  uint8_t* p = Generate();
  p[0] = kSyncByte;
  p[1] = static_cast<uint8_t>(pid >> 8);
  p[2] = static_cast<uint8_t>(pid);
  p[3] = 0x20 | continuity;
  p[4] = kPacketBytes - 5;
  p[5] = static_cast<uint8_t>((discontinuity ? 0x80 : 0) | (pcr != kNoTime ? 0x10 : 0));
  if (pcr == kNoTime) return;
  const int64_t base = pcr / kPcrPerTick;
  const auto extension = static_cast<uint32_t>(pcr % kPcrPerTick);
  PutBe32(p + 6, static_cast<uint32_t>(base >> 1));
  p[10] = static_cast<uint8_t>((base & 1) << 7 | 0x7E | extension >> 8);
  p[11] = static_cast<uint8_t>(extension);
}

size_t Output::Pull(std::span<uint8_t> window) {
  size_t room = window.size() - window.size() % kPacketBytes;
  size_t done = 0;
  while (room > 0 && first_ < runs_.size()) {
    Run& run = runs_[first_];
    const size_t n = std::min(room, run.bytes);
    std::memcpy(window.data() + done, Data(run), n);
    done += n;
    room -= n;
    run.bytes -= n;
    if (run.borrowed)
      run.borrowed += n;
    else
      run.offset += n;
    if (run.bytes == 0) ++first_;
  }
  pulled_ += done;
  if (IsEmpty()) {
    runs_.clear();
    first_ = 0;
    arena_.clear();
  }
  return done;
}

void Output::Own() {
  for (size_t i = first_; i < runs_.size(); ++i) {
    Run& run = runs_[i];
    if (!run.borrowed) continue;
    run.offset = arena_.size();
    arena_.insert(arena_.end(), run.borrowed, run.borrowed + run.bytes);
    run.borrowed = nullptr;
  }
}

}  // namespace xg2g
