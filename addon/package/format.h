// What a decoder has to know before the first frame, and what a playlist says of it: read from parameter
// sets and frame headers.
#pragma once

#include "access.h"
#include "audio/frame.h"
#include "bytes.h"

#include <array>
#include <optional>
#include <string>
#include <vector>

namespace xg2g {

using Nal = std::vector<uint8_t>;

struct PictureFormat {
  VideoCodec codec = VideoCodec::kNone;
  std::string codecs = {};                     // RFC 6381
  unsigned width = 0, height = 0;              // as shown; 0: could not be read
  unsigned aspect_width = 1, aspect_height = 1;  // of a pixel
  double frame_rate = 0;                       // 0: not told
  bool is_interlaced = false;
  // Of HEVC, as hvcC has them.
  std::array<uint8_t, 12> profile{};
  unsigned chroma_format = 1, luma_bits = 8, chroma_bits = 8, temporal_layers = 1;
  bool is_nested = false;
  std::vector<Nal> vps = {}, sps = {}, pps = {};
  bool operator==(const PictureFormat&) const = default;
};

// head: the elementary stream of an access point from its beginning to its first slice.
std::optional<PictureFormat> ReadPictureFormat(VideoCodec codec, Bytes head);
void ReadAvc(Bytes sps, PictureFormat& out);
void ReadHevc(Bytes sps, PictureFormat& out);

struct SoundFormat {
  AudioCodec codec = AudioCodec::kNone;
  std::string codecs = {};  // RFC 6381
  uint32_t rate = 0;        // Hz
  unsigned channels = 0;
  std::vector<uint8_t> config = {};  // AudioSpecificConfig, or what dac3 and dec3 hold
};
// For a decoder; the rate of bits may differ.
bool IsSame(const SoundFormat& a, const SoundFormat& b);
SoundFormat ReadSoundFormat(const FrameHeader& header, Bytes frame);

}  // namespace xg2g
