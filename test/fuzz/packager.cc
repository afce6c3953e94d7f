// The packager. Input: options (6 bytes, see Settings), then a transport stream. It goes in at once and in
// pieces: the same has to come out, by the rules of segments and parts.
#include "package/packager.h"

#include "input.h"

using namespace xg2g;
using namespace xg2g::fuzz;

namespace {

// Options 0 and 1.
PackagerSettings Settings(Input& input) {
  const uint8_t kind = input.Byte(), lengths = input.Byte();
  return {.container = kind & 1 ? Container::kMp4 : Container::kTs,
          .slot_ticks = 9000 + 9000 * (lengths & 15),
          .part_ticks = 1800 + 450 * (lengths >> 4),
          .now_ms = kind & 2 ? 1'767'644'100'000 : 0};
}

void CheckPart(const PartRecord& part, const PackagerSettings& settings, std::map<unsigned, PartHead>& last) {
  const PartHead& head = part.head;
  Require(head.duration > 0, "a part lasts");
  Require(head.time >= 0 && head.msn >= 0, "not before 1970");
  const bool is_ts = settings.container == Container::kTs;
  if (is_ts) Require(part.bytes.size() % kPacketBytes == 0, "whole packets");
  const auto before = last.find(part.track);
  if (before != last.end() && before->second.msn == head.msn) {
    Require(!before->second.is_last, "nothing after the last part");
    Require(head.part == before->second.part + 1, "parts are counted");
  } else {
    Require(head.part == 0, "a segment begins with part 0");
    if (before != last.end()) Require(head.msn > before->second.msn, "numbers rise");
  }
  last[part.track] = head;
}

struct Result {
  std::vector<Data> records;
  bool operator==(const Result&) const = default;
};

void Drain(Packager& packager, const PackagerSettings& settings, Result& result,
           std::map<unsigned, PartHead>& last) {
  while (const auto record = packager.Take()) {
    if (const auto* part = std::get_if<PartRecord>(&*record)) {
      CheckPart(*part, settings, last);
      result.records.push_back(part->bytes);
    } else if (const auto* init = std::get_if<InitRecord>(&*record)) {
      result.records.push_back(init->bytes);
    } else {
      last.clear();  // tracks may be numbered anew
      result.records.push_back({});
    }
  }
}

Result Package(View in, const PackagerSettings& settings, Pieces* pieces) {
  Packager packager(settings);
  Result result;
  std::map<unsigned, PartHead> last;
  while (!in.empty()) {
    const size_t size = std::min(pieces ? pieces->Next() : in.size(), in.size());
    const Data piece(in.begin(), in.begin() + static_cast<long>(size));
    packager.Push(piece);
    Drain(packager, settings, result, last);
    in = in.subspan(size);
  }
  packager.Flush();
  Drain(packager, settings, result, last);
  Require(packager.Problem().size() < 1000, "a problem is a sentence");
  return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input input(data, size);
  const PackagerSettings settings = Settings(input);
  const uint8_t mend = input.Byte(), most = input.Byte();
  Pieces pieces(input.Word(), 1 + most * 16);
  const View rest = input.Rest();
  Data in(rest.begin(), rest.end());
  if (mend & 1) MendSync(in);
  if (mend & 2) MendSections(in);
  const Result whole = Package(in, settings, nullptr);
  Require(whole == Package(in, settings, &pieces), "the same output however the input is cut");
  return 0;
}
