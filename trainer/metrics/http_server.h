// HttpServer: the small web server of rank 0; whoever has something to show adds a page.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "trainer/config/address.h"

namespace phalanx {

struct HttpRequest {
  std::string path;   // "/metrics"
  std::string query;  // what follows "?", as it came; may be empty

  // A value of the query, decoded; empty when it has none of that name.
  [[nodiscard]] std::string parameter(const std::string& name) const;
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

// Of Prometheus' text format.
inline constexpr const char* kMetricsContentType = "text/plain; version=0.0.4; charset=utf-8";

// What reaches a server from elsewhere: a wildcard address is every address of this host.
std::string reachable(const config::Address& address);

class HttpServer {
 public:
  // Answers GET and HEAD of exactly one path. Called from several threads of the server at once; an exception becomes
  // status 500.
  using Page = std::function<HttpResponse(const HttpRequest&)>;

  // Listens at once; port 0 takes a free port. Throws Error naming `key`, what chose the address, and the port when it
  // cannot.
  explicit HttpServer(const config::Address& address, const std::string& key = "metrics.prometheus");
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  void add_page(const std::string& path, Page page);
  // Where it listens, with the port that was taken.
  [[nodiscard]] const config::Address& address() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace phalanx
