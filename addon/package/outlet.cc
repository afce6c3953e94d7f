#include "package/outlet.h"

#include <algorithm>
#include <utility>

namespace xg2g {

namespace {

size_t SizeOf(const PartRecord& record) { return sizeof record + record.bytes.size(); }

}  // namespace

void Outlet::Announce(std::vector<TrackInfo> tracks, std::vector<InitRecord> inits) {
  is_announced_ = true;
  if (tracks != tracks_ || inits != inits_) {
    records_.push_back(TracksRecord{tracks});
    records_.insert(records_.end(), inits.begin(), inits.end());
    tracks_ = std::move(tracks);
    inits_ = std::move(inits);
  }
  for (PartRecord& record : std::exchange(held_, {})) Put(std::move(record));
}

void Outlet::Put(PartRecord record) {
  if (!is_announced_) {
    held_.push_back(std::move(record));
    return;
  }
  waiting_bytes_ += SizeOf(record);
  records_.push_back(std::move(record));
  while (waiting_bytes_ > kMaxWaitingBytes) {
    const auto part = std::ranges::find_if(
        records_, [](const Record& r) { return std::holds_alternative<PartRecord>(r); });
    waiting_bytes_ -= SizeOf(std::get<PartRecord>(*part));
    records_.erase(part);
    ++dropped_;
  }
}

std::optional<Record> Outlet::Take() {
  std::optional<Record> record;
  if (records_.empty()) return record;
  if (const auto* part = std::get_if<PartRecord>(&records_.front())) waiting_bytes_ -= SizeOf(*part);
  record.emplace(std::move(records_.front()));
  records_.pop_front();
  return record;
}

}  // namespace xg2g
