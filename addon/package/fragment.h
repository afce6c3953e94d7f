// One part of one track of fragmented MP4: moof and mdat. Times are the broadcast's own, DTS since 1970: no
// edit list, nothing clamped, so pictures that lead an access point keep their place.
#pragma once

#include "package/box.h"
#include "package/format.h"
#include "package/record.h"

namespace xg2g {

struct Sample {
  uint32_t duration = 0;
  int32_t shown_after = 0;  // PTS - DTS
  bool is_access = true;
};

class Fragment {
 public:
  enum class Kind : uint8_t { kPicture, kSound };

  // decode_time: of the first sample, in units of the track's timescale. bytes: of all samples, about.
  Fragment(Kind kind, const PartHead& head, int64_t decode_time, size_t samples, size_t bytes);

  void Add(const Sample& sample, Bytes frame);
  // The same of a byte stream of NAL units: without delimiters, and without the parameter sets that stand in
  // the sample entry.
  void AddNals(const Sample& sample, const PictureFormat& format, Bytes stream);
  std::vector<uint8_t> Finish();

 private:
  size_t SampleBytes() const { return kind_ == Kind::kPicture ? 16 : 8; }
  void Enter(const Sample& sample, size_t begin);

  Kind kind_;
  BoxWriter box_;
  size_t next_entry_ = 0, mdat_ = 0;
};

}  // namespace xg2g
