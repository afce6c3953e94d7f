#include "track.h"

#include <utility>

namespace xg2g {

namespace {
// Audio stream number 0. Source: ISO/IEC 13818-1, table 2-21; AC-3 comes with BD, which AAC is not.
constexpr uint8_t kAudioStreamId = 0xC0;

// What follows the header of the PES packet that begins here; empty when none does, or its header
// does not end in this packet.
Bytes FrameAtStart(const Packet& packet) {
  const Bytes payload = packet.payload();
  if (!packet.unit_start() || payload.size() < 9 || Be24(payload.data()) != 1) return {};
  return payload.subspan(std::min<size_t>(9u + payload[8], payload.size()));
}

// That a packet before this one has.
uint8_t CounterBefore(const Packet& packet) {
  return (packet.continuity() + (packet.has_payload() ? 15 : 0)) & 0x0F;
}
}  // namespace

void Track::Push(const Packet& packet, Output& out) {
  if (packet.has_payload()) UpdateScrambling(packet, out);
  if (mode_ == Mode::kScrambled) {
    if (packet.scrambled()) ++stats_.scrambled_packets;
    return PassThrough(packet, out);
  }
  if (packet.scrambled()) {
    // Not yet believed: neither sound nor, on this PID, the source's packets.
    ++stats_.scrambled_packets;
    has_continuity_ = false;
    return Lose();
  }
  if (!Accept(packet)) return;
  if (packet.unit_start()) DecideCopy(packet, out);
  if (mode_ == Mode::kCopy) return PassThrough(packet, out);
  if (mode_ == Mode::kTranscode) Transcode(packet, out);
}

void Track::Preview(const Packet& packet) {
  if (header_rate_ > 0 || packet.scrambled()) return;
  const auto header = ParseFrameHeader(settings_.codec, FrameAtStart(packet));
  // AAC below may be the half of HE-AAC: what the decoder makes of it tells.
  const bool may_double = settings_.codec == AudioCodec::kAdts && header && header->rate <= 24'000;
  if (header && !may_double) header_rate_ = header->rate;
}

// Source: ISO/IEC 13818-1, 2.4.3.3: +1 on packets with payload; a packet may be sent twice.
bool Track::Accept(const Packet& packet) {
  if (packet.discontinuity()) has_continuity_ = false;
  if (!packet.has_payload()) return true;
  const uint8_t expected = (source_continuity_ + 1) & 0x0F;
  const uint8_t now = packet.continuity();
  if (has_continuity_ && now == source_continuity_ &&
      std::memcmp(last_packet_.data(), packet.data(), kPacketBytes) == 0) {
    ++stats_.duplicates;
    return false;
  }
  if (has_continuity_ && now != expected) {
    ++stats_.continuity_errors;
    Lose();
  }
  has_continuity_ = true;
  source_continuity_ = now;
  std::memcpy(last_packet_.data(), packet.data(), kPacketBytes);
  return true;
}

void Track::UpdateScrambling(const Packet& packet, Output& out) {
  const bool is_scrambled = mode_ == Mode::kScrambled;
  if (packet.scrambled() == is_scrambled) {
    disagreeing_ = 0;
    return;
  }
  const bool is_first = mode_ == Mode::kUndecided;
  if (!is_first && ++disagreeing_ < kScrambleHysteresis) return;
  disagreeing_ = 0;
  has_continuity_ = false;
  Leave(out);
  Lose();
  flags_discontinuity_ |= !is_first;
  mode_ = is_scrambled ? Mode::kUndecided : Mode::kScrambled;
}

// The source's packets follow: what was begun is sent before them, and nothing of it later.
void Track::Leave(Output& out) {
  Flush(out);
  transcoder_.Forget();
}

// ADTS that is what was asked for passes as it is. Asked again at each PES packet, since a source
// may change; what is not seen to fit is transcoded.
void Track::DecideCopy(const Packet& packet, Output& out) {
  const bool was_copy = mode_ == Mode::kCopy;
  mode_ = Mode::kTranscode;
  if (settings_.codec != AudioCodec::kAdts && settings_.codec != AudioCodec::kMpeg) return;
  const auto header = ParseFrameHeader(settings_.codec, FrameAtStart(packet));
  if (!header) {
    // Not aligned to the PES packet: what was copied so far goes on being copied.
    if (was_copy) mode_ = Mode::kCopy;
    return;
  }
  header_rate_ = header->rate;
  const bool is_target = TargetFor(settings_.sound.target, header->rate) == AudioTarget::kAac
                             ? header->adts_lc && header->channels > 0
                             : header->layer == 3;
  if (!is_target || header->channels > settings_.sound.channels) return;
  if (!was_copy) Leave(out);
  mode_ = Mode::kCopy;
}

void Track::PassThrough(const Packet& packet, Output& out) {
  // Between our packets and the source's the counter breaks.
  const uint8_t before = CounterBefore(packet);
  const bool breaks = packet.has_payload() && is_ours_ && continuity_ != before;
  if (std::exchange(flags_discontinuity_, false) || breaks)
    out.Adaptation(settings_.pid, before, kNoTime, true);
  if (packet.has_payload()) {
    is_ours_ = false;
    continuity_ = packet.continuity();
  }
  if (packet.unit_start() && !packet.scrambled()) {
    pes_.Push(packet.payload(), true, [&](const PesHeader& h) { unit_pts_ = h.pts; }, [](Bytes) {});
    ++units_;
  }
  out.Pass(packet);
}

void Track::PassOriginal(const Packet& packet, Output& out) {
  if (std::exchange(flags_original_, false) && !packet.discontinuity())
    out.Adaptation(settings_.original_pid, CounterBefore(packet), kNoTime, true);
  uint8_t* p = out.Generate();
  std::memcpy(p, packet.data(), kPacketBytes);
  p[1] = static_cast<uint8_t>((p[1] & 0xE0) | settings_.original_pid >> 8);
  p[2] = static_cast<uint8_t>(settings_.original_pid);
}

void Track::Transcode(const Packet& packet, Output& out) {
  const auto write = [&](const Transcoder::Unit& unit) { Write(unit, out); };
  if (packet.discontinuity()) {
    framer_.Reset();
    pes_.Reset();
    transcoder_.Break(write);
    flags_discontinuity_ = true;
  }
  // What the adaptation field says must not go with the payload: on radio the PCR lies here.
  if (packet.pcr() != kNoTime) {
    out.Adaptation(settings_.pid, continuity_, packet.pcr(), flags_discontinuity_);
    flags_discontinuity_ = false;
  }
  pes_.Push(
      packet.payload(), packet.unit_start(),
      [&](const PesHeader& header) { framer_.Begin(header.pts); },
      [&](Bytes data) {
        framer_.Push(data, [&](const FrameHeader& header, Bytes frame, int64_t pts) {
          header_rate_ = header.rate ? header.rate : header_rate_;
          if (framer_.losses() != losses_) transcoder_.ExpectGap();
          losses_ = framer_.losses();
          out.Pause();
          transcoder_.Push(header, frame, pts, write);
        });
      });
  if (settings_.original_pid != 0) PassOriginal(packet, out);
}

void Track::Write(const Transcoder::Unit& unit, Output& out) {
  ++units_;
  unit_pts_ = unit.pts;
  const bool flagged = flags_discontinuity_;
  flags_discontinuity_ = false;
  is_ours_ = true;
  WritePes(out, {settings_.pid, kAudioStreamId, unit.pts, unit.bytes, flagged || unit.is_jump},
           continuity_);
}

void Track::Lose() {
  pes_.Reset();
  framer_.Reset();
  ++stats_.lost_frames;
}

void Track::Flush(Output& out) {
  if (mode_ != Mode::kTranscode) return;
  const auto write = [&](const Transcoder::Unit& unit) { Write(unit, out); };
  framer_.Flush([&](const FrameHeader& header, Bytes frame, int64_t pts) {
    transcoder_.Push(header, frame, pts, write);
  });
  transcoder_.Flush(write);
}

}  // namespace xg2g
