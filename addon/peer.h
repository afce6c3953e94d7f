// Who is at the other end of a Unix domain socket, users and groups by name, and descriptors. Knows
// no stream and no Node.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

namespace xg2g {

// The process that connected, as it was then.
struct Peer {
  pid_t pid = 0;  // 0 where it lies in a namespace that is not seen from here
  uid_t uid = 0;
  gid_t gid = 0;
};

// nullopt where the descriptor is no connected Unix domain socket.
// Source: unix(7), SO_PEERCRED.
std::optional<Peer> PeerOf(int fd);

// nullopt where there is no such user or group. These ask the system's databases, which may mean a
// server. Throws std::system_error where one of them fails.
std::optional<uid_t> UserId(const std::string& name);
std::optional<std::string> UserName(uid_t uid);
std::optional<gid_t> GroupId(const std::string& name);

// A second descriptor of the same open file, which programs that we start do not get.
// Throws std::system_error.
int Duplicate(int fd);

}  // namespace xg2g
