// A broadcast made on the spot: picture, any tracks of sound, clock, tables and null packets,
// interleaved by time as a multiplexer does it. Says beside the stream what is in it, so that tests
// know what has to come out. Shares no code with addon/.
#pragma once

#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "sound.h"
#include "ts.h"

namespace xg2g::test {

inline constexpr double kForever = std::numeric_limits<double>::infinity();

// From `from` on, until `to`; seconds since the broadcast began.
struct Span {
  double from = kForever, to = kForever;
  bool Has(double t) const { return t >= from && t < to; }
};

struct Video {
  enum class Kind { kNone, kMpeg2, kH264, kHevc };
  Kind kind = Kind::kH264;
  uint16_t pid = 0x100;
  double fps = 25;
  size_t gop = 12;              // pictures from one access point to the next
  bool is_open_gop = false;     // recovery points, CRA; else IDR
  size_t picture_bytes = 2500;  // at most; key pictures twice that
  Span airs = {0, kForever};
  Span is_scrambled = {};
  std::vector<Descriptor> descriptors = {};
};

// Sound of one kind, until the next one begins.
struct Passage {
  double from = 0;  // begins with the first frame boundary there
  Sound codec = Sound::kMp2;
  int rate = 48000, channels = 2;
  int bitrate = 0;  // bit/s, 0: a usual one
};

struct Audio {
  uint16_t pid = 0x101;
  std::string language = "deu";
  uint8_t audio_type = 0;
  std::vector<Passage> sound = {{}};
  size_t frames_per_pes = 1;
  size_t pes_bytes = 0;    // else every PES has so many, wherever the frames begin and end
  size_t pts_every = 1;    // PES packets, of those in which a frame begins
  bool is_bounded = true;  // PES_packet_length
  int64_t pts_grain = 1;   // ticks that its PTS are rounded to; 90: milliseconds
  int64_t pts_jitter = 0;  // ticks, at most, either way
  double lead = 0.2;       // seconds from sending to presentation
  bool is_announced = true;
  bool announces_changes = true;  // of the codec; else the PMT keeps naming the first
  Span announced = {0, kForever};
  Span airs = {0, kForever};  // its passages count from the beginning of the broadcast all the same
  Span is_scrambled = {};
  std::vector<Descriptor> descriptors = {};  // beside those of the codec and the language
};

// Another programme of the PAT.
struct Neighbour {
  uint16_t program, pmt_pid;
  bool has_pmt = false;
  uint16_t flowing_pid = 0;  // MPEG-2 picture on it, announced in its PMT; 0: nothing flows
  bool is_scrambled = false;
};

struct Broadcast {
  double seconds = 2;
  int64_t start = 900'000;  // of the clock, 90 kHz; wraps
  uint16_t transport_stream = 7, program = 1, pmt_pid = 0x20;
  uint8_t pmt_version = 3;
  std::vector<Descriptor> descriptors = {};  // of the programme
  std::vector<Neighbour> neighbours = {};    // listed before it in the PAT
  std::vector<double> new_versions = {};  // when the PMT steps its version though nothing changes
  Video video = {};
  std::vector<Audio> audio = {{}};
  std::optional<uint16_t> pcr_pid = {};  // else with the picture, or with the first sound
  bool has_pcr = true;
  double table_interval = 0.1;
  bool has_sdt = true;
  size_t null_every = 10;       // packets; 0: none
  bool begins_flagged = false;  // discontinuity_indicator in the first packet of each PID
  unsigned seed = 1;            // of what the pictures show
};

struct Picture {
  int64_t pts;
  bool is_access;
};

// A frame of sound: in a broadcast, or found in what came out.
struct CodedFrame {
  int64_t pts;  // 0 .. 2^33-1, as it ought to be, whatever the PES told
  Sound codec;
  int rate, channels;
  Data data = {};
};

struct Aired {
  Data ts = {};
  std::vector<Picture> pictures = {};               // in the order of sending
  std::vector<std::vector<CodedFrame>> sound = {};  // for each track, as far as it was sent
};

Aired Air(const Broadcast& broadcast);

// What goes wrong on the way.
Data Concatenate(const std::vector<Data>& parts);
// Without the packets from .. from+count of the PID (of all: kTsNullPid).
Data LosePackets(View ts, uint16_t pid, size_t from, size_t count);
// Packets of the PID (of all: kTsNullPid) sent twice, every nth.
Data RepeatPackets(View ts, uint16_t pid, size_t every);
// Each packet with `before` bytes before and `after` bytes behind it: strides of 192 and 204.
Data Widen(View ts, size_t before, size_t after);

}  // namespace xg2g::test
