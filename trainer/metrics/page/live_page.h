// The live page: curves, ranks, memory and events of runs, for whoever opens the server's address in a browser.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "trainer/metrics/http_server.h"
#include "trainer/metrics/page/run_follower.h"

namespace phalanx {

// Adds "/", one page without anything from elsewhere, and "/api/history?after=CURSOR,CURSOR...", what it polls: a
// cursor per run, as answered last time, and for those it leaves out everything.
void add_live_page(HttpServer& server, std::vector<std::shared_ptr<RunFollower>> runs);

// For tests: the HTML of the page, made at build time from the sources in this folder.
std::string_view live_page_html();

}  // namespace phalanx
