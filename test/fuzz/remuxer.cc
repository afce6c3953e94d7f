// The whole remuxer. Input: options (8 bytes, see Settings and Mend), then a transport stream. It
// goes in at once and in pieces: the same has to come out, in whole packets, with sound tables.
#include "remuxer.h"

#include "input.h"

using namespace xg2g;
using namespace xg2g::fuzz;

namespace {

// Options 0 .. 2.
RemuxerSettings Settings(Input& input) {
  RemuxerSettings settings;
  const uint8_t sound = input.Byte(), choice = input.Byte(), flags = input.Byte();
  settings.audio = static_cast<AudioTarget>(sound % 3);
  static constexpr unsigned kChannels[] = {2, 1, 6};
  settings.channels = kChannels[sound / 3 % 3];
  settings.bitrate = 64'000 + 32'000 * (sound / 9 % 5);
  if (choice & 1) settings.languages = {"deu"};
  if (choice & 2) settings.languages.push_back("eng");
  settings.program = choice >> 2 & 3;
  settings.keeps_original = flags & 1;
  settings.is_single = flags & 2;
  settings.is_resumed = flags & 4;
  settings.settle_ms = flags & 8 ? 0 : 100;
  if (flags & 16) settings.continue_from = kPtsModulus - 1 - int64_t{choice} * kTicksPerSecond;
  if (flags & 32) settings.shift = kPtsModulus / 2 + choice;
  return settings;
}

// Option 3: what is put right in the stream, so that damage elsewhere is reached.
Data Mend(View ts, uint8_t option) {
  Data mended(ts.begin(), ts.end());
  if (option & 1) MendSync(mended);
  if (option & 2) MendSections(mended);
  return mended;
}

void Drain(Remuxer& remuxer, Data& out) {
  Data window(20 * kPacketBytes + 7);
  while (const size_t n = remuxer.Pull(window)) {
    Require(n % kPacketBytes == 0, "whole packets");
    out.insert(out.end(), window.begin(), window.begin() + static_cast<long>(n));
  }
}

size_t g_sum = 0;  // so that nothing is left out

void Look(Remuxer& remuxer, size_t pulled) {
  const RemuxerStats stats = remuxer.stats();
  g_sum += stats.bytes_in + stats.pmt_versions + remuxer.psi_errors() + remuxer.Problem().size();
  g_sum += remuxer.finder().losses() + remuxer.finder().skipped_bytes();
  for (const Mark& mark : remuxer.TakeMarks()) {
    Require(mark.offset <= remuxer.bytes_out(), "a mark lies in the output");
    Require(mark.offset % kPacketBytes == 0, "a mark lies at a packet");
    Require(mark.pts >= kNoTime && mark.pts < kPtsModulus, "a PTS of 33 bits");
  }
  Require(pulled <= remuxer.bytes_out(), "what is pulled has been written");
  if (!remuxer.program()) return;
  for (const Stream& stream : remuxer.program()->streams())
    if (stream.track) g_sum += stream.track->stats().lost_frames + stream.track->units();
}

Data Remux(View in, const RemuxerSettings& settings, Pieces* pieces) {
  Remuxer remuxer(settings);
  Data out;
  while (!in.empty()) {
    const size_t size = std::min(pieces ? pieces->Next() : in.size(), in.size());
    Data piece(in.begin(), in.begin() + static_cast<long>(size));
    Remuxer::OnPause on_pause;
    if (pieces && size % 5 == 0) {
      on_pause = [&](size_t taken) {
        Require(taken < piece.size(), "what is under work is not done with");
        Drain(remuxer, out);
        std::fill_n(piece.begin(), taken, uint8_t{0x5A});
      };
    }
    remuxer.Push(piece, on_pause);
    // Sometimes the output waits, as it does behind a slow reader.
    if (!pieces || size % 3 != 0) Drain(remuxer, out);
    remuxer.Settle();
    in = in.subspan(size);
  }
  Look(remuxer, out.size());
  remuxer.Flush();
  Drain(remuxer, out);
  Look(remuxer, out.size());
  Require(out.size() == remuxer.bytes_out(), "everything is pulled");
  return out;
}

void CheckOutput(View in, const Data& out) {
  // A packet of input makes silence of two seconds at most, 94 frames for each of 16 tracks.
  Require(out.size() <= (in.size() / kPacketBytes + 64) * 94 * kPacketBytes * 4, "bounded output");
  for (size_t at = 0; at < out.size(); at += kPacketBytes) Require(out[at] == kSyncByte, "sync");
  const test::TsDump dump = test::ReadTs(out);
  for (const test::Fault& fault : dump.faults) {
    const bool is_table = fault.pid == kPatPid || fault.kind == test::FaultKind::kCrc;
    if (is_table) std::fprintf(stderr, "%s", dump.Faults().c_str());
    Require(!is_table, "our tables keep the rules");
  }
  for (const auto& pat : dump.pats) Require(pat.table.programs.size() == 1, "one programme");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input input(data, size);
  const RemuxerSettings settings = Settings(input);
  const uint8_t mend = input.Byte();
  const unsigned seed = input.Word();
  Pieces pieces(seed, 1 + input.Word() % 4096);
  const Data in = Mend(input.Rest(), mend);
  const Data whole = Remux(in, settings, nullptr);
  CheckOutput(in, whole);
  Require(whole == Remux(in, settings, &pieces), "the same output however the input is cut");
  return 0;
}
