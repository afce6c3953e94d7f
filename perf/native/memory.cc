// Memory of many remuxers in one process: memory FILE CONTEXTS
// Each gets the whole file, in turns; then the kernel tells what the process holds.
#include "file.h"
#include "remuxer.h"

#include <cstring>

using namespace xg2g;

namespace {

constexpr size_t kPieceBytes = 64 * 1024;

// A line of /proc/self/smaps_rollup, in kilobytes.
long ReadRollup(const char* name) {
  std::FILE* file = std::fopen("/proc/self/smaps_rollup", "r");
  char line[256];
  long kilobytes = -1;
  while (file && std::fgets(line, sizeof line, file))
    if (std::strncmp(line, name, std::strlen(name)) == 0)
      kilobytes = std::strtol(line + std::strlen(name), nullptr, 10);
  if (file) std::fclose(file);
  return kilobytes;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("Usage: memory FILE CONTEXTS\n", stderr);
    return 2;
  }
  const std::vector<uint8_t> file = ReadFile(argv[1]);
  const size_t contexts = std::strtoul(argv[2], nullptr, 10);
  std::vector<std::unique_ptr<Remuxer>> remuxers;
  for (size_t i = 0; i < contexts; ++i)
    remuxers.push_back(std::make_unique<Remuxer>(RemuxerSettings{}));
  std::vector<uint8_t> window(4 * kPieceBytes);
  for (size_t at = 0; at < file.size(); at += kPieceBytes) {
    const Bytes piece{file.data() + at, std::min(kPieceBytes, file.size() - at)};
    for (const auto& remuxer : remuxers) {
      remuxer->Push(piece);
      while (remuxer->Pull(window) > 0) {
      }
    }
  }
  std::printf("{\"contexts\":%zu,\"privateDirtyKb\":%ld,\"pssKb\":%ld}\n", contexts,
              ReadRollup("Private_Dirty:"), ReadRollup("Pss:"));
  return 0;
}
