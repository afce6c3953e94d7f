#include "package/packager.h"

#include "node/bytes.h"
#include "node/faces.h"

#include <algorithm>
#include <optional>

namespace xg2g::node {

namespace {

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
    const PackagerSettings settings{
        .container = container == "mp4" ? Container::kMp4 : Container::kTs,
        .slot_ticks = number(1),
        .part_ticks = number(2),
        .now_ms = std::clamp<int64_t>(number(3), 0, kMaxNowMs)};
    const bool is_divisible = settings.part_ticks > 0 && settings.slot_ticks >= settings.part_ticks &&
                              settings.slot_ticks <= kMaxSlotTicks;
    if (!is_divisible) throw Napi::TypeError::New(info.Env(), "Expected slots of whole parts");
    packager_.emplace(settings);
  }

 private:
  static constexpr int64_t kMaxSlotTicks = 60 * kTicksPerSecond;
  static constexpr int64_t kMaxNowMs = int64_t{1} << 42;  // in the year 2109

  Packager& Open(const Napi::CallbackInfo& info) {
    if (packager_) return *packager_;
    throw Napi::Error::New(info.Env(), "the packager is closed");
  }

  void Push(const Napi::CallbackInfo& info) {
    Packager& packager = Open(info);
    const auto bytes = PushedBytes(info[0]);
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
    const Packager& packager = Open(info);
    const PackagerStats stats = packager.stats();
    auto out = Napi::Object::New(info.Env());
    out.Set("problem", packager.Problem());
    out.Set("continuityErrors", static_cast<double>(stats.continuity_errors));
    out.Set("droppedFrames", static_cast<double>(stats.dropped_frames));
    return out;
  }

  static Napi::Buffer<uint8_t> BufferOf(Napi::Env env, const std::vector<uint8_t>& bytes) {
    return Napi::Buffer<uint8_t>::Copy(env, bytes.data(), bytes.size());
  }

  static Napi::Value Shape(Napi::Env env, const TracksRecord& record) {
    auto tracks = Napi::Array::New(env, record.tracks.size());
    for (uint32_t i = 0; i < record.tracks.size(); ++i) {
      const TrackInfo& info = record.tracks[i];
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

  static Napi::Value Shape(Napi::Env env, const InitRecord& record) {
    auto out = Napi::Object::New(env);
    out.Set("kind", "init");
    out.Set("track", static_cast<double>(record.track));
    out.Set("bytes", BufferOf(env, record.bytes));
    return out;
  }

  static Napi::Value Shape(Napi::Env env, const PartRecord& record) {
    const PartHead& head = record.head;
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

  std::optional<Packager> packager_;
};

}  // namespace

Napi::Function DefinePackager(Napi::Env env) { return PackagerObject::Define(env); }

}  // namespace xg2g::node
