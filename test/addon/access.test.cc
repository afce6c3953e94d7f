#include "access.h"

#include <doctest/doctest.h>

#include <ostream>
#include <random>
#include <string>

#include "bits.h"

using namespace xg2g;
using xg2g::test::BitWriter;
using Verdict = AccessScanner::Verdict;

namespace xg2g {
std::ostream& operator<<(std::ostream& out, AccessScanner::Verdict v) {
  return out << (v == Verdict::kMore ? "more" : v == Verdict::kNone ? "none" : "access");
}
std::ostream& operator<<(std::ostream& out, AccessKind k) {
  const char* const names[] = {"idr", "recovery", "cra", "bla", "mpeg2", "audio"};
  return out << names[static_cast<int>(k)];
}
}  // namespace xg2g

namespace {

using Es = std::vector<uint8_t>;

Es operator+(Es a, const Es& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

Es Unit(Es content) { return Es{0, 0, 1} + content; }
Es LongUnit(Es content) { return Es{0, 0, 0, 1} + content; }

// H.264. A slice's first bytes: first_mb_in_slice, slice_type, then what does not matter.
Es Slice(unsigned slice_type, uint32_t first_mb = 0, unsigned nal_type = 1) {
  BitWriter w;
  w.Put(8, 0x60 | nal_type).PutUe(first_mb).PutUe(slice_type).PutUe(0).Put(32, 0x9A3C51E7);
  return Unit(w.bytes());
}
const Es kAud = LongUnit({0x09, 0xF0});
const Es kSps = Unit({0x67, 0x64, 0x00, 0x28, 0xAC, 0xD9, 0x40, 0x78, 0x02, 0x27, 0xE5});
const Es kPps = Unit({0x68, 0xEB, 0xE3, 0xCB, 0x22, 0xC0});
const Es kRecoverySei = Unit({0x06, 0x06, 0x01, 0xC4, 0x80});
// Buffering period and picture timing before the recovery point, with emulation prevention.
const Es kLongSei = Unit({0x06, 0x00, 0x05, 0x00, 0x00, 0x03, 0x00, 0x00, 0x03, 0x01, 0x80,
                          0x01, 0x02, 0x00, 0x03, 0x06, 0x01, 0xC4, 0x80});
const Es kIdr = Slice(7, 0, 5);

// HEVC. layer: nuh_layer_id; is_first: first_slice_segment_in_pic_flag
Es Hevc(unsigned type, unsigned layer = 0, bool is_first = true) {
  BitWriter w;
  w.Put(1, 0).Put(6, type).Put(6, layer).Put(3, 1).Put(1, is_first).Put(31, 0x2F3C51E7);
  return Unit(w.bytes());
}
const Es kVps = Hevc(32), kHevcSps = Hevc(33), kHevcPps = Hevc(34), kHevcAud = Hevc(35);

// MPEG-2. type: 1 I, 2 P, 3 B
Es Picture(unsigned type, unsigned temporal_reference = 2) {
  BitWriter w;
  w.Put(8, 0x00).Put(10, temporal_reference).Put(3, type).Put(16, 0xFFFF).Put(3, 0);
  return Unit(w.bytes());
}
const Es kSequence = Unit({0xB3, 0x2D, 0x02, 0x40, 0x33, 0x24, 0x9F, 0x23, 0x81});
const Es kSequenceExtension = Unit({0xB5, 0x14, 0x8A, 0x00, 0x01, 0x00, 0x00});
const Es kGop = Unit({0xB8, 0x00, 0x08, 0x00, 0x40});
const Es kUserData = Unit({0xB2, 0x47, 0x41, 0x39, 0x34, 0x03, 0x00, 0x00, 0x03, 0x01});

struct Case {
  std::string what;
  VideoCodec codec;
  Es es;
  Verdict verdict;
  AccessKind kind = AccessKind::kIdr;
};

constexpr auto kMpeg2 = VideoCodec::kMpeg2;
constexpr auto kH264 = VideoCodec::kH264;
constexpr auto kHevc = VideoCodec::kHevc;

const std::vector<Case>& Cases() {
  using enum AccessScanner::Verdict;
  static const std::vector<Case> cases = {
      {"IDR with parameter sets", kH264, kAud + kSps + kPps + kIdr, kAccess},
      {"IDR, no parameter sets ever seen", kH264, kAud + kIdr, kAccess},
      {"recovery point", kH264, kAud + kSps + kPps + kRecoverySei + Slice(7), kAccess,
       AccessKind::kRecovery},
      {"recovery point in a long SEI", kH264, kAud + kSps + kPps + kLongSei + Slice(2), kAccess,
       AccessKind::kRecovery},
      {"I slice with SPS, without SEI", kH264, kSps + kPps + Slice(2), kAccess,
       AccessKind::kRecovery},
      {"I partition with SPS", kH264, kSps + kPps + Slice(7, 0, 2), kAccess,
       AccessKind::kRecovery},
      {"the last slices of the picture before", kH264,
       Slice(5, 1) + Slice(7, 4080, 5) + Slice(6, 8159) + kAud + kSps + kPps + Slice(7), kAccess,
       AccessKind::kRecovery},
      {"a slice before whose first macroblock needs emulation prevention", kH264,
       Unit({0x61, 0x00, 0x00, 0x03, 0x01, 0x00, 0x00, 0x03, 0x00, 0x20, 0x80}) + kSps + kIdr,
       kAccess},
      {"recovery point without SPS", kH264, kAud + kRecoverySei + Slice(7), kNone},
      {"I slice alone", kH264, kAud + Slice(7), kNone},
      {"P slice", kH264, kAud + Slice(5), kNone},
      {"P slice with SPS and recovery point", kH264, kSps + kPps + kRecoverySei + Slice(0), kNone},
      {"B slice", kH264, kAud + kLongSei + Slice(6), kNone},
      {"SI slice", kH264, kSps + kPps + Slice(9), kNone},
      {"P first, IDR later in the same PES", kH264, Slice(5) + kSps + kPps + kIdr, kNone},
      {"the last slice of the picture before, then P", kH264, Slice(7, 4080) + kSps + Slice(5),
       kNone},
      {"slice lost in zeros", kH264,
       kSps + Unit({0x61, 0x00, 0x00, 0x03, 0x00, 0x00, 0x03, 0x00, 0x00, 0x03, 0x00, 0x00, 0x03}),
       kMore},
      {"tail of another picture before", kH264, Es{0x12, 0x00, 0x00, 0x03, 0x01} + kSps + kIdr,
       kAccess},
      {"no slice yet", kH264, kAud + kSps + kPps, kMore},
      {"no start code", kH264, Es(100, 0x67), kMore},
      {"auxiliary slice is not the picture", kH264, kSps + Slice(7, 0, 19), kMore},

      {"IDR_W_RADL", kHevc, kHevcAud + kVps + kHevcSps + kHevcPps + Hevc(19), kAccess},
      {"IDR_N_LP", kHevc, kVps + kHevcSps + kHevcPps + Hevc(20), kAccess},
      {"CRA", kHevc, kVps + kHevcSps + kHevcPps + Hevc(39) + Hevc(21), kAccess, AccessKind::kCra},
      {"BLA_W_LP", kHevc, kHevcSps + Hevc(16), kAccess, AccessKind::kBla},
      {"BLA_W_RADL", kHevc, kHevcSps + Hevc(17), kAccess, AccessKind::kBla},
      {"BLA_N_LP", kHevc, kHevcSps + Hevc(18), kAccess, AccessKind::kBla},
      {"reserved IRAP", kHevc, kHevcSps + Hevc(22), kAccess, AccessKind::kCra},
      {"reserved IRAP", kHevc, kHevcSps + Hevc(23), kAccess, AccessKind::kCra},
      {"CRA, no parameter sets ever seen", kHevc, kHevcAud + Hevc(21), kAccess, AccessKind::kCra},
      {"TRAIL_N", kHevc, kHevcAud + Hevc(0), kNone},
      {"TRAIL_R with parameter sets", kHevc, kHevcSps + Hevc(1), kNone},
      {"RASL_N", kHevc, kHevcAud + Hevc(8), kNone},
      {"RASL_R", kHevc, kHevcAud + Hevc(9), kNone},
      {"reserved types are passed over", kHevc, kHevcSps + Hevc(10) + Hevc(24) + Hevc(19), kAccess},
      {"the enhancement layer does not decide", kHevc, kHevcSps + Hevc(1, 1) + Hevc(19), kAccess},
      {"the last slices of the picture before", kHevc,
       Hevc(1, 0, false) + Hevc(19, 0, false) + kHevcSps + Hevc(21), kAccess, AccessKind::kCra},
      {"no slice yet", kHevc, kVps + kHevcSps + kHevcPps, kMore},

      {"sequence, GOP, I", kMpeg2, kSequence + kSequenceExtension + kGop + Picture(1), kAccess,
       AccessKind::kMpeg2},
      {"sequence, user data, I", kMpeg2, kSequence + kUserData + Picture(1, 0), kAccess,
       AccessKind::kMpeg2},
      {"I of any temporal reference", kMpeg2, kSequence + Picture(1, 1023), kAccess,
       AccessKind::kMpeg2},
      {"I without sequence header", kMpeg2, kGop + Picture(1), kNone},
      {"P with sequence header", kMpeg2, kSequence + kGop + Picture(2), kNone},
      {"P", kMpeg2, Picture(2), kNone},
      {"B", kMpeg2, Picture(3), kNone},
      {"slices of another picture before", kMpeg2, Unit({0x17, 0x55}) + kSequence + Picture(1),
       kAccess, AccessKind::kMpeg2},
      {"no picture yet", kMpeg2, kSequence + kSequenceExtension + kGop, kMore},
      {"cut in the picture header", kMpeg2, kSequence + Es{0, 0, 1, 0, 0}, kMore},

      {"nothing", kH264, {}, kMore},
      {"nothing but zeros", kHevc, Es(1000, 0), kMore},
      {"the bound", kMpeg2, Es(kMaxScanBytes, 0xFF), kNone},
      {"too late", kH264, Es(kMaxScanBytes, 0xFF) + kSps + kIdr, kNone},
      {"just in time", kH264, Es(kMaxScanBytes - kSps.size() - 5, 0xFF) + kSps + kIdr, kAccess},
  };
  return cases;
}

// One PES in pieces of the given sizes, the last one taking the rest.
Verdict Scan(AccessScanner& scanner, const Es& es, const std::vector<size_t>& sizes = {}) {
  scanner.Begin();
  Verdict verdict = Verdict::kMore;
  size_t at = 0;
  const auto feed = [&](size_t size) {
    // A copy of its own, so that reading past the piece is seen.
    const Es piece(es.begin() + static_cast<long>(at), es.begin() + static_cast<long>(at + size));
    verdict = scanner.Feed(piece);
    at += size;
  };
  for (size_t size : sizes) feed(std::min(size, es.size() - at));
  feed(es.size() - at);
  return verdict;
}

void CheckCase(const Case& c, const std::vector<size_t>& sizes) {
  AccessScanner scanner(c.codec);
  const Verdict verdict = Scan(scanner, c.es, sizes);
  if (verdict != c.verdict) CAPTURE(sizes.front());
  CHECK(verdict == c.verdict);
  if (verdict == Verdict::kAccess) CHECK(scanner.kind() == c.kind);
}

}  // namespace

TEST_CASE("AccessScanner: the verdict on one PES") {
  for (const Case& c : Cases()) {
    CAPTURE(c.what);
    CheckCase(c, {c.es.size()});
  }
}

TEST_CASE("AccessScanner: cut in two anywhere, the same verdict") {
  for (const Case& c : Cases()) {
    CAPTURE(c.what);
    // The long ones are filled with nothing; their ends are what matters.
    const size_t first = c.es.size() > 1000 ? c.es.size() - 64 : 0;
    for (size_t at = first; at <= c.es.size(); ++at) CheckCase(c, {at});
  }
}

TEST_CASE("AccessScanner: in pieces of any size, the same verdict") {
  const unsigned seed = 7;
  CAPTURE(seed);
  std::mt19937 random(seed);
  for (const Case& c : Cases()) {
    CAPTURE(c.what);
    CheckCase(c, std::vector<size_t>(c.es.size(), 1));
    for (int round = 0; round < 20; ++round) {
      std::vector<size_t> sizes(1 + random() % 60);
      for (size_t& size : sizes) size = random() % 5;
      CheckCase(c, sizes);
    }
  }
}

TEST_CASE("AccessScanner: a cut start never turns into an access point") {
  for (const Case& c : Cases()) {
    CAPTURE(c.what);
    if (c.es.size() > 1000) continue;
    for (size_t size = 0; size < c.es.size(); ++size) {
      AccessScanner scanner(c.codec);
      const Verdict verdict =
          Scan(scanner, Es(c.es.begin(), c.es.begin() + static_cast<long>(size)));
      const bool is_early = verdict == Verdict::kMore || verdict == c.verdict;
      CHECK(is_early);
    }
  }
}

TEST_CASE("AccessScanner.Feed: is decided by the slice's first bytes, then looks no further") {
  AccessScanner scanner(kH264);
  scanner.Begin();
  CHECK(scanner.Feed(kAud + kSps + kPps) == Verdict::kMore);
  CHECK(scanner.Feed(Es{0, 0, 1, 0x65, 0x88}) == Verdict::kAccess);
  CHECK(scanner.kind() == AccessKind::kIdr);
  CHECK(scanner.Feed(Slice(5)) == Verdict::kAccess);
  CHECK(scanner.Feed({}) == Verdict::kAccess);
  scanner.Begin();
  CHECK(scanner.Feed(Es{0, 0, 1, 0x41, 0x9A}) == Verdict::kNone);
  CHECK(scanner.Feed(kSps + kIdr) == Verdict::kNone);
}

TEST_CASE("AccessScanner.Begin: forgets the PES before") {
  AccessScanner scanner(kH264);
  CHECK(Scan(scanner, kAud + kSps + kPps) == Verdict::kMore);
  CHECK(Scan(scanner, Slice(7)) == Verdict::kNone);  // the SPS was in another PES
  CHECK(Scan(scanner, Es{0, 0}) == Verdict::kMore);
  CHECK(Scan(scanner, Es{1, 0x65, 0x88}) == Verdict::kMore);  // no start code across PES
  AccessScanner mpeg2(kMpeg2);
  CHECK(Scan(mpeg2, kSequence) == Verdict::kMore);
  CHECK(Scan(mpeg2, Picture(1)) == Verdict::kNone);
}

TEST_CASE("AccessScanner: once an SPS has been seen, IDR and IRAP need it in their PES") {
  AccessScanner h264(kH264);
  CHECK(Scan(h264, kAud + kIdr) == Verdict::kAccess);
  CHECK(Scan(h264, kAud + kSps + kPps + kIdr) == Verdict::kAccess);
  CHECK(Scan(h264, kAud + kIdr) == Verdict::kNone);
  CHECK(Scan(h264, kAud + kSps + kPps + kIdr) == Verdict::kAccess);
  AccessScanner hevc(kHevc);
  CHECK(Scan(hevc, kHevcAud + Hevc(21)) == Verdict::kAccess);
  CHECK(Scan(hevc, kVps + kHevcSps + kHevcPps + Hevc(21)) == Verdict::kAccess);
  CHECK(Scan(hevc, kHevcAud + Hevc(21)) == Verdict::kNone);
}

TEST_CASE("AccessScanner.Feed: before any Begin it is no access point") {
  for (VideoCodec codec : {VideoCodec::kNone, kMpeg2, kH264, kHevc}) {
    AccessScanner scanner(codec);
    CHECK(scanner.Feed(kSps + kIdr) == Verdict::kNone);
  }
}

TEST_CASE("AccessScanner: without video each PES is an access point") {
  AccessScanner scanner;
  for (int i = 0; i < 3; ++i) {
    scanner.Begin();
    CHECK(scanner.Feed(Es{0xFF, 0xFC}) == Verdict::kAccess);
    CHECK(scanner.kind() == AccessKind::kAudio);
  }
}

TEST_CASE("AccessScanner: small enough to have one per video PID") {
  CHECK(sizeof(AccessScanner) < 128);
}

TEST_CASE("AccessScanner: any bytes get a verdict within the bound") {
  const unsigned seed = 99;
  CAPTURE(seed);
  std::mt19937 random(seed);
  for (VideoCodec codec : {kMpeg2, kH264, kHevc}) {
    AccessScanner scanner(codec);
    for (int round = 0; round < 300; ++round) {
      // Few distinct bytes, so that start codes are common.
      Es es(kMaxScanBytes);
      for (uint8_t& byte : es) byte = static_cast<uint8_t>(random() % (round % 2 ? 4 : 256));
      std::vector<size_t> sizes(40);
      for (size_t& size : sizes) size = random() % 400;
      AccessScanner copy = scanner;
      const Verdict verdict = Scan(scanner, es, sizes);
      CHECK(verdict != Verdict::kMore);
      CHECK(Scan(copy, es) == verdict);
      CHECK(copy.kind() == scanner.kind());
    }
  }
}
