#include "program.h"

#include <doctest/doctest.h>

#include <set>

#include "sound.h"
#include "ts.h"

namespace xg2g::test {
namespace {

constexpr uint16_t kPmtPid = 0x20;

SoundPolicy Policy(std::vector<std::string> languages = {}) {
  return {.target = AudioTarget::kAac,
          .bitrate = 192'000,
          .channels = 2,
          .languages = std::move(languages),
          .keeps_original = false,
          .is_single = false,
          .is_resumed = false,
          .prefers_libavcodec = false};
}

Descriptor Ca(uint16_t pid) {
  return {0x09, {0x18, 0x30, static_cast<uint8_t>(0xE0 | pid >> 8), static_cast<uint8_t>(pid)}};
}

// A programme whose streams flow unless told otherwise, and what it sends.
class Sender {
 public:
  explicit Sender(SoundPolicy policy = Policy())
      : policy_(std::move(policy)), program(1, kPmtPid) {}

  bool Update(const Pmt& pmt) { return program.Update(Format(pmt), policy_, out_); }
  // All streams but those named are seen at this time.
  void See(int64_t now, const std::set<uint16_t>& absent = {}) {
    for (Stream& stream : program.streams())
      if (!absent.contains(stream.pid)) stream.seen = now;
  }
  Pmt Send(int64_t now = 0) {
    program.UpdateAnnounced(now);
    program.Send(out_, 7);
    Data window(100 * kPacketBytes);
    window.resize(out_.Pull(window));
    sent_.insert(sent_.end(), window.begin(), window.end());
    const TsDump dump = ReadTs(sent_);
    CHECK(dump.Faults() == "");
    CHECK(dump.pats.back().table.programs ==
          std::vector<std::pair<uint16_t, uint16_t>>{{program.number(), program.pmt_pid()}});
    CHECK(dump.pats.back().table.transport_stream == 7);
    return dump.LastPmt();
  }
  Pmt UpdateAndSend(const Pmt& pmt) {
    REQUIRE(Update(pmt));
    See(0);
    return Send();
  }

 private:
  SoundPolicy policy_;
  Output out_;
  Data sent_;

 public:
  Program program;
};

PmtStream Sounding(uint16_t pid, const std::string& language, uint8_t audio_type = 0,
                   Sound codec = Sound::kMp2) {
  PmtStream entry = PmtEntry(codec, pid, language);
  entry.descriptors[0] = Language(language, audio_type);
  return entry;
}

Pmt WithSound(std::vector<PmtStream> sound) {
  Pmt pmt{.version = 4, .pcr_pid = 0x100, .streams = {{0x1B, 0x100, {{0x52, {9}}}}}};
  for (PmtStream& entry : sound) pmt.streams.push_back(std::move(entry));
  pmt.streams.push_back({0x06, 0x180, {{0x56, {'d', 'e', 'u', 9, 0}}}});
  return pmt;
}

// The tracks as they are announced: PID and language.
std::vector<std::string> Tracks(const Pmt& pmt) {
  std::vector<std::string> out;
  for (const PmtStream& s : pmt.streams)
    if (const auto* d = s.Find(0x0A))
      out.push_back(std::string(d->content.begin(), d->content.begin() + 3) +
                    (d->content[3] == 3 ? "+AD" : ""));
  return out;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("IsSameLanguage: both codes of ISO 639-2 mean the same") {
  for (const auto& [a, b] : {std::pair{"deu", "ger"},
                             {"fra", "fre"},
                             {"nld", "dut"},
                             {"ces", "cze"},
                             {"ell", "gre"},
                             {"ron", "rum"},
                             {"slk", "slo"},
                             {"zho", "chi"},
                             {"fas", "per"},
                             {"eng", "eng"},
                             {"sqi", "alb"},
                             {"cym", "wel"}}) {
    CHECK(IsSameLanguage(a, b));
    CHECK(IsSameLanguage(b, a));
  }
  for (const auto& [a, b] : {std::pair{"deu", "eng"}, {"deu", ""}, {"slk", "slv"}, {"mis", "mul"}})
    CHECK_FALSE(IsSameLanguage(a, b));
}

TEST_CASE("Program: which tracks are sent, and in which order") {
  const struct {
    std::vector<std::string> asked;
    std::vector<std::pair<std::string, bool>> tracks;  // language, audio description
    Names sent;
  } cases[] = {
      {{}, {{"deu", false}, {"eng", false}}, {"deu", "eng"}},
      {{}, {{"deu", false}, {"deu", true}, {"eng", false}}, {"deu", "deu+AD", "eng"}},
      {{}, {{"deu", true}, {"deu", false}}, {"deu", "deu+AD"}},
      {{}, {{"deu", true}}, {"deu+AD"}},
      {{"eng"}, {{"deu", false}, {"eng", false}}, {"eng"}},
      {{"eng", "deu"}, {{"deu", false}, {"fra", false}, {"eng", false}}, {"eng", "deu"}},
      {{"ger"}, {{"eng", false}, {"deu", false}}, {"deu"}},
      {{"fra"}, {{"fre", false}, {"eng", false}}, {"fre"}},
      {{"deu"}, {{"deu", true}, {"deu", false}, {"eng", false}}, {"deu", "deu+AD"}},
      {{"deu"}, {{"deu", false}, {"deu", false}}, {"deu", "deu"}},
      // Another language is better than no sound; audio description is not.
      {{"spa"}, {{"deu", false}, {"eng", false}}, {"deu"}},
      {{"spa"}, {{"deu", true}, {"eng", false}}, {"eng"}},
      {{"eng"}, {{"deu", false}, {"eng", true}}, {"deu", "eng+AD"}},
      {{"eng"}, {{"eng", true}}, {"eng+AD"}},
  };
  for (size_t i = 0; i < std::size(cases); ++i) {
    CAPTURE(i);
    std::vector<PmtStream> sound;
    for (const auto& [language, is_description] : cases[i].tracks)
      sound.push_back(
          Sounding(static_cast<uint16_t>(0x101 + sound.size()), language, is_description ? 3 : 0));
    Sender sender(Policy(cases[i].asked));
    const Pmt sent = sender.UpdateAndSend(WithSound(sound));
    CHECK(Tracks(sent) == cases[i].sent);
    // Picture and teletext stay what and where they are.
    CHECK(sent.streams.front().pid == 0x100);
    CHECK(sent.streams.back().pid == 0x180);
  }
}

TEST_CASE("Program: an entry of sound gets the new type and keeps what is not its codec") {
  Pmt source =
      WithSound({Sounding(0x101, "deu", 0, Sound::kAc3), Sounding(0x102, "eng", 3, Sound::kEac3)});
  source.streams[1].descriptors = {Language("deu"),      {0x52, {4}},
                                   {0x6A, {0x40}},       {0x05, {'A', 'C', '-', '3'}},
                                   {0x7F, {0x06, 0x80}}, {0x66, {1, 2}}};
  Sender sender;
  const Pmt sent = sender.UpdateAndSend(source);
  REQUIRE(sent.streams.size() == 4);
  CHECK(sent.pcr_pid == 0x100);
  CHECK(sent.streams[0] == source.streams[0]);
  CHECK(
      sent.streams[1] ==
      PmtStream{0x0F, 0x101, {Language("deu"), {0x52, {4}}, {0x7F, {0x06, 0x80}}, {0x66, {1, 2}}}});
  CHECK(sent.streams[2].type == 0x0F);
  CHECK(sent.streams[2].Find(0x7A) == nullptr);
  CHECK(sent.streams[2].Find(0x0A)->content == Data{'e', 'n', 'g', 3});
  CHECK(sent.streams[3] == source.streams[3]);
}

TEST_CASE("Program: nothing is rewritten where sound is to be copied") {
  SoundPolicy policy = Policy();
  policy.target = AudioTarget::kCopy;
  Sender sender(policy);
  const Pmt source = WithSound({Sounding(0x101, "deu", 0, Sound::kAc3), Sounding(0x102, "eng")});
  Pmt sent = sender.UpdateAndSend(source);
  sent.version = source.version;
  CHECK(sent == source);
}

TEST_CASE("Program: MP3 has the stream type of its rate") {
  SoundPolicy policy = Policy();
  policy.target = AudioTarget::kMp3;
  Sender sender(policy);
  CHECK(sender.UpdateAndSend(WithSound({Sounding(0x101, "deu")})).streams[1].type == 0x03);
}

TEST_CASE("Program: sound of an unknown codec passes as it is") {
  Sender sender;
  const PmtStream opus{0x06, 0x101, {Registration("Opus"), {0x7F, {0x80, 2}}, Language("deu")}};
  CHECK(sender.UpdateAndSend(WithSound({opus})).streams[1] == opus);
}

TEST_CASE("Program: the original is kept on a free PID, in an entry of its own") {
  SoundPolicy policy = Policy();
  policy.keeps_original = true;
  Pmt source = WithSound({Sounding(0x101, "deu", 0, Sound::kAc3), Sounding(0x102, "eng")});
  // The PIDs where a free one would be looked for first are taken: by a stream, the clock, keys.
  source.streams.push_back({0x05, 0x1E00});
  source.pcr_pid = 0x1E01;
  source.descriptors = {Ca(0x1E02)};
  Sender sender(policy);
  const Pmt sent = sender.UpdateAndSend(source);
  REQUIRE(sent.streams.size() == source.streams.size() + 2);
  std::set<uint16_t> pids = {kPmtPid, source.pcr_pid, 0x1E02, 0, kNullPid};
  for (const PmtStream& s : sent.streams) CHECK(pids.insert(s.pid).second);
  const PmtStream& first = sent.streams[sent.streams.size() - 2];
  CHECK(first.type == 0x06);
  // Its component tag would name two streams; it has none.
  CHECK(first.descriptors == std::vector<Descriptor>{Language("deu"), {0x6A, {0}}});
  CHECK(first.pid == sender.program.streams()[1].original_pid);
  CHECK(sent.streams.back().type == 0x03);
  CHECK(sent.streams[1].type == 0x0F);
}

TEST_CASE(
    "Program: what does not flow is not announced, and is when it begins, and no more when it "
    "ends") {
  Sender sender;
  REQUIRE(sender.Update(WithSound({Sounding(0x101, "deu"), Sounding(0x102, "eng")})));
  sender.See(0, {0x102, 0x180});
  const Pmt first = sender.Send();
  CHECK(Tracks(first) == Names{"deu"});
  CHECK(first.streams.back().pid == 0x180);  // teletext may be silent for long
  const Pmt again = sender.Send(kTicksPerSecond);
  CHECK(again.version == first.version);
  CHECK(again == first);

  sender.See(2 * kTicksPerSecond);
  const Pmt second = sender.Send(2 * kTicksPerSecond);
  CHECK(Tracks(second) == Names{"deu", "eng"});
  CHECK(second.version == (first.version + 1) % 32);

  const int64_t last = 2 * kTicksPerSecond + Program::kAbsentTicks;
  CHECK(Tracks(sender.Send(last)) == Names{"deu", "eng"});
  sender.See(last, {0x101});
  const Pmt third = sender.Send(last + 1);
  CHECK(Tracks(third) == Names{"eng"});
  CHECK(third.version == (second.version + 1) % 32);
  CHECK(sender.program.versions() == 3);
}

TEST_CASE("Program: a single track is the first that flows, and the next when it ends") {
  SoundPolicy policy = Policy({"deu", "eng"});
  policy.is_single = true;
  Sender sender(policy);
  REQUIRE(sender.Update(
      WithSound({Sounding(0x101, "eng"), Sounding(0x102, "deu"), Sounding(0x103, "deu", 3)})));
  sender.See(0);
  CHECK(Tracks(sender.Send()) == Names{"deu"});
  const int64_t later = 2 * Program::kAbsentTicks;
  sender.See(later, {0x102});
  CHECK(Tracks(sender.Send(later)) == Names{"eng"});
  sender.See(later);
  CHECK(Tracks(sender.Send(later)) == Names{"deu"});
}

TEST_CASE("Program: the version steps with theirs and wraps") {
  Sender sender;
  Pmt source = WithSound({Sounding(0x101, "deu")});
  uint8_t before = sender.UpdateAndSend(source).version;
  for (int i = 0; i < 40; ++i) {
    source.version = (source.version + 7) & 31;
    const uint8_t now = sender.UpdateAndSend(source).version;
    CHECK(now == (before + 1) % 32);
    before = now;
  }
  CHECK_FALSE(sender.Update(source));  // the same once more
  CHECK(sender.Send().version == before);
}

TEST_CASE("Program: CA descriptors go where it is clear and stay where it is not") {
  Pmt source = WithSound({Sounding(0x101, "deu"), Sounding(0x102, "eng")});
  source.descriptors = {Ca(0x500), Registration("SKY ")};
  source.streams[0].descriptors.push_back(Ca(0x501));
  source.streams[1].descriptors.push_back(Ca(0x502));
  source.streams[2].descriptors.push_back(Ca(0x503));
  SUBCASE("all clear") {
    Sender sender;
    const Pmt sent = sender.UpdateAndSend(source);
    CHECK(sent.descriptors == std::vector<Descriptor>{Registration("SKY ")});
    for (const PmtStream& s : sent.streams) CHECK(s.Find(0x09) == nullptr);
    CHECK(sender.program.ca_pids() == std::vector<uint16_t>{0x500, 0x501, 0x502, 0x503});
  }
  SUBCASE("one track scrambled") {
    Sender sender;
    REQUIRE(sender.Update(source));
    sender.See(0);
    sender.program.streams()[2].track->StartScrambled();
    const Pmt sent = sender.Send();
    CHECK(sent.descriptors == source.descriptors);
    CHECK(sent.streams[0].Find(0x09) == nullptr);
    CHECK(sent.streams[1].type == 0x0F);
    CHECK(sent.streams[1].Find(0x09) == nullptr);
    CHECK(sent.streams[2] == source.streams[2]);
  }
  SUBCASE("picture scrambled") {
    Sender sender;
    REQUIRE(sender.Update(source));
    sender.See(0);
    sender.program.streams()[0].was_scrambled = true;
    const Pmt sent = sender.Send();
    CHECK(sent.streams[0] == source.streams[0]);
    CHECK(sent.streams[1].Find(0x09) == nullptr);
  }
}

TEST_CASE("Program: a PMT as long as a section can be") {
  for (const bool keeps_original : {false, true}) {
    SoundPolicy policy = Policy();
    policy.keeps_original = keeps_original;
    Pmt source = WithSound({});
    for (uint16_t i = 0; i < 12; ++i)
      source.streams.push_back(Sounding(static_cast<uint16_t>(0x101 + i), "deu", 0, Sound::kAc3));
    while (Format(source).size() + 40 < kMaxSectionBytes)
      source.streams.push_back(
          {0x05, static_cast<uint16_t>(0x200 + source.streams.size()), {{0x6F, Data(30, 1)}}});
    Sender sender(policy);
    const Pmt sent = sender.UpdateAndSend(source);
    // What there is no room for any more are further originals, never what the source announces.
    for (const PmtStream& s : source.streams) CHECK(sent.Find(s.pid) != nullptr);
    CHECK(sent.streams.size() >= source.streams.size());
  }
}

TEST_CASE("Program::Update: what is not ours or not whole changes nothing") {
  Sender sender;
  const Pmt source = WithSound({Sounding(0x101, "deu")});
  REQUIRE(sender.Update(source));
  Pmt other = source;
  other.program = 2;
  CHECK_FALSE(sender.Update(other));
  Data broken = Format(source);
  broken[10] |= 0x0F;  // program_info_length
  Output out;
  CHECK_FALSE(sender.program.Update(broken, Policy(), out));
  CHECK(sender.program.streams().size() == 3);
}

TEST_CASE("Program::Update: a PID is listed once, and never a PID of tables") {
  Pmt source = WithSound({Sounding(0x101, "deu"), Sounding(0x101, "eng"), Sounding(kPmtPid, "fra"),
                          Sounding(0x0000, "ita"), Sounding(kNullPid, "spa")});
  Sender sender;
  CHECK(Tracks(sender.UpdateAndSend(source)) == Names{"deu"});
}

TEST_CASE("Program::Update: a track that goes on keeps its state") {
  Sender sender;
  Pmt source = WithSound({Sounding(0x101, "deu"), Sounding(0x102, "eng")});
  REQUIRE(sender.Update(source));
  sender.See(50);
  const Track* first = sender.program.streams()[1].track.get();
  const Track* second = sender.program.streams()[2].track.get();
  ++source.version;
  source.streams[2] = Sounding(0x102, "eng", 0, Sound::kAc3);  // another codec on its PID
  source.streams.push_back(Sounding(0x103, "fra"));
  REQUIRE(sender.Update(source));
  const auto& streams = sender.program.streams();
  CHECK(streams[1].track.get() == first);
  CHECK(streams[1].seen == 50);
  CHECK(streams[2].track.get() != second);
  CHECK(streams[2].seen == Stream::kNeverSeen);
  CHECK(streams[4].track != nullptr);
}

TEST_CASE("Program: more tracks than are looked into pass as they are") {
  std::vector<PmtStream> sound;
  for (uint16_t i = 0; i < 20; ++i)
    sound.push_back(Sounding(static_cast<uint16_t>(0x101 + i), "deu"));
  Sender sender;
  const Pmt sent = sender.UpdateAndSend(WithSound(sound));
  size_t rewritten = 0;
  for (const PmtStream& s : sent.streams) rewritten += s.type == 0x0F;
  CHECK(rewritten == Program::kMaxTracks);
  CHECK(Tracks(sent).size() == 20);
}

TEST_CASE("Program: the PMT moves to another PID and back") {
  Sender sender;
  sender.UpdateAndSend(WithSound({Sounding(0x101, "deu")}));
  for (const uint16_t pid : {0x21, 0x20, 0x21, 0x20}) {
    sender.program.set_pmt_pid(pid);
    sender.program.Touch();
    sender.Send();
    sender.Send();
  }
}

TEST_CASE("Program::Follow: the tables go on from those of the programme before") {
  Sender before;
  before.UpdateAndSend(WithSound({Sounding(0x101, "deu")}));
  Output out;
  Program next(2, kPmtPid);
  Pmt source = WithSound({Sounding(0x101, "deu")});
  source.program = 2;
  REQUIRE(next.Update(Format(source), Policy(), out));
  const uint8_t version = before.Send().version;
  next.Follow(before.program, out);
  CHECK(next.versions() == before.program.versions());
  next.UpdateAnnounced(0);
  Data window(10 * kPacketBytes);
  next.Send(out, 7);
  window.resize(out.Pull(window));
  const TsDump dump = ReadTs(window);
  CHECK(dump.Faults() == "");
  CHECK(dump.LastPmt().version == (version + 1) % 32);
  CHECK(dump.packets[0].continuity == 2);
  CHECK(dump.packets[1].continuity == 2);
}

}  // namespace xg2g::test
