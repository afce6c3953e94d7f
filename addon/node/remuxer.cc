#include "remuxer.h"

#include "audio/encoder.h"
#include "node/bytes.h"
#include "node/faces.h"

#include <algorithm>
#include <atomic>
#include <optional>
#include <sstream>

namespace xg2g::node {

namespace {

AudioTarget TargetOf(const std::string& name) {
  if (name == "mp3") return AudioTarget::kMp3;
  return name == "copy" ? AudioTarget::kCopy : AudioTarget::kAac;
}

const char* NameOf(AudioTarget target) {
  if (target == AudioTarget::kMp3) return "mp3";
  return target == AudioTarget::kCopy ? "copy" : "aac";
}

const char* NameOf(AccessKind kind) {
  switch (kind) {
    case AccessKind::kIdr: return "idr";
    case AccessKind::kRecovery: return "recovery";
    case AccessKind::kCra: return "cra";
    case AccessKind::kBla: return "bla";
    case AccessKind::kMpeg2: return "mpeg2";
    case AccessKind::kAudio: break;
  }
  return "audio";
}

const char* ModeOf(const Stream& stream, AudioTarget target) {
  if (stream.seen < 0) return "absent";
  if (stream.is_scrambled()) return "scrambled";
  if (!stream.track) return target == AudioTarget::kCopy ? "copy" : "unsupported";
  return stream.track->mode() == Track::Mode::kCopy ? "copy" : "transcode";
}

std::atomic<int> open_remuxers = 0;

std::vector<std::string> Split(const std::string& list) {
  std::vector<std::string> out;
  std::stringstream in(list);
  for (std::string item; std::getline(in, item, ',');)
    if (!item.empty()) out.push_back(item);
  return out;
}

// A JavaScript number that counts 90 kHz, or -1.
int64_t TimeOf(const Napi::Value& value) {
  const int64_t time = value.As<Napi::Number>().Int64Value();
  return time < 0 ? kNoTime : WrapPts(time);
}

// new Remuxer(audio, bitrate, channels, languages, program, keepOriginal, settleMs, resumed, single,
//             continueFrom, shift, tablesVersion, libavcodec)
class RemuxerObject : public Napi::ObjectWrap<RemuxerObject> {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(env, "Remuxer",
                       {InstanceMethod("push", &RemuxerObject::Push),
                        InstanceMethod("pull", &RemuxerObject::Pull),
                        InstanceMethod("flush", &RemuxerObject::Flush),
                        InstanceMethod("marks", &RemuxerObject::Marks),
                        InstanceMethod("stats", &RemuxerObject::Stats),
                        InstanceMethod("place", &RemuxerObject::Place),
                        InstanceMethod("close", &RemuxerObject::Close)});
  }

  explicit RemuxerObject(const Napi::CallbackInfo& info) : ObjectWrap(info) {
    if (info.Length() < 8) throw Napi::TypeError::New(info.Env(), "Expected 8 arguments");
    RemuxerSettings settings;
    settings.audio = TargetOf(info[0].As<Napi::String>());
    settings.bitrate = info[1].As<Napi::Number>().Uint32Value();
    settings.channels = info[2].As<Napi::Number>().Uint32Value();
    settings.languages = Split(info[3].As<Napi::String>());
    settings.program = static_cast<uint16_t>(info[4].As<Napi::Number>().Uint32Value());
    settings.keeps_original = info[5].ToBoolean();
    settings.settle_ms = info[6].As<Napi::Number>().Uint32Value();
    settings.is_resumed = info[7].ToBoolean();
    settings.is_single = info.Length() > 8 && info[8].ToBoolean();
    if (info.Length() > 11) {
      settings.continue_from = TimeOf(info[9]);
      settings.shift = std::max<int64_t>(0, TimeOf(info[10]));
      settings.tables_version = info[11].As<Napi::Number>().Uint32Value() & 0x1F;
    }
    settings.prefers_libavcodec = info.Length() > 12 && info[12].ToBoolean();
    if (settings.channels != 1 && settings.channels != 2 && settings.channels != 6)
      throw Napi::TypeError::New(info.Env(), "Expected 1, 2 or 6 for channels");
    if (settings.audio != AudioTarget::kCopy && !CanEncode(settings.audio))
      throw Napi::Error::New(info.Env(), std::string("this FFmpeg has no encoder for ") +
                                             NameOf(settings.audio));
    target_ = settings.audio;
    remuxer_.emplace(settings);
    ++open_remuxers;
  }
  // Also at the end of a thread, however it ends.
  ~RemuxerObject() override { Release(); }

 private:
  void Release() {
    if (remuxer_) --open_remuxers;
    remuxer_.reset();
  }

  Remuxer& Open(const Napi::CallbackInfo& info) {
    if (remuxer_) return *remuxer_;
    auto error = Napi::Error::New(info.Env(), "the remuxer is closed");
    error.Set("code", "REMUXER_CLOSED");
    throw error;
  }

  Napi::Value Push(const Napi::CallbackInfo& info) {
    Remuxer& remuxer = Open(info);
    const auto bytes = PushedBytes(info[0]);
    std::span<uint8_t> window;
    if (info.Length() > 1 && !info[1].IsUndefined()) window = BytesOf(info[1]);
    if (info.Length() > 2 && info[2].IsFunction())
      PushPublishing(remuxer, bytes, window, info[2].As<Napi::Function>());
    else
      remuxer.Push(bytes);
    const size_t written = remuxer.Pull(window);
    remuxer.Settle();
    return Napi::Number::New(info.Env(), static_cast<double>(written));
  }

  // publish(length, taken): so much of the window is filled, which then begins behind that, and so many
  // of the bytes are done with.
  static void PushPublishing(Remuxer& remuxer, Bytes bytes, std::span<uint8_t>& window,
                             const Napi::Function& publish) {
    std::optional<Napi::Error> failure;  // told when the remuxer is done: it is not to be left midway
    remuxer.Push(bytes, [&](size_t taken) {
      if (failure || remuxer.pending_bytes() > window.size()) return;
      const size_t length = remuxer.Pull(window);
      window = window.subspan(length);
      const Napi::Env env = publish.Env();
      try {
        publish.Call({Napi::Number::New(env, static_cast<double>(length)),
                      Napi::Number::New(env, static_cast<double>(taken))});
      } catch (const Napi::Error& error) {
        failure = error;
      }
    });
    if (failure) throw *failure;
  }

  Napi::Value Pull(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), static_cast<double>(Open(info).Pull(BytesOf(info[0]))));
  }

  void Flush(const Napi::CallbackInfo& info) { Open(info).Flush(); }

  void Close(const Napi::CallbackInfo&) { Release(); }

  Napi::Value Marks(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    const auto marks = Open(info).TakeMarks();
    auto list = Napi::Array::New(env, marks.size());
    for (uint32_t i = 0; i < marks.size(); ++i) {
      auto mark = Napi::Object::New(env);
      mark.Set("offset", static_cast<double>(marks[i].offset));
      mark.Set("pts", static_cast<double>(marks[i].pts));
      mark.Set("pcr", static_cast<double>(marks[i].pcr));
      mark.Set("kind", NameOf(marks[i].kind));
      list.Set(i, mark);
    }
    return list;
  }

  // Into a Float64Array of time, shift, tables' version, and whether the shift is still open. Where
  // something is not known yet, what stands there stays.
  void Place(const Napi::CallbackInfo& info) {
    const Remuxer& remuxer = Open(info);
    if (!info[0].IsTypedArray() ||
        info[0].As<Napi::TypedArray>().TypedArrayType() != napi_float64_array)
      throw Napi::TypeError::New(info.Env(), "Expected a Float64Array");
    // Not through ArrayBuffer(), as above.
    void* data = nullptr;
    size_t length = 0;
    napi_typedarray_type type;
    const napi_status status = napi_get_typedarray_info(info.Env(), info[0], &type, &length, &data,
                                                        nullptr, nullptr);
    if (status != napi_ok || length < 4)
      throw Napi::TypeError::New(info.Env(), "Expected four numbers");
    const std::span<double> place{static_cast<double*>(data), length};
    if (remuxer.last_time() != kNoTime) place[0] = static_cast<double>(remuxer.last_time());
    if (!remuxer.has_decided_shift()) return;
    place[1] = static_cast<double>(remuxer.shift());
    place[2] = remuxer.program()->next_version();
    place[3] = 0;
  }

  Napi::Value Stats(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    const Remuxer& remuxer = Open(info);
    const RemuxerStats stats = remuxer.stats();
    auto out = Napi::Object::New(env);
    const auto set = [&](Napi::Object& object, const char* key, uint64_t value) {
      object.Set(key, static_cast<double>(value));
    };
    uint64_t duplicates = stats.duplicates, continuity = stats.continuity_errors;
    uint64_t scrambled = stats.scrambled_packets;
    auto tracks = Napi::Array::New(env);
    uint32_t count = 0;
    if (const Program* program = remuxer.program()) {
      for (const Stream& stream : program->streams()) {
        if (!stream.kind.is_audio || !stream.is_wanted) continue;
        if (stream.track) {
          duplicates += stream.track->stats().duplicates;
          continuity += stream.track->stats().continuity_errors;
        }
        tracks.Set(count++, TrackStats(env, stream));
      }
    }
    set(out, "bytesIn", stats.bytes_in);
    set(out, "bytesOut", remuxer.bytes_out());
    set(out, "packetsIn", stats.packets_in);
    set(out, "syncLosses", remuxer.finder().losses());
    set(out, "skippedBytes", remuxer.finder().skipped_bytes());
    set(out, "nullPackets", stats.null_packets);
    set(out, "droppedPackets", stats.dropped_packets);
    set(out, "teiPackets", stats.tei_packets);
    set(out, "invalidPackets", stats.invalid_packets);
    set(out, "duplicates", duplicates);
    set(out, "continuityErrors", continuity);
    set(out, "scrambledPackets", scrambled);
    set(out, "psiErrors", remuxer.psi_errors());
    set(out, "program", remuxer.program() ? remuxer.program()->number() : 0);
    set(out, "pmtVersions", stats.pmt_versions);
    set(out, "accessPoints", stats.access_points);
    set(out, "discontinuities", stats.discontinuities);
    out.Set("problem", remuxer.Problem());
    out.Set("tracks", tracks);
    return out;
  }

  Napi::Object TrackStats(Napi::Env env, const Stream& stream) {
    auto out = Napi::Object::New(env);
    const auto set = [&](const char* key, uint64_t value) {
      out.Set(key, static_cast<double>(value));
    };
    set("pid", stream.pid);
    out.Set("language", std::string(stream.kind.language.data()));
    out.Set("codec", std::string(stream.kind.name));
    out.Set("target", NameOf(stream.track ? stream.track->target() : target_));
    out.Set("mode", ModeOf(stream, target_));
    out.Set("description", stream.kind.is_description);
    const Track* track = stream.track.get();
    const TranscoderStats sound = track ? track->transcoder().stats() : TranscoderStats{};
    if (track && *track->transcoder().decoder().name())
      out.Set("codec", track->transcoder().decoder().name());
    set("rate", track ? track->source_rate() : 0);
    set("channels", track ? track->transcoder().decoder().source_channels() : 0);
    set("framesIn", sound.frames_in);
    set("framesOut", sound.frames_out);
    set("decodeErrors", sound.decode_errors);
    set("lostFrames", track ? track->stats().lost_frames : 0);
    set("silenceSamples", sound.silence_samples);
    set("droppedSamples", sound.dropped_samples);
    set("reanchors", sound.reanchors);
    set("clockErrorTicks", static_cast<uint64_t>(sound.clock_error_ticks));
    return out;
  }

  std::optional<Remuxer> remuxer_;
  AudioTarget target_ = AudioTarget::kAac;
};

}  // namespace

Napi::Function DefineRemuxer(Napi::Env env) { return RemuxerObject::Define(env); }

int OpenRemuxers() { return open_remuxers.load(); }

}  // namespace xg2g::node
