// Lines of text over TCP: what ranks tell rank 0's watchdog, outside of MPI. Nothing here waits longer than it is told.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace phalanx::watchdog {

// A connection; closed at the end of its scope.
class LineSocket {
 public:
  explicit LineSocket(int descriptor) : descriptor_(descriptor) {}
  ~LineSocket();
  LineSocket(LineSocket&& other) noexcept;
  LineSocket& operator=(LineSocket&& other) noexcept;
  LineSocket(const LineSocket&) = delete;
  LineSocket& operator=(const LineSocket&) = delete;

  // nullopt: nobody took the connection within the time.
  static std::optional<LineSocket> connect(const std::string& address, int port, int milliseconds);

  [[nodiscard]] int descriptor() const { return descriptor_; }
  // Of no use any more: closed by the other side, broken, or a line longer than any of ours came.
  [[nodiscard]] bool broken() const { return broken_; }
  void give_up() { broken_ = true; }

  // Sends the line, or breaks the connection when it cannot be sent at once.
  void send(std::string_view line);
  // Whole lines that have come by now, without waiting.
  std::vector<std::string> receive();
  // The next lines, after waiting for some up to so long.
  std::vector<std::string> receive_within(int milliseconds);

 private:
  int descriptor_;
  bool broken_ = false;
  std::string unfinished_;
};

// Where connections arrive.
class LineServer {
 public:
  // On a free port; of this host alone, or of all its addresses. Throws Error.
  explicit LineServer(bool this_host_only);
  ~LineServer();
  LineServer(const LineServer&) = delete;
  LineServer& operator=(const LineServer&) = delete;

  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] int descriptor() const { return descriptor_; }
  std::optional<LineSocket> accept() const;  // nullopt: nobody waits

 private:
  int descriptor_ = -1;
  int port_ = 0;
};

// IPv4 addresses of this host, the one that only it reaches first.
std::vector<std::string> own_addresses();

}  // namespace phalanx::watchdog
