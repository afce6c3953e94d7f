// What the addon exports.
#include "audio/libav.h"
#include "node/faces.h"

#include <malloc.h>
#include <node_version.h>

static_assert(NODE_MAJOR_VERSION >= 24, "built against the headers of an older Node");

namespace {

using namespace xg2g::node;

// What the process holds outside of JavaScript's heaps: the remuxers that are open, and the bytes that
// are allocated by anyone, without what the allocator keeps for later.
Napi::Value Use(const Napi::CallbackInfo& info) {
  auto out = Napi::Object::New(info.Env());
  out.Set("remuxers", OpenRemuxers());
#ifdef __GLIBC__
  const struct mallinfo2 heap = mallinfo2();
  out.Set("bytes", static_cast<double>(heap.uordblks + heap.hblkhd));
#else
  out.Set("bytes", 0);
#endif
  return out;
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  exports.Set("Remuxer", DefineRemuxer(env));
  exports.Set("Packager", DefinePackager(env));
  exports.Set("peers", MakePeers(env));
  exports.Set("use", Napi::Function::New(env, Use));
  exports.Set("libavcodec", av_version_info());
  return exports;
}

}  // namespace

NODE_API_MODULE(remux, Init)
