#include "trainer/metrics/page/live_page.h"

#include <algorithm>
#include <utility>

#include "core/check.h"
#include "core/clock.h"

namespace phalanx {
namespace {

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
    return {200, "application/json", history_of(runs, request.parameter("after"))};
  });
}

}  // namespace phalanx
