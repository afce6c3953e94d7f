// Source: ISO/IEC 14496-12, clause 8; 14496-14, 5.6; 14496-15, 5.3.3 and 8.3.3; 23000-19 (CMAF), 7;
// ETSI TS 102 366, annex F.
#include "package/init.h"

#include "package/box.h"

#include <algorithm>

namespace xg2g {

namespace {

constexpr uint32_t kMatrix[9] = {0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x4000'0000};
constexpr size_t kMaxNals = 31;  // that avcC can count

void PutMatrix(BoxWriter& box) {
  for (const uint32_t v : kMatrix) box.U32(v);
}

void PutFileType(BoxWriter& box) {
  const size_t ftyp = box.Open("ftyp");
  box.Text("iso6");
  box.U32(0);
  box.Text("iso6cmfcmp41");
  box.Close(ftyp);
}

void PutMovieHeader(BoxWriter& box) {
  const size_t mvhd = box.Open("mvhd", 0, 0);
  box.Zeros(8);  // times
  box.U32(kPictureTimescale);
  box.U32(0);  // duration
  box.U32(0x10000);
  box.U16(0x0100);
  box.Zeros(10);
  PutMatrix(box);
  box.Zeros(24);
  box.U32(kTrackId + 1);
  box.Close(mvhd);
}

void PutTrackHeader(BoxWriter& box, bool is_sound, uint32_t width, uint32_t height) {
  const size_t tkhd = box.Open("tkhd", 0, 3);  // enabled, in movie
  box.Zeros(8);
  box.U32(kTrackId);
  box.Zeros(4 + 4 + 8 + 4);  // duration, layer and group
  box.U16(is_sound ? 0x0100 : 0);
  box.U16(0);
  PutMatrix(box);
  box.U32(width << 16);
  box.U32(height << 16);
  box.Close(tkhd);
}

unsigned PackedLanguage(std::string_view language) {
  if (language.size() != 3) language = "und";
  unsigned packed = 0;
  for (const char c : language) packed = packed << 5 | (static_cast<unsigned>(c - 0x60) & 31);
  return packed;
}

void PutMediaHeader(BoxWriter& box, uint32_t timescale, std::string_view language, bool is_sound) {
  const size_t mdhd = box.Open("mdhd", 0, 0);
  box.Zeros(8);
  box.U32(timescale);
  box.U32(0);
  box.U16(PackedLanguage(language));
  box.U16(0);
  box.Close(mdhd);
  const size_t hdlr = box.Open("hdlr", 0, 0);
  box.U32(0);
  box.Text(is_sound ? "soun" : "vide");
  box.Zeros(12 + 1);  // an empty name
  box.Close(hdlr);
}

// The tables of samples are empty: they stand in the fragments.
template <class Entry>
void PutMediaInformation(BoxWriter& box, bool is_sound, Entry&& put_entry) {
  const size_t minf = box.Open("minf");
  const size_t header = is_sound ? box.Open("smhd", 0, 0) : box.Open("vmhd", 0, 1);
  box.Zeros(is_sound ? 4 : 8);
  box.Close(header);
  const size_t dinf = box.Open("dinf");
  const size_t dref = box.Open("dref", 0, 0);
  box.U32(1);
  box.Close(box.Open("url ", 0, 1));  // in this file
  box.Close(dref);
  box.Close(dinf);
  const size_t stbl = box.Open("stbl");
  const size_t stsd = box.Open("stsd", 0, 0);
  box.U32(1);
  put_entry(box);
  box.Close(stsd);
  for (const char* empty : {"stts", "stsc", "stsz", "stco"}) {
    const size_t table = box.Open(empty, 0, 0);
    box.Zeros(std::string_view(empty) == "stsz" ? 8 : 4);
    box.Close(table);
  }
  box.Close(stbl);
  box.Close(minf);
}

struct TrackShape {
  bool is_sound;
  uint32_t timescale, width, height;
  std::string_view language;
};

template <class Entry>
std::vector<uint8_t> MakeFile(const TrackShape& shape, Entry&& put_entry) {
  BoxWriter box;
  PutFileType(box);
  const size_t moov = box.Open("moov");
  PutMovieHeader(box);
  const size_t trak = box.Open("trak");
  PutTrackHeader(box, shape.is_sound, shape.width, shape.height);
  const size_t mdia = box.Open("mdia");
  PutMediaHeader(box, shape.timescale, shape.language, shape.is_sound);
  PutMediaInformation(box, shape.is_sound, put_entry);
  box.Close(mdia);
  box.Close(trak);
  const size_t mvex = box.Open("mvex");
  const size_t trex = box.Open("trex", 0, 0);
  box.U32(kTrackId);
  box.U32(1);  // the sample entry
  box.Zeros(12);
  box.Close(trex);
  box.Close(mvex);
  box.Close(moov);
  return box.Take();
}

void PutNals(BoxWriter& box, const std::vector<Nal>& nals) {
  for (const Nal& nal : nals) {
    box.U16(static_cast<unsigned>(nal.size()));
    box.Raw(nal);
  }
}

void PutAvcConfig(BoxWriter& box, const PictureFormat& f) {
  const size_t avcc = box.Open("avcC");
  const Nal& sps = f.sps.front();  // of four bytes at least: else it would have no codecs
  box.U8(1);
  box.U8(sps[1]);
  box.U8(sps[2]);
  box.U8(sps[3]);
  box.U8(0xFC | 3);  // lengths of four bytes
  box.U8(0xE0 | static_cast<unsigned>(std::min(f.sps.size(), kMaxNals)));
  PutNals(box, {f.sps.begin(), f.sps.begin() + static_cast<long>(std::min(f.sps.size(), kMaxNals))});
  box.U8(static_cast<unsigned>(std::min(f.pps.size(), size_t{255})));
  PutNals(box, {f.pps.begin(), f.pps.begin() + static_cast<long>(std::min(f.pps.size(), size_t{255}))});
  box.Close(avcc);
}

void PutHevcConfig(BoxWriter& box, const PictureFormat& f) {
  constexpr uint8_t kVps = 32, kSps = 33, kPps = 34;
  const size_t hvcc = box.Open("hvcC");
  box.U8(1);
  box.Raw(Bytes(f.profile));
  box.U16(0xF000);  // min_spatial_segmentation
  box.U8(0xFC);     // parallelism
  box.U8(0xFC | f.chroma_format);
  box.U8(0xF8 | (f.luma_bits - 8));
  box.U8(0xF8 | (f.chroma_bits - 8));
  box.U16(0);  // average frame rate not told
  box.U8(f.temporal_layers << 3 | unsigned{f.is_nested} << 2 | 3);
  box.U8(3);
  for (const auto& [type, nals] : {std::pair{kVps, &f.vps}, {kSps, &f.sps}, {kPps, &f.pps}}) {
    box.U8(0x80 | type);  // complete
    box.U16(static_cast<unsigned>(nals->size()));
    PutNals(box, *nals);
  }
  box.Close(hvcc);
}

void PutPictureEntry(BoxWriter& box, const PictureFormat& f) {
  const bool is_hevc = f.codec == VideoCodec::kHevc;
  const size_t entry = box.Open(is_hevc ? "hvc1" : "avc1");
  box.Zeros(6);
  box.U16(1);
  box.Zeros(16);
  box.U16(f.width);
  box.U16(f.height);
  box.U32(0x0048'0000);  // 72 dpi
  box.U32(0x0048'0000);
  box.U32(0);
  box.U16(1);
  box.Zeros(32);
  box.U16(0x0018);
  box.U16(0xFFFF);
  if (is_hevc)
    PutHevcConfig(box, f);
  else
    PutAvcConfig(box, f);
  const size_t pasp = box.Open("pasp");
  box.U32(f.aspect_width);
  box.U32(f.aspect_height);
  box.Close(pasp);
  box.Close(entry);
}

// An MPEG-4 descriptor of at most 127 bytes. Source: ISO/IEC 14496-1, 7.2.2 and 8.3.3.
void PutDescriptor(BoxWriter& box, uint8_t tag, size_t size) {
  box.U8(tag);
  box.U8(static_cast<unsigned>(size));
}

void PutEsds(BoxWriter& box, const SoundFormat& f) {
  constexpr uint8_t kEs = 3, kDecoderConfig = 4, kSpecific = 5, kSync = 6;
  constexpr uint8_t kAac = 0x40, kMpeg1 = 0x6B, kMpeg2 = 0x69, kAudioStream = 0x15;
  constexpr uint32_t kLowestMpeg1Rate = 32'000;
  const bool is_aac = f.codec == AudioCodec::kAdts;
  const size_t specific = is_aac ? 2 + f.config.size() : 0;
  const size_t esds = box.Open("esds", 0, 0);
  PutDescriptor(box, kEs, 3 + 2 + 13 + specific + 3);
  box.U16(0);
  box.U8(0);
  PutDescriptor(box, kDecoderConfig, 13 + specific);
  box.U8(is_aac ? kAac : f.rate < kLowestMpeg1Rate ? kMpeg2 : kMpeg1);
  box.U8(kAudioStream);
  box.Zeros(3 + 4 + 4);  // buffer and rates of bits not told
  if (is_aac) {
    PutDescriptor(box, kSpecific, f.config.size());
    box.Raw(f.config);
  }
  PutDescriptor(box, kSync, 1);
  box.U8(2);
  box.Close(esds);
}

void PutSoundEntry(BoxWriter& box, const SoundFormat& f) {
  const bool is_ac3 = f.codec == AudioCodec::kAc3, is_eac3 = f.codec == AudioCodec::kEac3;
  const size_t entry = box.Open(is_ac3 ? "ac-3" : is_eac3 ? "ec-3" : "mp4a");
  box.Zeros(6);
  box.U16(1);
  box.Zeros(8);
  box.U16(f.channels);
  box.U16(16);
  box.Zeros(4);
  box.U32(f.rate < 0x10000 ? f.rate << 16 : 0);
  if (is_ac3 || is_eac3) {
    const size_t config = box.Open(is_ac3 ? "dac3" : "dec3");
    box.Raw(f.config);
    box.Close(config);
  } else {
    PutEsds(box, f);
  }
  box.Close(entry);
}

}  // namespace

std::vector<uint8_t> MakeInit(const PictureFormat& f) {
  const auto shown = static_cast<uint32_t>(uint64_t{f.width} * f.aspect_width / f.aspect_height);
  return MakeFile({false, kPictureTimescale, shown, f.height, "und"},
                  [&](BoxWriter& box) { PutPictureEntry(box, f); });
}

std::vector<uint8_t> MakeInit(const SoundFormat& f, std::string_view language) {
  return MakeFile({true, f.rate, 0, 0, language}, [&](BoxWriter& box) { PutSoundEntry(box, f); });
}

}  // namespace xg2g
