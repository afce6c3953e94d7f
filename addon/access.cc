// The scan goes byte by byte, so that a start code may lie across packets; it is a few dozen bytes.
#include "access.h"

#include <algorithm>

namespace xg2g {

void AccessScanner::Begin() {
  verdict_ = codec_ == VideoCodec::kNone ? Verdict::kAccess : Verdict::kMore;
  kind_ = AccessKind::kAudio;
  sps_here_ = false;
  in_unit_ = false;
  scanned_ = 0;
  zeros_ = 0;
}

AccessScanner::Verdict AccessScanner::Feed(Bytes es) {
  if (verdict_ != Verdict::kMore) return verdict_;
  const bool has_emulation = codec_ != VideoCodec::kMpeg2;
  const size_t size = std::min(es.size(), kMaxScanBytes - scanned_);
  scanned_ += size;
  size_t zeros = zeros_;
  for (const uint8_t byte : es.first(size)) {
    const bool after_zeros = zeros >= 2;
    zeros = byte == 0 ? zeros + 1 : 0;
    if (after_zeros && byte == 1) {
      in_unit_ = true;
      head_size_ = 0;
    } else if (in_unit_ && !(after_zeros && byte == 3 && has_emulation)) {
      head_[head_size_++] = byte;
      in_unit_ = ReadUnit() == Next::kByte && head_size_ < head_.size();
      if (verdict_ != Verdict::kMore) return verdict_;
    }
  }
  zeros_ = zeros;
  if (scanned_ == kMaxScanBytes) verdict_ = Verdict::kNone;
  return verdict_;
}

AccessScanner::Next AccessScanner::ReadUnit() {
  switch (codec_) {
    case VideoCodec::kNone: break;
    case VideoCodec::kMpeg2: return ReadMpeg2();
    case VideoCodec::kH264: return ReadH264();
    case VideoCodec::kHevc: return ReadHevc();
  }
  return Next::kUnit;
}

// Source: ISO/IEC 13818-2, Table 6-1, 6.2.3 and Table 6-12.
AccessScanner::Next AccessScanner::ReadMpeg2() {
  constexpr uint8_t kPicture = 0x00, kSequence = 0xB3;
  if (head_[0] == kSequence) sps_here_ = true;
  if (head_[0] != kPicture) return Next::kUnit;
  if (head_size_ < 3) return Next::kByte;
  const unsigned coding_type = head_[2] >> 3 & 7;  // after 10 bits of temporal_reference
  return Decide(sps_here_ && coding_type == 1, AccessKind::kMpeg2);
}

// Source: ITU-T H.264, Table 7-1, 7.3.3 and Table 7-6.
AccessScanner::Next AccessScanner::ReadH264() {
  constexpr unsigned kSlice = 1, kPartitionA = 2, kIdrSlice = 5, kSps = 7;
  const unsigned type = head_[0] & 31;
  if (type == kSps) sps_here_ = sps_ever_ = true;
  if (type != kSlice && type != kPartitionA && type != kIdrSlice) return Next::kUnit;
  BitReader r(Bytes(head_).subspan(1, head_size_ - 1));
  const uint32_t first_mb = r.Ue();
  const uint32_t slice_type = r.Ue();
  if (!r.ok()) return Next::kByte;
  if (first_mb != 0) return Next::kUnit;
  if (type == kIdrSlice) return Decide(sps_here_ || !sps_ever_, AccessKind::kIdr);
  return Decide(sps_here_ && (slice_type == 2 || slice_type == 7), AccessKind::kRecovery);
}

// Source: ITU-T H.265, 7.3.1.2, 7.3.6.1 and Table 7-1. The reserved IRAP types 22 and 23 are taken
// for the least that an IRAP can be.
AccessScanner::Next AccessScanner::ReadHevc() {
  constexpr unsigned kLastLeading = 9, kFirstIrap = 16, kLastBla = 18, kLastIdr = 20;
  constexpr unsigned kLastIrap = 23, kSps = 33;
  if (head_size_ < 3) return Next::kByte;
  const unsigned type = head_[0] >> 1 & 63;
  const unsigned layer = (head_[0] & 1u) << 5 | head_[1] >> 3;
  const bool is_first_slice = head_[2] & 0x80;
  if (layer != 0) return Next::kUnit;
  if (type == kSps) sps_here_ = sps_ever_ = true;
  const bool is_irap = type >= kFirstIrap && type <= kLastIrap;
  if ((type > kLastLeading && !is_irap) || !is_first_slice) return Next::kUnit;
  if (!is_irap) return Decide(false, AccessKind::kCra);
  return Decide(sps_here_ || !sps_ever_, type <= kLastBla   ? AccessKind::kBla
                                         : type <= kLastIdr ? AccessKind::kIdr
                                                            : AccessKind::kCra);
}

AccessScanner::Next AccessScanner::Decide(bool is_access, AccessKind kind) {
  verdict_ = is_access ? Verdict::kAccess : Verdict::kNone;
  kind_ = kind;
  return Next::kUnit;
}

}  // namespace xg2g
