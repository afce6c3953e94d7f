// What a worker does for one stream, without Node: remux IN OUT [libavcodec]
// With our own encoder of AAC or libavcodec's.
// Reads 64 KiB at a time, writes what came out. Callgrind counts Carry alone.
#include "remuxer.h"

#include <fcntl.h>
#include <unistd.h>

using namespace xg2g;

namespace {
constexpr size_t kReadBytes = 64 * 1024;
constexpr size_t kWindowBytes = 256 * 1024;

void Write(int fd, Bytes bytes) {
  while (!bytes.empty()) {
    const ssize_t n = write(fd, bytes.data(), bytes.size());
    if (n <= 0) {
      std::perror("write");
      std::exit(1);
    }
    bytes = bytes.subspan(static_cast<size_t>(n));
  }
}
}  // namespace

// One read's worth of input in, the output that fits into the window out.
extern "C" __attribute__((noinline)) size_t Carry(Remuxer& remuxer, Bytes in,
                                                  std::span<uint8_t> window) {
  remuxer.Push(in);
  return remuxer.Pull(window);
}

int main(int argc, char** argv) {
  if (argc != 3 && argc != 4) {
    std::fputs("Usage: remux IN OUT [libavcodec]\n", stderr);
    return 2;
  }
  const int in = open(argv[1], O_RDONLY);
  const int out = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (in < 0 || out < 0) {
    std::perror(in < 0 ? argv[1] : argv[2]);
    return 1;
  }
  RemuxerSettings settings;
  settings.settle_ms = 1000;  // as `xg2g remux`
  settings.prefers_libavcodec = argc == 4;
  Remuxer remuxer(settings);
  std::vector<uint8_t> piece(kReadBytes), window(kWindowBytes);
  const auto drain = [&](size_t first) {
    for (size_t n = first; n > 0; n = remuxer.Pull(window)) Write(out, {window.data(), n});
  };
  for (ssize_t n; (n = read(in, piece.data(), piece.size())) > 0;)
    drain(Carry(remuxer, {piece.data(), static_cast<size_t>(n)}, window));
  remuxer.Flush();
  drain(remuxer.Pull(window));
  return remuxer.bytes_out() > 0 ? 0 : 1;
}
