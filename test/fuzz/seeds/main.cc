// Writes the seeds of the fuzz targets into the folder named: small streams of every kind, and the
// parts of which they are made. `make fuzz` runs it.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "broadcast.h"

using namespace xg2g::test;

namespace {

std::filesystem::path g_folder;

Data operator+(Data a, View b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

void Write(const std::string& target, const std::string& name, const Data& seed) {
  std::filesystem::create_directories(g_folder / target);
  std::ofstream file(g_folder / target / name, std::ios::binary);
  file.write(reinterpret_cast<const char*>(seed.data()), static_cast<std::streamsize>(seed.size()));
}

Data Length(size_t n) {
  return {static_cast<uint8_t>(n >> 8), static_cast<uint8_t>(n)};
}

// A stream for the packet and remuxer targets, with its tables and PES for theirs.
void WriteStream(const std::string& name, const Data& ts, const Data& options) {
  Write("remuxer", name, options + ts);
  for (const uint8_t container : {0, 1})
    Write("packager", name + (container ? "-mp4" : "-ts"), Data{container, 0x12, 3, 90, 0, 7} + ts);
  Write("packet", name, Data{0, 1, 0, 200} + ts);
  const TsDump dump = ReadTs(ts);
  Data sections = {0};
  for (size_t i = 0; i < std::min<size_t>(dump.pmts.size(), 2); ++i) {
    const Data section = Format(dump.pmts[i].table);
    sections = sections + Length(section.size() - 12) + section;
  }
  Write("psi", name, sections);
  Data table_payloads = {0x80}, pes_payloads = {0, 1, 0, 0, 0, 0, 0, 1};
  for (size_t i = 0; i < std::min<size_t>(dump.packets.size(), 40); ++i) {
    const TsPacket& p = dump.packets[i];
    const Data head = {p.is_start, static_cast<uint8_t>(p.payload.size())};
    if (p.pid <= 0x30) table_payloads = table_payloads + head + p.payload;
    if (p.pid >= 0x100 && p.pid < kTsNullPid) pes_payloads = pes_payloads + head + p.payload;
  }
  Write("psi", name + "-payloads", table_payloads);
  Write("pes", name, pes_payloads);
}

void WriteFrames(const std::string& name, uint8_t codec, const std::vector<CodedFrame>& frames) {
  Data seed = {codec};
  for (size_t i = 0; i < std::min<size_t>(frames.size(), 4); ++i)
    seed = seed + Data{3} + Length(frames[i].data.size()) + frames[i].data;
  Write("frame", name, seed);
}

void WritePictures(const std::string& name, uint8_t codec, View ts) {
  Data seed = {codec, 0, 1};
  const auto pictures = ReadTs(ts).Units(0x100);
  for (size_t i = 0; i < std::min<size_t>(pictures.size(), 6); ++i) {
    const View es = View(pictures[i].es).first(std::min<size_t>(pictures[i].es.size(), 120));
    seed = seed + Length(es.size()) + es;
  }
  Write("access", name, seed);
}

Broadcast Small(Audio audio, Video::Kind kind = Video::Kind::kH264) {
  return {.seconds = 0.3,
          .video = {.kind = kind, .gop = 4, .picture_bytes = 120},
          .audio = {std::move(audio)},
          .null_every = 0};
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) return 2;
  g_folder = arguments[1];
  const struct {
    std::string name;
    uint8_t codec;  // as the frame target numbers them
    Passage sound;
  } sounds[] = {
      {"mp2", 0, {.codec = Sound::kMp2, .bitrate = 64'000}},
      {"mp3", 0, {.codec = Sound::kMp3, .bitrate = 64'000}},
      {"ac3", 1, {.codec = Sound::kAc3, .bitrate = 96'000}},
      {"ac3-wide", 1, {.codec = Sound::kAc3, .channels = 6, .bitrate = 192'000}},
      {"eac3", 2, {.codec = Sound::kEac3, .bitrate = 64'000}},
      {"aac", 3, {.codec = Sound::kAac, .bitrate = 48'000}},
      {"latm", 4, {.codec = Sound::kLatm, .bitrate = 48'000}},
      {"dts", 5, {.codec = Sound::kDts, .bitrate = 384'000}},
  };
  for (const auto& s : sounds) {
    const Aired aired = Air(Small({.sound = {s.sound}}));
    WriteStream(s.name, aired.ts, {0, 0, 0, 3, 0, 1, 2, 0});
    WriteFrames(s.name, s.codec, aired.sound[0]);
  }
  const struct {
    std::string name;
    uint8_t codec;
    Video::Kind kind;
  } pictures[] = {{"mpeg2", 1, Video::Kind::kMpeg2},
                  {"h264", 2, Video::Kind::kH264},
                  {"hevc", 3, Video::Kind::kHevc}};
  for (const auto& p : pictures) {
    const Data ts = Air(Small({.sound = {sounds[0].sound}}, p.kind)).ts;
    WriteStream(p.name, ts, {1, 0, 8, 3, 0, 1, 2, 0});
    WritePictures(p.name, p.codec, ts);
  }
  // Silence, noise, tones and impulses at several levels, and floats as they are.
  for (uint8_t options = 0; options < 6; ++options)
    Write("encoder", "sounds" + std::to_string(options),
          {options, 92, 0xB9, 0xB9, 0xC1, 0xBE, 40, 0xBE, 90, 0xB3, 1, 0, 0xC3, 2, 200, 0x01, 0xB5,
           0xBD, 0x10, 0, 0, 0x80, 0x3F, 0, 0, 0xC0, 0x7F, 0xFE, 3, 0xB9, 0x79});
  Broadcast many = Small({.sound = {sounds[0].sound}, .pes_bytes = 300, .is_bounded = false});
  many.neighbours = {{2, 0x30}, {3, 0x40, true, 0x300}};
  many.audio.push_back(
      {.pid = 0x102, .language = "eng", .audio_type = 3, .sound = {sounds[4].sound}});
  many.audio[0].descriptors = {{0x09, {0x18, 0x30, 0xE5, 0x01}}};
  WriteStream("many", Air(many).ts, {0, 3, 1, 3, 0, 1, 2, 0});
  Broadcast radio = Small({.sound = {sounds[0].sound}}, Video::Kind::kNone);
  radio.start = kPtsWrap - 20'000;
  const Data before = Air(radio).ts;
  radio.start = 0;
  radio.program = 2;
  radio.begins_flagged = true;
  WriteStream("radio", Concatenate({before, Air(radio).ts}), {0, 0, 4, 3, 0, 1, 2, 0});
  Broadcast scrambled = Small({.sound = {sounds[0].sound}, .is_scrambled = {0.1, 0.2}});
  WriteStream("scrambled", Air(scrambled).ts, {0, 0, 8, 3, 0, 1, 2, 0});
  WriteStream("wide", Widen(Air(radio).ts, 0, 16), {0, 0, 0, 0, 0, 1, 2, 0});
}
