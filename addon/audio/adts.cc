#include "adts.h"

#include <algorithm>
#include <iterator>

namespace xg2g {

namespace {

// Source: ISO/IEC 14496-3, table 1.18.
constexpr uint32_t kRates[] = {96000, 88200, 64000, 48000, 44100, 32000, 24000,
                               22050, 16000, 12000, 11025, 8000,  7350};

}  // namespace

int AdtsRateIndex(uint32_t rate) {
  const auto found = std::find(std::begin(kRates), std::end(kRates), rate);
  return found == std::end(kRates) ? -1 : static_cast<int>(found - std::begin(kRates));
}

// profile is the audio object type less one (LC: 1).
void WriteAdtsHeader(uint8_t* p, int rate_index, unsigned channels, size_t frame_bytes) {
  p[0] = 0xFF;
  p[1] = 0xF1;  // MPEG-4, no CRC
  p[2] = static_cast<uint8_t>(1 << 6 | rate_index << 2 | channels >> 2);
  p[3] = static_cast<uint8_t>((channels & 3) << 6 | frame_bytes >> 11);
  p[4] = static_cast<uint8_t>(frame_bytes >> 3);
  p[5] = static_cast<uint8_t>((frame_bytes & 7) << 5 | 0x1F);  // buffer fullness 7FF: variable
  p[6] = 0xFC;
}

}  // namespace xg2g
