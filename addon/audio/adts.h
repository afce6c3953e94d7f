// The header of AAC frames in a transport stream. Source: ISO/IEC 13818-7, 6.2.
#pragma once

#include <cstddef>
#include <cstdint>

namespace xg2g {

constexpr size_t kAdtsHeaderBytes = 7;
constexpr size_t kMaxAdtsFrameBytes = 8191;  // frame_length has 13 bits

// sampling_frequency_index, or -1 where there is none for this rate in Hz.
int AdtsRateIndex(uint32_t rate);
// Writes kAdtsHeaderBytes. frame_bytes: with the header.
void WriteAdtsHeader(uint8_t* p, int rate_index, unsigned channels, size_t frame_bytes);

}  // namespace xg2g
