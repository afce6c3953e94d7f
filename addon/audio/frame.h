// Audio frame headers as broadcast: MPEG audio, AC-3, E-AC-3, ADTS, LOAS, DTS. A header tells the
// frame's length, so that elementary streams are cut into frames without a decoder.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "bytes.h"

namespace xg2g {

enum class AudioCodec : uint8_t {
  kNone,
  kMpeg,  // layers I, II and III
  kAc3,
  kEac3,
  kAdts,
  kLatm,  // in LOAS
  kDts,
};

struct FrameHeader {
  AudioCodec codec = AudioCodec::kNone;
  uint8_t layer = 0;     // 1 .. 3 for MPEG audio
  uint8_t channels = 0;  // with LFE; 0 unknown
  uint16_t samples = 0;  // per channel, at `rate`; 0 unknown
  uint32_t bytes = 0;    // the whole frame, never 0
  uint32_t rate = 0;     // Hz; 0 unknown. HE-AAC: of the core, so samples/rate is the duration
  bool skip = false;     // not for the decoder: E-AC-3 dependent substream, DTS-HD extension ...
  bool adts_lc = false;  // AAC-LC, one raw data block: may be copied as it is
};

// Largest frames, in bytes.
inline constexpr size_t kMaxMpegBytes = 1729;   // layer II, 384 kbit/s, 32 kHz, padded
inline constexpr size_t kMaxAc3Bytes = 3840;    // 640 kbit/s, 32 kHz
inline constexpr size_t kMaxEac3Bytes = 4096;   // 11-bit frmsiz
inline constexpr size_t kMaxAdtsBytes = 8191;   // 13-bit frame_length
inline constexpr size_t kMaxLatmBytes = 8194;   // 13-bit audioMuxLengthBytes + 3
inline constexpr size_t kMaxDtsBytes = 18726;   // 14-bit FSIZE in 14-bit words
// Any frame with `skip` not set. Skipped ones may be longer: drop them by count, without storing.
inline constexpr size_t kMaxFrameBytes = kMaxDtsBytes;
inline constexpr size_t kMaxSkippedBytes = size_t{1} << 20;  // 20-bit nuExtSSFsize

// Bytes that ParseFrameHeader needs at most. With fewer it may say none where there is one.
constexpr size_t FrameHeaderBytes(AudioCodec codec) {
  switch (codec) {
    case AudioCodec::kNone: return 0;
    case AudioCodec::kMpeg: return 4;
    case AudioCodec::kAc3:
    case AudioCodec::kEac3: return 7;
    case AudioCodec::kAdts: return 7;
    case AudioCodec::kLatm: return 3;
    case AudioCodec::kDts: return 14;  // 87 bits in 14-bit words
  }
  return 0;
}

// Reads the header at in[0]. nullopt: none there, reserved values, or too few bytes (damage is not
// an error). AC-3 and E-AC-3 are told apart by bsid, whichever of them is expected.
std::optional<FrameHeader> ParseFrameHeader(AudioCodec expected, Bytes in);

// Could b be the next frame of the same stream as a? Its channels may differ; codec, layer and rate
// may not.
bool IsContinuation(const FrameHeader& a, const FrameHeader& b);

}  // namespace xg2g
