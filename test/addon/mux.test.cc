#include "mux.h"

#include <doctest/doctest.h>

#include <random>

#include "ts.h"

namespace xg2g::test {
namespace {

Data Numbered(uint8_t number, size_t packets = 1) {
  Data out;
  for (size_t i = 0; i < packets; ++i) {
    Data packet(kPacketBytes, static_cast<uint8_t>(number + i));
    packet[0] = 0x47;
    out.insert(out.end(), packet.begin(), packet.end());
  }
  return out;
}

Data PullAll(Output& out, size_t window_bytes) {
  Data all, window(window_bytes);
  while (const size_t n = out.Pull(window)) {
    CHECK(n % kPacketBytes == 0);
    all.insert(all.end(), window.begin(), window.begin() + static_cast<long>(n));
  }
  return all;
}

}  // namespace

TEST_CASE("Output: borrowed and own packets leave in order, through windows of any size") {
  for (const size_t window : {188, 189, 375, 376, 1000, 100'000}) {
    const Data first = Numbered(1, 3), second = Numbered(50, 2);
    Output out;
    out.Pass(first.data(), 2 * kPacketBytes);
    out.Pass(first.data() + 2 * kPacketBytes, kPacketBytes);
    Data own = Numbered(90);
    std::copy(own.begin(), own.end(), out.Generate());
    out.Pass(second.data(), second.size());
    own = Numbered(91);
    std::copy(own.begin(), own.end(), out.Generate());
    CHECK(out.position() == 7 * kPacketBytes);
    CHECK(out.pending_bytes() == 7 * kPacketBytes);
    const Data all = PullAll(out, window);
    Data expected = first;
    for (const Data& more : {Numbered(90), second, Numbered(91)})
      expected.insert(expected.end(), more.begin(), more.end());
    CHECK(all == expected);
    CHECK(out.IsEmpty());
    CHECK(out.pending_bytes() == 0);
    CHECK(out.position() == 7 * kPacketBytes);
  }
}

TEST_CASE("Output::Pull: nothing into a window that holds no packet") {
  const Data packet = Numbered(1);
  Output out;
  out.Pass(packet.data(), packet.size());
  Data window(187);
  CHECK(out.Pull(window) == 0);
  CHECK(out.Pull({}) == 0);
  CHECK_FALSE(out.IsEmpty());
}

TEST_CASE("Output::Own: the input may go, at any moment") {
  std::mt19937 random(7);
  Output out;
  Data expected, got;
  uint8_t number = 0;
  for (int turn = 0; turn < 500; ++turn) {
    // The piece of input is gone at the end of the turn.
    const Data input = Numbered(number, 1 + random() % 20);
    number = static_cast<uint8_t>(number + 31);
    size_t at = 0;
    while (at < input.size()) {
      const size_t n = std::min(input.size() - at, kPacketBytes * (1 + random() % 4));
      out.Pass(input.data() + at, n);
      expected.insert(expected.end(), input.begin() + static_cast<long>(at),
                      input.begin() + static_cast<long>(at + n));
      at += n;
      if (random() % 3 == 0) {
        const Data own = Numbered(number++);
        std::copy(own.begin(), own.end(), out.Generate());
        expected.insert(expected.end(), own.begin(), own.end());
      }
      if (random() % 8 == 0) out.Own();
      if (random() % 4 == 0) {
        Data window(random() % 2000);
        const size_t pulled = out.Pull(window);
        got.insert(got.end(), window.begin(), window.begin() + static_cast<long>(pulled));
      }
    }
    out.Own();
    REQUIRE(out.position() == expected.size());
    REQUIRE(out.pending_bytes() == expected.size() - got.size());
  }
  const Data rest = PullAll(out, 5000);
  got.insert(got.end(), rest.begin(), rest.end());
  CHECK((got == expected));
}

TEST_CASE("Output::Section: one section per unit, whatever its length") {
  for (size_t body = 0; body <= 1012; ++body) {
    const Data section = Section(0x42, 1, 0, true, Data(body, 0x11));
    Output out;
    uint8_t continuity = 15;
    out.Section({0x0000, section}, continuity);
    const Data ts = PullAll(out, 10'000);
    CAPTURE(body);
    CHECK(ReadTs(ts).Faults() == "");
    CHECK(ts.size() / kPacketBytes == (section.size() + 1 + 183) / 184);
    CHECK(continuity == ts.size() / kPacketBytes - 1);
    CHECK(ts[4] == 0);
  }
}

TEST_CASE("Output::Adaptation: a clock, a flag, both or neither, and no step of the counter") {
  const int64_t pcrs[] = {kNoTime, 0, 299, 300, 27'000'000, kPcrModulus - 1};
  for (const int64_t pcr : pcrs)
    for (const bool is_flagged : {false, true}) {
      Output out;
      uint8_t continuity = 3;
      const Data section = Section(0x42, 1, 0, true, {});
      out.Section({0x44, section}, continuity);
      out.Adaptation(0x44, continuity, pcr, is_flagged);
      out.Section({0x44, section}, continuity);
      const Data ts = PullAll(out, 10'000);
      const TsDump dump = ReadTs(ts);
      CHECK(dump.Faults() == "");
      REQUIRE(dump.packets.size() == 3);
      CHECK(dump.packets[1].pcr == pcr);
      CHECK(dump.packets[1].is_discontinuity == is_flagged);
      CHECK_FALSE(dump.packets[1].has_payload);
      CHECK(dump.packets[1].pid == 0x44);
    }
}

}  // namespace xg2g::test
