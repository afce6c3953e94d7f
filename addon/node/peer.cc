// What the job socket asks of the system.
#include "peer.h"

#include "node/faces.h"

#include <optional>

namespace xg2g::node {

namespace {

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

}  // namespace

Napi::Object MakePeers(Napi::Env env) {
  auto peers = Napi::Object::New(env);
  peers.Set("of", Napi::Function::New(env, PeerOf));
  peers.Set("userId", Napi::Function::New(env, UserId));
  peers.Set("userName", Napi::Function::New(env, UserName));
  peers.Set("groupId", Napi::Function::New(env, GroupId));
  peers.Set("duplicate", Napi::Function::New(env, Duplicate));
  return peers;
}

}  // namespace xg2g::node
