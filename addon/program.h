// Our programme: what its PMT says, which of it we send, and the PAT and PMT that we send for it.
#pragma once

#include "audio/track.h"
#include "mux.h"
#include "psi.h"

#include <memory>
#include <string>
#include <vector>

namespace xg2g {

// How sound is chosen and what becomes of it.
struct SoundPolicy {
  AudioTarget target;
  uint32_t bitrate;
  unsigned channels;
  std::vector<std::string> languages;  // in order of preference; empty: all tracks
  bool keeps_original;
  bool is_single;  // only the first track that flows
  bool is_resumed;
  bool prefers_libavcodec;  // to our own encoder of AAC
};

// An elementary stream of our programme.
struct Stream {
  uint16_t pid;
  uint8_t type;
  std::vector<uint8_t> descriptors;
  StreamKind kind;
  bool is_wanted = true;       // by the policy; else it is not sent
  bool is_announced = false;   // stands in the PMT that is out
  int64_t seen = kNeverSeen;   // the programme's time when it flowed last, 90 kHz
  uint16_t original_pid = 0;   // where the source's sound is sent as well; 0: nowhere
  std::unique_ptr<Track> track;  // sound that we look into; null: passes as it is

  static constexpr int64_t kNeverSeen = INT64_MIN / 2;
  // Streams that must be seen before they are announced. Others (subtitles, teletext, tables) may
  // be silent for long.
  bool MustFlow() const { return kind.is_audio || kind.is_video; }
  // As last seen: its packets pass untouched and its entry stays the source's.
  bool is_scrambled() const { return track ? !track->IsClear() : was_scrambled; }
  // The stream type of the sound that we make of it.
  uint8_t output_type() const;
  bool was_scrambled = false;  // of streams without a track
};

class Program {
 public:
  // A picture or sound that has not been seen for so long is not announced any more.
  // Source: TR 101 290, 5.2.1 (PID error) lets users choose up to 5 s.
  static constexpr int64_t kAbsentTicks = 5 * kTicksPerSecond;
  static constexpr size_t kMaxTracks = 16;  // further ones pass as they are

  Program(uint16_t number, uint16_t pmt_pid) : number_(number), pmt_pid_(pmt_pid) {}

  // Comes after the programme of another remuxer, whose tables a player has read. version: of the
  // first tables to be sent.
  void Resume(uint8_t version) {
    version_ = (version + 31) & 0x1F;
    has_jumped_ = has_moved_ = true;
  }

  // Takes over a PMT (its section, CRC right). Tracks that go on keep their state; those that end are
  // flushed into out. False when nothing has changed, or the section is broken.
  bool Update(Bytes section, const SoundPolicy& policy, Output& out);

  // Comes after another programme of the same output: its tracks end, our tables go on with its
  // versions and continuity.
  void Follow(Program& before, Output& out);

  uint16_t number() const { return number_; }
  uint16_t pmt_pid() const { return pmt_pid_; }
  void set_pmt_pid(uint16_t pid) {
    pmt_pid_ = pid;
    has_moved_ = is_changed_ = true;
  }
  uint16_t pcr_pid() const { return pcr_pid_; }
  std::vector<Stream>& streams() { return streams_; }
  const std::vector<Stream>& streams() const { return streams_; }
  // PIDs that belong to the programme without standing in its list: where its keys are sent.
  const std::vector<uint16_t>& ca_pids() const { return ca_pids_; }
  bool HasVideo() const;

  // Announces what has been seen within kAbsentTicks before now, and no more what has not.
  // True when that changes the PMT.
  bool UpdateAnnounced(int64_t now);
  // The entry of a stream becomes another one: it is sent with a new version.
  void Touch() { is_changed_ = true; }
  // Appends the PAT and PMT in force.
  void Send(Output& out, uint16_t transport_stream_id);
  uint64_t versions() const { return versions_; }
  // That tables of another remuxer after this one begin with.
  uint8_t next_version() const { return (version_ + 1) & 0x1F; }

 private:
  void FlushGone(Stream& gone, Output& out) const;
  void ApplyPolicy(const SoundPolicy& policy);
  void AddTracks(const SoundPolicy& policy, std::vector<Stream>& old);
  void Write(uint16_t transport_stream_id);
  static void WriteEntry(const Stream& stream, SectionWriter& pmt);
  static void WriteOriginal(const Stream& stream, SectionWriter& pmt);

  uint16_t number_;
  uint16_t pmt_pid_;
  uint16_t pcr_pid_ = kNullPid;
  std::vector<uint8_t> section_;      // the source's, as taken over last
  std::vector<uint8_t> descriptors_;  // of the programme
  std::vector<Stream> streams_;       // in the order in which they are announced
  std::vector<uint16_t> ca_pids_;
  bool is_single_ = false;

  bool is_changed_ = true;
  uint16_t written_ts_id_ = 0;
  uint8_t version_ = 31;  // stepped before the first one is sent
  uint64_t versions_ = 0;
  SectionPackets pat_, pmt_;  // as written last
  uint8_t pat_continuity_ = 15, pmt_continuity_ = 15;
  bool has_jumped_ = false;  // the counter of the PAT
  bool has_moved_ = false;   // the PMT, to a PID on which it may have been before
};

// Do these mean the same language? `deu` and `ger` do. Source: ISO 639-2, codes B and T.
bool IsSameLanguage(std::string_view a, std::string_view b);

}  // namespace xg2g
