// The sequence parameter set of H.264. Source: ITU-T H.264, 7.3.2.1.1, 7.4.2.1.1, E.1.1 and E.2.1.
#include "package/format.h"
#include "package/nal.h"

#include <array>
#include <cstdio>

namespace xg2g {

namespace {

constexpr unsigned kMaxCycle = 255;  // num_ref_frames_in_pic_order_cnt_cycle

// Width and height of a pixel by aspect_ratio_idc. Source: table E-1.
constexpr std::array<std::array<uint8_t, 2>, 17> kAspects = {{{1, 1},
                                                              {1, 1},
                                                              {12, 11},
                                                              {10, 11},
                                                              {16, 11},
                                                              {40, 33},
                                                              {24, 11},
                                                              {20, 11},
                                                              {32, 11},
                                                              {80, 33},
                                                              {18, 11},
                                                              {15, 11},
                                                              {64, 33},
                                                              {160, 99},
                                                              {4, 3},
                                                              {3, 2},
                                                              {2, 1}}};
constexpr unsigned kExtendedAspect = 255;

bool HasChroma(unsigned profile) {
  for (const unsigned high : {100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
    if (profile == high) return true;
  return false;
}

void SkipScalingList(BitReader& r, unsigned size) {
  int last = 8, next = 8;
  for (unsigned i = 0; i < size && r.ok(); ++i) {
    if (next != 0) next = (last + r.Se()) & 0xFF;
    last = next == 0 ? last : next;
  }
}

// Returns chroma_format_idc.
unsigned ReadChroma(BitReader& r) {
  const unsigned format = r.Ue();
  if (format == 3) r.Skip(1);
  r.Ue();
  r.Ue();
  r.Skip(1);
  if (r.Bits(1) == 0) return format;
  for (unsigned i = 0; i < (format == 3 ? 12u : 8u); ++i)
    if (r.Bits(1) != 0) SkipScalingList(r, i < 6 ? 16 : 64);
  return format;
}

void SkipPictureOrder(BitReader& r) {
  const unsigned type = r.Ue();
  if (type == 0) r.Ue();
  if (type != 1) return;
  r.Skip(1);
  r.Se();
  r.Se();
  const unsigned cycle = r.Ue();
  for (unsigned i = 0; i < cycle && i < kMaxCycle && r.ok(); ++i) r.Se();
}

void ReadUsability(BitReader& r, PictureFormat& out) {
  if (r.Bits(1) != 0) {
    const unsigned aspect = r.Bits(8);
    unsigned width = aspect < kAspects.size() ? kAspects[aspect][0] : 1;
    unsigned height = aspect < kAspects.size() ? kAspects[aspect][1] : 1;
    if (aspect == kExtendedAspect) {
      width = r.Bits(16);
      height = r.Bits(16);
    }
    if (r.ok() && width > 0 && height > 0) {
      out.aspect_width = width;
      out.aspect_height = height;
    }
  }
  if (r.Bits(1) != 0) r.Skip(1);  // overscan
  if (r.Bits(1) != 0) {           // video_signal_type
    r.Skip(4);
    if (r.Bits(1) != 0) r.Skip(24);
  }
  if (r.Bits(1) != 0) {  // chroma_loc_info
    r.Ue();
    r.Ue();
  }
  if (r.Bits(1) == 0) return;
  const uint32_t units = r.Bits(32), scale = r.Bits(32);
  if (r.ok() && units > 0) out.frame_rate = scale / 2.0 / units;
}

}  // namespace

void ReadAvc(Bytes sps, PictureFormat& out) {
  const std::vector<uint8_t> plain = Unescape(sps);
  if (plain.size() < 4) return;
  char codecs[16];
  std::snprintf(codecs, sizeof codecs, "avc1.%02X%02X%02X", plain[1], plain[2], plain[3]);
  out.codecs = codecs;
  BitReader r(Bytes(plain).subspan(4));
  r.Ue();
  const unsigned chroma = HasChroma(plain[1]) ? ReadChroma(r) : 1;
  r.Ue();
  SkipPictureOrder(r);
  r.Ue();
  r.Skip(1);
  const uint64_t width = uint64_t{r.Ue()} + 1, height = uint64_t{r.Ue()} + 1;
  const bool has_frames_only = r.Bits(1) != 0;
  if (!has_frames_only) r.Skip(1);
  r.Skip(1);
  const unsigned rows = has_frames_only ? 1 : 2;
  const Crop crop = ReadCrop(r, chroma, rows);
  const uint64_t full_width = width * 16, full_height = height * 16 * rows;
  if (!r.ok() || crop.width >= full_width || crop.height >= full_height) return;
  out.width = static_cast<unsigned>(full_width - crop.width);
  out.height = static_cast<unsigned>(full_height - crop.height);
  out.is_interlaced = !has_frames_only;
  if (r.Bits(1) != 0) ReadUsability(r, out);
}

}  // namespace xg2g
