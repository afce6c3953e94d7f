// Another time line than the source's: by how much its time stamps are moved so that they follow what a
// player has had before, and moving them.
#pragma once

#include "mux.h"
#include "packet.h"
#include "pes.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

namespace xg2g {

class TimeLine {
 public:
  // Of the stream that is gone on with: all its time stamps were moved by `shift`, and the latest that
  // left was continue_from (90 kHz, or kNoTime: the source is the same as before).
  TimeLine(int64_t shift, int64_t continue_from) : before_(shift), continue_from_(continue_from) {}

  // Has the shift to be found from what is held, so that time stamps have to be in it?
  bool IsToFollow() const { return continue_from_ != kNoTime; }
  // The earliest time stamp in `held`, whole packets, is to follow the latest that left before.
  // is_sent: does the PID carry sound or picture that is sent?
  template <class IsSent>
  void Decide(Bytes held, uint16_t pcr_pid, IsSent&& is_sent);

  // 90 kHz; 0 until it is decided.
  int64_t shift() const { return shift_; }

  // Hands on a moved copy, made in `out`; the packet itself where it has no time stamp. Where a PES
  // header goes on in the next packet of the PID its first packet is kept until then: returns true,
  // and the next packet of the PID has to come here whatever it looks like.
  template <class Take>
  bool Move(const Packet& packet, bool is_stream, Output& out, Take&& take);
  // End of input: what is kept goes as it is.
  template <class Take>
  void Flush(Output& out, Take&& take);

  // A PTS that left. The highest counts, but for those of another time line.
  void Note(int64_t pts);
  // That of the PES header in the packet, if one begins there; returns it, or kNoTime.
  int64_t NoteOf(const Packet& packet);
  // The latest that left, or kNoTime.
  int64_t last() const { return last_; }

 private:
  using PacketBytes = std::array<uint8_t, kPacketBytes>;
  struct BegunHeader {
    uint16_t pid;
    PacketBytes packet;
  };
  // Of what is held.
  struct Found {
    int64_t clock = kNoTime, earliest = kNoTime;
  };

  void ReadClock(const Packet& packet, Found& found) const;
  void ReadTimesOf(const Packet& packet, Found& found) const;
  void Follow(const Found& found);
  // Moves the header over both packets; false where the second does not go on with it.
  bool MoveSplit(PacketBytes& begun, const Packet& packet, PacketBytes& second) const;

  int64_t before_;
  int64_t continue_from_;
  int64_t shift_ = 0;
  int64_t last_ = kNoTime;
  std::vector<BegunHeader> begun_;
};

template <class IsSent>
void TimeLine::Decide(Bytes held, uint16_t pcr_pid, IsSent&& is_sent) {
  shift_ = before_;
  if (!IsToFollow()) return;
  Found found;
  const auto each_packet = [&](auto&& take) {
    for (size_t at = 0; at < held.size(); at += kPacketBytes) {
      const Packet packet(held.data() + at);
      if (!packet.error() && packet.IsValid()) take(packet);
    }
  };
  each_packet([&](const Packet& packet) {
    if (packet.pid() == pcr_pid) ReadClock(packet, found);
  });
  each_packet([&](const Packet& packet) {
    if (is_sent(packet.pid())) ReadTimesOf(packet, found);
  });
  Follow(found);
}

template <class Take>
bool TimeLine::Move(const Packet& packet, bool is_stream, Output& out, Take&& take) {
  const auto begun = packet.has_payload() ? std::ranges::find(begun_, packet.pid(), &BegunHeader::pid)
                                          : begun_.end();
  if (begun != begun_.end()) {
    PacketBytes first = begun->packet, second;
    begun_.erase(begun);
    const bool is_whole = MoveSplit(first, packet, second);
    take(Packet(out.Copy(first.data())));
    if (is_whole) {
      take(Packet(out.Copy(second.data())));
      return false;
    }
  }
  const Bytes payload = packet.payload();
  const bool begins = packet.unit_start() && packet.has_payload() && !packet.scrambled() && is_stream;
  const size_t times = begins ? TimesEnd(payload) : 0;
  if (times == 0 && !packet.has_clock()) {
    take(packet);
    return false;
  }
  uint8_t* copy = out.Copy(packet.data());
  if (packet.has_clock()) ShiftClocks(copy, shift_);
  if (times > payload.size()) {
    std::memcpy(begun_.emplace_back(BegunHeader{packet.pid(), {}}).packet.data(), copy, kPacketBytes);
    return true;
  }
  if (times > 0) ShiftTimes(copy + (payload.data() - packet.data()), times, shift_);
  take(Packet(copy));
  return false;
}

template <class Take>
void TimeLine::Flush(Output& out, Take&& take) {
  for (const BegunHeader& begun : begun_) take(Packet(out.Copy(begun.packet.data())));
  begun_.clear();
}

}  // namespace xg2g
