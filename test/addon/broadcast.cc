// Everything becomes an event with a time; sorted by it, the events are written one after the
// other.
#include "broadcast.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <memory>
#include <random>
#include <tuple>

#include "bits.h"

namespace xg2g::test {
namespace {

constexpr int64_t kTicks = 90'000;
constexpr double kPcrInterval = 0.04;
constexpr double kVideoLead = 0.3;     // seconds from sending to decoding
constexpr double kEncodedSeconds = 2;  // longer sound is played again from its beginning
constexpr uint16_t kSdtPid = 0x11;

void Append(Data& to, View from) {
  to.insert(to.end(), from.begin(), from.end());
}

int64_t Ticks(double seconds) {
  return std::llround(seconds * kTicks);
}
int64_t Wrapped(int64_t ticks) {
  return ticks & (kPtsWrap - 1);
}

// Frames of noise, made once for all broadcasts of a test run.
const std::vector<Data>& MadeFrames(const Passage& p, unsigned seed) {
  using Key = std::tuple<Sound, int, int, int, unsigned>;
  static std::map<Key, std::vector<Data>> made;
  auto& frames = made[{p.codec, p.rate, p.channels, p.bitrate, seed}];
  if (frames.empty())
    frames = Encode(p.codec, Noise(p.rate, p.channels, kEncodedSeconds, seed), p.bitrate);
  return frames;
}

// Bytes in which no start code can be found.
void PutNoise(Data& out, size_t count, std::mt19937& random) {
  for (; count > 0; --count) out.push_back(static_cast<uint8_t>(1 + random() % 255));
}

void PutUnit(Data& out, std::initializer_list<uint8_t> bytes) {
  Append(out, Data{0, 0, 1});
  out.insert(out.end(), bytes);
}

// What stands before a picture, up to the first bits of its first slice.
Data PictureHead(const Video& video, bool is_key) {
  Data out;
  switch (video.kind) {
    case Video::Kind::kNone:
      break;
    case Video::Kind::kMpeg2: {
      if (is_key) {
        PutUnit(out, {0xB3, 0x2D, 0x02, 0x40, 0x33, 0x12, 0x4F, 0x23, 0x81});  // sequence
        PutUnit(out, {0xB8, 0x80, 0x08, 0x00, 0x40});                          // group
      }
      const uint8_t type = is_key ? 1 : 2;  // I, P
      PutUnit(out, {0x00, 0x00, static_cast<uint8_t>(type << 3 | 7), 0xFF, 0xF8});
      PutUnit(out, {0x01});  // slice
      break;
    }
    case Video::Kind::kH264: {
      out.push_back(0);
      PutUnit(out, {0x09, 0xF0});  // access unit delimiter
      if (is_key) {
        // SPS: 1920x1080, interlaced, 25 pictures/s
        PutUnit(out, {
                          0x67, 0x4D, 0x40, 0x28, 0xE9, 0x80, 0xF0,
                          0x08, 0x9F, 0xBC, 0x04, 0x40, 0x00, 0x00,
                          0x03, 0x00, 0x40, 0x00, 0x00, 0x0C, 0x87,
                          0xC5, 0x8B, 0x4E});
        PutUnit(out, {0x68, 0xDE, 0x3C, 0x80});                               // PPS
        if (video.is_open_gop) PutUnit(out, {0x06, 0x06, 0x01, 0xC4, 0x80});  // recovery point
      }
      const uint8_t type = is_key && !video.is_open_gop ? 0x65 : 0x41;
      BitWriter slice;
      slice.PutUe(0).PutUe(is_key ? 7 : 5).PutUe(0).Put(8, 0xA5);
      PutUnit(out, {type});
      Append(out, slice.bytes());
      break;
    }
    case Video::Kind::kHevc: {
      out.push_back(0);
      PutUnit(out, {35 << 1, 0x01, 0x50});  // access unit delimiter
      if (is_key) {
        // VPS, SPS (1920x1080) and PPS
        PutUnit(out, {
                          0x40, 0x01, 0x0C, 0x01, 0xFF, 0xFF, 0x01,
                          0x60, 0x00, 0x00, 0x03, 0x00, 0x90, 0x00,
                          0x00, 0x03, 0x00, 0x00, 0x03, 0x00, 0x7B,
                          0x95, 0x90, 0x09});
        PutUnit(out, {
                          0x42, 0x01, 0x01, 0x01, 0x60, 0x00, 0x00,
                          0x03, 0x00, 0x90, 0x00, 0x00, 0x03, 0x00,
                          0x00, 0x03, 0x00, 0x7B, 0xA0, 0x03, 0xC0,
                          0x80, 0x11, 0x07, 0xCB, 0x92, 0x56, 0x44,
                          0xA4, 0xC2, 0xF0, 0x16, 0x80, 0x80, 0x00,
                          0x00, 0x03, 0x00, 0x80, 0x00, 0x00, 0x19,
                          0x04});
        PutUnit(out, {0x44, 0x01, 0xC0, 0x73, 0xC1, 0x89});
      }
      const int type = !is_key ? 1 : video.is_open_gop ? 21 : 19;  // TRAIL_R, CRA, IDR
      PutUnit(out, {static_cast<uint8_t>(type << 1), 0x01, 0xAF});
      break;
    }
  }
  return out;
}

uint8_t VideoType(Video::Kind kind) {
  return kind == Video::Kind::kMpeg2 ? 0x02 : kind == Video::Kind::kH264 ? 0x1B : 0x24;
}

// One thing to be sent: a packet of a PES, a packet without payload, or tables.
struct Event {
  double at;
  PacketFields fields = {};
  std::shared_ptr<Data> pes = {};  // of which the next bytes go into the packet
  std::shared_ptr<size_t> sent = {};
  bool is_tables = false, is_sdt = false;
};

class Multiplexer {
 public:
  explicit Multiplexer(const Broadcast& b) : b_(b), random_(b.seed) {}

  Aired Run() {
    AddVideo();
    for (size_t i = 0; i < b_.audio.size(); ++i) AddAudio(i);
    for (const Neighbour& n : b_.neighbours)
      if (n.flowing_pid != 0) AddNeighbour(n);
    if (b_.has_pcr && !ClockRidesOn(PcrPid())) AddClock();
    AddTables();
    std::ranges::stable_sort(events_, {}, &Event::at);
    for (Event& event : events_) Write(event);
    aired_.ts = ts_.Take();
    return std::move(aired_);
  }

 private:
  uint16_t PcrPid() const {
    if (b_.pcr_pid) return *b_.pcr_pid;
    if (b_.video.kind != Video::Kind::kNone) return b_.video.pid;
    return b_.audio.empty() ? kTsNullPid : b_.audio[0].pid;
  }
  bool ClockRidesOn(uint16_t pid) const {
    if (b_.video.kind != Video::Kind::kNone && b_.video.pid == pid) return true;
    return std::ranges::any_of(b_.audio, [pid](const Audio& a) { return a.pid == pid; });
  }
  int64_t Pcr(double at) const {
    return (b_.start * 300 + std::llround(at * kTicks * 300)) % kPcrWrap;
  }

  // The packets of a PES, spread over its time.
  void AddPes(double at, double duration, uint16_t pid, Data pes, bool is_scrambled,
              PacketFields first = {}) {
    const bool has_pcr = b_.has_pcr && pid == PcrPid();
    first.pid = pid;
    first.is_start = true;
    first.scrambling = is_scrambled ? 2 : 0;
    if (has_pcr) first.pcr = Pcr(at);
    const size_t count = (pes.size() + (has_pcr || first.is_random_access ? 8 : 0) + 183) / 184;
    if (is_scrambled)
      for (uint8_t& byte : pes) byte ^= 0x5A;
    const auto shared = std::make_shared<Data>(std::move(pes));
    const auto sent = std::make_shared<size_t>(0);
    for (size_t i = 0; i < count; ++i) {
      const double share = static_cast<double>(i) / static_cast<double>(count);
      events_.push_back(
          {.at = at + share * duration, .fields = first, .pes = shared, .sent = sent});
      first = {.pid = pid, .scrambling = first.scrambling};
    }
  }

  void AddVideo() {
    const Video& v = b_.video;
    if (v.kind == Video::Kind::kNone) return;
    for (size_t i = 0; static_cast<double>(i) / v.fps < b_.seconds; ++i) {
      const double at = static_cast<double>(i) / v.fps;
      if (!v.airs.Has(at)) continue;
      const bool is_key = i % v.gop == 0;
      Data es = PictureHead(v, is_key);
      PutNoise(es, (is_key ? 2 : 1) * (v.picture_bytes / 2 + random_() % (v.picture_bytes / 2)),
               random_);
      const int64_t dts = Wrapped(b_.start + Ticks(at + kVideoLead));
      const int64_t pts = Wrapped(dts + Ticks(1 / v.fps));
      const bool is_scrambled = v.is_scrambled.Has(at);
      if (!is_scrambled) aired_.pictures.push_back({pts, is_key});
      AddPes(at, 0.9 / v.fps, v.pid,
             Pes({.stream_id = 0xE0, .pts = pts, .dts = dts, .is_bounded = false}, es),
             is_scrambled, {.is_random_access = is_key});
    }
  }

  // The frames of a track in order, with the times at which they are to be heard.
  std::vector<CodedFrame> FramesUntil(const Audio& a, double end, unsigned seed) const {
    std::vector<CodedFrame> out;
    int64_t begin = b_.start + Ticks(a.lead);  // of the passage
    const int64_t first = begin;
    for (size_t p = 0; p < a.sound.size(); ++p) {
      const Passage& passage = a.sound[p];
      const double until = p + 1 < a.sound.size() ? a.sound[p + 1].from : end;
      const std::vector<Data>& frames = MadeFrames(passage, seed);
      const int samples = FrameSamples(passage.codec);
      int64_t time = begin;
      for (int64_t i = 0; time - first < Ticks(std::min(until, end)); ++i) {
        out.push_back({Wrapped(time), passage.codec, passage.rate, passage.channels,
                       frames[static_cast<size_t>(i) % frames.size()]});
        time = begin + ((i + 1) * samples * kTicks * 2 + passage.rate) / (2 * passage.rate);
      }
      begin = time;
    }
    return out;
  }

  int64_t Told(const Audio& a, int64_t pts) {
    const auto spread = static_cast<int64_t>(2 * a.pts_jitter + 1);
    pts += static_cast<int64_t>(random_() % static_cast<uint64_t>(spread)) - a.pts_jitter;
    return Wrapped((pts + a.pts_grain / 2) / a.pts_grain * a.pts_grain);
  }

  void AddAudio(size_t index) {
    const Audio& a = b_.audio[index];
    aired_.sound.emplace_back();
    const auto frames =
        FramesUntil(a, std::min(b_.seconds, a.airs.to), static_cast<unsigned>(index) + 1);
    std::vector<CodedFrame>& sent = aired_.sound.back();
    for (const CodedFrame& frame : frames)
      if (a.airs.Has(SentAt(a, frame.pts))) sent.push_back(frame);
    if (a.pes_bytes > 0)
      AddSlices(a, sent);
    else
      AddGroups(a, sent);
  }

  double SentAt(const Audio& a, int64_t pts) const {
    const int64_t since = Wrapped(pts - b_.start - Ticks(a.lead));
    return static_cast<double>(since) / kTicks;
  }

  // at, duration: seconds of sending
  void AddAudioPes(const Audio& a, Sound codec, double at, double duration, int64_t pts, View es) {
    AddPes(at, 0.9 * duration, a.pid,
           Pes({.stream_id = StreamId(codec),
                .pts = pts,
                .is_bounded = a.is_bounded,
                .is_aligned = a.pes_bytes == 0},
               es),
           a.is_scrambled.Has(at));
  }

  static double Duration(const CodedFrame& frame) {
    return static_cast<double>(FrameSamples(frame.codec)) / frame.rate;
  }

  void AddGroups(const Audio& a, const std::vector<CodedFrame>& frames) {
    size_t pes = 0;
    for (size_t i = 0; i < frames.size();) {
      Data es;
      size_t count = 0;
      for (; count < a.frames_per_pes && i + count < frames.size(); ++count)
        Append(es, frames[i + count].data);
      const int64_t pts = pes++ % a.pts_every == 0 ? Told(a, frames[i].pts) : kAbsent;
      AddAudioPes(a, frames[i].codec, SentAt(a, frames[i].pts),
                  Duration(frames[i]) * static_cast<double>(count), pts, es);
      i += count;
    }
  }

  // PES packets of one size; the time stamp is that of the first frame that begins inside.
  void AddSlices(const Audio& a, const std::vector<CodedFrame>& frames) {
    Data es;
    std::vector<size_t> begins;
    for (const CodedFrame& frame : frames) {
      begins.push_back(es.size());
      Append(es, frame.data);
    }
    size_t next = 0, pes = 0;
    for (size_t at = 0; at < es.size(); at += a.pes_bytes) {
      const size_t size = std::min(a.pes_bytes, es.size() - at);
      const size_t here = next;
      while (next < begins.size() && begins[next] < at + size) ++next;
      const bool is_stamped = next > here && pes++ % a.pts_every == 0;
      const int64_t pts = is_stamped ? Told(a, frames[here].pts) : kAbsent;
      // Sent when its first byte would be if the bytes of each frame took the frame's time.
      const size_t own = here < begins.size() && begins[here] == at ? here : here - 1;
      const CodedFrame& frame = frames[own];
      const double bytes = static_cast<double>(frame.data.size());
      const double inside = static_cast<double>(at - begins[own]) / bytes;
      const double share = static_cast<double>(size) / bytes;
      AddAudioPes(a, frame.codec, SentAt(a, frame.pts) + inside * Duration(frame),
                  share * Duration(frame), pts, View(es).subspan(at, size));
    }
  }

  void AddNeighbour(const Neighbour& n) {
    const Video video{.kind = Video::Kind::kMpeg2};
    for (double at = 0.01; at < b_.seconds; at += 0.04) {
      Data es = PictureHead(video, true);
      PutNoise(es, 300, random_);
      const int64_t pts = Wrapped(b_.start + Ticks(at + kVideoLead));
      AddPes(at, 0.03, n.flowing_pid, Pes({.pts = pts}, es), n.is_scrambled);
    }
  }

  void AddClock() {
    for (double at = 0; at < b_.seconds; at += kPcrInterval)
      events_.push_back(
          {.at = at, .fields = {.pid = PcrPid(), .has_payload = false, .pcr = Pcr(at)}});
  }

  void AddTables() {
    for (double at = 0; at < b_.seconds; at += b_.table_interval)
      events_.push_back({.at = at, .is_tables = true});
    for (double at = 0.02; b_.has_sdt && at < b_.seconds; at += 1)
      events_.push_back({.at = at, .is_sdt = true});
  }

  Pmt PmtAt(double t) const {
    Pmt pmt{.program = b_.program, .pcr_pid = PcrPid(), .descriptors = b_.descriptors};
    if (!b_.has_pcr) pmt.pcr_pid = kTsNullPid;
    if (b_.video.kind != Video::Kind::kNone)
      pmt.streams.push_back({VideoType(b_.video.kind), b_.video.pid, b_.video.descriptors});
    for (const Audio& a : b_.audio) {
      if (!a.is_announced || !a.announced.Has(t)) continue;
      const Passage* now = &a.sound[0];
      for (const Passage& p : a.sound)
        if (p.from <= t && a.announces_changes) now = &p;
      PmtStream entry = PmtEntry(now->codec, a.pid, a.language);
      entry.descriptors[0] = Language(a.language, a.audio_type);
      entry.descriptors.insert(entry.descriptors.end(), a.descriptors.begin(), a.descriptors.end());
      pmt.streams.push_back(std::move(entry));
    }
    return pmt;
  }

  void PutTables(double at) {
    Pat pat{.transport_stream = b_.transport_stream, .version = 1, .programs = {{0, 0x10}}};
    for (const Neighbour& n : b_.neighbours) pat.programs.emplace_back(n.program, n.pmt_pid);
    pat.programs.emplace_back(b_.program, b_.pmt_pid);

    Pmt pmt = PmtAt(at);
    const auto forced = static_cast<uint8_t>(
        std::ranges::count_if(b_.new_versions, [at](double t) { return t <= at; }));
    if (pmt_ && pmt.streams != pmt_->streams) ++changes_;
    pmt_ = pmt;
    pmt.version = (b_.pmt_version + changes_ + forced) & 31;
    std::vector<Pmt> pmts;
    for (const Neighbour& n : b_.neighbours) {
      if (!n.has_pmt) continue;
      pmts.push_back({.program = n.program, .pcr_pid = n.flowing_pid});
      const auto pid = static_cast<uint16_t>(n.flowing_pid ? n.flowing_pid : n.pmt_pid + 1);
      pmts.back().streams.push_back({0x02, pid});
    }
    pmts.push_back(pmt);
    ts_.PutTables(pat, pmts);
  }

  void PutSdt() {
    BitWriter body;
    body.Put(16, 1).Put(8, 0xFF).Put(16, b_.program).Put(6, 63).Put(2, 1).Put(3, 4).Put(1, 0);
    body.Put(12, 8).Put(8, 0x48).Put(8, 6).Put(8, 1).Put(8, 0).Put(8, 3).Put(24, 0x5A4446);
    ts_.PutSections(kSdtPid, {Section(0x42, b_.transport_stream, 0, true, body.bytes())});
  }

  void Write(Event& event) {
    const size_t before = ts_.size();
    if (event.is_tables)
      PutTables(event.at);
    else if (event.is_sdt)
      PutSdt();
    else
      PutEvent(event);
    for (size_t i = (ts_.size() - before) / kTsBytes; b_.null_every > 0 && i > 0; --i)
      if (++written_ % b_.null_every == 0) ts_.PutNull();
  }

  void PutEvent(Event& event) {
    if (b_.begins_flagged && !begun_[event.fields.pid]) event.fields.is_discontinuity = true;
    begun_[event.fields.pid] = true;
    if (!event.pes) {
      ts_.Put(event.fields);
      return;
    }
    // The last event of a PES takes what is left.
    const View rest = View(*event.pes).subspan(*event.sent);
    if (!rest.empty()) *event.sent += ts_.Put(event.fields, rest);
  }

  const Broadcast& b_;
  std::mt19937 random_;
  TsWriter ts_;
  Aired aired_;
  std::vector<Event> events_;
  std::map<uint16_t, bool> begun_;
  std::optional<Pmt> pmt_;
  uint8_t changes_ = 0;
  size_t written_ = 0;
};

}  // namespace

Aired Air(const Broadcast& broadcast) {
  return Multiplexer(broadcast).Run();
}

Data Concatenate(const std::vector<Data>& parts) {
  Data out;
  for (const Data& part : parts) Append(out, part);
  return out;
}

namespace {

bool IsOn(View packet, uint16_t pid) {
  return pid == kTsNullPid || ((packet[1] & 0x1F) << 8 | packet[2]) == pid;
}

}  // namespace

Data LosePackets(View ts, uint16_t pid, size_t from, size_t count) {
  Data out;
  size_t seen = 0;
  for (size_t at = 0; at + kTsBytes <= ts.size(); at += kTsBytes) {
    const View packet = ts.subspan(at, kTsBytes);
    if (IsOn(packet, pid)) {
      const size_t number = seen++;
      if (number >= from && number < from + count) continue;
    }
    Append(out, packet);
  }
  return out;
}

Data RepeatPackets(View ts, uint16_t pid, size_t every) {
  Data out;
  size_t seen = 0;
  for (size_t at = 0; at + kTsBytes <= ts.size(); at += kTsBytes) {
    const View packet = ts.subspan(at, kTsBytes);
    Append(out, packet);
    if (IsOn(packet, pid) && ++seen % every == 0) Append(out, packet);
  }
  return out;
}

Data Widen(View ts, size_t before, size_t after) {
  Data out;
  for (size_t at = 0; at + kTsBytes <= ts.size(); at += kTsBytes) {
    // As a recorder's time stamp and a check word might look: anything but a sync byte.
    for (size_t i = 0; i < before; ++i)
      out.push_back(static_cast<uint8_t>(at / kTsBytes + i * 31) & 0x3F);
    Append(out, ts.subspan(at, kTsBytes));
    for (size_t i = 0; i < after; ++i)
      out.push_back(static_cast<uint8_t>(at / kTsBytes + i * 31) & 0x3F);
  }
  return out;
}

}  // namespace xg2g::test
