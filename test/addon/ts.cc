// Built and read back with as little cleverness as possible: this is the oracle.
#include "ts.h"

#include <algorithm>
#include <stdexcept>

#include "bits.h"

namespace xg2g::test {
namespace {

void Append(Data& to, View from) { to.insert(to.end(), from.begin(), from.end()); }

unsigned Word(View v, size_t at) { return static_cast<unsigned>(v[at] << 8 | v[at + 1]); }

Data FormatDescriptors(const std::vector<Descriptor>& descriptors) {
  Data out;
  for (const Descriptor& d : descriptors) {
    out.push_back(d.tag);
    out.push_back(static_cast<uint8_t>(d.content.size()));
    Append(out, d.content);
  }
  return out;
}

// Five bytes. prefix: 2 PTS alone, 3 PTS before a DTS, 1 DTS
void PutTimeStamp(BitWriter& w, unsigned prefix, int64_t time) {
  const uint64_t t = static_cast<uint64_t>(time) & (kPtsWrap - 1);
  w.Put(4, prefix).Put(3, t >> 30).Put(1, 1).Put(15, t >> 15).Put(1, 1).Put(15, t).Put(1, 1);
}

int64_t ReadTimeStamp(View v) {
  return int64_t{v[0] >> 1 & 7} << 30 | int64_t{Word(v, 1) >> 1} << 15 | Word(v, 3) >> 1;
}

}  // namespace

Descriptor Language(const std::string& code, uint8_t audio_type) {
  Data content(code.begin(), code.end());
  content.push_back(audio_type);
  return {0x0A, content};
}

Descriptor Registration(const std::string& format) {
  return {0x05, Data(format.begin(), format.end())};
}

const Descriptor* PmtStream::Find(uint8_t tag) const {
  const auto it = std::ranges::find(descriptors, tag, &Descriptor::tag);
  return it == descriptors.end() ? nullptr : &*it;
}

const PmtStream* Pmt::Find(uint16_t pid) const {
  const auto it = std::ranges::find(streams, pid, &PmtStream::pid);
  return it == streams.end() ? nullptr : &*it;
}

uint32_t Crc32(View bytes) {
  uint32_t crc = 0xFFFFFFFF;
  for (uint8_t byte : bytes)
    for (int bit = 7; bit >= 0; --bit) {
      const bool feedback = (crc >> 31) != (byte >> bit & 1u);
      crc = crc << 1 ^ (feedback ? 0x04C11DB7 : 0);
    }
  return crc;
}

Data Section(uint8_t table, uint16_t extension, uint8_t version, bool is_current, View body,
             uint8_t number, uint8_t last) {
  BitWriter w;
  w.Put(8, table).Put(1, 1).Put(1, 0).Put(2, 3).Put(12, 5 + body.size() + 4).Put(16, extension);
  w.Put(2, 3).Put(5, version).Put(1, is_current).Put(8, number).Put(8, last);
  Data out = w.bytes();
  Append(out, body);
  const uint32_t crc = Crc32(out);
  Append(out, BitWriter().Put(32, crc).bytes());
  return out;
}

Data Format(const Pat& pat) {
  BitWriter body;
  for (const auto& [program, pid] : pat.programs) body.Put(16, program).Put(3, 7).Put(13, pid);
  return Section(0x00, pat.transport_stream, pat.version, pat.is_current, body.bytes());
}

Data Format(const Pmt& pmt) {
  const Data info = FormatDescriptors(pmt.descriptors);
  Data body = BitWriter().Put(3, 7).Put(13, pmt.pcr_pid).Put(4, 15).Put(12, info.size()).bytes();
  Append(body, info);
  for (const PmtStream& s : pmt.streams) {
    const Data es_info = FormatDescriptors(s.descriptors);
    BitWriter w;
    w.Put(8, s.type).Put(3, 7).Put(13, s.pid).Put(4, 15).Put(12, es_info.size());
    Append(body, w.bytes());
    Append(body, es_info);
  }
  return Section(0x02, pmt.program, pmt.version, pmt.is_current, body);
}

Data Pes(const PesFields& f, View es) {
  const bool has_pts = f.pts != kAbsent, has_dts = f.dts != kAbsent;
  const size_t header = (has_pts ? 5 : 0) + (has_dts ? 5 : 0) + f.stuffing;
  const size_t length = 3 + header + es.size();
  BitWriter w;
  w.Put(24, 1).Put(8, f.stream_id).Put(16, f.is_bounded && length <= 0xFFFF ? length : 0);
  w.Put(2, 2).Put(3, 0).Put(1, f.is_aligned).Put(2, 0);
  w.Put(1, has_pts).Put(1, has_dts).Put(6, 0).Put(8, header);
  if (has_pts) PutTimeStamp(w, has_dts ? 3 : 2, f.pts);
  if (has_dts) PutTimeStamp(w, 1, f.dts);
  Data out = w.bytes();
  out.insert(out.end(), f.stuffing, 0xFF);
  Append(out, es);
  return out;
}

size_t TsWriter::Put(PacketFields f, View payload) {
  // What the adaptation field holds after its length byte.
  Data adaptation;
  const bool has_flags = f.is_discontinuity || f.is_random_access || f.pcr != kAbsent ||
                         !f.private_data.empty() || f.stuffing > 1;
  if (has_flags) {
    BitWriter w;
    w.Put(1, f.is_discontinuity).Put(1, f.is_random_access).Put(1, 0).Put(1, f.pcr != kAbsent);
    w.Put(2, 0).Put(1, !f.private_data.empty()).Put(1, 0);
    if (f.pcr != kAbsent) {
      const uint64_t pcr = static_cast<uint64_t>((f.pcr % kPcrWrap + kPcrWrap) % kPcrWrap);
      w.Put(33, pcr / 300).Put(6, 63).Put(9, pcr % 300);
    }
    if (!f.private_data.empty()) w.Put(8, f.private_data.size());
    adaptation = w.bytes();
    Append(adaptation, f.private_data);
    const size_t limit = f.has_payload ? 182 : 183;
    if (adaptation.size() > limit) throw std::invalid_argument("the adaptation field is too long");
    const size_t wanted = std::min(f.stuffing, limit + 1);
    while (adaptation.size() + 1 < wanted) adaptation.push_back(0xFF);
  }
  bool has_adaptation = f.has_adaptation || has_flags || f.stuffing > 0 || !f.has_payload;
  const size_t room = kTsBytes - 4 - (has_adaptation ? 1 + adaptation.size() : 0);
  const size_t taken = f.has_payload ? std::min(room, payload.size()) : 0;
  size_t fill = room - taken;
  if (fill > 0 && !has_adaptation) {
    has_adaptation = true;  // its length byte alone fills one
    --fill;
  }
  if (fill > 0 && adaptation.empty()) {
    adaptation.push_back(0);
    --fill;
  }
  adaptation.insert(adaptation.end(), fill, 0xFF);

  uint8_t& next = next_continuity_[f.pid];
  const uint8_t continuity =
      f.continuity.value_or(static_cast<uint8_t>(f.has_payload ? next : next - 1) & 15);
  if (f.has_payload) next = (continuity + 1) & 15;

  BitWriter w;
  w.Put(8, 0x47).Put(1, f.has_error).Put(1, f.is_start).Put(1, f.has_priority).Put(13, f.pid);
  w.Put(2, f.scrambling).Put(1, has_adaptation).Put(1, f.has_payload).Put(4, continuity);
  Append(bytes_, w.bytes());
  if (has_adaptation) {
    bytes_.push_back(static_cast<uint8_t>(adaptation.size()));
    Append(bytes_, adaptation);
  }
  Append(bytes_, payload.first(taken));
  return taken;
}

void TsWriter::PutNull(size_t count) {
  const Data payload(184, 0xFF);
  for (; count > 0; --count) Put({.pid = kTsNullPid, .continuity = 0}, payload);
}

void TsWriter::PutSections(uint16_t pid, const std::vector<Data>& sections, size_t room) {
  size_t next = 0;  // section to begin
  Data rest;        // of the one under way
  while (!rest.empty() || next < sections.size()) {
    // A section may begin here if its first byte finds room behind the pointer_field.
    const bool is_start = next < sections.size() && 1 + rest.size() < room;
    Data payload;
    if (is_start) payload.push_back(static_cast<uint8_t>(rest.size()));
    for (;;) {
      const size_t size = std::min(rest.size(), room - payload.size());
      Append(payload, View(rest).first(size));
      rest.erase(rest.begin(), rest.begin() + static_cast<long>(size));
      if (!is_start || payload.size() == room || next == sections.size()) break;
      rest = sections[next++];
    }
    payload.resize(room, 0xFF);
    Put({.pid = pid, .is_start = is_start}, payload);
  }
}

void TsWriter::PutTables(const Pat& pat, const std::vector<Pmt>& pmts) {
  PutSections(0, {Format(pat)});
  for (const Pmt& pmt : pmts)
    for (const auto& [program, pid] : pat.programs)
      if (program == pmt.program) PutSections(pid, {Format(pmt)});
}

void TsWriter::PutPes(uint16_t pid, View pes, PacketFields first, std::mt19937* random) {
  PacketFields fields = first;
  fields.pid = pid;
  fields.is_start = true;
  while (!pes.empty()) {
    if (random && (*random)() % 8 == 0) fields.stuffing = (*random)() % 180;
    pes = pes.subspan(Put(fields, pes));
    if (random && (*random)() % 16 == 0) Put({.pid = pid, .has_payload = false});
    fields = {.pid = pid, .scrambling = first.scrambling};
  }
}

void TsWriter::PutRaw(View bytes) { Append(bytes_, bytes); }

void TsWriter::Repeat() { PutRaw(Data(bytes_.end() - kTsBytes, bytes_.end())); }

void TsWriter::Lose(uint16_t pid, unsigned count) {
  next_continuity_[pid] = static_cast<uint8_t>((next_continuity_[pid] + count) & 15);
}

namespace {

class Reader {
 public:
  explicit Reader(View ts) : ts_(ts) {}
  TsDump Read();

 private:
  struct PidState {
    std::optional<TsPacket> last;  // that had a payload
    bool was_repeated = false;
    bool is_lost = false;  // a gap since the last start
    Data section;
    bool in_section = false;
    std::optional<size_t> unit;  // index of the PES being read
    Data pes;
  };

  void Report(FaultKind kind, const TsPacket& at, const std::string& what) {
    dump_.faults.push_back({kind, at.pid, at.offset, what});
  }
  std::optional<TsPacket> ParsePacket(size_t offset);
  bool CheckContinuity(const TsPacket& packet, PidState& state);
  void ReadSections(const TsPacket& packet, PidState& state);
  void TakeSections(const TsPacket& packet, PidState& state);
  void OnSection(const TsPacket& packet, View section);
  std::optional<std::vector<Descriptor>> ParseDescriptors(View in);
  void OnPat(const TsPacket& packet, View section);
  void OnPmt(const TsPacket& packet, View section);
  void ReadPes(const TsPacket& packet, PidState& state);
  void EndPes(PidState& state, bool is_followed);

  View ts_;
  TsDump dump_;
  std::map<uint16_t, PidState> pids_;
  std::set<uint16_t> pmt_pids_;
  std::set<uint16_t> pes_pids_;
};

TsDump Reader::Read() {
  size_t offset = 0;
  for (; offset + kTsBytes <= ts_.size(); offset += kTsBytes) {
    if (ts_[offset] != 0x47) {
      dump_.faults.push_back({FaultKind::kSync, kTsNullPid, offset, "no sync byte"});
      break;
    }
    const auto packet = ParsePacket(offset);
    if (!packet) continue;
    dump_.packets.push_back(*packet);
    if (packet->pid == kTsNullPid) continue;
    PidState& state = pids_[packet->pid];
    if (!CheckContinuity(*packet, state)) continue;
    if (!packet->has_payload || packet->scrambling != 0) continue;
    if (packet->pid == 0 || pmt_pids_.contains(packet->pid))
      ReadSections(*packet, state);
    else
      ReadPes(*packet, state);
  }
  if (ts_.size() % kTsBytes != 0)
    dump_.faults.push_back({FaultKind::kLength, kTsNullPid, ts_.size(), "not a multiple of 188"});
  for (auto& [pid, state] : pids_) EndPes(state, false);
  return std::move(dump_);
}

std::optional<TsPacket> Reader::ParsePacket(size_t offset) {
  const View p = ts_.subspan(offset, kTsBytes);
  TsPacket packet{};
  packet.offset = offset;
  packet.bytes = p;
  packet.pid = Word(p, 1) & 0x1FFF;
  packet.has_error = p[1] & 0x80;
  packet.is_start = p[1] & 0x40;
  packet.scrambling = p[3] >> 6;
  packet.has_adaptation = p[3] & 0x20;
  packet.has_payload = p[3] & 0x10;
  packet.continuity = p[3] & 15;
  packet.pcr = kAbsent;
  if (!packet.has_adaptation && !packet.has_payload) {
    Report(FaultKind::kPacket, packet, "neither adaptation field nor payload");
    return {};
  }
  size_t at = 4;
  if (packet.has_adaptation) {
    const size_t length = p[4];
    if (packet.has_payload ? length > 182 : length != 183) {
      Report(FaultKind::kPacket, packet, "adaptation_field_length " + std::to_string(length));
      return {};
    }
    at = 5 + length;
    if (length > 0) {
      packet.is_discontinuity = p[5] & 0x80;
      packet.is_random_access = p[5] & 0x40;
      if (p[5] & 0x10) {
        if (length < 7) {
          Report(FaultKind::kPacket, packet, "no room for the PCR");
          return {};
        }
        const int64_t base =
            int64_t{Word(p, 6)} << 17 | int64_t{Word(p, 8)} << 1 | int64_t{p[10] >> 7};
        packet.pcr = base * 300 + (Word(p, 10) & 0x1FF);
      }
    }
  }
  if (packet.has_payload) packet.payload = p.subspan(at);
  return packet;
}

// False for a packet that is to be ignored: a duplicate.
bool Reader::CheckContinuity(const TsPacket& packet, PidState& state) {
  if (!state.last || packet.is_discontinuity) {
    if (packet.is_discontinuity) state.is_lost = true;
  } else if (!packet.has_payload) {
    if (packet.continuity != state.last->continuity)
      Report(FaultKind::kContinuity, packet, "counter stepped without payload");
  } else if (packet.continuity == state.last->continuity) {
    // A repeated packet may have another PCR, and nothing else.
    Data a(packet.bytes.begin(), packet.bytes.end());
    Data b(state.last->bytes.begin(), state.last->bytes.end());
    if (packet.pcr != kAbsent && state.last->pcr != kAbsent) {
      std::fill(a.begin() + 6, a.begin() + 12, 0);
      std::fill(b.begin() + 6, b.begin() + 12, 0);
    }
    if (a == b && !state.was_repeated) {
      state.was_repeated = true;
      return false;
    }
    Report(FaultKind::kContinuity, packet, "counter stands still");
    state.is_lost = true;
  } else if (packet.continuity != ((state.last->continuity + 1) & 15)) {
    Report(FaultKind::kContinuity, packet,
           std::to_string(packet.continuity) + " after " + std::to_string(state.last->continuity));
    state.is_lost = true;
  }
  state.was_repeated = false;
  // A flagged packet without payload tells the counter that the next one goes on from.
  if (packet.has_payload || packet.is_discontinuity || !state.last) state.last = packet;
  return true;
}

void Reader::ReadSections(const TsPacket& packet, PidState& state) {
  View payload = packet.payload;
  if (std::exchange(state.is_lost, false)) {
    state.section.clear();
    state.in_section = false;
  }
  if (packet.is_start) {
    const size_t pointer = payload[0];
    if (1 + pointer > payload.size()) {
      Report(FaultKind::kSection, packet, "pointer_field " + std::to_string(pointer));
      state.in_section = false;
      return;
    }
    if (state.in_section) {
      Append(state.section, payload.subspan(1, pointer));
      TakeSections(packet, state);
      if (state.in_section) Report(FaultKind::kSection, packet, "a section was cut off");
    }
    state.section.assign(payload.begin() + 1 + static_cast<long>(pointer), payload.end());
    state.in_section = true;
  } else if (state.in_section) {
    Append(state.section, payload);
  }
  if (state.in_section) TakeSections(packet, state);
}

// Takes the complete sections off the front; in_section tells whether one is still open.
void Reader::TakeSections(const TsPacket& packet, PidState& state) {
  Data& buffer = state.section;
  while (!buffer.empty() && buffer[0] != 0xFF) {
    if (buffer.size() < 3) return;
    const size_t size = 3 + (Word(buffer, 1) & 0xFFF);
    if (size > 1024) {
      Report(FaultKind::kSection, packet, "section_length " + std::to_string(size - 3));
      break;
    }
    if (buffer.size() < size) return;
    OnSection(packet, View(buffer).first(size));
    buffer.erase(buffer.begin(), buffer.begin() + static_cast<long>(size));
  }
  if (std::ranges::any_of(buffer, [](uint8_t byte) { return byte != 0xFF; }))
    Report(FaultKind::kSection, packet, "bytes after the end of the sections");
  buffer.clear();
  state.in_section = false;
}

void Reader::OnSection(const TsPacket& packet, View section) {
  if (section.size() < 12 || Crc32(section) != 0) {
    Report(FaultKind::kCrc, packet, "table " + std::to_string(section[0]));
    return;
  }
  if (packet.pid == 0 && section[0] == 0x00) OnPat(packet, section);
  if (packet.pid != 0 && section[0] == 0x02) OnPmt(packet, section);
}

void Reader::OnPat(const TsPacket& packet, View section) {
  Pat pat{.transport_stream = static_cast<uint16_t>(Word(section, 3)),
          .version = static_cast<uint8_t>(section[5] >> 1 & 31),
          .programs = {},
          .is_current = (section[5] & 1) != 0};
  const View body = section.subspan(8, section.size() - 12);
  if (body.size() % 4 != 0) Report(FaultKind::kSection, packet, "PAT of odd length");
  if (pat.is_current && section[6] == 0) pmt_pids_.clear();  // its first section: a new list
  for (size_t i = 0; i + 4 <= body.size(); i += 4) {
    pat.programs.emplace_back(Word(body, i), Word(body, i + 2) & 0x1FFF);
    if (pat.is_current && pat.programs.back().first != 0)
      pmt_pids_.insert(pat.programs.back().second);
  }
  dump_.pats.push_back({packet.offset, packet.pid, pat});
}

std::optional<std::vector<Descriptor>> Reader::ParseDescriptors(View in) {
  std::vector<Descriptor> out;
  while (!in.empty()) {
    if (in.size() < 2 || in.size() < 2u + in[1]) return {};
    const View content = in.subspan(2, in[1]);
    out.push_back({in[0], Data(content.begin(), content.end())});
    in = in.subspan(2 + content.size());
  }
  return out;
}

void Reader::OnPmt(const TsPacket& packet, View section) {
  Pmt pmt{.program = static_cast<uint16_t>(Word(section, 3)),
          .version = static_cast<uint8_t>(section[5] >> 1 & 31),
          .pcr_pid = kTsNullPid,
          .descriptors = {},
          .streams = {},
          .is_current = (section[5] & 1) != 0};
  View body = section.subspan(8, section.size() - 12);
  const auto fail = [&] { Report(FaultKind::kSection, packet, "PMT lengths do not fit"); };
  if (body.size() < 4) return fail();
  pmt.pcr_pid = Word(body, 0) & 0x1FFF;
  const size_t info = Word(body, 2) & 0xFFF;
  if (body.size() < 4 + info) return fail();
  const auto descriptors = ParseDescriptors(body.subspan(4, info));
  if (!descriptors) return fail();
  pmt.descriptors = *descriptors;
  body = body.subspan(4 + info);
  while (!body.empty()) {
    if (body.size() < 5) return fail();
    const size_t es_info = Word(body, 3) & 0xFFF;
    if (body.size() < 5 + es_info) return fail();
    const auto es_descriptors = ParseDescriptors(body.subspan(5, es_info));
    if (!es_descriptors) return fail();
    const uint16_t pid = Word(body, 1) & 0x1FFF;
    pmt.streams.push_back({body[0], pid, *es_descriptors});
    // Types that are carried in PES for certain; 06 too, as private PES.
    static const std::set<uint8_t> kPesTypes = {0x01, 0x02, 0x03, 0x04, 0x06, 0x0F, 0x10, 0x11,
                                                0x1B, 0x24, 0x33, 0x81, 0x87};
    if (kPesTypes.contains(body[0])) pes_pids_.insert(pid);
    body = body.subspan(5 + es_info);
  }
  dump_.pmts.push_back({packet.offset, packet.pid, pmt});
}

void Reader::ReadPes(const TsPacket& packet, PidState& state) {
  if (std::exchange(state.is_lost, false)) {
    // What has come so far stays, but no more can follow.
    EndPes(state, false);
  }
  if (packet.is_start) {
    EndPes(state, true);
    const View p = packet.payload;
    const bool has_code = p.size() >= 3 && p[0] == 0 && p[1] == 0 && p[2] == 1;
    if (!has_code) {
      if (pes_pids_.contains(packet.pid) && p.size() >= 3)
        Report(FaultKind::kPes, packet, "a unit without start code");
      return;
    }
    state.unit = dump_.units.size();
    dump_.units.push_back({.pid = packet.pid, .offset = packet.offset});
    dump_.units.back().is_discontinuity = packet.is_discontinuity;
    dump_.units.back().is_random_access = packet.is_random_access;
  }
  if (state.unit) Append(state.pes, packet.payload);
}

// is_followed: the next unit begins without loss, so this one has to be whole.
void Reader::EndPes(PidState& state, bool is_followed) {
  if (!state.unit) return;
  PesUnit& unit = dump_.units[*state.unit];
  state.unit.reset();
  const Data pes = std::exchange(state.pes, {});
  const auto report = [&](const std::string& what) {
    dump_.faults.push_back({FaultKind::kPes, unit.pid, unit.offset, what});
  };
  const auto cut = [&] {
    if (is_followed) report("shorter than its header");
  };
  if (pes.size() < 6) return cut();
  unit.stream_id = pes[3];
  const size_t length = Word(pes, 4);
  if (length != 0 && pes.size() > 6 + length) report("longer than PES_packet_length");
  if (length != 0 && pes.size() < 6 + length && is_followed)
    report("shorter than PES_packet_length");
  unit.is_complete = length != 0 ? pes.size() >= 6 + length : is_followed;
  const size_t end = length != 0 ? std::min(pes.size(), 6 + length) : pes.size();

  // Padding, private_stream_2, ECM, EMM, directories: no header of their own.
  static const std::set<uint8_t> kPlain = {0xBC, 0xBE, 0xBF, 0xF0, 0xF1, 0xF2, 0xF8, 0xFF};
  size_t start = 6;
  if (!kPlain.contains(unit.stream_id)) {
    if (end < 9 || end < 9u + pes[8]) return cut();
    if (pes[6] >> 6 != 2) report("no '10' before the flags");
    const unsigned flags = pes[7] >> 6;
    const size_t stamps = flags == 3 ? 10 : flags == 2 ? 5 : 0;
    if (flags == 1 || pes[8] < stamps) report("PTS_DTS_flags and header length do not fit");
    unit.is_aligned = pes[6] & 4;
    if (flags >= 2 && pes[8] >= stamps) {
      unit.pts = ReadTimeStamp(View(pes).subspan(9));
      if (pes[9] >> 4 != flags || !(pes[9] & pes[11] & pes[13] & 1)) report("PTS marker bits");
    }
    if (flags == 3 && pes[8] >= stamps) {
      unit.dts = ReadTimeStamp(View(pes).subspan(14));
      if (pes[14] >> 4 != 1 || !(pes[14] & pes[16] & pes[18] & 1)) report("DTS marker bits");
    }
    start = 9u + pes[8];
  }
  unit.es.assign(pes.begin() + static_cast<long>(start), pes.begin() + static_cast<long>(end));
}

}  // namespace

std::set<uint16_t> TsDump::Pids() const {
  std::set<uint16_t> out;
  for (const TsPacket& p : packets) out.insert(p.pid);
  return out;
}

std::vector<PesUnit> TsDump::Units(uint16_t pid) const {
  std::vector<PesUnit> out;
  std::ranges::copy_if(units, std::back_inserter(out),
                       [pid](const PesUnit& unit) { return unit.pid == pid; });
  return out;
}

Data TsDump::Es(uint16_t pid) const {
  Data out;
  for (const PesUnit& unit : units)
    if (unit.pid == pid) Append(out, unit.es);
  return out;
}

const Pmt& TsDump::LastPmt() const {
  if (pmts.empty()) throw std::runtime_error("the stream has no PMT");
  return pmts.back().table;
}

std::string TsDump::Faults() const {
  std::string out;
  for (const Fault& fault : faults) {
    out += "byte " + std::to_string(fault.offset) + ", PID " + std::to_string(fault.pid) + ": " +
           fault.what + "\n";
  }
  return out;
}

size_t TsDump::CountFaults(FaultKind kind, uint16_t pid) const {
  return static_cast<size_t>(std::ranges::count_if(faults, [&](const Fault& fault) {
    return fault.kind == kind && fault.pid == pid;
  }));
}

TsDump ReadTs(View ts) { return Reader(ts).Read(); }

}  // namespace xg2g::test
