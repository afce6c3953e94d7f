// The picture of a stream: its packets gathered into frames, kept as the container holds them until a part
// is cut off.
#pragma once

#include "access.h"
#include "package/continuity.h"
#include "package/format.h"
#include "package/lineup.h"
#include "package/record.h"
#include "pes.h"

#include <utility>

namespace xg2g {

struct Frame {
  int64_t pts = 0, dts = 0;  // 90 kHz, since 1970
  int64_t pcr = kNoTime;     // the last one before it, 27 MHz
  size_t at = 0;             // in the stock
  int64_t time = 0, duration = 0;
  bool is_access = false;
};

// The frames of a part: whole packets (TS), or their elementary stream (MP4).
struct Piece {
  std::vector<uint8_t> bytes = {};
  std::vector<Frame> frames = {};
};

class Picture {
 public:
  static constexpr size_t kMaxFrameBytes = 4u << 20;

  Picture(const Elementary& stream, Container container)
      : stream_(stream), container_(container), scanner_(stream.kind.video) {}

  const Elementary& stream() const { return stream_; }
  // A packet of the PID. begin(PesHeader) where a frame with a time begins, which is to Open() it: the one
  // before is whole then, and is to be kept or dropped.
  template <class Begin>
  void Push(const Packet& packet, Begin&& begin);
  // A packet of ours, before what comes next.
  void PutPacket(Bytes packet) {
    if (has_open_) stock_.insert(stock_.end(), packet.begin(), packet.end());
  }

  void Open(const Frame& frame);
  bool has_open() const { return has_open_; }
  Frame& open() { return open_; }
  // The open frame belongs to the part.
  void Keep();
  void Drop();
  // Takes the frames kept so far; the stock goes on with `head`, then the open frame.
  Piece Cut(std::vector<uint8_t> head);
  size_t stock_bytes() const { return stock_.size(); }
  // What has been pushed so far is all there is of the open frame.
  void Seal() { unit_at_ = stock_.size(); }

  // What the last access point said; null where it had no parameter sets.
  const PictureFormat* format() const { return format_ ? &*format_ : nullptr; }
  uint64_t continuity_errors() const { return continuity_.gaps(); }
  uint64_t dropped() const { return dropped_; }

 private:
  void OnData(Bytes es);
  size_t OpenAt() const { return has_open_ ? open_.at : unit_at_; }

  Elementary stream_;
  Container container_;
  Continuity continuity_;
  PesReader pes_;
  AccessScanner scanner_;
  bool is_scanning_ = false;
  std::vector<uint8_t> head_;  // of the frame, as far as it has been scanned
  std::optional<PictureFormat> format_;
  std::vector<uint8_t> stock_;
  size_t unit_at_ = 0;  // where the last PES packet begins in it
  std::vector<Frame> frames_;
  Frame open_;
  bool has_open_ = false;
  uint64_t dropped_ = 0;
};

template <class Begin>
void Picture::Push(const Packet& packet, Begin&& begin) {
  const Continuity::Step step = continuity_.Take(packet);
  if (step == Continuity::Step::kRepeat) return;
  if (step == Continuity::Step::kGap) pes_.Reset();
  if (packet.unit_start()) unit_at_ = stock_.size();
  const auto on_begin = [&](const PesHeader& header) {
    if (header.pts == kNoTime) return;
    begin(header);
    scanner_.Begin();
    head_.clear();
    is_scanning_ = true;
  };
  pes_.Push(packet.payload(), packet.unit_start(), on_begin, [this](Bytes es) { OnData(es); });
  if (!has_open_) return;
  if (container_ == Container::kTs) PutPacket({packet.data(), kPacketBytes});
  if (stock_.size() - open_.at <= kMaxFrameBytes) return;
  ++dropped_;
  unit_at_ = stock_.size();
  Drop();
}

// The frames as MP4: a fragment, empty without any.
std::vector<uint8_t> MakeFragment(const Piece& piece, const PartHead& head, const PictureFormat& format);

}  // namespace xg2g
