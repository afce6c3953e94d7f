#include "program.h"

#include <algorithm>

namespace xg2g {

namespace {

constexpr uint16_t kFirstOriginalPid = 0x1E00;  // where free PIDs are looked for

constexpr uint32_t kLowestMpeg1Rate = 32000;    // below, MPEG audio is the low sampling frequencies

// The bibliographic and the terminological code of the languages that have two.
constexpr std::string_view kTwoCodes[][2] = {
    {"alb", "sqi"}, {"arm", "hye"}, {"baq", "eus"}, {"bur", "mya"}, {"chi", "zho"},
    {"cze", "ces"}, {"dut", "nld"}, {"fre", "fra"}, {"geo", "kat"}, {"ger", "deu"},
    {"gre", "ell"}, {"ice", "isl"}, {"mac", "mkd"}, {"mao", "mri"}, {"may", "msa"},
    {"per", "fas"}, {"rum", "ron"}, {"slo", "slk"}, {"tib", "bod"}, {"wel", "cym"},
};

std::string_view Canonical(std::string_view language) {
  for (const auto& codes : kTwoCodes)
    if (language == codes[0]) return codes[1];
  return language;
}

// The place of a stream in the list of languages; past its end when it is in none.
size_t Rank(const Stream& stream, const std::vector<std::string>& languages) {
  const std::string_view language = stream.kind.language.data();
  size_t rank = 0;
  while (rank < languages.size() && !IsSameLanguage(language, languages[rank])) ++rank;
  return rank;
}

bool IsSameSource(const Stream& a, const Stream& b) {
  return a.pid == b.pid && a.type == b.type && a.kind.audio == b.kind.audio &&
         a.kind.language == b.kind.language;
}

}  // namespace

bool IsSameLanguage(std::string_view a, std::string_view b) {
  return Canonical(a) == Canonical(b);
}

uint8_t Stream::output_type() const {
  if (!track) return type;
  if (track->target() == AudioTarget::kAac) return kTypeAdts;
  const uint32_t rate = track->source_rate();
  return rate > 0 && rate < kLowestMpeg1Rate ? kTypeMpeg2Audio : kTypeMpeg1Audio;
}

bool Program::Update(Bytes section, const SoundPolicy& policy, Output& out) {
  if (std::ranges::equal(section, section_)) return false;
  Pmt pmt;
  if (!ReadPmt(section, pmt) || pmt.program != number_) return false;
  section_.assign(section.begin(), section.end());
  descriptors_.assign(pmt.descriptors.begin(), pmt.descriptors.end());
  pcr_pid_ = pmt.pcr_pid;
  ca_pids_.clear();
  const auto take_ca = [&](const Descriptor& d) {
    if (d.tag == kCaDescriptor && d.body.size() >= 4) ca_pids_.push_back(Be16(&d.body[2]) & 0x1FFF);
  };
  ForEachDescriptor(pmt.descriptors, take_ca);

  std::vector<Stream> old = std::move(streams_);
  streams_.clear();
  for (size_t i = 0; i < pmt.stream_count; ++i) {
    const PmtStream& entry = pmt.streams[i];
    const bool is_repeat = std::ranges::any_of(
        streams_, [&](const Stream& s) { return s.pid == entry.pid; });
    const bool is_table = entry.pid == kPatPid || entry.pid == pmt_pid_;
    if (is_repeat || is_table || entry.pid == kNullPid) continue;
    Stream stream;
    stream.pid = entry.pid;
    stream.type = entry.type;
    stream.descriptors.assign(entry.descriptors.begin(), entry.descriptors.end());
    stream.kind = ReadStreamKind(entry, pmt.descriptors);
    ForEachDescriptor(entry.descriptors, take_ca);
    streams_.push_back(std::move(stream));
  }
  ApplyPolicy(policy);
  AddTracks(policy, old);
  for (Stream& gone : old) FlushGone(gone, out);
  is_single_ = policy.is_single;
  is_changed_ = true;
  return true;
}

// What it has begun is sent, unless its PID has become our table's.
void Program::FlushGone(Stream& gone, Output& out) const {
  if (gone.track && gone.pid != pmt_pid_) gone.track->Flush(out);
}

void Program::Follow(Program& before, Output& out) {
  for (Stream& stream : before.streams_) FlushGone(stream, out);
  version_ = before.version_;
  versions_ = before.versions_;
  pat_continuity_ = before.pat_continuity_;
  pmt_continuity_ = before.pmt_continuity_;
  has_moved_ = pmt_pid_ != before.pmt_pid_;
}

// Chooses among the tracks of sound and puts them in order: those of the languages asked for, or
// all; never audio description first. Everything else keeps its place.
void Program::ApplyPolicy(const SoundPolicy& policy) {
  std::vector<size_t> places;
  for (size_t i = 0; i < streams_.size(); ++i)
    if (streams_[i].kind.is_audio) places.push_back(i);
  if (places.empty()) return;
  const size_t none = policy.languages.size();
  const auto is_asked_for = [&](const Stream& s) { return Rank(s, policy.languages) < none; };
  const bool has_match = std::ranges::any_of(places, [&](size_t i) {
    return is_asked_for(streams_[i]) && !streams_[i].kind.is_description;
  });
  std::vector<size_t> order = places;
  std::ranges::stable_sort(order, [&](size_t a, size_t b) {
    const Stream& x = streams_[a];
    const Stream& y = streams_[b];
    if (x.kind.is_description != y.kind.is_description) return y.kind.is_description;
    return Rank(x, policy.languages) < Rank(y, policy.languages);
  });
  // Kept in their places where nothing asks for another order.
  if (policy.languages.empty() && !streams_[places[0]].kind.is_description) order = places;

  std::vector<Stream> sorted;
  for (const size_t i : order) {
    Stream& stream = streams_[i];
    // Better another language than no sound, or than audio description alone.
    if (none > 0) stream.is_wanted = is_asked_for(stream) || (!has_match && sorted.empty());
    sorted.push_back(std::move(stream));
  }
  for (size_t i = 0; i < places.size(); ++i) streams_[places[i]] = std::move(sorted[i]);
}

void Program::AddTracks(const SoundPolicy& policy, std::vector<Stream>& old) {
  size_t tracks = 0;
  uint16_t free_pid = kFirstOriginalPid;
  const auto is_taken = [&](uint16_t pid) {
    return pid == pmt_pid_ || pid == pcr_pid_ || std::ranges::find(ca_pids_, pid) != ca_pids_.end() ||
           std::ranges::any_of(streams_, [&](const Stream& s) { return s.pid == pid; });
  };
  for (Stream& stream : streams_) {
    if (!stream.kind.is_audio || !stream.is_wanted) continue;
    const bool is_looked_into = policy.target != AudioTarget::kCopy &&
                                Decoder::Knows(stream.kind.audio) && tracks < kMaxTracks;
    const auto before =
        std::ranges::find_if(old, [&](const Stream& s) { return IsSameSource(s, stream); });
    if (before != old.end()) {
      stream.seen = before->seen;
      stream.is_announced = before->is_announced;
    }
    if (!is_looked_into) continue;
    ++tracks;
    if (policy.keeps_original) {
      while (is_taken(free_pid)) ++free_pid;
      stream.original_pid = free_pid++;
    }
    if (before != old.end() && before->track &&
        before->original_pid == stream.original_pid) {
      stream.track = std::move(before->track);
      continue;
    }
    stream.track = std::make_unique<Track>(Track::Settings{
        stream.pid, stream.original_pid, stream.kind.audio,
        {policy.target, policy.channels, policy.bitrate, policy.prefers_libavcodec},
        policy.is_resumed});
  }
  for (Stream& stream : streams_) {
    if (stream.kind.is_audio) continue;
    const auto before = std::ranges::find_if(old, [&](const Stream& s) { return s.pid == stream.pid; });
    if (before == old.end()) continue;
    stream.seen = before->seen;
    stream.is_announced = before->is_announced;
  }
}

bool Program::HasVideo() const {
  return std::ranges::any_of(
      streams_, [](const Stream& s) { return s.kind.is_video && s.is_announced; });
}

bool Program::UpdateAnnounced(int64_t now) {
  bool is_changed = false, has_sound = false;
  for (Stream& stream : streams_) {
    bool is_announced =
        stream.is_wanted && (!stream.MustFlow() || now - stream.seen <= kAbsentTicks);
    if (is_announced && stream.kind.is_audio) {
      is_announced = !is_single_ || !has_sound;
      has_sound = true;
    }
    is_changed |= is_announced != stream.is_announced;
    stream.is_announced = is_announced;
  }
  is_changed_ |= is_changed;
  return is_changed;
}

void Program::Send(Output& out, uint16_t transport_stream_id) {
  if (is_changed_ || written_ts_id_ != transport_stream_id) Write(transport_stream_id);
  if (has_jumped_) out.Adaptation(kPatPid, pat_continuity_, kNoTime, true);
  has_jumped_ = false;
  out.Section(pat_, pat_continuity_);
  if (has_moved_) out.Adaptation(pmt_pid_, pmt_continuity_, kNoTime, true);
  has_moved_ = false;
  out.Section(pmt_, pmt_continuity_);
}

void Program::Write(uint16_t transport_stream_id) {
  is_changed_ = false;
  written_ts_id_ = transport_stream_id;
  version_ = (version_ + 1) & 0x1F;
  ++versions_;

  SectionWriter pat;
  pat.Begin(kPatTable, transport_stream_id, version_);
  pat.Word(number_);
  pat.Word(0xE000 | pmt_pid_);
  pat.End();
  pat_ = SectionPackets(kPatPid, pat.bytes());

  const bool has_scrambled = std::ranges::any_of(
      streams_, [](const Stream& s) { return s.is_announced && s.is_scrambled(); });
  SectionWriter pmt;
  pmt.Begin(kPmtTable, number_, version_);
  pmt.Word(0xE000 | pcr_pid_);
  const size_t info = pmt.OpenLength();
  ForEachDescriptor(Bytes{descriptors_}, [&](const Descriptor& d) {
    if (d.tag != kCaDescriptor || has_scrambled) pmt.Add(d);
  });
  pmt.CloseLength(info);
  for (const Stream& stream : streams_) {
    if (!stream.is_announced) continue;
    const size_t before = pmt.size();
    WriteEntry(stream, pmt);
    // What does not fit into one section is left out: the source had it in one, so this is ours.
    if (pmt.size() + 4 > kMaxSectionBytes) pmt.Truncate(before);
  }
  for (const Stream& stream : streams_) {
    if (!stream.is_announced || stream.original_pid == 0 || stream.is_scrambled()) continue;
    const size_t before = pmt.size();
    WriteOriginal(stream, pmt);
    if (pmt.size() + 4 > kMaxSectionBytes) pmt.Truncate(before);
  }
  pmt.End();
  pmt_ = SectionPackets(pmt_pid_, pmt.bytes());
}

void Program::WriteEntry(const Stream& stream, SectionWriter& pmt) {
  const bool is_ours = stream.track && !stream.is_scrambled();
  pmt.Byte(is_ours ? stream.output_type() : stream.type);
  pmt.Word(0xE000 | stream.pid);
  const size_t length = pmt.OpenLength();
  ForEachDescriptor(Bytes{stream.descriptors}, [&](const Descriptor& d) {
    if (d.tag == kCaDescriptor && !stream.is_scrambled()) return;
    if (is_ours && IsCodecDescriptor(d)) return;
    pmt.Add(d);
  });
  pmt.CloseLength(length);
}

void Program::WriteOriginal(const Stream& stream, SectionWriter& pmt) {
  pmt.Byte(stream.type);
  pmt.Word(0xE000 | stream.original_pid);
  const size_t length = pmt.OpenLength();
  ForEachDescriptor(Bytes{stream.descriptors}, [&](const Descriptor& d) {
    // A component tag names one stream only; this is a new one.
    if (d.tag != kCaDescriptor && d.tag != kStreamIdentifierDescriptor) pmt.Add(d);
  });
  pmt.CloseLength(length);
}

}  // namespace xg2g
