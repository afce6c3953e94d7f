#include "peer.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/socket.h>

#include <cerrno>
#include <system_error>
#include <vector>

namespace xg2g {
namespace {

constexpr size_t kFirstEntryBytes = 1024;
constexpr size_t kMostEntryBytes = 1 << 20;  // a group's entry lists its members

// What some databases say instead of nothing when they have no such entry: getpwnam(3).
bool IsAbsence(int error) {
  return error == 0 || error == ENOENT || error == ESRCH || error == EBADF || error == EPERM;
}

// Calls one of the reentrant look-ups with a buffer that grows until the entry fits.
// look: (Entry*, char*, size_t, Entry**) -> errno, take: (const Entry&) -> what is returned.
template <typename Entry, typename Look, typename Take>
auto Find(const Look& look, const Take& take) -> std::optional<decltype(take(Entry{}))> {
  for (size_t size = kFirstEntryBytes;; size *= 4) {
    std::vector<char> buffer(size);
    Entry entry{};
    Entry* found = nullptr;
    const int error = look(&entry, buffer.data(), buffer.size(), &found);
    if (found != nullptr) return take(*found);
    if (IsAbsence(error)) return std::nullopt;
    if (error == EINTR) continue;
    if (error != ERANGE || size >= kMostEntryBytes)
      throw std::system_error(error, std::generic_category(), "users and groups cannot be read");
  }
}

}  // namespace

std::optional<Peer> PeerOf(int fd) {
  int domain = 0;
  socklen_t length = sizeof domain;
  // A socket of another kind has credentials too, of nobody.
  if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) != 0 || domain != AF_UNIX)
    return std::nullopt;
  ucred credentials{};
  length = sizeof credentials;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) return std::nullopt;
  if (credentials.uid == static_cast<uid_t>(-1)) return std::nullopt;  // not connected
  return Peer{credentials.pid, credentials.uid, credentials.gid};
}

std::optional<uid_t> UserId(const std::string& name) {
  return Find<passwd>(
      [&](passwd* entry, char* buffer, size_t size, passwd** found) {
        return getpwnam_r(name.c_str(), entry, buffer, size, found);
      },
      [](const passwd& entry) { return entry.pw_uid; });
}

std::optional<std::string> UserName(uid_t uid) {
  return Find<passwd>([&](passwd* entry, char* buffer, size_t size,
                          passwd** found) { return getpwuid_r(uid, entry, buffer, size, found); },
                      [](const passwd& entry) {
                        return std::string(entry.pw_name == nullptr ? "" : entry.pw_name);
                      });
}

std::optional<gid_t> GroupId(const std::string& name) {
  return Find<group>(
      [&](group* entry, char* buffer, size_t size, group** found) {
        return getgrnam_r(name.c_str(), entry, buffer, size, found);
      },
      [](const group& entry) { return entry.gr_gid; });
}

int Duplicate(int fd) {
  const int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);  // never in the place of a standard stream
  if (copy < 0)
    throw std::system_error(errno, std::generic_category(), "a descriptor cannot be duplicated");
  return copy;
}

}  // namespace xg2g
