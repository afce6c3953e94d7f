// The init segment of one track of fragmented MP4 (CMAF): ftyp and moov.
#pragma once

#include "package/format.h"

namespace xg2g {

inline constexpr uint32_t kTrackId = 1;  // each track is a file of its own
inline constexpr uint32_t kPictureTimescale = 90'000;

// Of H.264 and HEVC.
std::vector<uint8_t> MakeInit(const PictureFormat& format);
// The timescale is the rate of the samples.
std::vector<uint8_t> MakeInit(const SoundFormat& format, std::string_view language);

}  // namespace xg2g
