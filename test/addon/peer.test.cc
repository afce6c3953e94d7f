#include "peer.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace xg2g::test {
namespace {

// Closes both ends when it goes.
struct Pair {
  explicit Pair(int kind = SOCK_STREAM) { REQUIRE(socketpair(AF_UNIX, kind, 0, ends.data()) == 0); }
  ~Pair() {
    for (const int end : ends) close(end);
  }
  std::array<int, 2> ends{};
};

TEST_CASE("PeerOf: the process, user and group at the other end") {
  const Pair pair;
  const auto peer = PeerOf(pair.ends[0]);
  REQUIRE(peer);
  CHECK(peer->pid == getpid());
  CHECK(peer->uid == geteuid());
  CHECK(peer->gid == getegid());
}

TEST_CASE("PeerOf: nobody where there is no connected Unix domain socket") {
  CHECK_FALSE(PeerOf(-1));
  const int file = open("/dev/null", O_RDONLY | O_CLOEXEC);
  CHECK_FALSE(PeerOf(file));
  close(file);
  for (const int domain : {AF_INET, AF_UNIX}) {
    CAPTURE(domain);
    const int alone = socket(domain, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(alone >= 0);
    CHECK_FALSE(PeerOf(alone));
    close(alone);
  }
}

TEST_CASE("UserId, UserName, GroupId: what the system's databases hold") {
  CHECK(UserId("root") == 0u);
  CHECK(GroupId("root") == 0u);
  CHECK(UserName(0) == "root");
  for (const auto& name : {"", "no-such-name-here", "root:x", "0"}) {
    CAPTURE(name);
    CHECK_FALSE(UserId(name));
    CHECK_FALSE(GroupId(name));
  }
  CHECK_FALSE(UserName(3'999'999'999u));
}

TEST_CASE("Duplicate: the same connection, which outlives the descriptor it was made from") {
  Pair pair;
  REQUIRE(write(pair.ends[1], "before", 6) == 6);
  const int copy = Duplicate(pair.ends[0]);
  CHECK(copy > 2);
  CHECK(copy != pair.ends[0]);
  CHECK((fcntl(copy, F_GETFD) & FD_CLOEXEC) != 0);
  close(pair.ends[0]);
  pair.ends[0] = copy;
  REQUIRE(write(pair.ends[1], " after", 6) == 6);
  std::array<char, 32> read_back{};
  CHECK(read(copy, read_back.data(), read_back.size()) == 12);
  CHECK(std::string(read_back.data()) == "before after");
}

TEST_CASE("Duplicate: says what the system says against it") {
  try {
    Duplicate(-1);
    FAIL("it was duplicated");
  } catch (const std::system_error& error) {
    CHECK(error.code().value() == EBADF);
  }
}

}  // namespace
}  // namespace xg2g::test
