// What a packager makes, in order: the tracks, their init segments (MP4), their parts.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace xg2g {

enum class Container : uint8_t { kTs, kMp4 };

// A picture or a sound that a player can choose.
struct TrackInfo {
  unsigned track = 0;  // 0: the picture, with the first sound in TS; in radio the first sound
  bool is_video = false;
  std::string codecs = {};  // RFC 6381, of all that is in it
  double frame_rate = 0;    // pictures per second
  unsigned width = 0, height = 0;
  bool is_interlaced = false;
  std::string language = {};  // ISO 639-2, or empty
  bool is_description = false;
  unsigned channels = 0;
  bool operator==(const TrackInfo&) const = default;
};

// Where a part lies. All its tracks have it in common.
struct PartHead {
  int64_t msn = 0;
  unsigned part = 0;                // within the segment
  int64_t time = 0, duration = 0;   // 90 kHz, since 1970
  int64_t utc_ms = 0;               // since 1970
  bool is_independent = false;      // begins with an access point
  bool is_last = false;             // of its segment
  bool is_discontinuous = false;
};

struct TracksRecord {
  std::vector<TrackInfo> tracks;
};
struct InitRecord {
  unsigned track;
  std::vector<uint8_t> bytes;
  bool operator==(const InitRecord&) const = default;
};
struct PartRecord {
  unsigned track;
  PartHead head;
  std::vector<uint8_t> bytes;  // empty: the sound did not flow
};
using Record = std::variant<TracksRecord, InitRecord, PartRecord>;

}  // namespace xg2g
