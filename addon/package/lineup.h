// What the tables of a remuxed stream announce: one picture, and the sounds that HLS has a place for.
#pragma once

#include "psi.h"

#include <optional>
#include <string>
#include <vector>

namespace xg2g {

struct Elementary {
  uint16_t pid;
  uint8_t type;  // in the source's PMT
  StreamKind kind;
};

struct Lineup {
  uint16_t transport_stream = 0, program = 0, pmt_pid = 0, pcr_pid = kNullPid;
  std::optional<Elementary> picture = {};
  std::vector<Elementary> sounds = {};
  std::string left_out = {};  // the codecs of what has no place
};
bool IsSame(const Elementary& a, const Elementary& b);
// For a player.
bool IsSame(const Lineup& a, const Lineup& b);

class LineupReader {
 public:
  static constexpr size_t kMaxSounds = 16;  // further ones are left out

  // A packet on any PID. True when a table has come that says something else than before.
  bool Push(const Packet& packet);
  const Lineup& lineup() const { return lineup_; }
  bool has_tables() const { return !section_.empty(); }

 private:
  void OnPat(Bytes section);
  bool OnPmt(Bytes section);

  TableReader pat_{kPatPid};
  std::optional<TableReader> pmt_;
  Lineup lineup_;
  std::vector<uint8_t> section_;  // the PMT
};

// The tables of one track: PAT and PMT, each with its counter flagged as beginning anew, so that they are
// the same wherever they stand. The version follows from what they say.
std::vector<uint8_t> MakeTables(const Lineup& lineup, const Elementary* picture,
                                const Elementary* sound);

}  // namespace xg2g
