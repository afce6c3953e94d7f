#include "grid.h"

namespace xg2g::aac {

namespace {

constexpr uint16_t kLong48[] = {
    0,   4,   8,   12,  16,  20,  24,  28,  32,  36,  40,  48,  56,  64,  72,  80,   88,
    96,  108, 120, 132, 144, 160, 176, 196, 216, 240, 264, 292, 320, 352, 384, 416,  448,
    480, 512, 544, 576, 608, 640, 672, 704, 736, 768, 800, 832, 864, 896, 928, 1024,
};
constexpr uint16_t kLong32[] = {
    0,   4,   8,   12,  16,  20,  24,  28,  32,  36,  40,  48,  56,  64,  72,  80,  88,  96,
    108, 120, 132, 144, 160, 176, 196, 216, 240, 264, 292, 320, 352, 384, 416, 448, 480, 512,
    544, 576, 608, 640, 672, 704, 736, 768, 800, 832, 864, 896, 928, 960, 992, 1024,
};
constexpr uint16_t kShort48[] = {0, 4, 8, 12, 16, 20, 28, 36, 44, 56, 68, 80, 96, 112, 128};

}  // namespace

using Edges = std::span<const uint16_t>;

std::span<const uint16_t> BandEdges(uint32_t rate, bool is_short) {
  switch (rate) {
    case 48000:
    case 44100: return is_short ? Edges(kShort48) : Edges(kLong48);
    case 32000: return is_short ? Edges(kShort48) : Edges(kLong32);
    default: return {};
  }
}

}  // namespace xg2g::aac
