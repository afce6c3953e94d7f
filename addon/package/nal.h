// NAL units in a byte stream. Source: ITU-T H.264 and H.265, annex B.
#pragma once

#include "access.h"
#include "bytes.h"

#include <vector>

namespace xg2g {

// Where the next 00 00 01 begins; the size when there is none.
inline size_t FindStartCode(Bytes in, size_t from) {
  for (size_t at = from + 2; at < in.size();) {
    if (in[at] > 1) {
      at += 3;
    } else if (in[at] == 0) {
      ++at;
    } else {
      if (in[at - 1] == 0 && in[at - 2] == 0) return at - 2;
      at += 3;
    }
  }
  return in.size();
}

// Calls take(Bytes) for each unit that is not empty, without start code and trailing zeros.
template <class Take>
void ForEachNal(Bytes in, Take&& take) {
  size_t at = FindStartCode(in, 0);
  while (at < in.size()) {
    const size_t begin = at + 3;
    at = FindStartCode(in, begin);
    size_t end = at;
    while (end > begin && in[end - 1] == 0) --end;
    if (end > begin) take(in.subspan(begin, end - begin));
  }
}

// Without emulation prevention bytes.
inline std::vector<uint8_t> Unescape(Bytes nal) {
  std::vector<uint8_t> out;
  out.reserve(nal.size());
  size_t zeros = 0;
  for (const uint8_t byte : nal) {
    if (zeros >= 2 && byte == 3) {
      zeros = 0;
      continue;
    }
    zeros = byte == 0 ? zeros + 1 : 0;
    out.push_back(byte);
  }
  return out;
}

// What is cut off a picture, in samples of luma. Source: ITU-T H.264, 7.4.2.1.1; H.265, 7.4.3.2.1.
struct Crop {
  uint64_t width = 0, height = 0;
};
// chroma: chroma_format_idc. rows: lines that a unit of height stands for, 2 where pictures may be fields.
inline Crop ReadCrop(BitReader& r, unsigned chroma, unsigned rows) {
  Crop crop;
  if (r.Bits(1) == 0) return crop;
  const unsigned unit_x = chroma == 1 || chroma == 2 ? 2 : 1, unit_y = (chroma == 1 ? 2 : 1) * rows;
  crop.width = uint64_t{r.Ue()};
  crop.width = (crop.width + r.Ue()) * unit_x;
  crop.height = uint64_t{r.Ue()};
  crop.height = (crop.height + r.Ue()) * unit_y;
  return crop;
}

enum class NalKind : uint8_t { kOther, kVps, kSps, kPps, kDelimiter };
inline NalKind NalKindOf(VideoCodec codec, uint8_t first_byte) {
  const bool is_hevc = codec == VideoCodec::kHevc;
  const unsigned type = is_hevc ? first_byte >> 1 & 63 : first_byte & 31;
  if (type == (is_hevc ? 33 : 7)) return NalKind::kSps;
  if (type == (is_hevc ? 34 : 8)) return NalKind::kPps;
  if (type == (is_hevc ? 35 : 9)) return NalKind::kDelimiter;
  return is_hevc && type == 32 ? NalKind::kVps : NalKind::kOther;
}

}  // namespace xg2g
