// A whole file in memory, for the drivers.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace xg2g {

// Ends the program where the file cannot be read.
inline std::vector<uint8_t> ReadFile(const char* path) {
  std::FILE* file = std::fopen(path, "rb");
  if (!file || std::fseek(file, 0, SEEK_END) != 0) {
    std::perror(path);
    std::exit(1);
  }
  std::vector<uint8_t> bytes(static_cast<size_t>(std::ftell(file)));
  std::rewind(file);
  if (std::fread(bytes.data(), 1, bytes.size(), file) != bytes.size()) {
    std::perror(path);
    std::exit(1);
  }
  std::fclose(file);
  return bytes;
}

}  // namespace xg2g
