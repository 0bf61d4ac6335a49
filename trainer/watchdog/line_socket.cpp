#include "trainer/watchdog/line_socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "core/check.h"

namespace phalanx::watchdog {
namespace {

constexpr std::size_t kLongestLine = 4096;  // bytes
constexpr int kBacklog = 1024;

// The system's calls take every kind of address through this one.
sockaddr* generic(sockaddr_in& address) { return reinterpret_cast<sockaddr*>(&address); }

bool wait_for(int descriptor, short what, int milliseconds) {
  pollfd waiting{descriptor, what, 0};
  return ::poll(&waiting, 1, milliseconds) > 0;
}

int error_of(int descriptor) {
  int error = 0;
  socklen_t size = sizeof error;
  return ::getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

void send_at_once(int descriptor) {
  const int on = 1;
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

}  // namespace

LineSocket::~LineSocket() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

LineSocket::LineSocket(LineSocket&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      broken_(other.broken_),
      unfinished_(std::move(other.unfinished_)) {}

LineSocket& LineSocket::operator=(LineSocket&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(broken_, other.broken_);
  std::swap(unfinished_, other.unfinished_);
  return *this;
}

std::optional<LineSocket> LineSocket::connect(const std::string& address, int port, int milliseconds) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(port));
  if (::inet_pton(AF_INET, address.c_str(), &to.sin_addr) != 1) return std::nullopt;
  const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (descriptor < 0) return std::nullopt;
  LineSocket made(descriptor);
  if (::connect(descriptor, generic(to), sizeof to) != 0) {
    if (errno != EINPROGRESS || !wait_for(descriptor, POLLOUT, milliseconds) || error_of(descriptor) != 0) {
      return std::nullopt;
    }
  }
  send_at_once(descriptor);
  return made;
}

void LineSocket::send(std::string_view line) {
  if (broken_) return;
  const std::string text = str(line, '\n');
  broken_ = ::send(descriptor_, text.data(), text.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(text.size());
}

std::vector<std::string> LineSocket::receive() {
  std::array<char, kLongestLine> buffer{};
  for (;;) {
    const ssize_t got = ::recv(descriptor_, buffer.data(), buffer.size(), 0);
    if (got > 0) {
      unfinished_.append(buffer.data(), static_cast<std::size_t>(got));
      if (unfinished_.size() > 64 * kLongestLine) break;
      continue;
    }
    if (got < 0 && errno == EINTR) continue;
    broken_ = broken_ || got == 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
    break;
  }
  std::vector<std::string> lines;
  std::size_t begin = 0;
  for (std::size_t end = 0; (end = unfinished_.find('\n', begin)) != std::string::npos; begin = end + 1) {
    lines.push_back(unfinished_.substr(begin, end - begin));
  }
  unfinished_.erase(0, begin);
  broken_ = broken_ || unfinished_.size() > kLongestLine;
  return lines;
}

std::vector<std::string> LineSocket::receive_within(int milliseconds) {
  wait_for(descriptor_, POLLIN, milliseconds);
  return receive();
}

LineServer::LineServer(bool this_host_only) {
  descriptor_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(this_host_only ? INADDR_LOOPBACK : INADDR_ANY);
  socklen_t size = sizeof at;
  if (descriptor_ < 0 || ::bind(descriptor_, generic(at), sizeof at) != 0 || ::listen(descriptor_, kBacklog) != 0 ||
      ::getsockname(descriptor_, generic(at), &size) != 0) {
    const int error = errno;
    if (descriptor_ >= 0) ::close(descriptor_);
    throw Error(str("no port for the watchdog: ", std::strerror(error)));
  }
  port_ = ntohs(at.sin_port);
}

LineServer::~LineServer() { ::close(descriptor_); }

std::optional<LineSocket> LineServer::accept() const {
  const int descriptor = ::accept4(descriptor_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (descriptor < 0) return std::nullopt;
  send_at_once(descriptor);
  return LineSocket(descriptor);
}

std::vector<std::string> own_addresses() {
  std::vector<std::string> addresses;
  ifaddrs* first = nullptr;
  if (::getifaddrs(&first) != 0) return {"127.0.0.1"};
  for (const ifaddrs* i = first; i != nullptr; i = i->ifa_next) {
    if (i->ifa_addr == nullptr || i->ifa_addr->sa_family != AF_INET || (i->ifa_flags & IFF_UP) == 0) continue;
    std::array<char, INET_ADDRSTRLEN> text{};
    const auto* address = reinterpret_cast<const sockaddr_in*>(i->ifa_addr);
    if (::inet_ntop(AF_INET, &address->sin_addr, text.data(), text.size()) != nullptr)
      addresses.emplace_back(text.data());
  }
  ::freeifaddrs(first);
  std::stable_partition(addresses.begin(), addresses.end(), [](const std::string& a) { return a.starts_with("127."); });
  return addresses;
}

}  // namespace phalanx::watchdog
