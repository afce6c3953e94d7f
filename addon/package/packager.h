// The packager: a remuxed stream in, what HLS serves of it out. Segments and parts are cut where any other
// packager cuts the same broadcast, and their bytes are the same. Knows nothing of Node.
//
// In a transport stream the first sound comes with the picture: each part has what sounds while its pictures are
// shown, and so waits for it, since pictures are sent ahead.
//
// A picture's time is its DTS and what the PTS of the last access point was beyond its DTS: so an access
// point's time is its PTS, and times rise from frame to frame as they come.
#pragma once

#include "package/cutter.h"
#include "package/epoch.h"
#include "package/lineup.h"
#include "package/outlet.h"
#include "package/picture.h"
#include "package/sound.h"
#include "package/transport.h"

#include <deque>
#include <memory>

namespace xg2g {

struct PackagerSettings {
  Container container = Container::kTs;
  int64_t slot_ticks = 2 * kTicksPerSecond;  // 90 kHz
  int64_t part_ticks = kTicksPerSecond / 3;
  int64_t now_ms = 0;  // since 1970, at the first byte
};

struct PackagerStats {
  uint64_t continuity_errors = 0;
  uint64_t dropped_frames = 0;  // damaged, too large, or without a time
};

class Packager {
 public:
  // A part that holds more ends early.
  static constexpr size_t kMaxPartBytes = 16u << 20;
  // How long the first parts may wait until each sound has told its format.
  static constexpr int64_t kFormatWaitTicks = kTicksPerSecond;
  static constexpr size_t kMaxHeldParts = 64;  // then, of all tracks
  // What of the picture may wait for its sound; none of it does longer than Sound::kMaxLateTicks.
  static constexpr size_t kMaxSilentBytes = 32u << 20;
  // How much sound waits for the first picture.
  static constexpr int64_t kMaxEarlyTicks = 2 * kTicksPerSecond;
  // Sound further from the picture than this is of another time line.
  static constexpr int64_t kMaxApartTicks = 10 * kTicksPerSecond;

  explicit Packager(const PackagerSettings& settings)
      : settings_(settings),
        epoch_(settings.now_ms),
        wall_(settings.now_ms),
        cutter_(settings.slot_ticks, settings.part_ticks) {}

  // Takes all of it; nothing borrowed is kept.
  void Push(Bytes in);
  // End of input: what is inside ends the last segment.
  void Flush();
  std::optional<Record> Take() { return outlet_.Take(); }
  PackagerStats stats() const;
  // Empty, or what keeps something usable from coming out.
  std::string Problem() const;

 private:
  size_t Walk(const uint8_t* packets, size_t stride, size_t count);
  void Handle(const Packet& packet);
  void OnClock(const Packet& packet);
  void OnPicture(const Packet& packet);
  void OnPictureBegins(const PesHeader& header);
  void OnSound(Sound& sound, const Packet& packet);
  void OnLead(Sound& sound, SoundUnit unit);
  void AddSound(Sound& sound, SoundUnit unit);

  // What is announced.
  void OnLineup();
  void Adopt();
  void AdoptSounds();
  bool IsStale() const;
  void Announce();
  void AnnounceWhenKnown();
  std::vector<TrackInfo> Tracks() const;
  TrackInfo PictureTrack() const;
  std::vector<InitRecord> Inits() const;
  bool IsMuxed(const Sound& sound) const;

  // A run goes from an access point to a break.
  void EndFrame();
  void FinishFrame(int64_t duration);
  void Place(Frame& frame);
  bool IsLeading(const Frame& frame);
  void Begin(const Frame& frame);
  void Break();
  void EndRun();
  void BeginPart(const Cutter::Place& place, const Frame& frame);
  void ClosePart(int64_t end, bool is_last, std::vector<uint8_t> next_head);
  std::vector<uint8_t> HeadOf(const Cutter::Place& place, const Frame& frame);
  bool IsVoiced(const PartRecord& part) const;
  void EmitVoiced(bool is_last);
  void EmitSounds(bool is_last);

  PackagerSettings settings_;
  PacketFinder finder_;
  LineupReader tables_;
  Lineup lineup_;  // in force
  bool has_next_lineup_ = false;
  Epoch epoch_;
  WallClock wall_;
  Cutter cutter_;
  int64_t pcr_ = kNoTime;  // 27 MHz

  std::optional<Picture> picture_;
  std::optional<PictureFormat> format_;  // of the picture, in force
  std::optional<Transport> transport_;   // of the picture
  std::vector<std::unique_ptr<Sound>> sounds_;
  std::optional<Frame> lead_;  // the last unit of the first sound, in radio

  bool is_running_ = false, is_break_due_ = false;
  int64_t start_ = 0;   // the time at which the first run began
  int64_t begun_ = 0;   // at which this one did
  int64_t end_ = 0;     // of the frames so far
  int64_t ahead_ = 0;   // PTS beyond DTS at the last access point
  int64_t lead_to_ = kNoTime;  // PTS at which the run begins, until a picture is shown after it
  bool has_part_ = false;
  PartHead head_;  // of the part under way

  std::deque<PartRecord> silent_;  // of the picture, in TS: their sound is still to come
  size_t silent_bytes_ = 0;
  Outlet outlet_;
  uint64_t damaged_ = 0, gone_errors_ = 0, gone_dropped_ = 0;
};

}  // namespace xg2g
