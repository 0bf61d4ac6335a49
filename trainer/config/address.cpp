// Splits at the last colon; the system's parser judges the address.
#include "trainer/config/address.h"

#include <arpa/inet.h>

#include <array>
#include <charconv>

#include "core/check.h"

namespace phalanx::config {
namespace {

bool is_address(int family, const std::string& host) {
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  return inet_pton(family, host.c_str(), bytes.data()) == 1;
}

}  // namespace

std::optional<Address> parse_address(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos || text.size() > 100) return std::nullopt;
  Address address;
  const std::string_view digits = text.substr(colon + 1);
  const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), address.port);
  const bool whole = error == std::errc{} && stop == digits.data() + digits.size();
  if (!whole || address.port < 0 || address.port > 65535 || digits[0] == '-') return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  address.host = bracketed ? host.substr(1, host.size() - 2) : host;
  if (address.host == "localhost" && !bracketed) address.host = "127.0.0.1";
  if (!is_address(bracketed ? AF_INET6 : AF_INET, address.host)) return std::nullopt;
  return address;
}

std::string to_string(const Address& address) {
  const bool v6 = address.host.find(':') != std::string::npos;
  return str(v6 ? "[" : "", address.host, v6 ? "]" : "", ":", address.port);
}

}  // namespace phalanx::config
