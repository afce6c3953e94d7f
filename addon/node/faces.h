// The addon's faces to Node, one for each noun. Only this folder knows N-API. Bytes from JavaScript are
// borrowed for the call. Arguments come clean from src/workers/native.ts, packager.ts and peer.ts: what is
// checked here is what would crash.
#pragma once

#include <napi.h>

namespace xg2g::node {

Napi::Function DefineRemuxer(Napi::Env env);
Napi::Function DefinePackager(Napi::Env env);
Napi::Object MakePeers(Napi::Env env);

// In all threads of the process.
int OpenRemuxers();

}  // namespace xg2g::node
