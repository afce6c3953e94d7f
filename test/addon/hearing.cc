// Sound is compared by its first channel: that is where noise of each track differs from others.
#include "hearing.h"

#include <cmath>
#include <stdexcept>

namespace xg2g::test {
namespace {

constexpr int kMaxLagSamples = 2400;  // 50 ms at 48 kHz

int64_t Distance(int64_t a, int64_t b) {
  int64_t d = (a - b) % kPtsWrap;
  if (d >= kPtsWrap / 2) d -= kPtsWrap;
  if (d < -kPtsWrap / 2) d += kPtsWrap;
  return d;
}

// Source: ISO/IEC 11172-3, 2.4.2.3. Layer III of MPEG-1 and of low sampling frequencies.
CodedFrame ReadMp3(View es) {
  static constexpr int kRates[] = {44100, 48000, 32000};
  static constexpr int kBitrates[2][15] = {
      {0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320},
      {0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160}};
  if (es.size() < 4 || es[0] != 0xFF || (es[1] & 0xE6) != 0xE2 || es[2] >> 4 == 15)
    throw std::runtime_error("no MP3 header");
  const bool is_low = !(es[1] & 0x08);
  const int rate = kRates[es[2] >> 2 & 3] / (is_low ? 2 : 1);
  const int bitrate = kBitrates[is_low][es[2] >> 4] * 1000;
  const int bytes = (is_low ? 72 : 144) * bitrate / rate + (es[2] >> 1 & 1);
  if (bytes <= 4 || static_cast<size_t>(bytes) > es.size())
    throw std::runtime_error("an MP3 frame is cut");
  return {0, Sound::kMp3, rate, es[3] >> 6 == 3 ? 1 : 2, Data(es.begin(), es.begin() + bytes)};
}

CodedFrame ReadAdts(const Data& frame) {
  static constexpr int kRates[] = {96000, 88200, 64000, 48000, 44100, 32000, 24000,
                                   22050, 16000, 12000, 11025, 8000,  7350};
  const unsigned index = frame[2] >> 2 & 15;
  if (index > 12) throw std::runtime_error("ADTS rate");
  return {0, Sound::kAac, kRates[index], (frame[2] & 1) << 2 | frame[3] >> 6, frame};
}

}  // namespace

std::vector<Heard> Hear(const std::vector<CodedFrame>& frames) {
  std::vector<Heard> out;
  for (size_t i = 0; i < frames.size();) {
    const CodedFrame& first = frames[i];
    std::vector<Data> run;
    while (i < frames.size() && frames[i].codec == first.codec && frames[i].rate == first.rate &&
           frames[i].channels == first.channels)
      run.push_back(frames[i++].data);
    const auto pieces = Decode(first.codec, run);
    for (size_t k = 0; k < run.size(); ++k)
      if (pieces[k].size() > 0) out.push_back({frames[i - run.size() + k].pts, pieces[k]});
  }
  return out;
}

std::vector<CodedFrame> FramesOf(const TsDump& dump, uint16_t pid, Sound codec) {
  std::vector<CodedFrame> out;
  for (const PesUnit& unit : dump.Units(pid)) {
    if (unit.pts == kAbsent) throw std::runtime_error("a PES packet of sound without PTS");
    int64_t samples = 0;
    const auto add = [&](CodedFrame frame) {
      const int64_t after = (samples * 90'000 + frame.rate / 2) / frame.rate;
      frame.pts = (unit.pts + after) & (kPtsWrap - 1);
      samples += codec == Sound::kAac ? 1024 : frame.rate < 32000 ? 576 : 1152;
      out.push_back(std::move(frame));
    };
    if (codec == Sound::kAac) {
      for (const Data& frame : SplitAdts(unit.es)) add(ReadAdts(frame));
      continue;
    }
    for (View es = unit.es; !es.empty();) {
      CodedFrame frame = ReadMp3(es);
      es = es.subspan(frame.data.size());
      add(std::move(frame));
    }
  }
  return out;
}

Pcm Lay(const std::vector<Heard>& heard, int64_t from, double seconds, int rate) {
  Pcm out{.rate = rate};
  auto& samples = out.channels.emplace_back(static_cast<size_t>(seconds * rate));
  for (const Heard& h : heard) {
    if (h.pcm.rate != rate) continue;
    const auto begin = std::llround(static_cast<double>(Distance(h.pts, from)) * rate / 90'000);
    const auto& channel = h.pcm.channels.at(0);
    for (size_t i = 0; i < channel.size(); ++i) {
      const int64_t at = begin + static_cast<int64_t>(i);
      if (at >= 0 && at < static_cast<int64_t>(samples.size()))
        samples[static_cast<size_t>(at)] = channel[i];
    }
  }
  return out;
}

double LateBy(const std::vector<Heard>& source, const std::vector<Heard>& out, int64_t from,
              double seconds, int rate) {
  const double lag = Lag(Lay(source, from, seconds, rate), Lay(out, from, seconds, rate),
                         std::min(kMaxLagSamples, static_cast<int>(seconds * rate / 6)));
  return lag * 90'000 / rate;
}

}  // namespace xg2g::test
