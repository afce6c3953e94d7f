// The remuxer: a transport stream of any kind in, one programme with the sound asked for out.
// Walks packets. What it does not rewrite passes as the same bytes. Knows nothing of Node.
#pragma once

#include "access.h"
#include "audio/track.h"
#include "mux.h"
#include "packet.h"
#include "pes.h"
#include "probe.h"
#include "program.h"
#include "psi.h"
#include "tables.h"
#include "timeline.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace xg2g {

struct RemuxerSettings {
  AudioTarget audio = AudioTarget::kAac;
  uint32_t bitrate = 192'000;           // bit/s
  unsigned channels = 2;                // 1, 2, or 6 for as many as the source has
  std::vector<std::string> languages = {};  // ISO 639-2; empty: all tracks
  uint16_t program = 0;                 // 0: the one that flows
  bool keeps_original = false;          // the source's sound as further tracks
  bool is_single = false;               // one track: the first that flows
  uint32_t settle_ms = 100;             // how long the first PMT may wait for tracks to be seen
  bool prefers_libavcodec = false;      // to our own encoder of AAC
  bool is_resumed = false;              // a player has been reading a stream that this one goes on
  uint8_t tables_version = 0;           // of the first tables sent
  // Of what that stream brought: all its time stamps were moved by `shift`, and the latest that left
  // was continue_from (90 kHz, or kNoTime: the source is the same as before). A source of another
  // time line is moved so that it follows.
  int64_t shift = 0;
  int64_t continue_from = kNoTime;
};

// A place where a viewer can join.
struct Mark {
  uint64_t offset;  // of the first packet of the access unit, in bytes of our output
  int64_t pts;      // 90 kHz, or kNoTime
  int64_t pcr;      // the last one before, 27 MHz, or kNoTime
  AccessKind kind;
};

struct RemuxerStats {
  uint64_t bytes_in = 0, packets_in = 0;
  uint64_t null_packets = 0, dropped_packets = 0;
  uint64_t tei_packets = 0, invalid_packets = 0;
  uint64_t duplicates = 0, continuity_errors = 0;  // of what passes; tracks count their own
  uint64_t scrambled_packets = 0;  // of sound and picture
  uint64_t clear_units = 0;        // PES packets of sound and picture that are not scrambled
  uint64_t pmt_versions = 0, access_points = 0, discontinuities = 0;
};

class Remuxer {
 public:
  static constexpr size_t kMaxMarks = 256;  // not yet asked for; older ones are forgotten

  explicit Remuxer(const RemuxerSettings& settings);
  ~Remuxer();

  // Called while something is pushed, before sound is worked on, where there is output: it may be
  // pulled then. When all of it has been, the first `taken` bytes of what is pushed are done with: they
  // may be written over, and another remuxer that goes on behind them repeats nothing of what was
  // pulled. Only Pull, pending_bytes, TakeMarks and what is const may be called.
  using OnPause = std::function<void(size_t taken)>;
  // Takes all of it. Output may point into it until it is pulled, or Settle() is called.
  void Push(Bytes in, const OnPause& on_pause = {});
  // End of input.
  void Flush();
  size_t Pull(std::span<uint8_t> window) { return out_.Pull(window); }
  void Settle();
  bool IsEmpty() const { return out_.IsEmpty(); }
  size_t pending_bytes() const { return out_.pending_bytes(); }

  // Since the last call.
  std::vector<Mark> TakeMarks();
  RemuxerStats stats() const;
  uint64_t bytes_out() const { return out_.position(); }
  const PacketFinder& finder() const { return finder_; }
  uint64_t psi_errors() const { return tables_.errors(); }
  // The latest PTS of sound and picture that left, or kNoTime.
  int64_t last_time() const { return line_.last(); }
  // By how much the source's time stamps are moved, 90 kHz. Decided before the first packet leaves.
  int64_t shift() const { return line_.shift(); }
  bool has_decided_shift() const { return stage_ == Stage::kFlow; }
  // Empty, or what keeps something usable from coming out.
  std::string Problem() const;
  // Null before it is known.
  const Program* program() const { return program_.get(); }

 private:
  enum class Stage : uint8_t { kSelect, kSettle, kFlow };
  enum class Role : uint8_t { kDrop, kPat, kPmt, kPass, kVideo, kAudio, kClock };
  static constexpr uint8_t kNoStream = 0xFF;
  struct PidState {
    Role role = Role::kDrop;
    uint8_t stream = kNoStream;  // its place in the programme
    uint8_t continuity = 0;      // of the last packet with payload that was looked at
    bool has_continuity = false;
    uint8_t scrambled_run = 0;
    bool is_flag_due = false;  // before its first packet
  };
  size_t Walk(const uint8_t* packets, size_t stride, size_t count);
  size_t Flow(const uint8_t* packets, size_t stride, size_t count);
  void Emit(const uint8_t* packets, size_t stride, size_t count);
  void Handle(const Packet& packet);
  void Pause();
  void Route(const Packet& packet);

  // While it is not known what to send.
  void Hold(const Packet& packet);
  void Select(bool is_last);
  void Release();
  void Preview();

  // Tables.
  void OnPat(const Packet& packet);
  void OnPmt(const Packet& packet);
  void OnPmt(const PatEntry& entry, Bytes section);
  void Adopt(const PatEntry& entry);
  void SetRoles();
  void SendTables();
  SoundPolicy Policy() const;

  // While it flows.
  void OnClock(const Packet& packet);
  void OnPassing(const Packet& packet, PidState& state);
  void OnVideo(const Packet& packet, PidState& state);
  void OnAudio(const Packet& packet, PidState& state);
  void OnFlowing(const Packet& packet, PidState& state);
  void PassClock(const Packet& packet, PidState& state);
  void FlagFirst(const Packet& packet, PidState& state);
  void CountContinuity(const Packet& packet, PidState& state);
  void MarkSound(uint64_t offset, int64_t pts);
  void AddMark(uint64_t offset, int64_t pts, AccessKind kind);

  // Another time line than the source's.
  void DecideShift();
  void Shift(const Packet& packet);

  RemuxerSettings settings_;
  PacketFinder finder_;
  Output out_;

  // What is being pushed, and the packet in it that was handled last.
  struct {
    Bytes in = {};
    const OnPause* on_pause = nullptr;
    const uint8_t* packet = nullptr;
    uint64_t position = 0;  // of the output before it
  } now_;

  RemuxerStats stats_;
  Stage stage_ = Stage::kSelect;

  // What the next packet of a PID looks like when it needs no thought: kFastMask of its first four
  // bytes, or kNotFast when every packet is to be looked at.
  std::vector<uint32_t> fast_;
  std::vector<PidState> pids_;

  std::unique_ptr<Probe> probe_;  // null when all flows
  SourceTables tables_;

  // Our programme.
  std::unique_ptr<Program> program_;

  // The programme's clock: the last PCR, and how much time has passed by it.
  int64_t pcr_ = kNoTime;
  int64_t elapsed_ = 0;      // 90 kHz
  int64_t tables_sent_ = 0;  // elapsed_ when the tables were sent last

  TimeLine line_;

  // The picture under way.
  PesReader video_pes_;
  AccessScanner scanner_;
  bool is_scanning_ = false;
  uint64_t video_offset_ = 0;
  int64_t video_pts_ = kNoTime;
  int64_t radio_marked_;  // elapsed_ at the last mark of a programme without picture
  std::vector<Mark> marks_;
};

}  // namespace xg2g
