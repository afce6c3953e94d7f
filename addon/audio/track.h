// One audio PID: its transport packets in, transport packets on the same PID out, with the sound
// transcoded, copied where it is what was asked for, or untouched where it is scrambled.
#pragma once

#include "../mux.h"
#include "../packet.h"
#include "../pes.h"
#include "framer.h"
#include "transcoder.h"

namespace xg2g {

struct TrackStats {
  uint64_t continuity_errors = 0, duplicates = 0, scrambled_packets = 0;
  uint64_t lost_frames = 0;  // times that a frame in assembly had to be given up
};

class Track {
 public:
  enum class Mode : uint8_t {
    kUndecided,  // nothing has been seen, or not enough to tell
    kTranscode,
    kCopy,
    kScrambled,
  };
  // Packets in a row that say the other before a track is taken as scrambled, or as clear again.
  static constexpr unsigned kScrambleHysteresis = 8;

  struct Settings {
    uint16_t pid;
    uint16_t original_pid;  // where the source's packets go as well; 0: nowhere
    AudioCodec codec;
    TranscoderSettings sound;
    bool is_resumed;  // begins in a stream that a player has been reading already
  };

  explicit Track(const Settings& settings)
      : settings_(settings),
        framer_(settings.codec),
        transcoder_(settings.sound),
        flags_discontinuity_(settings.is_resumed),
        flags_original_(settings.is_resumed) {}

  // A packet on our PID that is whole: no transport error, valid lengths.
  void Push(const Packet& packet, Output& out);
  void Flush(Output& out);
  // A packet that is pushed later. Its rate may be known then when the first table is written.
  void Preview(const Packet& packet);
  // What was seen of the PID before the track was made is scrambled.
  void StartScrambled() { mode_ = Mode::kScrambled; }
  // The programme's clock breaks here.
  void ExpectJump() { transcoder_.ExpectJump(); }

  Mode mode() const { return mode_; }
  // Whether sound of the target comes out, or will when it can be decoded. False: the source's.
  bool IsClear() const { return mode_ != Mode::kScrambled; }
  const Settings& settings() const { return settings_; }
  const TrackStats& stats() const { return stats_; }
  const Transcoder& transcoder() const { return transcoder_; }
  // Of the source's sound, Hz: as the decoder says, which knows what HE-AAC and LATM have, else the
  // last frame header; 0 unknown.
  uint32_t source_rate() const {
    const bool is_decoded = mode_ == Mode::kTranscode && transcoder_.rate() > 0;
    return is_decoded ? transcoder_.rate() : header_rate_;
  }
  // What becomes of the sound: what is asked for, or AAC where that has not the source's rate.
  AudioTarget target() const { return TargetFor(settings_.sound.target, source_rate()); }
  // PES packets that left, and the time of the last one (90 kHz, or kNoTime): places to join where
  // there is no picture.
  uint64_t units() const { return units_; }
  int64_t unit_pts() const { return unit_pts_; }

 private:
  // Looks at continuity; false when the packet is a repeat.
  bool Accept(const Packet& packet);
  void UpdateScrambling(const Packet& packet, Output& out);
  void DecideCopy(const Packet& packet, Output& out);
  void Leave(Output& out);
  void PassThrough(const Packet& packet, Output& out);
  void PassOriginal(const Packet& packet, Output& out);
  void Transcode(const Packet& packet, Output& out);
  void Write(const Transcoder::Unit& unit, Output& out);
  void Lose();

  Settings settings_;
  Mode mode_ = Mode::kUndecided;
  PesReader pes_;
  Framer framer_;
  Transcoder transcoder_;
  TrackStats stats_;
  uint32_t header_rate_ = 0;
  uint64_t losses_ = 0;  // of the framer, as far as the transcoder has been told
  bool flags_discontinuity_;
  bool flags_original_;   // the same on the PID of the source's packets
  bool is_ours_ = false;  // the last packet with payload was written here
  bool has_continuity_ = false;
  uint8_t source_continuity_ = 0;
  uint8_t continuity_ = 15;  // ours: of the last payload packet written
  unsigned disagreeing_ = 0;
  uint64_t units_ = 0;
  int64_t unit_pts_ = kNoTime;
  std::array<uint8_t, kPacketBytes> last_packet_{};  // to tell a repeat from a loss
};

}  // namespace xg2g
