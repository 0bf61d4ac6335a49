// civetweb behind our interface. Open connections of slow readers hold a thread each, hence the number of threads.
#include "trainer/metrics/http_server.h"

#include <CivetServer.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <utility>
#include <vector>

#include "core/check.h"
#include "core/host.h"

namespace phalanx {
namespace {

const char* const kThreads = "12";
const char* const kTimeoutMilliseconds = "10000";

// civetweb says why it cannot listen only in its log; the start happens on the calling thread.
thread_local std::string* start_log = nullptr;

int keep_log(const mg_connection*, const char* message) {
  if (start_log != nullptr) *start_log += str(start_log->empty() ? "" : "; ", message);
  return 1;  // handled: civetweb prints nothing itself
}

const char* reason_of(int status) {
  switch (status) {
    case 200: return "OK";
    case 400: return "Bad Request";
    case 404: return "Not Found";
    default: return "Internal Server Error";
  }
}

void send(mg_connection* connection, const HttpResponse& response, bool with_body) {
  mg_printf(connection,
            "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nCache-Control: no-store\r\n"
            "X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n",
            response.status, reason_of(response.status), response.content_type.c_str(), response.body.size());
  if (with_body) mg_write(connection, response.body.data(), response.body.size());
}

class PageHandler : public CivetHandler {
 public:
  PageHandler(std::string path, HttpServer::Page page) : path_(std::move(path)), page_(std::move(page)) {}
  bool handleGet(CivetServer*, mg_connection* connection) override { return answer(connection, true); }
  bool handleHead(CivetServer*, mg_connection* connection) override { return answer(connection, false); }

 private:
  bool answer(mg_connection* connection, bool with_body) {
    send(connection, response_to(*mg_get_request_info(connection)), with_body);
    return true;
  }

  HttpResponse response_to(const mg_request_info& info) {
    const HttpRequest request{info.local_uri == nullptr ? "" : info.local_uri,
                              info.query_string == nullptr ? "" : info.query_string};
    if (request.path != path_) return {404, "text/plain; charset=utf-8", "no such page\n"};
    try {
      return page_(request);
    } catch (const std::exception& error) {
      return {500, "text/plain; charset=utf-8", str(error.what(), "\n")};
    }
  }

  std::string path_;
  HttpServer::Page page_;
};

std::unique_ptr<CivetServer> start(const config::Address& address, const std::string& key) {
  const std::vector<std::string> options = {
      "listening_ports",    config::to_string(address), "num_threads", kThreads, "request_timeout_ms",
      kTimeoutMilliseconds, "enable_directory_listing", "no"};
  CivetCallbacks callbacks;
  callbacks.log_message = keep_log;
  std::string log;
  start_log = &log;
  std::unique_ptr<CivetServer> server;
  try {
    server = std::make_unique<CivetServer>(options, &callbacks);
  } catch (const CivetException& error) {
    if (log.empty()) log = error.what();
  }
  start_log = nullptr;
  if (server && server->getContext() != nullptr) return server;
  throw Error(str(key, ": cannot listen on port ", address.port, " of ", address.host, ": ", log, ". Set ", key,
                  " to another port, or to port 0 for a free one",
                  key == "metrics.prometheus" ? "; to \"\" for no server" : ""));
}

// Opens and closes a connection.
void knock(const config::Address& address) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &found) != 0) return;
  const int connection = ::socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (connection >= 0) {
    static_cast<void>(::connect(connection, found->ai_addr, found->ai_addrlen));
    ::close(connection);
  }
  freeaddrinfo(found);
}

// civetweb looks at its stop flag when a connection comes, or every two seconds: without knocking, a run would end two
// seconds late.
void stop(std::unique_ptr<CivetServer> server, const config::Address& address) {
  std::atomic<bool> stopped = false;
  std::thread knocker([&] {
    while (!stopped) {
      knock(address);
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  });
  server.reset();
  stopped = true;
  knocker.join();
}

}  // namespace

struct HttpServer::State {
  ~State() {
    if (server) stop(std::move(server), address);
  }

  // Handlers outlive the server.
  std::vector<std::unique_ptr<PageHandler>> handlers;
  config::Address address;
  std::unique_ptr<CivetServer> server;
};

std::string reachable(const config::Address& address) {
  const bool everywhere = address.host == "0.0.0.0" || address.host == "::";
  return everywhere ? str(host_name(), ":", address.port) : config::to_string(address);
}

std::string HttpRequest::parameter(const std::string& name) const {
  std::string value;
  CivetServer::getParam(query.data(), query.size(), name.c_str(), value);
  return value;
}

HttpServer::HttpServer(const config::Address& address, const std::string& key) : state_(std::make_unique<State>()) {
  state_->address = address;
  state_->server = start(address, key);
  const std::vector<int> ports = state_->server->getListeningPorts();
  if (!ports.empty()) state_->address.port = ports.front();
}

HttpServer::~HttpServer() = default;

void HttpServer::add_page(const std::string& path, Page page) {
  state_->handlers.push_back(std::make_unique<PageHandler>(path, std::move(page)));
  state_->server->addHandler(path, *state_->handlers.back());
}

const config::Address& HttpServer::address() const { return state_->address; }

}  // namespace phalanx
