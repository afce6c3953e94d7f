// The whole remuxer on any bytes, with any settings, cut anywhere: no crash, whole packets out, and
// the same ones however the input is cut. Section CRCs are put right first, else noise goes no further.
#include <cstdlib>
#include <vector>

#include "remuxer.h"

namespace {

using namespace xg2g;

constexpr size_t kSettingsBytes = 4;
constexpr size_t kMaxInputBytes = 256 * 1024;

void MendSections(std::vector<uint8_t>& ts) {
  for (size_t at = 0; at + kPacketBytes <= ts.size(); at += kPacketBytes) {
    const Packet packet(&ts[at]);
    if (ts[at] != kSyncByte || !packet.unit_start() || !packet.IsValid()) continue;
    const Bytes payload = packet.payload();
    if (payload.empty() || payload[0] + 4u > payload.size()) continue;
    const Bytes section = payload.subspan(1 + payload[0]);
    const size_t length = 3u + (Be16(&section[1]) & 0x0FFF);
    const bool is_table = section[0] == kPatTable || section[0] == kPmtTable;
    if (!is_table || length < 12 || length > section.size()) continue;
    auto* crc = const_cast<uint8_t*>(section.data()) + length - 4;
    PutBe32(crc, Crc32Mpeg(section.first(length - 4)));
  }
}

RemuxerSettings ReadSettings(const uint8_t* data) {
  static constexpr unsigned kChannels[] = {2, 1, 6, 2};
  RemuxerSettings settings;
  settings.audio = static_cast<AudioTarget>(data[0] % 3);
  settings.channels = kChannels[data[0] >> 2 & 3];
  settings.keeps_original = data[0] & 0x10;
  settings.is_single = data[0] & 0x20;
  settings.is_resumed = data[0] & 0x40;
  if (data[0] & 0x80) settings.languages = {"deu", "eng"};
  settings.settle_ms = data[1] * 4u;
  settings.program = data[2];
  return settings;
}

// What comes out when the pieces have these lengths, drawn from a seed; 0: one piece.
std::vector<uint8_t> Remux(const std::vector<uint8_t>& ts, const RemuxerSettings& settings,
                           uint32_t seed) {
  Remuxer remuxer(settings);
  std::vector<uint8_t> out, window(64 * kPacketBytes);
  const auto drain = [&] {
    while (const size_t n = remuxer.Pull(window)) out.insert(out.end(), window.begin(), window.begin() + n);
  };
  for (size_t at = 0; at < ts.size();) {
    seed = seed * 1664525 + 1013904223;
    const size_t most = 1 + (seed % 7 == 0 ? seed >> 20 : seed >> 24);
    const size_t length = std::min(ts.size() - at, most);
    // A copy of its own size: reading beyond it is seen.
    const std::vector<uint8_t> piece(ts.begin() + at, ts.begin() + at + length);
    remuxer.Push(piece);
    if (seed & 0x100) drain();
    remuxer.Settle();
    at += length;
  }
  remuxer.Flush();
  drain();
  remuxer.TakeMarks();
  remuxer.Problem();
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < kSettingsBytes || size > kMaxInputBytes) return 0;
  const RemuxerSettings settings = ReadSettings(data);
  std::vector<uint8_t> ts(data + kSettingsBytes, data + size);
  MendSections(ts);
  const std::vector<uint8_t> out = Remux(ts, settings, data[3]);
  if (out.size() % kPacketBytes != 0) std::abort();
  for (size_t at = 0; at < out.size(); at += kPacketBytes)
    if (out[at] != kSyncByte) std::abort();
  if (out != Remux(ts, settings, data[3] + 1u)) std::abort();
  return 0;
}
