// The addon's face to Node: two classes, and what the job socket asks of the system. The only file that
// knows N-API. Bytes from JavaScript are borrowed for the call. Arguments come clean from
// src/workers/native.ts, packager.ts and peer.ts: what is checked here is what would crash.
#include "audio/encoder.h"
#include "audio/libav.h"
#include "package/packager.h"
#include "peer.h"
#include "remuxer.h"

#include <malloc.h>
#include <napi.h>
#include <node_version.h>

#include <algorithm>
#include <atomic>
#include <optional>
#include <sstream>

static_assert(NODE_MAJOR_VERSION >= 24, "built against the headers of an older Node");

namespace {

using xg2g::AudioTarget;

constexpr size_t kMaxPushBytes = 64 * 1024;

std::span<uint8_t> BytesOf(const Napi::Value& value) {
  if (!value.IsTypedArray() ||
      value.As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array)
    throw Napi::TypeError::New(value.Env(), "Expected a Uint8Array");
  // Not through ArrayBuffer(): the bytes may lie in a SharedArrayBuffer.
  void* data = nullptr;
  size_t length = 0;
  napi_typedarray_type type;
  const napi_status status =
      napi_get_typedarray_info(value.Env(), value, &type, &length, &data, nullptr, nullptr);
  if (status != napi_ok) throw Napi::Error::New(value.Env(), "Expected bytes that can be read");
  return {static_cast<uint8_t*>(data), length};
}

AudioTarget TargetOf(const std::string& name) {
  if (name == "mp3") return AudioTarget::kMp3;
  return name == "copy" ? AudioTarget::kCopy : AudioTarget::kAac;
}

const char* NameOf(AudioTarget target) {
  if (target == AudioTarget::kMp3) return "mp3";
  return target == AudioTarget::kCopy ? "copy" : "aac";
}

const char* NameOf(xg2g::AccessKind kind) {
  switch (kind) {
    case xg2g::AccessKind::kIdr: return "idr";
    case xg2g::AccessKind::kRecovery: return "recovery";
    case xg2g::AccessKind::kCra: return "cra";
    case xg2g::AccessKind::kBla: return "bla";
    case xg2g::AccessKind::kMpeg2: return "mpeg2";
    case xg2g::AccessKind::kAudio: break;
  }
  return "audio";
}

const char* ModeOf(const xg2g::Stream& stream, AudioTarget target) {
  if (stream.seen < 0) return "absent";
  if (stream.is_scrambled()) return "scrambled";
  if (!stream.track) return target == AudioTarget::kCopy ? "copy" : "unsupported";
  return stream.track->mode() == xg2g::Track::Mode::kCopy ? "copy" : "transcode";
}

// In all threads of the process.
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
  return time < 0 ? xg2g::kNoTime : xg2g::WrapPts(time);
}

// new Remuxer(audio, bitrate, channels, languages, program, keepOriginal, settleMs, resumed, single,
//             continueFrom, shift, tablesVersion)
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
    xg2g::RemuxerSettings settings;
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
    if (settings.channels != 1 && settings.channels != 2 && settings.channels != 6)
      throw Napi::TypeError::New(info.Env(), "Expected 1, 2 or 6 for channels");
    if (settings.audio != AudioTarget::kCopy && !xg2g::CanEncode(settings.audio))
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

  xg2g::Remuxer& Open(const Napi::CallbackInfo& info) {
    if (remuxer_) return *remuxer_;
    auto error = Napi::Error::New(info.Env(), "the remuxer is closed");
    error.Set("code", "REMUXER_CLOSED");
    throw error;
  }

  Napi::Value Push(const Napi::CallbackInfo& info) {
    xg2g::Remuxer& remuxer = Open(info);
    const auto bytes = BytesOf(info[0]);
    if (bytes.size() > kMaxPushBytes)
      throw Napi::RangeError::New(info.Env(), "Expected at most 65536 bytes");
    size_t written = 0;
    if (info.Length() > 1 && !info[1].IsUndefined()) {
      const auto window = BytesOf(info[1]);
      remuxer.Push(bytes);
      written = remuxer.Pull(window);
    } else {
      remuxer.Push(bytes);
    }
    remuxer.Settle();
    return Napi::Number::New(info.Env(), static_cast<double>(written));
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
    const xg2g::Remuxer& remuxer = Open(info);
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
    if (remuxer.last_time() != xg2g::kNoTime) place[0] = static_cast<double>(remuxer.last_time());
    if (!remuxer.has_decided_shift()) return;
    place[1] = static_cast<double>(remuxer.shift());
    place[2] = remuxer.program()->next_version();
    place[3] = 0;
  }

  Napi::Value Stats(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    const xg2g::Remuxer& remuxer = Open(info);
    const xg2g::RemuxerStats stats = remuxer.stats();
    auto out = Napi::Object::New(env);
    const auto set = [&](Napi::Object& object, const char* key, uint64_t value) {
      object.Set(key, static_cast<double>(value));
    };
    uint64_t duplicates = stats.duplicates, continuity = stats.continuity_errors;
    uint64_t scrambled = stats.scrambled_packets;
    auto tracks = Napi::Array::New(env);
    uint32_t count = 0;
    if (const xg2g::Program* program = remuxer.program()) {
      for (const xg2g::Stream& stream : program->streams()) {
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

  Napi::Object TrackStats(Napi::Env env, const xg2g::Stream& stream) {
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
    const xg2g::Track* track = stream.track.get();
    const xg2g::TranscoderStats sound = track ? track->transcoder().stats() : xg2g::TranscoderStats{};
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

  std::optional<xg2g::Remuxer> remuxer_;
  AudioTarget target_ = AudioTarget::kAac;
};

// new Packager(container, slotTicks, partTicks, nowMs)
class PackagerObject : public Napi::ObjectWrap<PackagerObject> {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(env, "Packager",
                       {InstanceMethod("push", &PackagerObject::Push),
                        InstanceMethod("flush", &PackagerObject::Flush),
                        InstanceMethod("take", &PackagerObject::Take),
                        InstanceMethod("stats", &PackagerObject::Stats),
                        InstanceMethod("close", &PackagerObject::Close)});
  }

  explicit PackagerObject(const Napi::CallbackInfo& info) : ObjectWrap(info) {
    if (info.Length() < 4) throw Napi::TypeError::New(info.Env(), "Expected 4 arguments");
    const std::string container = info[0].As<Napi::String>();
    const auto number = [&](size_t place) { return info[place].As<Napi::Number>().Int64Value(); };
    const xg2g::PackagerSettings settings{
        .container = container == "mp4" ? xg2g::Container::kMp4 : xg2g::Container::kTs,
        .slot_ticks = number(1),
        .part_ticks = number(2),
        .now_ms = std::clamp<int64_t>(number(3), 0, kMaxNowMs)};
    const bool is_divisible = settings.part_ticks > 0 && settings.slot_ticks >= settings.part_ticks &&
                              settings.slot_ticks <= kMaxSlotTicks;
    if (!is_divisible) throw Napi::TypeError::New(info.Env(), "Expected slots of whole parts");
    packager_.emplace(settings);
  }

 private:
  static constexpr int64_t kMaxSlotTicks = 60 * xg2g::kTicksPerSecond;
  static constexpr int64_t kMaxNowMs = int64_t{1} << 42;  // in the year 2109

  xg2g::Packager& Open(const Napi::CallbackInfo& info) {
    if (packager_) return *packager_;
    throw Napi::Error::New(info.Env(), "the packager is closed");
  }

  void Push(const Napi::CallbackInfo& info) {
    xg2g::Packager& packager = Open(info);
    const auto bytes = BytesOf(info[0]);
    if (bytes.size() > kMaxPushBytes)
      throw Napi::RangeError::New(info.Env(), "Expected at most 65536 bytes");
    packager.Push(bytes);
  }

  void Flush(const Napi::CallbackInfo& info) { Open(info).Flush(); }

  void Close(const Napi::CallbackInfo&) { packager_.reset(); }

  Napi::Value Take(const Napi::CallbackInfo& info) {
    const auto record = Open(info).Take();
    if (!record) return info.Env().Undefined();
    return std::visit([&](const auto& r) { return Shape(info.Env(), r); }, *record);
  }

  Napi::Value Stats(const Napi::CallbackInfo& info) {
    const xg2g::Packager& packager = Open(info);
    const xg2g::PackagerStats stats = packager.stats();
    auto out = Napi::Object::New(info.Env());
    out.Set("problem", packager.Problem());
    out.Set("continuityErrors", static_cast<double>(stats.continuity_errors));
    out.Set("droppedFrames", static_cast<double>(stats.dropped_frames));
    return out;
  }

  static Napi::Buffer<uint8_t> BufferOf(Napi::Env env, const std::vector<uint8_t>& bytes) {
    return Napi::Buffer<uint8_t>::Copy(env, bytes.data(), bytes.size());
  }

  static Napi::Value Shape(Napi::Env env, const xg2g::TracksRecord& record) {
    auto tracks = Napi::Array::New(env, record.tracks.size());
    for (uint32_t i = 0; i < record.tracks.size(); ++i) {
      const xg2g::TrackInfo& info = record.tracks[i];
      auto track = Napi::Object::New(env);
      track.Set("track", static_cast<double>(info.track));
      track.Set("kind", info.is_video ? "video" : "audio");
      track.Set("codecs", info.codecs);
      track.Set("frameRate", info.frame_rate);
      track.Set("width", static_cast<double>(info.width));
      track.Set("height", static_cast<double>(info.height));
      track.Set("isInterlaced", info.is_interlaced);
      track.Set("language", info.language);
      track.Set("isDescription", info.is_description);
      track.Set("channels", static_cast<double>(info.channels));
      tracks.Set(i, track);
    }
    auto out = Napi::Object::New(env);
    out.Set("kind", "tracks");
    out.Set("tracks", tracks);
    return out;
  }

  static Napi::Value Shape(Napi::Env env, const xg2g::InitRecord& record) {
    auto out = Napi::Object::New(env);
    out.Set("kind", "init");
    out.Set("track", static_cast<double>(record.track));
    out.Set("bytes", BufferOf(env, record.bytes));
    return out;
  }

  static Napi::Value Shape(Napi::Env env, const xg2g::PartRecord& record) {
    const xg2g::PartHead& head = record.head;
    auto out = Napi::Object::New(env);
    out.Set("kind", "part");
    out.Set("track", static_cast<double>(record.track));
    out.Set("msn", static_cast<double>(head.msn));
    out.Set("part", static_cast<double>(head.part));
    out.Set("time", static_cast<double>(head.time));
    out.Set("duration", static_cast<double>(head.duration));
    out.Set("utcMs", static_cast<double>(head.utc_ms));
    out.Set("isIndependent", head.is_independent);
    out.Set("isLast", head.is_last);
    out.Set("isDiscontinuous", head.is_discontinuous);
    out.Set("bytes", BufferOf(env, record.bytes));
    return out;
  }

  std::optional<xg2g::Packager> packager_;
};

// What the process holds outside of JavaScript's heaps: the remuxers that are open, and the bytes that
// are allocated by anyone, without what the allocator keeps for later.
Napi::Value Use(const Napi::CallbackInfo& info) {
  auto out = Napi::Object::New(info.Env());
  out.Set("remuxers", open_remuxers.load());
#ifdef __GLIBC__
  const struct mallinfo2 heap = mallinfo2();
  out.Set("bytes", static_cast<double>(heap.uordblks + heap.hblkhd));
#else
  out.Set("bytes", 0);
#endif
  return out;
}

// Absence is undefined.
template <typename T>
Napi::Value OrUndefined(Napi::Env env, const std::optional<T>& value) {
  return value ? Napi::Value::From(env, *value) : env.Undefined();
}

int DescriptorOf(const Napi::CallbackInfo& info) {
  if (!info[0].IsNumber()) throw Napi::TypeError::New(info.Env(), "Expected a descriptor");
  return info[0].As<Napi::Number>().Int32Value();
}

std::string NameIn(const Napi::CallbackInfo& info) {
  if (!info[0].IsString()) throw Napi::TypeError::New(info.Env(), "Expected a name");
  return info[0].As<Napi::String>();
}

Napi::Value PeerOf(const Napi::CallbackInfo& info) {
  const auto peer = xg2g::PeerOf(DescriptorOf(info));
  if (!peer) return info.Env().Undefined();
  auto out = Napi::Object::New(info.Env());
  out.Set("pid", static_cast<double>(peer->pid));
  out.Set("uid", static_cast<double>(peer->uid));
  out.Set("gid", static_cast<double>(peer->gid));
  return out;
}

Napi::Value UserId(const Napi::CallbackInfo& info) {
  return OrUndefined(info.Env(), xg2g::UserId(NameIn(info)));
}

Napi::Value GroupId(const Napi::CallbackInfo& info) {
  return OrUndefined(info.Env(), xg2g::GroupId(NameIn(info)));
}

Napi::Value UserName(const Napi::CallbackInfo& info) {
  if (!info[0].IsNumber()) throw Napi::TypeError::New(info.Env(), "Expected a user's number");
  return OrUndefined(info.Env(), xg2g::UserName(info[0].As<Napi::Number>().Uint32Value()));
}

Napi::Value Duplicate(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), xg2g::Duplicate(DescriptorOf(info)));
}

Napi::Object Peers(Napi::Env env) {
  auto peers = Napi::Object::New(env);
  peers.Set("of", Napi::Function::New(env, PeerOf));
  peers.Set("userId", Napi::Function::New(env, UserId));
  peers.Set("userName", Napi::Function::New(env, UserName));
  peers.Set("groupId", Napi::Function::New(env, GroupId));
  peers.Set("duplicate", Napi::Function::New(env, Duplicate));
  return peers;
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  exports.Set("Remuxer", RemuxerObject::Define(env));
  exports.Set("Packager", PackagerObject::Define(env));
  exports.Set("peers", Peers(env));
  exports.Set("use", Napi::Function::New(env, Use));
  exports.Set("libavcodec", av_version_info());
  return exports;
}

}  // namespace

NODE_API_MODULE(remux, Init)
