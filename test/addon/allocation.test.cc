// Counts what our own code allocates once a stream flows: operator new is replaced here for the
// whole test binary, but not for AddressSanitizer's. libav allocates by malloc and is not counted.
#ifndef __SANITIZE_ADDRESS__

#include <doctest/doctest.h>

#include <cstdlib>
#include <new>

#include "broadcast.h"
#include "remux.h"

namespace {

thread_local bool is_counting = false;
thread_local size_t allocations = 0;

void* Allocate(size_t size) {
  allocations += is_counting;
  if (void* p = std::malloc(size ? size : 1)) return p;
  throw std::bad_alloc();
}

}  // namespace

void* operator new(size_t size) {
  return Allocate(size);
}
void* operator new[](size_t size) {
  return Allocate(size);
}
void operator delete(void* p) noexcept {
  std::free(p);
}
void operator delete[](void* p) noexcept {
  std::free(p);
}
void operator delete(void* p, size_t) noexcept {
  std::free(p);
}
void operator delete[](void* p, size_t) noexcept {
  std::free(p);
}

namespace xg2g::test {
namespace {

constexpr double kSeconds = 6;
constexpr double kWarmUp = 0.5;  // share of the stream

// Allocations in push and pull after the warm-up.
size_t Count(const Broadcast& broadcast, const RemuxerSettings& settings, size_t piece) {
  const Data ts = Air(broadcast).ts;
  Data window(1 << 20);
  Remuxer remuxer(settings);
  allocations = 0;
  size_t out = 0;
  for (size_t at = 0; at < ts.size(); at += piece) {
    const View in = View(ts).subspan(at, std::min(piece, ts.size() - at));
    is_counting = static_cast<double>(at) > kWarmUp * static_cast<double>(ts.size());
    remuxer.Push(in);
    while (const size_t n = remuxer.Pull(window)) out += n;
    remuxer.Settle();
    is_counting = false;
    remuxer.TakeMarks();
  }
  CHECK(out > ts.size() / 2);
  return allocations;
}

}  // namespace

TEST_CASE("Allocate: is what new calls") {
  is_counting = true;
  const size_t before = allocations;
  auto* const one = new int(1);
  const size_t after = allocations;
  is_counting = false;
  delete one;
  CHECK(after == before + 1);
}

TEST_CASE("Remuxer: allocates nothing once it flows") {
  const Audio mp2 = {};
  const Audio ac3 = {.pid = 0x102, .sound = {{.codec = Sound::kAc3, .channels = 6}}};
  const Audio latm = {.pid = 0x103, .sound = {{.codec = Sound::kLatm, .rate = 44100}}};
  for (const size_t piece : {1316, 65536}) {
    CAPTURE(piece);
    CHECK(Count({.seconds = kSeconds, .audio = {mp2, ac3, latm}}, {}, piece) == 0);
    CHECK(Count({.seconds = kSeconds}, {.audio = AudioTarget::kMp3}, piece) == 0);
    CHECK(Count({.seconds = kSeconds}, {.audio = AudioTarget::kCopy}, piece) == 0);
    CHECK(Count({.seconds = kSeconds}, {.keeps_original = true}, piece) == 0);
    CHECK(Count({.seconds = kSeconds, .video = {.kind = Video::Kind::kNone}}, {}, piece) == 0);
  }
}

}  // namespace xg2g::test

#endif
