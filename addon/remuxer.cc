#include "remuxer.h"

#include "heads.h"

#include <algorithm>

namespace xg2g {

namespace {

constexpr int64_t kRepeatTicks = kTicksPerSecond / 4;      // tables, where the source's are rarer
constexpr int64_t kTableSpacing = kTicksPerSecond / 20;    // and not more often than this
constexpr int64_t kJumpTicks = 2 * kTicksPerSecond;        // of the PCR: a new time line
constexpr int64_t kRadioMarkTicks = kTicksPerSecond / 2;
constexpr uint8_t kScrambleHysteresis = 8;                 // packets in a row
constexpr size_t kMaxListed = 8;                           // programmes named in a message

}  // namespace

Remuxer::Remuxer(const RemuxerSettings& settings)
    : settings_(settings),
      fast_(kPidCount, kNotFast),
      pids_(kPidCount),
      probe_(std::make_unique<Probe>(settings.program, settings.settle_ms)),
      line_(settings.shift, settings.continue_from),
      radio_marked_(-kRadioMarkTicks) {
  pids_[kPatPid].role = Role::kPat;
  if (settings.is_resumed)
    for (PidState& state : pids_) state.is_flag_due = true;
  out_.OnPause([this] { Pause(); });
}

Remuxer::~Remuxer() = default;

void Remuxer::Push(Bytes in, const OnPause& on_pause) {
  now_ = {.in = in, .on_pause = on_pause ? &on_pause : nullptr};
  if (stage_ == Stage::kFlow && probe_) {
    out_.Own();  // of what was held
    probe_.reset();
  }
  stats_.bytes_in += in.size();
  finder_.Push(
      in,
      [this](const uint8_t* packets, size_t stride, size_t count) {
        return Walk(packets, stride, count);
      },
      [this] { out_.Own(); });
  now_ = {};
}

void Remuxer::Flush() {
  finder_.Flush([this](const uint8_t* packets, size_t stride, size_t count) {
    return Walk(packets, stride, count);
  });
  out_.Own();
  if (stage_ == Stage::kSelect) Select(true);
  if (stage_ == Stage::kSettle) Release();
  line_.Flush(out_, [this](const Packet& packet) { Route(packet); });
  if (program_)
    for (Stream& stream : program_->streams())
      if (stream.track) {
        const uint64_t units = stream.track->units();
        stream.track->Flush(out_);
        if (stream.track->units() != units) line_.Note(stream.track->unit_pts());
      }
  out_.Own();
}

void Remuxer::Settle() { out_.Own(); }

size_t Remuxer::Walk(const uint8_t* packets, size_t stride, size_t count) {
  size_t done = 0;
  while (stage_ != Stage::kFlow && done < count) {
    const uint8_t* p = packets + done * stride;
    if (*p != kSyncByte) return done;
    ++stats_.packets_in;
    Hold(Packet(p));
    ++done;
  }
  if (done == count) return done;
  const size_t flowed = Flow(packets + done * stride, stride, count - done);
  stats_.packets_in += flowed;
  return done + flowed;
}

// The hot loop. A packet that looks as its PID let expect costs one comparison, and runs of them
// pass as one piece.
size_t Remuxer::Flow(const uint8_t* packets, size_t stride, size_t count) {
  size_t begin = 0;  // packets from here to `at` pass and are not yet handed on
  size_t at = 0;
  const auto emit = [&] {
    if (at > begin) Emit(packets + begin * stride, stride, at - begin);
  };
  while (at < count) {
    const uint8_t* p = packets + at * stride;
    const uint32_t head = Be32(p);
    uint32_t& expected = fast_[head >> 8 & 0x1FFF];
    if ((head & kFastMask) == expected) {
      const size_t followers = CountFollowers(p, stride, count - at);
      expected = kFastPacket | ((head + 1 + followers) & 0x0F);
      at += 1 + followers;
      continue;
    }
    if (((head & kFastMask) ^ expected) == kAdaptationBit && IsStuffed(p)) {
      expected = kFastPacket | ((head + 1) & 0x0F);
      ++at;
      continue;
    }
    emit();
    if (head >> 24 != kSyncByte) return at;
    if (expected == kNotSent) {
      const size_t n = CountOfPid(p, stride, count - at);
      (Packet(p).pid() == kNullPid ? stats_.null_packets : stats_.dropped_packets) += n;
      begin = at += n;
      continue;
    }
    begin = ++at;
    Handle(Packet(p));
  }
  emit();
  return at;
}

void Remuxer::Emit(const uint8_t* packets, size_t stride, size_t count) {
  if (stride == kPacketBytes) return out_.Pass(packets, count * kPacketBytes);
  for (size_t i = 0; i < count; ++i) out_.Pass(packets + i * stride, kPacketBytes);
}

void Remuxer::Handle(const Packet& packet) {
  now_.packet = packet.data();
  now_.position = out_.position();
  if (line_.shift() != 0) return Shift(packet);
  Route(packet);
}

// Only where the packet under work lies in what is pushed, not in what was kept of it before, and
// nothing that it brings has left yet: so all output so far is of the bytes before it.
void Remuxer::Pause() {
  if (!now_.on_pause || out_.IsEmpty() || out_.position() != now_.position) return;
  const std::less_equal<const uint8_t*> is_before;
  const uint8_t* const begin = now_.in.data();
  if (is_before(begin, now_.packet) && is_before(now_.packet, begin + now_.in.size()))
    (*now_.on_pause)(static_cast<size_t>(now_.packet - begin));
}

void Remuxer::Route(const Packet& packet) {
  PidState& state = pids_[packet.pid()];
  const bool is_valid = packet.IsValid();
  if (packet.error() || !is_valid) {
    stats_.tei_packets += packet.error();
    stats_.invalid_packets += !is_valid;
    // What passes, passes damaged; nothing is read out of it.
    if (state.role == Role::kPass || state.role == Role::kVideo) out_.Pass(packet);
    return;
  }
  if (packet.pid() == program_->pcr_pid()) OnClock(packet);
  switch (state.role) {
    case Role::kPat:
      // As often as the source's, and without a clock exactly as often.
      if (packet.unit_start() && (pcr_ == kNoTime || elapsed_ - tables_sent_ >= kTableSpacing))
        SendTables();
      return OnPat(packet);
    case Role::kPmt: return OnPmt(packet);
    case Role::kPass: return OnPassing(packet, state);
    case Role::kVideo: return OnVideo(packet, state);
    case Role::kAudio: return OnAudio(packet, state);
    case Role::kClock: return PassClock(packet, state);
    case Role::kDrop: ++stats_.dropped_packets; return;  // no longer ours: it was kept
  }
}

// ---- while it is not known what to send

void Remuxer::Hold(const Packet& packet) {
  if (packet.pid() == kNullPid) {
    ++stats_.null_packets;
    return;
  }
  if (!packet.error() && packet.IsValid()) {
    probe_->Look(packet, program_ ? program_->pcr_pid() : kNullPid);
    if (packet.pid() == kPatPid) OnPat(packet);
    OnPmt(packet);
  }
  stats_.dropped_packets += probe_->Hold(packet);
  if (stage_ == Stage::kSelect) Select(false);
  // Where time stamps are to be moved, they have to be known first.
  if (stage_ == Stage::kSettle && probe_->IsSettled(*program_, line_.IsToFollow())) Release();
}

void Remuxer::Select(bool is_last) {
  const PatEntry* entry = probe_->Choose(tables_, is_last);
  if (!entry) return;
  Adopt(*entry);
  if (!program_) return;
  stage_ = Stage::kSettle;
  probe_->Settle();
}

// Everything is known: what was held goes out as if it came now.
void Remuxer::Release() {
  for (Stream& stream : program_->streams()) {
    const Probe::Seen seen = probe_->seen(stream.pid);
    if (seen != Probe::Seen::kNothing) stream.seen = 0;
    stream.was_scrambled = seen == Probe::Seen::kScrambled;
    if (stream.track && stream.was_scrambled) stream.track->StartScrambled();
  }
  stage_ = Stage::kFlow;
  tables_.ForgetPmts();
  tables_.Rewind();
  SetRoles();
  DecideShift();
  Preview();
  SendTables();
  Flow(probe_->held().data(), kPacketBytes, probe_->held().size() / kPacketBytes);
}

// Which type MP3 has in the table depends on the rate, and not every rate can be MP3.
void Remuxer::Preview() {
  if (settings_.audio != AudioTarget::kMp3) return;
  const std::vector<uint8_t>& held = probe_->held();
  for (size_t at = 0; at < held.size(); at += kPacketBytes) {
    const Packet packet(held.data() + at);
    const PidState& state = pids_[packet.pid()];
    if (state.role == Role::kAudio && !packet.error() && packet.IsValid())
      program_->streams()[state.stream].track->Preview(packet);
  }
}

// ---- tables

void Remuxer::OnPat(const Packet& packet) {
  if (!tables_.PushPat(packet)) return;
  if (probe_) probe_->Note();
  if (!program_) return;
  // Where ours is gone, the next PMT that comes will do.
  const PatEntry* ours = tables_.Find(program_->number());
  const bool has_moved = ours && ours->pid != program_->pmt_pid();
  if (has_moved) program_->set_pmt_pid(ours->pid);
  if (stage_ != Stage::kFlow) return;
  SetRoles();
  if (has_moved) SendTables();  // before anything else flows on the PID that was the PMT's
}

void Remuxer::OnPmt(const Packet& packet) {
  tables_.PushPmt(packet, [this](const PatEntry& entry, Bytes section) { OnPmt(entry, section); });
}

void Remuxer::OnPmt(const PatEntry& entry, Bytes section) {
  if (stage_ == Stage::kSelect) {
    Pmt pmt;
    if (!ReadPmt(section, pmt)) return;
    probe_->Note();
    return tables_.KeepPmt(entry.program, section);
  }
  if (entry.program != program_->number()) {
    if (tables_.Find(program_->number())) return;
    tables_.ForgetPmts();
    tables_.KeepPmt(entry.program, section);
    return Adopt(entry);
  }
  if (!program_->Update(section, Policy(), out_)) return;
  if (stage_ != Stage::kFlow) return;
  SetRoles();
  SendTables();
}

SoundPolicy Remuxer::Policy() const {
  return {settings_.audio,     settings_.bitrate,        settings_.channels,
          settings_.languages, settings_.keeps_original, settings_.is_single,
          settings_.is_resumed || stage_ == Stage::kFlow,
          settings_.prefers_libavcodec};
}

// Makes the programme ours. Its PMT is known.
void Remuxer::Adopt(const PatEntry& entry) {
  auto program = std::make_unique<Program>(entry.program, entry.pid);
  if (!program->Update(tables_.FindPmt(entry.program), Policy(), out_)) return;
  if (program_) program->Follow(*program_, out_);
  else if (settings_.is_resumed) program->Resume(settings_.tables_version);
  program_ = std::move(program);
  if (stage_ != Stage::kFlow) return;
  pcr_ = kNoTime;
  SetRoles();
  SendTables();
}

void Remuxer::SetRoles() {
  for (size_t pid = 0; pid < kPidCount; ++pid) {
    PidState& state = pids_[pid];
    if (IsHead(fast_[pid])) state.continuity = static_cast<uint8_t>((fast_[pid] - 1) & 0x0F);
    fast_[pid] = kNotFast;
    // Tables of the transport stream pass, those of its programmes only where they are ours.
    state.role = pid > 0 && pid < kFirstFreePid ? Role::kPass : Role::kDrop;
    state.stream = kNoStream;
  }
  for (const uint16_t pid : program_->ca_pids()) pids_[pid].role = Role::kPass;
  pids_[program_->pcr_pid()].role = Role::kPass;
  for (const uint16_t pid : tables_.PmtPids()) pids_[pid].role = Role::kPmt;
  pids_[kPatPid].role = Role::kPat;
  pids_[kNullPid].role = Role::kDrop;
  bool has_video = false;
  for (size_t i = 0; i < program_->streams().size(); ++i) {
    const Stream& stream = program_->streams()[i];
    PidState& state = pids_[stream.pid];
    state.stream = static_cast<uint8_t>(i);
    if (!stream.is_wanted) {
      state.role = stream.pid == program_->pcr_pid() ? Role::kClock : Role::kDrop;
      continue;
    }
    state.role = stream.track ? Role::kAudio : Role::kPass;
    if (stream.kind.is_video && !has_video) {
      has_video = true;
      state.role = Role::kVideo;
      scanner_ = AccessScanner(stream.kind.video);
      is_scanning_ = false;
    }
  }
  // A PMT may move to the PID of what was a stream until now.
  pids_[program_->pmt_pid()].role = Role::kPmt;
  for (size_t pid = 0; pid < kPidCount; ++pid)
    if (pids_[pid].role == Role::kDrop) fast_[pid] = kNotSent;
}

void Remuxer::SendTables() {
  tables_sent_ = elapsed_;
  program_->UpdateAnnounced(elapsed_);
  program_->Send(out_, tables_.transport_stream_id());
}

// ---- while it flows

void Remuxer::OnClock(const Packet& packet) {
  const int64_t pcr = packet.pcr();
  if (pcr == kNoTime) return;
  if (pcr_ != kNoTime) {
    const int64_t step = WrapDistance(pcr, pcr_, kPcrModulus) / kPcrPerTick;
    if (packet.discontinuity() || step < 0 || step > kJumpTicks) {
      ++stats_.discontinuities;
      for (Stream& stream : program_->streams())
        if (stream.track) stream.track->ExpectJump();
    } else {
      elapsed_ += step;
    }
  }
  pcr_ = pcr;
  if (elapsed_ - tables_sent_ >= kRepeatTicks) SendTables();
}

// A packet of sound or picture: what flows is announced.
void Remuxer::OnFlowing(const Packet& packet, PidState& state) {
  if (state.stream == kNoStream || !packet.has_payload()) return;
  Stream& stream = program_->streams()[state.stream];
  stream.seen = elapsed_;
  bool is_changed = !stream.is_announced && program_->UpdateAnnounced(elapsed_);
  if (!stream.track) {
    if (packet.scrambled() && state.scrambled_run < kScrambleHysteresis) ++state.scrambled_run;
    if (!packet.scrambled()) state.scrambled_run = 0;
    const bool is_scrambled = packet.scrambled()
                                  ? stream.was_scrambled || state.scrambled_run == kScrambleHysteresis
                                  : false;
    if (is_scrambled != stream.was_scrambled) {
      stream.was_scrambled = is_scrambled;
      program_->Touch();
      is_changed = true;
    }
  }
  if (is_changed) SendTables();
  if (!stream.MustFlow()) return;
  if (packet.scrambled()) ++stats_.scrambled_packets;
  else if (packet.unit_start()) ++stats_.clear_units;
}

// Of a stream that is not sent: its clock may be the programme's all the same.
void Remuxer::PassClock(const Packet& packet, PidState& state) {
  if (packet.pid() != program_->pcr_pid() || packet.pcr() == kNoTime) return;
  out_.Adaptation(packet.pid(), 0, packet.pcr(), packet.discontinuity() || state.is_flag_due);
  state.is_flag_due = false;
}

// A player has read packets of this PID before: their counter does not go on in what passes.
void Remuxer::FlagFirst(const Packet& packet, PidState& state) {
  if (!state.is_flag_due) return;
  state.is_flag_due = false;
  if (packet.discontinuity()) return;
  const unsigned steps = packet.has_payload() ? 15 : 0;
  out_.Adaptation(packet.pid(), (packet.continuity() + steps) & 0x0F, kNoTime, true);
}

void Remuxer::CountContinuity(const Packet& packet, PidState& state) {
  if (packet.discontinuity()) state.has_continuity = false;
  if (!packet.has_payload()) return;
  const uint32_t fast = fast_[packet.pid()];
  const uint8_t last = IsHead(fast) ? static_cast<uint8_t>((fast - 1) & 0x0F) : state.continuity;
  const uint8_t now = packet.continuity();
  if (state.has_continuity && now == last)
    ++stats_.duplicates;
  else if (state.has_continuity && now != ((last + 1) & 0x0F))
    ++stats_.continuity_errors;
  state.has_continuity = true;
  state.continuity = now;
  fast_[packet.pid()] = kFastPacket | ((now + 1) & 0x0F);
}

void Remuxer::OnPassing(const Packet& packet, PidState& state) {
  CountContinuity(packet, state);
  OnFlowing(packet, state);
  if (state.stream != kNoStream && packet.has_payload() &&
      !program_->streams()[state.stream].is_announced) {
    fast_[packet.pid()] = kNotFast;  // another track is sent instead: this one is only watched
    return PassClock(packet, state);
  }
  FlagFirst(packet, state);
  const bool must_flow = state.stream != kNoStream && program_->streams()[state.stream].MustFlow();
  const int64_t pts = must_flow ? line_.NoteOf(packet) : kNoTime;
  const uint64_t offset = out_.position();
  out_.Pass(packet);
  if (must_flow && packet.unit_start()) MarkSound(offset, pts);
}

void Remuxer::OnVideo(const Packet& packet, PidState& state) {
  CountContinuity(packet, state);
  OnFlowing(packet, state);
  FlagFirst(packet, state);
  const bool begins = packet.unit_start() && !packet.scrambled();
  if (begins) {
    is_scanning_ = true;
    video_offset_ = out_.position();
    video_pts_ = kNoTime;
    scanner_.Begin();
  }
  out_.Pass(packet);
  if (!is_scanning_) return;
  if (packet.scrambled()) {
    is_scanning_ = false;
    return;
  }
  auto verdict = AccessScanner::Verdict::kMore;
  video_pes_.Push(
      packet.payload(), begins, [this](const PesHeader& header) { line_.Note(video_pts_ = header.pts); },
      [&](Bytes data) { verdict = scanner_.Feed(data); });
  is_scanning_ = verdict == AccessScanner::Verdict::kMore;
  if (is_scanning_) fast_[packet.pid()] = kNotFast;  // the next packet is looked at as well
  if (verdict == AccessScanner::Verdict::kAccess)
    AddMark(video_offset_, video_pts_, scanner_.kind());
}

void Remuxer::OnAudio(const Packet& packet, PidState& state) {
  OnFlowing(packet, state);
  Stream& stream = program_->streams()[state.stream];
  if (!stream.is_announced) return PassClock(packet, state);
  Track& track = *stream.track;
  const bool was_clear = track.IsClear();
  const uint8_t type = stream.output_type();
  const uint64_t units = track.units();
  const uint64_t offset = out_.position();
  track.Push(packet, out_);
  if (track.IsClear() != was_clear || stream.output_type() != type) {
    program_->Touch();
    SendTables();
  }
  if (track.units() == units) return;
  line_.Note(track.unit_pts());
  MarkSound(offset, track.unit_pts());
}

// Where there is no picture, a viewer can join at any frame of sound: now and then one is marked.
void Remuxer::MarkSound(uint64_t offset, int64_t pts) {
  if (program_->HasVideo() || elapsed_ - radio_marked_ < kRadioMarkTicks) return;
  radio_marked_ = elapsed_;
  AddMark(offset, pts, AccessKind::kAudio);
}

void Remuxer::AddMark(uint64_t offset, int64_t pts, AccessKind kind) {
  ++stats_.access_points;
  if (marks_.size() == kMaxMarks) marks_.erase(marks_.begin());
  marks_.push_back({offset, pts, pcr_, kind});
  SendTables();  // who begins here needs not wait for the next ones
}

// ---- another time line than the source's

void Remuxer::DecideShift() {
  const auto sends = [](const Stream& stream) { return stream.MustFlow() && stream.is_wanted; };
  // Inside of what is scrambled nothing can be moved, so the rest stays with it.
  for (const Stream& stream : program_->streams())
    if (sends(stream) && stream.was_scrambled) return;
  line_.Decide(probe_->held(), program_->pcr_pid(), [&](uint16_t pid) {
    const uint8_t stream = pids_[pid].stream;
    return stream != kNoStream && sends(program_->streams()[stream]);
  });
}

// Before anything else looks at it, so that all that is told further is the viewer's time. Packets
// that pass without a look have neither clock nor PES header.
void Remuxer::Shift(const Packet& packet) {
  PidState& state = pids_[packet.pid()];
  if (!packet.IsValid()) return Route(packet);
  const bool is_kept = line_.Move(packet, state.stream != kNoStream, out_,
                                  [this](const Packet& moved) { Route(moved); });
  if (!is_kept) return;
  uint32_t& fast = fast_[packet.pid()];
  if (IsHead(fast)) state.continuity = static_cast<uint8_t>((fast - 1) & 0x0F);
  fast = kNotFast;
}

// ---- what was seen

std::vector<Mark> Remuxer::TakeMarks() {
  std::vector<Mark> marks;
  marks.swap(marks_);
  marks_.reserve(marks.capacity());
  return marks;
}

RemuxerStats Remuxer::stats() const {
  RemuxerStats stats = stats_;
  stats.pmt_versions = program_ ? program_->versions() : 0;
  return stats;
}

std::string Remuxer::Problem() const {
  const auto number = [](uint64_t n) { return std::to_string(n); };
  if (stats_.bytes_in == 0) return "no input";
  if (!finder_.was_locked() && stats_.packets_in == 0)
    return "no sync: " + number(stats_.bytes_in) + " bytes without transport packets";
  if (!tables_.has_pat()) return "no PAT in " + number(stats_.packets_in) + " packets";
  const auto& programs = tables_.programs();
  if (programs.empty()) return "PAT lists no programme";
  if (stage_ == Stage::kSelect) {
    std::string list;
    for (size_t i = 0; i < std::min(programs.size(), kMaxListed); ++i)
      list += (i ? ", " : " ") + number(programs[i].program);
    if (programs.size() > kMaxListed) list += " ...";
    return "no PMT: PAT lists" + list;
  }
  const auto& streams = program_->streams();
  const auto must_flow = [](const Stream& s) { return s.MustFlow(); };
  if (std::ranges::none_of(streams, must_flow)) return "";
  const auto has_flowed = [](const Stream& s) { return s.MustFlow() && s.seen >= 0; };
  if (stage_ == Stage::kFlow && std::ranges::none_of(streams, has_flowed))
    return "nothing flows of programme " + number(program_->number());
  if (stats_.scrambled_packets > 0 && stats_.clear_units == 0)
    return "scrambled: " + number(stats_.scrambled_packets) + " packets of programme " +
           number(program_->number());
  return "";
}

}  // namespace xg2g
