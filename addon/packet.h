// One transport packet as a view over 188 borrowed bytes, and the search for packet boundaries.
// Source: ISO/IEC 13818-1, 2.4.3.2 and 2.4.3.4.
#pragma once

#include "bytes.h"

#include <algorithm>
#include <array>
#include <optional>

namespace xg2g {

inline constexpr size_t kPacketBytes = 188;
inline constexpr uint8_t kSyncByte = 0x47;
inline constexpr uint16_t kPatPid = 0x0000;
inline constexpr uint16_t kFirstFreePid = 0x0020;  // below: tables of ISO/IEC 13818-1 and EN 300 468
inline constexpr uint16_t kNullPid = 0x1FFF;
inline constexpr size_t kPidCount = 8192;
inline constexpr int64_t kNoTime = -1;
inline constexpr int64_t kTicksPerSecond = 90'000;      // PTS, DTS
inline constexpr int64_t kPtsModulus = int64_t{1} << 33;
inline constexpr int64_t kPcrPerTick = 300;             // PCR counts 27 MHz
inline constexpr int64_t kPcrModulus = kPtsModulus * kPcrPerTick;

// The signed distance from b to a on a clock that wraps: -modulus/2 .. modulus/2.
inline int64_t WrapDistance(int64_t a, int64_t b, int64_t modulus = kPtsModulus) {
  int64_t d = (a - b) % modulus;
  if (d >= modulus / 2) d -= modulus;
  if (d < -modulus / 2) d += modulus;
  return d;
}
inline int64_t WrapPts(int64_t ticks) { return ticks & (kPtsModulus - 1); }

// A view of one packet. Reads fields, checks lengths against 188, never past them.
class Packet {
 public:
  explicit Packet(const uint8_t* p) : p_(p), head_(Be32(p)) {}

  bool error() const { return head_ & 0x0080'0000; }       // transport_error_indicator
  bool unit_start() const { return head_ & 0x0040'0000; }  // payload_unit_start_indicator
  uint16_t pid() const { return head_ >> 8 & 0x1FFF; }
  bool scrambled() const { return head_ & 0xC0; }  // transport_scrambling_control
  bool has_adaptation() const { return head_ & 0x20; }
  bool has_payload() const { return head_ & 0x10; }
  uint8_t continuity() const { return head_ & 0x0F; }

  // False when the adaptation field runs out of the packet or both parts are absent.
  bool IsValid() const {
    if (!has_adaptation()) return has_payload();
    return p_[4] <= (has_payload() ? 182 : 183);
  }
  // Needs IsValid().
  Bytes payload() const {
    if (!has_payload()) return {};
    const size_t start = has_adaptation() ? 5u + p_[4] : 4u;
    return {p_ + start, kPacketBytes - start};
  }
  // Needs IsValid(). The flags byte of the adaptation field, 0 when there is none.
  uint8_t adaptation_flags() const { return has_adaptation() && p_[4] > 0 ? p_[5] : 0; }
  bool discontinuity() const { return adaptation_flags() & 0x80; }
  // Any flag at all (PCR, discontinuity, random access, private data ...): more than stuffing.
  bool adaptation_says_something() const { return adaptation_flags() != 0; }
  // Needs IsValid(). PCR or OPCR.
  bool has_clock() const { return adaptation_flags() & 0x18; }
  // Needs IsValid(). 27 MHz, 0 .. 2^33*300-1, or kNoTime.
  int64_t pcr() const {
    if (!(adaptation_flags() & 0x10) || p_[4] < 7) return kNoTime;
    const int64_t base = int64_t{Be32(p_ + 6)} << 1 | p_[10] >> 7;
    return base * kPcrPerTick + ((p_[10] & 1) << 8 | p_[11]);
  }
  const uint8_t* data() const { return p_; }

 private:
  const uint8_t* p_;
  uint32_t head_;
};

// Adds to the PCR and OPCR of a packet that IsValid(), where it has them; their extensions stay.
void ShiftClocks(uint8_t* packet, int64_t ticks);

// Finds the packets in input of any length and alignment. Packets may be 188 bytes, 192 (four bytes
// of time stamp before each) or 204 (sixteen bytes of check after each); locks after kLockPackets
// sync bytes at one stride, and again after loss. Keeps at most kCarryBytes between calls.
class PacketFinder {
 public:
  static constexpr size_t kLockPackets = 3;
  static constexpr size_t kMaxStride = 204;
  static constexpr size_t kCarryBytes = 5 * kMaxStride;

  // Calls walk(p, stride, count) for runs of count packets at p, p + stride ... ; walk returns the
  // packets it took as good: fewer than count when the next one does not begin with a sync byte.
  // The pointers stay valid as long as `in` does, but for packets that were cut between two calls:
  // after those forget() is called, and what is still needed of them must have been copied then.
  template <class Walk, class Forget>
  void Push(Bytes in, Walk&& walk, Forget&& forget);
  // End of input: what is left may hold packets too few to lock on. Forgets everything.
  template <class Walk>
  void Flush(Walk&& walk);

  uint64_t losses() const { return losses_; }               // locks lost
  uint64_t skipped_bytes() const { return skipped_bytes_; }  // bytes outside of packets
  bool was_locked() const { return ever_locked_; }

 private:
  struct Lock {
    size_t offset, stride;
  };
  static std::optional<Lock> Find(Bytes in, size_t packets);
  void Drop(size_t n, bool damage);
  template <class Walk>
  size_t Consume(Bytes in, Walk&& walk);

  std::array<uint8_t, kCarryBytes> carry_;
  size_t carried_ = 0;
  size_t stride_ = 0;  // 0: not locked
  uint64_t losses_ = 0, skipped_bytes_ = 0;
  bool ever_locked_ = false;
};

// Takes whole packets from the front of in as long as they are in step; returns the bytes used.
// Less than a packet (unlocked: less than a search needs) stays with the caller.
template <class Walk>
size_t PacketFinder::Consume(Bytes in, Walk&& walk) {
  size_t used = 0;
  for (;;) {
    const Bytes rest = in.subspan(used);
    if (stride_ == 0) {
      if (rest.size() < kCarryBytes) return used;
      // Never more than fits into the carry: what is found must not depend on how the input is cut.
      const auto lock = Find(rest.first(kCarryBytes), kLockPackets);
      if (!lock) {
        constexpr size_t useless = kCarryBytes - kLockPackets * kMaxStride;
        skipped_bytes_ += useless;
        used += useless;
        continue;
      }
      skipped_bytes_ += lock->offset;
      used += lock->offset;
      stride_ = lock->stride;
      ever_locked_ = true;
      continue;
    }
    const size_t count = rest.size() / stride_;
    if (count == 0) return used;
    const size_t good = walk(rest.data(), stride_, count);
    used += good * stride_;
    if (good == count) continue;
    // One sync byte is damaged, but the packet after it is in step: drop that packet only.
    const Bytes bad = in.subspan(used);
    if (bad.size() <= stride_) return used;
    if (bad[stride_] == kSyncByte) {
      skipped_bytes_ += stride_;
      used += stride_;
      continue;
    }
    ++losses_;
    stride_ = 0;
  }
}

template <class Walk, class Forget>
void PacketFinder::Push(Bytes in, Walk&& walk, Forget&& forget) {
  while (carried_ > 0 && !in.empty()) {
    // Fill the carry until it yields something, then go on in place where it ended.
    const size_t before = carried_;
    const size_t want = stride_ ? (carried_ < stride_ ? stride_ : 2 * stride_) : kCarryBytes;
    const size_t take = std::min(in.size(), want - carried_);
    std::memcpy(carry_.data() + carried_, in.data(), take);
    carried_ += take;
    const size_t used = Consume({carry_.data(), carried_}, walk);
    if (used > 0) forget();
    if (used >= before) {  // what was carried is done with: the rest lies in `in` itself
      in = in.subspan(used - before);
      carried_ = 0;
      break;
    }
    in = in.subspan(take);
    carried_ -= used;
    std::memmove(carry_.data(), carry_.data() + used, carried_);
  }
  if (in.empty()) return;
  const size_t used = Consume(in, walk);
  carried_ = in.size() - used;
  std::memcpy(carry_.data(), in.data() + used, carried_);
}

template <class Walk>
void PacketFinder::Flush(Walk&& walk) {
  Bytes rest{carry_.data(), carried_};
  // A last packet needs no one after it to be believed; 204-byte packets may lack their tail.
  if (stride_ == 0) {
    const size_t packets = std::clamp<size_t>(rest.size() / kPacketBytes, 1, kLockPackets);
    if (const auto lock = Find(rest, packets)) {
      skipped_bytes_ += lock->offset;
      rest = rest.subspan(lock->offset);
      stride_ = lock->stride;
      ever_locked_ = true;
    }
  }
  while (stride_ != 0 && rest.size() >= kPacketBytes) {
    if (walk(rest.data(), stride_, 1) != 1) break;
    rest = rest.subspan(std::min(stride_, rest.size()));
  }
  skipped_bytes_ += rest.size();
  carried_ = 0;
  stride_ = 0;
}

}  // namespace xg2g
