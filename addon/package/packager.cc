#include "package/packager.h"

#include "package/init.h"

#include <algorithm>
#include <utility>

namespace xg2g {

// ---- packets

void Packager::Push(Bytes in) {
  finder_.Push(
      in, [this](const uint8_t* p, size_t stride, size_t count) { return Walk(p, stride, count); },
      [] {});
}

size_t Packager::Walk(const uint8_t* packets, size_t stride, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    const uint8_t* p = packets + i * stride;
    if (*p != kSyncByte) return i;
    Handle(Packet(p));
  }
  return count;
}

void Packager::Handle(const Packet& packet) {
  const uint16_t pid = packet.pid();
  if (pid == kNullPid) return;
  if (packet.error() || !packet.IsValid() || packet.scrambled()) {
    ++damaged_;
    return;
  }
  if (pid == lineup_.pcr_pid) OnClock(packet);
  if (picture_ && pid == picture_->stream().pid) return OnPicture(packet);
  for (const auto& sound : sounds_)
    if (pid == sound->stream().pid) return OnSound(*sound, packet);
  if (pid == kTdtPid && pcr_ != kNoTime && epoch_.has_begun()) {
    const int64_t utc_ms = ReadUtcMs(packet);
    if (utc_ms != kNoTime) wall_.Correct(epoch_.TimeOf(pcr_ / kPcrPerTick), utc_ms);
  }
  if (tables_.Push(packet)) OnLineup();
}

void Packager::OnClock(const Packet& packet) {
  const int64_t pcr = packet.pcr();
  if (pcr == kNoTime) return;
  pcr_ = pcr;
  if (!transport_ || lineup_.pcr_pid == picture_->stream().pid) return;
  std::vector<uint8_t> clock;
  transport_->PutClock(clock, pcr);
  picture_->PutPacket(clock);
}

void Packager::OnPicture(const Packet& packet) {
  if (packet.discontinuity()) {
    EndFrame();
    Break();
  }
  picture_->Push(packet, [this](const PesHeader& header) { OnPictureBegins(header); });
}

void Packager::OnPictureBegins(const PesHeader& header) {
  const int64_t dts = header.dts == kNoTime ? header.pts : header.dts;
  const bool has_before = epoch_.has_begun() && picture_->has_open();
  const bool is_jump = epoch_.Advance(dts);
  const int64_t time = epoch_.time();
  if (has_before && time == picture_->open().dts) return;  // a field, or another piece of it
  if (has_before) FinishFrame(is_jump ? epoch_.step() : time - picture_->open().dts);
  if (is_jump) Break();
  picture_->Open({.pts = time + WrapDistance(header.pts, dts), .dts = time, .pcr = pcr_});
}

void Packager::OnSound(Sound& sound, const Packet& packet) {
  const bool is_lead = !picture_ && sound.track() == 0;
  if (is_lead && packet.discontinuity()) {
    EndFrame();
    Break();
  }
  sound.reader().Push(packet, [&](SoundUnit unit) {
    if (is_lead)
      OnLead(sound, std::move(unit));
    else
      AddSound(sound, std::move(unit));
  });
  if (!outlet_.is_announced()) AnnounceWhenKnown();
  EmitSounds(false);
}

// Radio: the first sound is what the others are cut by.
void Packager::OnLead(Sound& sound, SoundUnit unit) {
  const bool is_jump = epoch_.Advance(unit.stamp);
  const int64_t time = epoch_.time();
  unit.time = time;
  const bool is_first = !lead_ || time > lead_->dts;
  sound.Add(std::move(unit));
  if (!is_first) return;
  if (lead_) FinishFrame(is_jump ? epoch_.step() : time - lead_->dts);
  if (is_jump) Break();
  lead_ = Frame{.pts = time, .dts = time, .is_access = true};
}

void Packager::AddSound(Sound& sound, SoundUnit unit) {
  if (!epoch_.has_begun()) return;
  unit.time = epoch_.TimeOf(unit.stamp);
  if (std::abs(unit.time - epoch_.time()) > kMaxApartTicks) {
    ++damaged_;
    return;
  }
  // A player that gets sound before its first picture keeps them apart.
  if (is_running_ && IsMuxed(sound) && unit.time < start_) return;
  sound.Add(std::move(unit));
  // Some is sent before the picture that it belongs to.
  if (!is_running_) sound.DropBefore(epoch_.time() - kMaxEarlyTicks);
}

void Packager::Flush() {
  finder_.Flush([this](const uint8_t* p, size_t stride, size_t count) { return Walk(p, stride, count); });
  for (const auto& sound : sounds_)
    sound->reader().Flush([&](SoundUnit unit) {
      if (!picture_ && sound->track() == 0)
        OnLead(*sound, std::move(unit));
      else
        AddSound(*sound, std::move(unit));
    });
  EndFrame();
  EndRun();
  EmitSounds(true);
  if (outlet_.held() > 0) Announce();
}

PackagerStats Packager::stats() const {
  PackagerStats stats{.continuity_errors = gone_errors_,
                      .dropped_frames = gone_dropped_ + damaged_ + outlet_.dropped()};
  if (picture_) {
    stats.continuity_errors += picture_->continuity_errors();
    stats.dropped_frames += picture_->dropped();
  }
  for (const auto& sound : sounds_) {
    stats.continuity_errors += sound->reader().continuity_errors();
    stats.dropped_frames += sound->dropped();
  }
  return stats;
}

// ---- what is announced

bool Packager::IsMuxed(const Sound& sound) const {
  return transport_ && sound.track() == 0;
}

void Packager::OnLineup() {
  const Lineup& next = tables_.lineup();
  if (IsSame(lineup_, next) && lineup_.pmt_pid == next.pmt_pid && lineup_.pcr_pid == next.pcr_pid) {
    lineup_.left_out = next.left_out;
    return;
  }
  const bool same_picture = picture_ && next.picture && IsSame(picture_->stream(), *next.picture);
  // With another picture the frame that is open has to go first.
  has_next_lineup_ = is_running_ && same_picture;
  if (has_next_lineup_) return;  // until the next access point
  EndFrame();
  has_next_lineup_ = true;
  EndRun();
  Adopt();
}

// Takes over what the tables say. Between runs.
void Packager::Adopt() {
  if (!has_next_lineup_) return;
  EmitSounds(true);
  has_next_lineup_ = false;
  lineup_ = tables_.lineup();
  lead_.reset();
  const bool same_picture =
      picture_ && lineup_.picture && IsSame(picture_->stream(), *lineup_.picture);
  if (!same_picture) {
    if (picture_) {
      gone_errors_ += picture_->continuity_errors();
      gone_dropped_ += picture_->dropped();
    }
    picture_.reset();
    format_.reset();
    if (lineup_.picture) picture_.emplace(*lineup_.picture, settings_.container);
  }
  transport_.reset();
  AdoptSounds();
  if (!picture_ || settings_.container != Container::kTs) return;
  const Elementary* sound = lineup_.sounds.empty() ? nullptr : &lineup_.sounds.front();
  std::vector<uint16_t> pids = {picture_->stream().pid};
  if (sound) pids.push_back(sound->pid);
  transport_.emplace(MakeTables(lineup_, &*lineup_.picture, sound), std::move(pids));
}

void Packager::AdoptSounds() {
  auto before = std::exchange(sounds_, {});
  unsigned track = picture_ && settings_.container == Container::kMp4;
  for (const Elementary& stream : lineup_.sounds) {
    const auto same = std::ranges::find_if(
        before, [&](const auto& sound) { return sound && IsSame(sound->stream(), stream); });
    if (same != before.end()) {
      (*same)->Move(track, lineup_);
      sounds_.push_back(std::move(*same));
    } else {
      sounds_.push_back(std::make_unique<Sound>(stream, track, settings_.container, lineup_));
    }
    ++track;
  }
  for (const auto& sound : before) {
    if (!sound) continue;
    gone_errors_ += sound->reader().continuity_errors();
    gone_dropped_ += sound->dropped();
  }
}

// Something has changed since the tracks were told.
bool Packager::IsStale() const {
  if (has_next_lineup_) return true;
  if (picture_ && picture_->format() && format_ && *picture_->format() != *format_) return true;
  return outlet_.is_announced() &&
         std::ranges::any_of(sounds_, [](const auto& sound) { return sound->IsStale(); });
}

void Packager::AnnounceWhenKnown() {
  if (outlet_.held() + silent_.size() == 0) return;
  const bool is_known = std::ranges::all_of(
      sounds_, [](const auto& sound) { return sound->reader().format() != nullptr; });
  const bool is_late =
      end_ - begun_ > kFormatWaitTicks || outlet_.held() + silent_.size() > kMaxHeldParts;
  if (is_known || is_late) Announce();
}

// What the run has made so far follows.
void Packager::Announce() {
  for (const auto& sound : sounds_) sound->Settle();
  outlet_.Announce(Tracks(), Inits());
}

TrackInfo Packager::PictureTrack() const {
  TrackInfo info{.is_video = true,
                 .codecs = format_->codecs,
                 .frame_rate = format_->frame_rate,
                 .width = format_->width,
                 .height = format_->height,
                 .is_interlaced = format_->is_interlaced};
  const bool is_told = info.frame_rate >= 1 && info.frame_rate <= 240;
  if (!is_told) info.frame_rate = double{kTicksPerSecond} / static_cast<double>(epoch_.step());
  return info;
}

std::vector<TrackInfo> Packager::Tracks() const {
  std::vector<TrackInfo> tracks;
  if (picture_) tracks.push_back(PictureTrack());
  for (const auto& sound : sounds_) {
    if (sound->is_left_out()) continue;
    const SoundFormat unknown{.codecs = "mp4a.40.2", .channels = 2};
    const SoundFormat& format = sound->format() ? *sound->format() : unknown;
    if (!IsMuxed(*sound)) tracks.push_back({.track = sound->track()});
    TrackInfo& info = tracks[IsMuxed(*sound) ? 0 : tracks.size() - 1];
    info.codecs += (info.codecs.empty() ? "" : ",") + format.codecs;
    info.language = sound->stream().kind.language.data();
    info.is_description = sound->stream().kind.is_description;
    info.channels = format.channels;
  }
  return tracks;
}

std::vector<InitRecord> Packager::Inits() const {
  std::vector<InitRecord> inits;
  if (settings_.container == Container::kTs) return inits;
  if (picture_) inits.push_back({0, MakeInit(*format_)});
  for (const auto& sound : sounds_)
    if (!sound->is_left_out())
      inits.push_back({sound->track(),
                       MakeInit(*sound->format(), sound->stream().kind.language.data())});
  return inits;
}

std::string Packager::Problem() const {
  if (!tables_.has_tables()) return "no tables have come";
  if (!picture_ && sounds_.empty())
    return "no picture or sound that HLS has a place for" +
           (lineup_.left_out.empty() ? "" : ": " + lineup_.left_out);
  const bool is_mpeg2 = picture_ && picture_->stream().kind.video == VideoCodec::kMpeg2;
  if (is_mpeg2 && settings_.container == Container::kMp4) return "MP4 has no place for MPEG-2 video";
  if (!is_running_ && !is_break_due_) return "no access point has come";
  return "";
}

// ---- frames

// None follows the open frame.
void Packager::EndFrame() {
  if (picture_) picture_->Seal();
  FinishFrame(epoch_.step());
}

void Packager::FinishFrame(int64_t duration) {
  if (picture_) {
    if (!picture_->has_open()) return;
    picture_->open().duration = duration;
    return Place(picture_->open());
  }
  if (!lead_) return;
  Frame frame = *std::exchange(lead_, {});
  frame.duration = duration;
  Place(frame);
}

// The frame is whole, and the next one's time is known.
void Packager::Place(Frame& frame) {
  const bool is_refused = picture_ && settings_.container == Container::kMp4 &&
                          picture_->stream().kind.video == VideoCodec::kMpeg2;
  const bool can_begin = frame.is_access && !is_refused && (!picture_ || picture_->format());
  if (!is_running_ && !can_begin) return picture_->Drop();
  if (IsLeading(frame)) return picture_->Drop();
  if (is_running_ && frame.is_access && IsStale()) {
    EndRun();
    Adopt();
  }
  if (frame.is_access) ahead_ = frame.pts - frame.dts;
  frame.time = std::max(frame.dts + ahead_, end_);
  frame.duration = std::max<int64_t>(frame.dts + ahead_ + frame.duration - frame.time, 1);
  const bool begins = !is_running_;
  if (begins) Begin(frame);
  const size_t held = picture_ ? picture_->stock_bytes() : sounds_.front()->held_bytes();
  const Cutter::Place place = cutter_.Take({.time = frame.time,
                                            .duration = frame.duration,
                                            .is_access = frame.is_access,
                                            .is_break = begins && is_break_due_,
                                            .has_to_part = held > kMaxPartBytes,
                                            .is_sound = !picture_});
  if (place.begins_part) BeginPart(place, frame);
  end_ = frame.time + frame.duration;
  if (picture_) picture_->Keep();
  if (!outlet_.is_announced()) AnnounceWhenKnown();
}

// Shown before the access point that the run begins with: it refers to pictures that nobody has (open GOP).
bool Packager::IsLeading(const Frame& frame) {
  if (!is_running_ || lead_to_ == kNoTime) return false;
  if (!frame.is_access && frame.pts < lead_to_) return true;
  lead_to_ = kNoTime;
  return false;
}

void Packager::Begin(const Frame& frame) {
  is_running_ = true;
  lead_to_ = picture_ ? frame.pts : kNoTime;
  outlet_.BeginRun();
  begun_ = frame.time;
  if (!is_break_due_) start_ = frame.time;
  wall_.Begin(frame.time);
  if (picture_ && picture_->format()) format_ = *picture_->format();
  for (const auto& sound : sounds_) {
    sound->Unsettle();
    if (IsMuxed(*sound)) sound->DropBefore(start_);
  }
}

// What comes next does not go on from here.
void Packager::Break() {
  if (is_running_) EndRun();
  if (picture_ && picture_->has_open()) picture_->Drop();
}

void Packager::EndRun() {
  if (!is_running_) return;
  if (has_part_) ClosePart(end_, true, {});
  EmitSounds(true);  // other tracks may be told before the next part
  if (!outlet_.is_announced()) Announce();
  is_running_ = false;
  is_break_due_ = true;
}

// ---- parts

void Packager::BeginPart(const Cutter::Place& place, const Frame& frame) {
  std::vector<uint8_t> next_head = HeadOf(place, frame);
  if (has_part_)
    ClosePart(frame.time, place.begins_segment, std::move(next_head));
  else if (picture_)
    picture_->Cut(std::move(next_head));
  head_ = {.msn = place.msn,
           .part = place.part,
           .time = frame.time,
           .is_independent = frame.is_access,
           .is_discontinuous = std::exchange(is_break_due_, false)};
  has_part_ = true;
}

// A player may begin with each segment, and at each access point.
std::vector<uint8_t> Packager::HeadOf(const Cutter::Place& place, const Frame& frame) {
  std::vector<uint8_t> head;
  if (transport_ && (place.begins_segment || frame.is_access)) transport_->PutHead(head, frame.pcr);
  return head;
}

void Packager::ClosePart(int64_t end, bool is_last, std::vector<uint8_t> next_head) {
  has_part_ = false;
  head_.duration = end - head_.time;
  head_.is_last = is_last;
  head_.utc_ms = wall_.At(head_.time);
  if (picture_) {
    Piece piece = picture_->Cut(std::move(next_head));
    if (transport_) {
      silent_bytes_ += piece.bytes.size();
      silent_.push_back({0, head_, std::move(piece.bytes)});
    } else {
      outlet_.Put({0, head_, MakeFragment(piece, head_, *format_)});
    }
  }
  for (const auto& sound : sounds_)
    if (!IsMuxed(*sound)) sound->Cut(head_);
  EmitSounds(false);
}

// All that sounds while its pictures are shown has come, or does not come.
bool Packager::IsVoiced(const PartRecord& part) const {
  if (sounds_.empty() || sounds_.front()->is_left_out()) return true;
  const int64_t end = part.head.time + part.head.duration;
  return sounds_.front()->HasPassed(end) || end_ - end > Sound::kMaxLateTicks ||
         silent_bytes_ > kMaxSilentBytes;
}

void Packager::EmitVoiced(bool is_last) {
  while (!silent_.empty() && (is_last || IsVoiced(silent_.front()))) {
    PartRecord part = std::move(silent_.front());
    silent_.pop_front();
    silent_bytes_ -= part.bytes.size();
    if (!sounds_.empty()) sounds_.front()->MuxInto(part, *transport_);
    transport_->Finish(part.bytes, part.head.is_last);
    outlet_.Put(std::move(part));
  }
}

void Packager::EmitSounds(bool is_last) {
  EmitVoiced(is_last);
  for (const auto& sound : sounds_)
    while (auto record = sound->Take(end_, is_last)) outlet_.Put(std::move(*record));
}

}  // namespace xg2g
