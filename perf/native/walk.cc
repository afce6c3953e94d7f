// The packet walk against memcpy of the same bytes: walk FILE CHUNK_BYTES ROUNDS [LANGUAGE]
// Sound is not decoded (audio=copy); with a language, the tracks of others are dropped.
// Each chunk is read into the cache before each timing, and its fastest round counts: what is
// measured is the code, not the memory or the machine's other load.
#include "file.h"
#include "remuxer.h"

#include <chrono>

using namespace xg2g;

namespace {

// At the start packets are held back until the programme is known.
constexpr size_t kWarmChunks = 30;
constexpr size_t kCacheLine = 64;
using Clock = std::chrono::steady_clock;

// Forces bytes to be there, or writes to be done, without a cost of its own.
template <class T>
void Use(const T& value) {
  asm volatile("" ::"r"(value) : "memory");
}

void Touch(Bytes bytes) {
  unsigned sum = 0;
  for (size_t i = 0; i < bytes.size(); i += kCacheLine) sum += bytes[i];
  Use(sum);
}

template <class Work>
void KeepFastest(double& best, Work&& work) {
  const auto start = Clock::now();
  work();
  const std::chrono::duration<double> taken = Clock::now() - start;
  best = std::min(best, taken.count());
}

struct Best {
  double copy = 1e9, walk = 1e9, pull = 1e9;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fputs("Usage: walk FILE CHUNK_BYTES ROUNDS [LANGUAGE]\n", stderr);
    return 2;
  }
  const std::vector<uint8_t> file = ReadFile(argv[1]);
  const size_t chunk = std::strtoul(argv[2], nullptr, 10);
  const unsigned long rounds = std::strtoul(argv[3], nullptr, 10);
  const size_t chunks = file.size() / chunk;
  if (chunks <= kWarmChunks || rounds == 0) {
    std::fputs("walk: the file is too short\n", stderr);
    return 1;
  }
  RemuxerSettings settings;
  settings.audio = AudioTarget::kCopy;
  if (argc > 4) settings.languages = {argv[4]};

  std::vector<uint8_t> sink(4 * chunk + kPacketBytes);
  std::vector<Best> best(chunks);
  for (unsigned long round = 0; round < rounds; ++round) {
    Remuxer remuxer(settings);
    for (size_t i = 0; i < chunks; ++i) {
      const Bytes in{file.data() + i * chunk, chunk};
      Touch(in);
      KeepFastest(best[i].copy, [&] {
        std::memcpy(sink.data(), in.data(), in.size());
        Use(sink.data());
      });
      Touch(in);
      KeepFastest(best[i].walk, [&] { remuxer.Push(in); });
      KeepFastest(best[i].pull, [&] { Use(remuxer.Pull(sink)); });
      while (remuxer.Pull(sink) > 0) {
      }
    }
  }
  Best sum{0, 0, 0};
  for (size_t i = kWarmChunks; i < chunks; ++i) {
    sum.copy += best[i].copy;
    sum.walk += best[i].walk;
    sum.pull += best[i].pull;
  }
  std::printf("{\"bytes\":%zu,\"copy\":%.9f,\"walk\":%.9f,\"pull\":%.9f}\n",
              (chunks - kWarmChunks) * chunk, sum.copy, sum.walk, sum.pull);
  return 0;
}
