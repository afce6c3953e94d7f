// The sequence parameter set of HEVC, as far as hvcC needs it. Source: ITU-T H.265, 7.3.2.2.1 and 7.3.3;
// ISO/IEC 14496-15, annex E (codecs).
#include "package/format.h"
#include "package/nal.h"

#include <algorithm>
#include <cstdio>

namespace xg2g {

namespace {

constexpr size_t kHeadBytes = 3;     // NAL header; VPS id, layers, nesting
constexpr size_t kProfileBytes = 12;

uint32_t Reversed(uint32_t v) {
  uint32_t out = 0;
  for (unsigned i = 0; i < 32; ++i) out |= (v >> i & 1) << (31 - i);
  return out;
}

// profile: 12 bytes of general profile, tier and level.
std::string CodecsOf(const uint8_t* profile) {
  char text[64];
  static constexpr const char* kSpaces[4] = {"", "A", "B", "C"};
  std::snprintf(text, sizeof text, "hvc1.%s%u.%X.%c%u", kSpaces[profile[0] >> 6], profile[0] & 31u,
                Reversed(Be32(profile + 1)), profile[0] & 0x20 ? 'H' : 'L', unsigned{profile[11]});
  std::string codecs = text;
  size_t constraints = 6;
  while (constraints > 0 && profile[5 + constraints - 1] == 0) --constraints;
  for (size_t i = 0; i < constraints; ++i) {
    std::snprintf(text, sizeof text, ".%X", unsigned{profile[5 + i]});
    codecs += text;
  }
  return codecs;
}

void SkipSubLayers(BitReader& r, unsigned sub_layers) {
  if (sub_layers == 0) return;
  bool has_profile[8], has_level[8];
  for (unsigned i = 0; i < sub_layers; ++i) {
    has_profile[i] = r.Bits(1) != 0;
    has_level[i] = r.Bits(1) != 0;
  }
  r.Skip(2 * (8 - sub_layers));
  for (unsigned i = 0; i < sub_layers; ++i) r.Skip((has_profile[i] ? 88u : 0u) + (has_level[i] ? 8u : 0u));
}

}  // namespace

void ReadHevc(Bytes sps, PictureFormat& out) {
  const std::vector<uint8_t> plain = Unescape(sps);
  if (plain.size() < kHeadBytes + kProfileBytes) return;
  const unsigned sub_layers = plain[2] >> 1 & 7;
  const uint8_t* profile = &plain[kHeadBytes];
  out.codecs = CodecsOf(profile);
  std::copy_n(profile, kProfileBytes, out.profile.begin());
  out.temporal_layers = sub_layers + 1;
  out.is_nested = plain[2] & 1;
  const bool is_progressive = profile[5] & 0x80, has_fields = profile[5] & 0x40;
  out.is_interlaced = has_fields && !is_progressive;
  BitReader r(Bytes(plain).subspan(kHeadBytes + kProfileBytes));
  SkipSubLayers(r, sub_layers);
  r.Ue();
  const unsigned chroma = r.Ue();
  if (chroma == 3) r.Skip(1);
  const uint64_t width = r.Ue(), height = r.Ue();
  const Crop crop = ReadCrop(r, chroma, 1);
  const unsigned luma_bits = 8 + r.Ue(), chroma_bits = 8 + r.Ue();
  if (!r.ok() || crop.width >= width || crop.height >= height) return;
  out.width = static_cast<unsigned>(width - crop.width);
  out.height = static_cast<unsigned>(height - crop.height);
  out.chroma_format = chroma;
  out.luma_bits = luma_bits;
  out.chroma_bits = chroma_bits;
}

}  // namespace xg2g
