#include "trainer/metrics/page/live_page.h"

#include <algorithm>
#include <utility>

#include "core/check.h"
#include "core/clock.h"

namespace phalanx {
namespace {

// The value of `key` in "key=value&key=value", as it stands.
std::string_view query_value(std::string_view query, std::string_view key) {
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    if (pair.substr(0, pair.find('=')) == key && pair.size() > key.size()) return pair.substr(key.size() + 1);
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
  }
  return {};
}

std::string history_of(const std::vector<std::shared_ptr<RunFollower>>& runs, std::string_view cursors) {
  std::string text = str("{\"time\":", static_cast<std::int64_t>(unix_seconds()), ",\"runs\":[");
  for (std::size_t r = 0; r < runs.size(); ++r) {
    const std::string_view cursor = cursors.substr(0, cursors.find(','));
    if (r > 0) text += ',';
    text += runs[r]->changes(cursor);
    cursors.remove_prefix(std::min(cursors.size(), cursor.size() + 1));
  }
  return text + "]}\n";
}

}  // namespace

void add_live_page(HttpServer& server, std::vector<std::shared_ptr<RunFollower>> runs) {
  server.add_page("/", [](const HttpRequest&) -> HttpResponse {
    return {200, "text/html; charset=utf-8", std::string(live_page_html())};
  });
  server.add_page("/api/history", [runs = std::move(runs)](const HttpRequest& request) -> HttpResponse {
    return {200, "application/json", history_of(runs, query_value(request.query, "after"))};
  });
}

}  // namespace phalanx
