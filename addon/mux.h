// What leaves the remuxer: runs of packets, some lying in the input, some written here, in order.
// A run in the input is borrowed: it is valid until the call that brought it returns, or Own().
#pragma once

#include "bytes.h"
#include "packet.h"

#include <functional>
#include <utility>
#include <vector>

namespace xg2g {

// One section in packets that lack nothing but their counters, to be sent many times.
class SectionPackets {
 public:
  SectionPackets() = default;
  SectionPackets(uint16_t pid, Bytes section);
  size_t count() const { return bytes_.size() / kPacketBytes; }
  const uint8_t* packet(size_t i) const { return bytes_.data() + i * kPacketBytes; }

 private:
  std::vector<uint8_t> bytes_;
};

class Output {
 public:
  // Room for what a push of 64 KiB usually makes: it grows where that is not enough.
  static constexpr size_t kUsualRuns = 512;
  static constexpr size_t kUsualBytes = 48 * 1024;

  Output() {
    runs_.reserve(kUsualRuns);
    arena_.reserve(kUsualBytes);
  }

  // Appends whole packets that lie in borrowed memory.
  void Pass(const uint8_t* packets, size_t bytes) {
    position_ += bytes;
    if (!runs_.empty() && runs_.back().borrowed &&
        runs_.back().borrowed + runs_.back().bytes == packets) {
      runs_.back().bytes += bytes;
      return;
    }
    runs_.push_back({packets, 0, bytes});
  }
  // One packet that lies in borrowed memory, or is the last Copy().
  void Pass(const Packet& packet) {
    if (packet.data() != copy_.data()) return Pass(packet.data(), kPacketBytes);
    Add(packet.data());
  }
  // A packet of the input to be changed, and then passed like others. Valid until the next one.
  uint8_t* Copy(const uint8_t* packet) {
    std::memcpy(copy_.data(), packet, kPacketBytes);
    return copy_.data();
  }
  // Appends one packet of our own and returns its 188 bytes, to be filled before the next call: what
  // is not, is stuffing.
  uint8_t* Generate() { return Add(kStuffing.data()); }
  // Appends the packets of one section. continuity: the counter of the PID, stepped per packet.
  void Section(const SectionPackets& section, uint8_t& continuity);
  // Appends a packet without payload that carries a PCR (27 MHz, or kNoTime) and the flag.
  void Adaptation(uint16_t pid, uint8_t continuity, int64_t pcr, bool discontinuity);

  // Moves whole packets into the window; returns the bytes, a multiple of 188, 0 when none is left
  // or the window is smaller than a packet.
  size_t Pull(std::span<uint8_t> window);
  // Copies what is still borrowed, so that the input may go.
  void Own();
  bool IsEmpty() const { return first_ == runs_.size(); }
  // To be called by whoever is about to take long: what is there may be pulled before.
  void Pause() {
    if (on_pause_) on_pause_();
  }
  void OnPause(std::function<void()> call) { on_pause_ = std::move(call); }
  size_t pending_bytes() const { return static_cast<size_t>(position_ - pulled_); }
  // Bytes appended since the beginning: the offset of the next packet in our output.
  uint64_t position() const { return position_; }

 private:
  static constexpr auto kStuffing = [] {
    std::array<uint8_t, kPacketBytes> packet;
    packet.fill(0xFF);
    return packet;
  }();
  struct Run {
    const uint8_t* borrowed;  // null: in the arena
    size_t offset;            // in the arena
    size_t bytes;
  };
  uint8_t* Add(const uint8_t* packet) {
    position_ += kPacketBytes;
    const size_t at = arena_.size();
    arena_.insert(arena_.end(), packet, packet + kPacketBytes);
    if (!runs_.empty() && !runs_.back().borrowed && runs_.back().offset + runs_.back().bytes == at)
      runs_.back().bytes += kPacketBytes;
    else
      runs_.push_back({nullptr, at, kPacketBytes});
    return arena_.data() + at;
  }
  const uint8_t* Data(const Run& run) const {
    return run.borrowed ? run.borrowed : arena_.data() + run.offset;
  }

  std::vector<Run> runs_;
  size_t first_ = 0;  // runs before it are gone
  std::vector<uint8_t> arena_;
  std::array<uint8_t, kPacketBytes> copy_;
  std::function<void()> on_pause_;
  uint64_t position_ = 0, pulled_ = 0;
};

}  // namespace xg2g
