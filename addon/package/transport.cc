#include "package/transport.h"

#include "pes.h"

namespace xg2g {

namespace {

constexpr unsigned kCounterSteps = 16;

// The payload of one packet in as many, stuffed. The first keeps the adaptation field and what it says.
// out: room for `pieces` packets; the payload has at least a byte for each.
void Spread(const Packet& packet, unsigned pieces, uint8_t* out) {
  Bytes payload = packet.payload();
  const size_t told = packet.has_adaptation() ? packet.data()[4] : 0;
  for (unsigned piece = 0; piece < pieces; ++piece, out += kPacketBytes) {
    const size_t size = payload.size() / (pieces - piece);
    std::memcpy(out, packet.data(), 4);
    out[3] |= 0x30;
    out[4] = static_cast<uint8_t>(kPacketBytes - 5 - size);
    std::memset(out + 5, 0xFF, out[4]);
    out[5] = 0;
    if (piece == 0) std::memcpy(out + 5, packet.data() + 5, told);
    if (piece > 0) out[1] &= static_cast<uint8_t>(~0x40);  // payload_unit_start_indicator
    std::memcpy(out + kPacketBytes - size, payload.data(), size);
    payload = payload.subspan(size);
  }
}

}  // namespace

Transport::Transport(std::vector<uint8_t> tables, std::vector<uint16_t> pids)
    : tables_(std::move(tables)) {
  for (const uint16_t pid : pids) counters_.push_back({pid});
}

void Transport::PutHead(std::vector<uint8_t>& part, int64_t pcr) {
  part.insert(part.end(), tables_.begin(), tables_.end());
  if (pcr != kNoTime) PutClock(part, pcr);
}

void Transport::PutClock(std::vector<uint8_t>& part, int64_t pcr) {
  scratch_.Adaptation(counters_.front().pid, 0, pcr, false);
  Drain(part);
}

void Transport::PutPes(std::vector<uint8_t>& part, uint16_t pid, Bytes pes) {
  uint8_t continuity = 0;
  WriteUnit(scratch_, {pid, pes, {}}, continuity);
  Drain(part);
}

void Transport::Drain(std::vector<uint8_t>& part) {
  const size_t at = part.size();
  part.resize(at + scratch_.pending_bytes());
  scratch_.Pull(std::span(part).subspan(at));
}

void Transport::Finish(std::vector<uint8_t>& part, bool is_last) {
  for (Counter& counter : counters_) {
    if (is_last) Round(part, counter);
    for (size_t at = 0; at < part.size(); at += kPacketBytes) {
      const Packet packet(&part[at]);
      if (packet.pid() != counter.pid) continue;
      const uint8_t now = packet.has_payload() ? counter.next++ : counter.next - 1;
      part[at + 3] = static_cast<uint8_t>((part[at + 3] & 0xF0) | (now & 0x0F));
    }
  }
}

void Transport::Round(std::vector<uint8_t>& part, const Counter& counter) {
  unsigned packets = counter.next;
  size_t widest = 0, place = part.size();
  for (size_t at = 0; at < part.size(); at += kPacketBytes) {
    const Packet packet(&part[at]);
    if (packet.pid() != counter.pid || !packet.has_payload()) continue;
    ++packets;
    if (packet.payload().size() < std::max<size_t>(widest, kCounterSteps)) continue;
    widest = packet.payload().size();
    place = at;
  }
  const unsigned more = (kCounterSteps - packets % kCounterSteps) % kCounterSteps;
  if (more == 0 || place == part.size()) return;
  std::array<uint8_t, kCounterSteps * kPacketBytes> pieces;
  Spread(Packet(&part[place]), more + 1, pieces.data());
  std::memcpy(&part[place], pieces.data(), kPacketBytes);
  part.insert(part.begin() + static_cast<long>(place + kPacketBytes), pieces.begin() + kPacketBytes,
              pieces.begin() + static_cast<long>((more + 1) * kPacketBytes));
}

}  // namespace xg2g
