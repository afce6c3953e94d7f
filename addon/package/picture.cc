#include "package/picture.h"

#include "package/fragment.h"
#include "package/nal.h"

namespace xg2g {

namespace {

// What stands before the delimiter: the last slices of the picture before, where PES packets do not begin
// with pictures.
size_t LeadBytes(VideoCodec codec, Bytes head) {
  for (size_t at = FindStartCode(head, 0); at + 3 < head.size(); at = FindStartCode(head, at + 3))
    if (NalKindOf(codec, head[at + 3]) == NalKind::kDelimiter) return at;
  return 0;
}

}  // namespace

void Picture::OnData(Bytes es) {
  if (container_ == Container::kMp4 && has_open_) stock_.insert(stock_.end(), es.begin(), es.end());
  if (!is_scanning_) return;
  head_.insert(head_.end(), es.begin(), es.end());
  const AccessScanner::Verdict verdict = scanner_.Feed(es);
  is_scanning_ = verdict == AccessScanner::Verdict::kMore;
  if (!is_scanning_ && container_ == Container::kMp4) open_.at += LeadBytes(stream_.kind.video, head_);
  if (verdict != AccessScanner::Verdict::kAccess) return;
  open_.is_access = true;
  auto format = ReadPictureFormat(stream_.kind.video, head_);
  if (!format) return;
  // In TS a decoder finds them by itself.
  if (container_ == Container::kTs) format->pps.clear();
  format_ = std::move(format);
}

void Picture::Open(const Frame& frame) {
  open_ = frame;
  open_.at = unit_at_;
  has_open_ = true;
}

void Picture::Keep() {
  frames_.push_back(open_);
  has_open_ = false;
}

void Picture::Drop() {
  stock_.erase(stock_.begin() + static_cast<long>(open_.at), stock_.begin() + static_cast<long>(unit_at_));
  unit_at_ = open_.at;
  has_open_ = false;
}

Piece Picture::Cut(std::vector<uint8_t> head) {
  const size_t at = OpenAt(), size = head.size();
  head.reserve(stock_.size() + size);  // parts are much alike
  head.insert(head.end(), stock_.begin() + static_cast<long>(at), stock_.end());
  stock_.resize(at);
  std::swap(stock_, head);
  open_.at = size;
  unit_at_ = unit_at_ - at + size;
  return {std::move(head), std::exchange(frames_, {})};
}

std::vector<uint8_t> MakeFragment(const Piece& piece, const PartHead& head, const PictureFormat& format) {
  const std::vector<Frame>& frames = piece.frames;
  if (frames.empty()) return {};
  Fragment fragment(Fragment::Kind::kPicture, head, frames[0].dts, frames.size(), piece.bytes.size());
  for (size_t i = 0; i < frames.size(); ++i) {
    const bool has_next = i + 1 < frames.size();
    const int64_t duration = has_next ? frames[i + 1].dts - frames[i].dts : frames[i].duration;
    const size_t end = has_next ? frames[i + 1].at : piece.bytes.size();
    fragment.AddNals({.duration = static_cast<uint32_t>(duration),
                      .shown_after = static_cast<int32_t>(frames[i].pts - frames[i].dts),
                      .is_access = frames[i].is_access},
                     format, Bytes(piece.bytes).subspan(frames[i].at, end - frames[i].at));
  }
  return fragment.Finish();
}

}  // namespace xg2g
