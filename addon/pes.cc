#include "pes.h"

#include "mux.h"

namespace xg2g {

namespace {

constexpr size_t kPtsAt = 9, kDtsAt = 14;
constexpr size_t kPtsHeaderBytes = kDtsAt;
constexpr size_t kMaxPesLength = 0xFFFF;

// Streams whose PES packets have no flags, times or header length. Source: table 2-21.
bool HasPlainHeader(uint8_t id) {
  switch (id) {
    case 0xBC:
    case 0xBE:
    case 0xBF:
    case 0xF0:
    case 0xF1:
    case 0xF2:
    case 0xF8:
    case 0xFF: return true;
    default: return false;
  }
}

int64_t ReadPts(const uint8_t* p) {
  return int64_t{p[0] & 0x0Eu} << 29 | int64_t{p[1]} << 22 | int64_t{p[2] & 0xFEu} << 14 |
         int64_t{p[3]} << 7 | p[4] >> 1;
}

void WritePts(uint8_t* p, int64_t pts) {
  p[0] = static_cast<uint8_t>(0x21 | (pts >> 29 & 0x0E));
  p[1] = static_cast<uint8_t>(pts >> 22);
  p[2] = static_cast<uint8_t>(0x01 | (pts >> 14 & 0xFE));
  p[3] = static_cast<uint8_t>(pts >> 7);
  p[4] = static_cast<uint8_t>(0x01 | pts << 1);
}

// What is not time stays: the four bits before it and the markers.
void ShiftPts(uint8_t* p, int64_t ticks) {
  const int64_t pts = WrapPts(ReadPts(p) + ticks);
  p[0] = static_cast<uint8_t>((p[0] & 0xF1) | (pts >> 29 & 0x0E));
  p[1] = static_cast<uint8_t>(pts >> 22);
  p[2] = static_cast<uint8_t>((p[2] & 0x01) | (pts >> 14 & 0xFE));
  p[3] = static_cast<uint8_t>(pts >> 7);
  p[4] = static_cast<uint8_t>((p[4] & 0x01) | pts << 1);
}

}  // namespace

size_t TimesEnd(Bytes in) {
  constexpr uint8_t kStartCode[] = {0, 0, 1};
  if (!std::equal(in.begin(), in.begin() + static_cast<long>(std::min<size_t>(in.size(), 3)),
                  kStartCode))
    return 0;
  if (in.size() > 3 && (in[3] < 0xBC || HasPlainHeader(in[3]))) return 0;
  if (in.size() < kPtsAt) return kPtsAt;
  if ((in[6] & 0xC0) != 0x80 || !(in[7] & 0x80) || in[8] < kDtsAt - kPtsAt) return 0;
  return in[7] & 0x40 && in[8] >= kMaxTimesEnd - kPtsAt ? kMaxTimesEnd : kDtsAt;
}

PesTimes ReadTimes(const uint8_t* pes, size_t times_end) {
  return {ReadPts(pes + kPtsAt), times_end > kDtsAt ? ReadPts(pes + kDtsAt) : kNoTime};
}

void ShiftTimes(uint8_t* pes, size_t times_end, int64_t ticks) {
  ShiftPts(pes + kPtsAt, ticks);
  if (times_end > kDtsAt) ShiftPts(pes + kDtsAt, ticks);
}

size_t PesReader::HeaderBytes() const {
  if (have_ < 6) return 6;
  if (HasPlainHeader(header_[3])) return 6;
  if (have_ < 9) return 9;
  return 9u + header_[8];
}

bool PesReader::ReadHeader(PesHeader& out) {
  const uint8_t* p = header_.data();
  if (Be24(p) != 1 || p[3] < 0xBC) return false;
  const size_t length = Be16(p + 4);
  const size_t after_length = have_ - 6;
  if (length != 0 && length < after_length) return false;
  is_bounded_ = length != 0;
  left_ = length - after_length;
  out = {p[3], kNoTime};
  if (HasPlainHeader(p[3])) return true;
  if ((p[6] & 0xC0) != 0x80) return false;
  const bool has_pts = p[7] & 0x80;
  if (has_pts && p[8] >= 5) out.pts = ReadPts(p + kPtsAt);
  if (has_pts && p[7] & 0x40 && p[8] >= 10) out.dts = ReadPts(p + kDtsAt);
  return true;
}

void WritePes(Output& out, const PesUnit& unit, uint8_t& continuity) {
  uint8_t header[kPtsHeaderBytes] = {0, 0, 1, unit.stream_id};
  const size_t length = kPtsHeaderBytes - 6 + unit.payload.size();
  PutBe16(header + 4, length > kMaxPesLength ? 0 : static_cast<uint32_t>(length));
  header[6] = 0x84;  // data_alignment_indicator
  header[7] = 0x80;  // PTS only
  header[8] = 5;
  WritePts(header + 9, unit.pts);
  WriteUnit(out, {unit.pid, header, unit.payload, unit.discontinuity}, continuity);
}

void WriteUnit(Output& out, PesBytes unit, uint8_t& continuity) {
  auto& [pid, head, body, discontinuity] = unit;
  bool is_first = true;
  while (!head.empty() || !body.empty()) {
    uint8_t* p = out.Generate();
    continuity = (continuity + 1) & 0x0F;
    const bool flagged = is_first && discontinuity;
    size_t adaptation = flagged ? 2 : 0;  // bytes, with the length byte
    const size_t room = kPacketBytes - 4 - adaptation;
    const size_t n = std::min(room, head.size() + body.size());
    adaptation += room - n;
    p[0] = kSyncByte;
    p[1] = static_cast<uint8_t>((is_first ? 0x40 : 0) | pid >> 8);
    p[2] = static_cast<uint8_t>(pid);
    p[3] = static_cast<uint8_t>((adaptation > 0 ? 0x30 : 0x10) | continuity);
    uint8_t* at = p + 4;
    if (adaptation > 0) {
      at[0] = static_cast<uint8_t>(adaptation - 1);
      if (adaptation > 1) {
        at[1] = flagged ? 0x80 : 0;
        std::memset(at + 2, 0xFF, adaptation - 2);
      }
      at += adaptation;
    }
    const size_t from_head = std::min(n, head.size());
    std::memcpy(at, head.data(), from_head);
    if (n > from_head) std::memcpy(at + from_head, body.data(), n - from_head);
    head = head.subspan(from_head);
    body = body.subspan(n - from_head);
    is_first = false;
  }
}

}  // namespace xg2g
