// The web server: exact paths, errors that do not kill it, ports that are taken.
#include "trainer/metrics/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "core/check.h"
#include "tests/trainer/metrics_support.h"

namespace phalanx {
namespace {

using test::http;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const config::Address kFree{"127.0.0.1", 0};

TEST(MetricsHttp, PortZeroTakesAFreePortAndTellsWhich) {
  HttpServer a(kFree);
  HttpServer b(kFree);
  EXPECT_GT(a.address().port, 0);
  EXPECT_NE(a.address().port, b.address().port);
  EXPECT_EQ(a.address().host, "127.0.0.1");
}

TEST(MetricsHttp, ServesPagesAtExactPathsOnly) {
  HttpServer server(kFree);
  server.add_page("/", [](const HttpRequest&) -> HttpResponse { return {200, "text/html", "<p>home"}; });
  server.add_page("/metrics", [](const HttpRequest&) -> HttpResponse { return {200, "text/plain", "m 1\n"}; });
  const int port = server.address().port;
  EXPECT_THAT(http(port, "/metrics"), AllOf(StartsWith("HTTP/1.1 200 OK\r\n"), HasSubstr("Content-Length: 4\r\n"),
                                            HasSubstr("Content-Type: text/plain\r\n"), EndsWith("\r\n\r\nm 1\n")));
  EXPECT_THAT(http(port, "/"), EndsWith("<p>home"));
  EXPECT_THAT(http(port, "/metrics/x"), StartsWith("HTTP/1.1 404"));
  EXPECT_THAT(http(port, "/other"), StartsWith("HTTP/1.1 404"));
  EXPECT_THAT(http(port, "/../../etc/passwd"), AllOf(StartsWith("HTTP/1.1 4"), Not(HasSubstr("root"))));
}

TEST(MetricsHttp, HeadSendsNoBodyAndPostIsRefused) {
  HttpServer server(kFree);
  server.add_page("/a", [](const HttpRequest&) -> HttpResponse { return {200, "text/plain", "body"}; });
  EXPECT_THAT(http(server.address().port, "/a", "HEAD"), AllOf(HasSubstr("Content-Length: 4"), EndsWith("\r\n\r\n")));
  EXPECT_THAT(http(server.address().port, "/a", "POST"), Not(HasSubstr("200 OK")));
}

TEST(MetricsHttp, AnExceptionOfAPageIsStatus500) {
  HttpServer server(kFree);
  server.add_page("/bad", [](const HttpRequest&) -> HttpResponse { throw Error("no data"); });
  for (int i = 0; i < 20; ++i) {
    EXPECT_THAT(http(server.address().port, "/bad"), AllOf(StartsWith("HTTP/1.1 500"), EndsWith("no data\n")));
  }
}

TEST(MetricsHttp, APortInUseNamesKeyAndPort) {
  HttpServer first(kFree);
  const int port = first.address().port;
  try {
    HttpServer second({"127.0.0.1", port});
    FAIL() << "must throw";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(),
                AllOf(StartsWith("metrics.prometheus: cannot listen on port"), HasSubstr(std::to_string(port)),
                      HasSubstr("ddress already in use"), HasSubstr("port 0 for a free one")));
  }
}

TEST(MetricsHttp, AnAddressOfAnotherHostIsRefused) { EXPECT_THROW(HttpServer({"192.0.2.1", 0}), Error); }

TEST(MetricsHttp, OpenConnectionsDoNotBlockAScrape) {
  HttpServer server(kFree);
  server.add_page("/metrics", [](const HttpRequest&) -> HttpResponse { return {200, "text/plain", "m 1\n"}; });
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(server.address().port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::vector<int> idle;
  for (int i = 0; i < 6; ++i) {
    idle.push_back(::socket(AF_INET, SOCK_STREAM, 0));
    ASSERT_EQ(::connect(idle.back(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  EXPECT_THAT(http(server.address().port, "/metrics"), EndsWith("m 1\n"));
  for (const int socket_fd : idle) ::close(socket_fd);
}

TEST(MetricsHttp, ManyReadersAtOnceAreAllAnswered) {
  HttpServer server(kFree);
  const std::string body(100000, 'x');
  server.add_page("/big", [&](const HttpRequest&) -> HttpResponse { return {200, "text/plain", body}; });
  std::atomic<int> good{0};
  constexpr int kReaders = 16;
  std::vector<std::thread> readers;
  readers.reserve(kReaders);
  for (int i = 0; i < kReaders; ++i) {
    readers.emplace_back([&] { good += http(server.address().port, "/big").size() > body.size() ? 1 : 0; });
  }
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(good, kReaders);
}

TEST(MetricsHttp, ThePortIsFreeAgainAfterwards) {
  int port = 0;
  {
    HttpServer server(kFree);
    port = server.address().port;
    http(port, "/");
  }
  EXPECT_EQ(http(port, "/"), "");
  EXPECT_NO_THROW(HttpServer({"127.0.0.1", port}));
}

}  // namespace
}  // namespace phalanx
