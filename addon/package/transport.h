// One track of HLS as a transport stream. Each segment ends with its counters where it began: so a segment is
// the same whatever came before it, and yet no counter ever jumps.
#pragma once

#include "mux.h"
#include "packet.h"

#include <vector>

namespace xg2g {

class Transport {
 public:
  // tables: whole packets. pids: of picture and sound, in order of appearance in the tables; the first has
  // the clock.
  Transport(std::vector<uint8_t> tables, std::vector<uint16_t> pids);

  // What stands before the first frame: tables, and the clock (27 MHz, or kNoTime).
  void PutHead(std::vector<uint8_t>& part, int64_t pcr);
  void PutClock(std::vector<uint8_t>& part, int64_t pcr);
  // A whole PES packet.
  void PutPes(std::vector<uint8_t>& part, uint16_t pid, Bytes pes);
  // Counts the packets of a whole part. Where a segment ends, some payload is spread over as many more
  // packets as bring its counter round.
  void Finish(std::vector<uint8_t>& part, bool is_last);

 private:
  struct Counter {
    uint16_t pid;
    uint8_t next = 0;
  };
  static void Round(std::vector<uint8_t>& part, const Counter& counter);
  void Drain(std::vector<uint8_t>& part);

  std::vector<uint8_t> tables_;
  std::vector<Counter> counters_;
  Output scratch_;
};

}  // namespace xg2g
