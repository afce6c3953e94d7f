#include "packet.h"

#include <doctest/doctest.h>

#include <random>

#include "broadcast.h"

namespace xg2g::test {
namespace {

// What PacketFinder finds, and what it says about the rest.
struct Found {
  std::vector<Data> packets = {};
  uint64_t losses = 0, skipped_bytes = 0;
  bool was_locked = false;
  bool operator==(const Found&) const = default;
};

template <class Next>
Found Find(View in, Next&& next, bool is_flushed = true) {
  PacketFinder finder;
  Found found;
  const auto walk = [&](const uint8_t* p, size_t stride, size_t count) {
    for (size_t i = 0; i < count; ++i, p += stride) {
      if (*p != kSyncByte) return i;
      found.packets.emplace_back(p, p + kPacketBytes);
    }
    return count;
  };
  while (!in.empty()) {
    const size_t size = std::min<size_t>(next(), in.size());
    // A copy that is gone afterwards: what is kept beyond the call is a read of freed memory.
    const Data piece(in.begin(), in.begin() + static_cast<long>(size));
    finder.Push(piece, walk, [] {});
    in = in.subspan(size);
  }
  if (is_flushed) finder.Flush(walk);
  found.losses = finder.losses();
  found.skipped_bytes = finder.skipped_bytes();
  found.was_locked = finder.was_locked();
  return found;
}

Found FindAll(View in) {
  return Find(in, [&] { return in.size(); });
}

// Packets that differ, with 0x47 in their payloads as often as chance has it.
Data Packets(size_t count, unsigned seed = 1) {
  std::mt19937 random(seed);
  Data out;
  for (size_t i = 0; i < count; ++i) {
    out.push_back(kSyncByte);
    for (size_t k = 1; k < kPacketBytes; ++k) out.push_back(static_cast<uint8_t>(random()));
  }
  return out;
}

std::vector<Data> Split(View packets) {
  std::vector<Data> out;
  for (size_t at = 0; at < packets.size(); at += kPacketBytes)
    out.emplace_back(packets.begin() + static_cast<long>(at),
                     packets.begin() + static_cast<long>(at + kPacketBytes));
  return out;
}

Data Text(const std::string& text) {
  return Data(text.begin(), text.end());
}

}  // namespace

TEST_CASE("WrapDistance: the shorter way round") {
  CHECK(WrapDistance(5, 3) == 2);
  CHECK(WrapDistance(3, 5) == -2);
  CHECK(WrapDistance(1, kPtsModulus - 1) == 2);
  CHECK(WrapDistance(kPtsModulus - 1, 1) == -2);
  CHECK(WrapDistance(kPtsModulus / 2, 0) == -kPtsModulus / 2);
  CHECK(WrapDistance(7, kPcrModulus - 3, kPcrModulus) == 10);
  CHECK(WrapPts(-1) == kPtsModulus - 1);
  CHECK(WrapPts(kPtsModulus + 4) == 4);
}

TEST_CASE("Packet: each field") {
  const struct {
    Data head;
    bool error, unit_start, scrambled, has_adaptation, has_payload;
    uint16_t pid;
    uint8_t continuity;
  } cases[] = {
      {{0x47, 0x00, 0x00, 0x10}, false, false, false, false, true, 0, 0},
      {{0x47, 0x80, 0x00, 0x10}, true, false, false, false, true, 0, 0},
      {{0x47, 0x40, 0x00, 0x10}, false, true, false, false, true, 0, 0},
      {{0x47, 0x20, 0x00, 0x10}, false, false, false, false, true, 0, 0},  // priority
      {{0x47, 0x1F, 0xFF, 0x10}, false, false, false, false, true, 0x1FFF, 0},
      {{0x47, 0x12, 0x34, 0x10}, false, false, false, false, true, 0x1234, 0},
      {{0x47, 0x00, 0x00, 0x40}, false, false, true, false, false, 0, 0},
      {{0x47, 0x00, 0x00, 0x80}, false, false, true, false, false, 0, 0},
      {{0x47, 0x00, 0x00, 0x20}, false, false, false, true, false, 0, 0},
      {{0x47, 0x00, 0x00, 0x3F}, false, false, false, true, true, 0, 15},
      {{0x47, 0xFF, 0xFF, 0xFF}, true, true, true, true, true, 0x1FFF, 15},
  };
  for (const auto& c : cases) {
    Data bytes = c.head;
    bytes.resize(kPacketBytes, 0xFF);
    const Packet p(bytes.data());
    CAPTURE(bytes[1]);
    CAPTURE(bytes[3]);
    CHECK(p.error() == c.error);
    CHECK(p.unit_start() == c.unit_start);
    CHECK(p.scrambled() == c.scrambled);
    CHECK(p.has_adaptation() == c.has_adaptation);
    CHECK(p.has_payload() == c.has_payload);
    CHECK(p.pid() == c.pid);
    CHECK(p.continuity() == c.continuity);
  }
}

TEST_CASE("Packet: every length of the adaptation field") {
  for (const bool has_payload : {false, true}) {
    for (size_t length = 0; length < 256; ++length) {
      CAPTURE(has_payload);
      CAPTURE(length);
      Data bytes = {0x47,
                    0x01,
                    0x00,
                    static_cast<uint8_t>(has_payload ? 0x30 : 0x20),
                    static_cast<uint8_t>(length),
                    0x80};
      bytes.resize(kPacketBytes, 0xFF);
      const Packet p(bytes.data());
      const bool is_valid = length <= (has_payload ? 182 : 183);
      REQUIRE(p.IsValid() == is_valid);
      if (!is_valid) continue;
      CHECK(p.payload().size() == (has_payload ? 183 - length : 0));
      if (has_payload) CHECK(p.payload().data() + p.payload().size() == &bytes.back() + 1);
      // Its flags are only there when it has a byte for them.
      CHECK(p.discontinuity() == (length > 0));
      CHECK(p.adaptation_flags() == (length > 0 ? 0x80 : 0));
    }
  }
}

TEST_CASE("Packet: neither adaptation field nor payload is not valid") {
  Data bytes = {0x47, 0x01, 0x00, 0x00};
  bytes.resize(kPacketBytes, 0);
  CHECK_FALSE(Packet(bytes.data()).IsValid());
}

TEST_CASE("Packet::pcr: what was written, and nothing where it has no room") {
  for (const int64_t pcr : {int64_t{0}, int64_t{1}, int64_t{299}, int64_t{300}, int64_t{511} * 300,
                            kPcrModulus / 2 + 12345, kPcrModulus - 1}) {
    TsWriter ts;
    ts.Put({.pid = 0x55, .has_payload = false, .pcr = pcr});
    ts.Put({.pid = 0x55, .pcr = pcr}, Data(170, 1));
    for (size_t at = 0; at < ts.size(); at += kPacketBytes)
      CHECK(Packet(ts.bytes().data() + at).pcr() == pcr);
  }
  TsWriter ts;
  ts.Put({.pid = 0x55, .has_payload = false, .pcr = 42});
  Data bytes = ts.Take();
  for (uint8_t length = 0; length < 7; ++length) {
    bytes[4] = length;
    CHECK(Packet(bytes.data()).pcr() == kNoTime);
  }
  bytes[4] = 7;
  CHECK(Packet(bytes.data()).pcr() == 42);
  bytes[5] = 0;
  CHECK(Packet(bytes.data()).pcr() == kNoTime);
}

TEST_CASE("PacketFinder: packets of each stride, in pieces of any size") {
  const Data packets = Packets(40);
  const auto expected = Split(packets);
  for (const auto& [before, after] : {std::pair{0, 0}, {4, 0}, {0, 16}}) {
    const Data in = Widen(packets, static_cast<size_t>(before), static_cast<size_t>(after));
    for (const size_t piece :
         {1, 2, 3, 7, 187, 188, 189, 192, 204, 376, 1000, 1020, 1021, 100'000}) {
      CAPTURE(before + after);
      CAPTURE(piece);
      const Found found = Find(in, [&] { return piece; });
      CHECK(found.packets == expected);
      CHECK(found.losses == 0);
      CHECK(found.was_locked);
    }
  }
}

TEST_CASE("PacketFinder: what it is given leaves it in the same call, but for less than a packet") {
  const Data in = Packets(40);
  const auto found = Find(
      View(in).first(30 * kPacketBytes + 100), [] { return size_t{100'000}; }, false);
  CHECK(found.packets.size() == 30);
}

TEST_CASE("PacketFinder: text before and after is skipped and counted") {
  const Data packets = Packets(20);
  const Data before = Text("HTTP/1.1 200 OK\r\nServer: GG\r\n\r\n");
  const Data after = Text("HTTP/1.0 400 Bad Request\r\n\r\n");
  const Found found = FindAll(Concatenate({before, packets, after}));
  CHECK(found.packets == Split(packets));
  CHECK(found.skipped_bytes == before.size() + after.size());
}

TEST_CASE("PacketFinder: no packets in text, noise, zeros or nothing") {
  std::mt19937 random(3);
  Data noise(50'000);
  for (uint8_t& byte : noise) {
    byte = static_cast<uint8_t>(random());
    if (byte == kSyncByte) byte = 0;
  }
  for (const Data& in : {Text("<html>no such service</html>"), noise, Data(5000, 0), Data{}}) {
    const Found found = FindAll(in);
    CHECK(found.packets.empty());
    CHECK_FALSE(found.was_locked);
    CHECK(found.skipped_bytes == in.size());
  }
}

TEST_CASE("PacketFinder: the end of the input needs no further packet to be believed") {
  for (size_t count = 1; count < 8; ++count) {
    const Data in = Packets(count);
    CHECK(FindAll(in).packets == Split(in));
    CHECK(FindAll(Concatenate({in, Data(100, kSyncByte)})).packets.size() == count);
  }
  // Without the four bytes that would precede the next, or the sixteen that follow the last.
  const Data in = Packets(6);
  const Data wide = Widen(in, 0, 16);
  CHECK(FindAll(View(wide).first(wide.size() - 16)).packets == Split(in));
}

TEST_CASE("PacketFinder: a damaged sync byte costs its packet, no other") {
  for (const size_t stride : {188, 192, 204}) {
    const Data packets = Packets(60);
    Data in = Widen(packets, stride == 192 ? 4 : 0, stride == 204 ? 16 : 0);
    const size_t sync = 20 * stride + (stride == 192 ? 4 : 0);
    in[sync] ^= 0x08;
    auto expected = Split(packets);
    expected.erase(expected.begin() + 20);
    for (const size_t piece : {1, 100, 188, 1000, 100'000}) {
      CAPTURE(stride);
      CAPTURE(piece);
      const Found found = Find(in, [&] { return piece; });
      CHECK(found.packets == expected);
      CHECK(found.losses == 0);
    }
  }
}

TEST_CASE("PacketFinder: bytes lost or put in lose the lock once, and it is found again") {
  const Data packets = Packets(200);
  const View all = packets;
  const auto begin = [&](size_t n) {
    return Data(all.begin(), all.begin() + static_cast<long>(n));
  };
  const auto end = [&](size_t n) { return Data(all.begin() + static_cast<long>(n), all.end()); };
  const struct {
    Data in;
    size_t least;  // packets that are to come out
  } cases[] = {
      {Concatenate({begin(100 * 188 + 50), end(101 * 188 + 3)}), 197},
      {Concatenate({begin(100 * 188), Text("something else"), end(100 * 188)}), 199},
      {Concatenate({begin(100 * 188), Data(5000, 0xAA), end(100 * 188)}), 199},
  };
  for (const auto& c : cases) {
    const Found found = FindAll(c.in);
    CHECK(found.losses == 1);
    CHECK(found.packets.size() >= c.least);
    CHECK(found.packets.back() == Split(packets).back());
  }
}

TEST_CASE("PacketFinder: the same packets however the input is cut, damaged or not") {
  for (unsigned seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    Data in;
    for (int part = 0; part < 4; ++part) {
      const Data packets = Packets(1 + random() % 30, static_cast<unsigned>(random()));
      const size_t before = random() % 3 == 0 ? 4 : 0, after = random() % 3 == 0 ? 16 : 0;
      Data piece = Widen(packets, before, before ? 0 : after);
      for (int i = 0; i < 3 && random() % 2 == 0; ++i) piece[random() % piece.size()] = kSyncByte;
      for (int i = 0; i < 3 && random() % 2 == 0; ++i)
        piece[random() % (piece.size() / 188) * 188] ^= 1;
      // A byte of the payload that looks like a sync byte in a few packets running.
      const size_t phase = 1 + random() % 180;
      for (size_t k = random() % 6; k > 0 && (k - 1) * 188 + phase < piece.size(); --k)
        piece[(k - 1) * 188 + phase] = kSyncByte;
      if (random() % 2 == 0) piece.resize(random() % piece.size());
      if (random() % 2 == 0)
        piece.erase(piece.begin(),
                    piece.begin() + static_cast<long>(random() % (piece.size() + 1)));
      in = Concatenate({in, piece});
    }
    const Found whole = FindAll(in);
    for (int i = 0; i < 5; ++i) {
      const unsigned most = i == 0 ? 1 : 1 + random() % 700;
      CHECK((Find(in, [&] { return 1 + random() % most; }) == whole));
    }
  }
}

}  // namespace xg2g::test
