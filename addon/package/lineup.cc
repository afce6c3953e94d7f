#include "package/lineup.h"

#include "mux.h"

#include <algorithm>

namespace xg2g {

namespace {

constexpr uint8_t kTypeMpeg2Video = 0x02, kTypeH264 = 0x1B, kTypeHevc = 0x24;
// Of ATSC A/53 and SCTE 128: players of HLS know no others for them.
constexpr uint8_t kTypeAc3 = 0x81, kTypeEac3 = 0x87;
constexpr uint8_t kRegistration = 0x05, kLanguage = 0x0A;
constexpr uint8_t kVisuallyImpaired = 3;

bool HasPlace(const StreamKind& kind) {
  switch (kind.audio) {
    case AudioCodec::kAdts:
    case AudioCodec::kMpeg:
    case AudioCodec::kAc3:
    case AudioCodec::kEac3: return true;
    default: return false;
  }
}

uint8_t TypeOf(const Elementary& stream) {
  const StreamKind& kind = stream.kind;
  switch (kind.video) {
    case VideoCodec::kMpeg2: return kTypeMpeg2Video;
    case VideoCodec::kH264: return kTypeH264;
    case VideoCodec::kHevc: return kTypeHevc;
    case VideoCodec::kNone: break;
  }
  switch (kind.audio) {
    case AudioCodec::kAc3: return kTypeAc3;
    case AudioCodec::kEac3: return kTypeEac3;
    case AudioCodec::kMpeg: return stream.type;
    default: return kTypeAdts;
  }
}

void AddRegistration(SectionWriter& pmt, std::string_view format) {
  pmt.Add({kRegistration, {reinterpret_cast<const uint8_t*>(format.data()), format.size()}});
}

void AddEntry(SectionWriter& pmt, const Elementary& stream) {
  pmt.Byte(TypeOf(stream));
  pmt.Word(0xE000 | stream.pid);
  const size_t length = pmt.OpenLength();
  if (stream.kind.audio == AudioCodec::kAc3) AddRegistration(pmt, "AC-3");
  if (stream.kind.audio == AudioCodec::kEac3) AddRegistration(pmt, "EAC3");
  if (stream.kind.language[0] != 0) {
    uint8_t body[4] = {};
    std::copy_n(stream.kind.language.begin(), 3, body);
    body[3] = stream.kind.is_description ? kVisuallyImpaired : 0;
    pmt.Add({kLanguage, body});
  }
  pmt.CloseLength(length);
}

// Writes it twice: with the version that the first one's check sum tells.
template <class Fill>
std::vector<uint8_t> MakeSection(uint8_t table, uint16_t extension, Fill&& fill) {
  uint8_t version = 0;
  for (;;) {
    SectionWriter section;
    section.Begin(table, extension, version);
    fill(section);
    section.End();
    if (version != 0) return section.bytes();
    version = static_cast<uint8_t>(1 + section.bytes().back() % 31);
  }
}

}  // namespace

bool IsSame(const Elementary& a, const Elementary& b) {
  return a.pid == b.pid && a.kind.video == b.kind.video && a.kind.audio == b.kind.audio &&
         a.kind.language == b.kind.language && a.kind.is_description == b.kind.is_description;
}

bool IsSame(const Lineup& a, const Lineup& b) {
  const bool same_picture = a.picture.has_value() == b.picture.has_value() &&
                            (!a.picture || IsSame(*a.picture, *b.picture));
  return same_picture && std::ranges::equal(a.sounds, b.sounds, [](const auto& x, const auto& y) {
           return IsSame(x, y);
         });
}

bool LineupReader::Push(const Packet& packet) {
  bool is_new = false;
  if (packet.pid() == kPatPid)
    pat_.Push(packet, [this](Bytes section) { OnPat(section); });
  else if (pmt_ && packet.pid() == pmt_->pid())
    pmt_->Push(packet, [&](Bytes section) { is_new |= OnPmt(section); });
  return is_new;
}

void LineupReader::OnPat(Bytes section) {
  const SectionHeader header = ReadSectionHeader(section);
  if (header.table != kPatTable || !header.is_current) return;
  std::vector<PatEntry> programs;
  ReadPat(section, programs);
  if (programs.empty()) return;
  lineup_.transport_stream = header.extension;
  const PatEntry& ours = programs.front();
  if (pmt_ && pmt_->pid() == ours.pid && lineup_.program == ours.program) return;
  lineup_.program = ours.program;
  lineup_.pmt_pid = ours.pid;
  pmt_.emplace(ours.pid);
}

bool LineupReader::OnPmt(Bytes section) {
  const SectionHeader header = ReadSectionHeader(section);
  if (header.table != kPmtTable || !header.is_current || header.extension != lineup_.program)
    return false;
  if (std::ranges::equal(section, section_)) return false;
  Pmt pmt;
  if (!ReadPmt(section, pmt)) return false;
  section_.assign(section.begin(), section.end());
  lineup_.pcr_pid = pmt.pcr_pid;
  lineup_.picture.reset();
  lineup_.sounds.clear();
  lineup_.left_out.clear();
  for (size_t i = 0; i < pmt.stream_count; ++i) {
    const PmtStream& entry = pmt.streams[i];
    const Elementary stream{entry.pid, entry.type, ReadStreamKind(entry, pmt.descriptors)};
    if (stream.kind.is_video && stream.kind.video != VideoCodec::kNone && !lineup_.picture)
      lineup_.picture = stream;
    else if (HasPlace(stream.kind) && lineup_.sounds.size() < kMaxSounds)
      lineup_.sounds.push_back(stream);
    else if (stream.kind.is_video || stream.kind.is_audio)
      (lineup_.left_out += lineup_.left_out.empty() ? "" : ", ") += stream.kind.name;
  }
  return true;
}

std::vector<uint8_t> MakeTables(const Lineup& lineup, const Elementary* picture,
                                const Elementary* sound) {
  const auto pat = MakeSection(kPatTable, lineup.transport_stream, [&](SectionWriter& section) {
    section.Word(lineup.program);
    section.Word(0xE000 | lineup.pmt_pid);
  });
  const auto pmt = MakeSection(kPmtTable, lineup.program, [&](SectionWriter& section) {
    section.Word(0xE000 | (picture ? picture : sound)->pid);
    section.CloseLength(section.OpenLength());
    if (picture) AddEntry(section, *picture);
    if (sound) AddEntry(section, *sound);
  });
  Output out;
  for (const auto& [pid, section] : {std::pair{kPatPid, Bytes{pat}}, {lineup.pmt_pid, Bytes{pmt}}}) {
    uint8_t continuity = 15;
    out.Adaptation(pid, continuity, kNoTime, true);
    out.Section({pid, section}, continuity);
  }
  std::vector<uint8_t> packets(out.pending_bytes());
  out.Pull(packets);
  return packets;
}

}  // namespace xg2g
