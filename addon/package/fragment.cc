// Source: ISO/IEC 14496-12, 8.8; 23000-19 (CMAF), 7.3.
#include "package/fragment.h"

#include "package/init.h"
#include "package/nal.h"

#include <algorithm>

namespace xg2g {

namespace {

constexpr uint32_t kBaseIsMoof = 0x02'0000;
constexpr uint32_t kHasOffset = 0x1, kHasDuration = 0x100, kHasSize = 0x200, kHasFlags = 0x400,
                   kHasShift = 0x800;
constexpr uint32_t kAccessFlags = 0x0200'0000;  // depends on no other
constexpr uint32_t kOtherFlags = 0x0101'0000;   // depends on others, is no sync sample
constexpr size_t kHeadBytes = 128;              // of moof and mdat, at most

// Rises from part to part, and is the same in each packager. It wraps after years.
uint32_t SequenceOf(const PartHead& head) {
  return static_cast<uint32_t>(head.msn << 8) + head.part;
}

bool IsNeeded(const PictureFormat& format, Bytes nal) {
  const auto is_missing = [&](const std::vector<Nal>& told) {
    return std::ranges::none_of(told, [&](const Nal& n) { return std::ranges::equal(n, nal); });
  };
  switch (NalKindOf(format.codec, nal[0])) {
    case NalKind::kDelimiter: return false;
    case NalKind::kVps: return is_missing(format.vps);
    case NalKind::kSps: return is_missing(format.sps);
    case NalKind::kPps: return is_missing(format.pps);
    case NalKind::kOther: break;
  }
  return true;
}

}  // namespace

Fragment::Fragment(Kind kind, const PartHead& head, int64_t decode_time, size_t samples,
                   size_t bytes)
    : kind_(kind) {
  const bool is_picture = kind == Kind::kPicture;
  box_.Reserve(kHeadBytes + samples * SampleBytes() + bytes);
  const size_t moof = box_.Open("moof");
  const size_t mfhd = box_.Open("mfhd", 0, 0);
  box_.U32(SequenceOf(head));
  box_.Close(mfhd);
  const size_t traf = box_.Open("traf");
  const size_t tfhd = box_.Open("tfhd", 0, kBaseIsMoof);
  box_.U32(kTrackId);
  box_.Close(tfhd);
  const size_t tfdt = box_.Open("tfdt", 1, 0);
  box_.U64(static_cast<uint64_t>(std::max<int64_t>(decode_time, 0)));
  box_.Close(tfdt);
  const uint32_t fields = kHasOffset | kHasDuration | kHasSize;
  const size_t trun = box_.Open("trun", 1, is_picture ? fields | kHasFlags | kHasShift : fields);
  box_.U32(static_cast<uint32_t>(samples));
  const size_t offset = box_.size();
  box_.U32(0);
  next_entry_ = box_.size();
  box_.Zeros(samples * SampleBytes());
  box_.Close(trun);
  box_.Close(traf);
  box_.Close(moof);
  mdat_ = box_.Open("mdat");
  PutBe32(box_.At(offset), static_cast<uint32_t>(box_.size()));
}

void Fragment::Add(const Sample& sample, Bytes frame) {
  const size_t begin = box_.size();
  box_.Raw(frame);
  Enter(sample, begin);
}

void Fragment::AddNals(const Sample& sample, const PictureFormat& format, Bytes stream) {
  const size_t begin = box_.size();
  ForEachNal(stream, [&](Bytes nal) {
    if (!IsNeeded(format, nal)) return;
    box_.U32(static_cast<uint32_t>(nal.size()));
    box_.Raw(nal);
  });
  Enter(sample, begin);
}

void Fragment::Enter(const Sample& sample, size_t begin) {
  uint8_t* entry = box_.At(next_entry_);
  PutBe32(entry, sample.duration);
  PutBe32(entry + 4, static_cast<uint32_t>(box_.size() - begin));
  if (kind_ == Kind::kPicture) {
    PutBe32(entry + 8, sample.is_access ? kAccessFlags : kOtherFlags);
    PutBe32(entry + 12, static_cast<uint32_t>(sample.shown_after));
  }
  next_entry_ += SampleBytes();
}

std::vector<uint8_t> Fragment::Finish() {
  box_.Close(mdat_);
  return box_.Take();
}

}  // namespace xg2g
