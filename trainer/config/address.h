// "address:port" of metrics.prometheus.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace phalanx::config {

struct Address {
  std::string host;  // IPv4, or IPv6 without brackets
  int port = 0;      // 0: any free one
};

// "127.0.0.1:9464", "[::1]:0", "localhost:9464" (taken as 127.0.0.1); nullopt for anything else.
std::optional<Address> parse_address(std::string_view text);

// The inverse, with brackets around IPv6.
std::string to_string(const Address& address);

}  // namespace phalanx::config
