// Finds random access points: looks at the first bytes of each video PES and says whether a decoder
// can start there. Reads headers only, allocates nothing; no picture is decoded.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "bytes.h"

namespace xg2g {

enum class VideoCodec : uint8_t { kNone, kMpeg2, kH264, kHevc };

enum class AccessKind : uint8_t {
  kIdr,       // H.264 and HEVC
  kRecovery,  // H.264 open GOP: leading B pictures cannot be decoded after a join
  kCra,       // HEVC open GOP: RASL pictures are to be skipped after a join
  kBla,       // HEVC, spliced: likewise
  kMpeg2,     // sequence header and I picture
  kAudio,     // no video: each PES
};

// A PES is looked at no further than this. What stands before the first slice (parameter sets, SEI,
// captions) is much less; where it is more, the PES is no access point.
inline constexpr size_t kMaxScanBytes = 8192;

// One video PID. Begin() at each PES, then Feed() its elementary stream in order, in pieces of any
// size, until the verdict is no longer kMore: for most pictures in their first packet.
//
// Nobody can join without parameter sets, so they count. H.264: an I slice with its SPS in the same
// PES; whether a recovery point SEI announces it changes nothing, so that SEI is not read. IDR and
// HEVC IRAP: their SPS in the same PES too, unless the stream has never yet shown one there.
// MPEG-2: a sequence header and an I picture. The first picture that begins in the PES decides; the
// last slices of the one before may precede it.
class AccessScanner {
 public:
  enum class Verdict : uint8_t {
    kMore,    // not yet known
    kNone,    // another picture comes first, or the bound is reached
    kAccess,  // kind() tells which
  };

  explicit AccessScanner(VideoCodec codec = VideoCodec::kNone) : codec_(codec) {}

  void Begin();
  // After a verdict it repeats that and reads no further. Before the first Begin(): kNone.
  Verdict Feed(Bytes es);
  // Needs the verdict kAccess.
  AccessKind kind() const { return kind_; }

 private:
  enum class Next : uint8_t { kByte, kUnit };  // wants more of this unit, or the next one

  Next ReadUnit();
  Next ReadMpeg2();
  Next ReadH264();
  Next ReadHevc();
  Next Decide(bool is_access, AccessKind kind);

  // Of the stream.
  VideoCodec codec_;
  bool sps_ever_ = false;
  // Of the PES.
  Verdict verdict_ = Verdict::kNone;
  AccessKind kind_ = AccessKind::kAudio;
  bool sps_here_ = false;  // or sequence header
  bool in_unit_ = false;
  size_t scanned_ = 0;
  size_t zeros_ = 0;  // zero bytes just before the next byte
  // Of the unit: what follows a start code, without emulation prevention bytes.
  std::array<uint8_t, 8> head_{};
  size_t head_size_ = 0;
};

}  // namespace xg2g
