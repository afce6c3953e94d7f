// Bytes of JavaScript, borrowed.
#pragma once

#include <napi.h>

#include <span>

namespace xg2g::node {

inline constexpr size_t kMaxPushBytes = 64 * 1024;

inline std::span<uint8_t> BytesOf(const Napi::Value& value) {
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

// What is to be pushed at once.
inline std::span<uint8_t> PushedBytes(const Napi::Value& value) {
  const auto bytes = BytesOf(value);
  if (bytes.size() > kMaxPushBytes)
    throw Napi::RangeError::New(value.Env(), "Expected at most 65536 bytes");
  return bytes;
}

}  // namespace xg2g::node
