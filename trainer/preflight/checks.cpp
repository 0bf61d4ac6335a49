#include "trainer/preflight/checks.h"

#include <fmt/format.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>
#include <utility>

#include "core/clock.h"
#include "core/file.h"
#include "core/host.h"
#include "core/nonce.h"
#include "core/processor.h"
#include "core/sha256.h"
#include "data/inspect.h"
#include "model/network.h"
#include "trainer/agree.h"
#include "trainer/build.h"
#include "trainer/checkpoint/checkpoint.h"
#include "trainer/config/resolve.h"
#include "trainer/data_identity.h"
#include "trainer/disk_plan.h"
#include "trainer/metrics/http_server.h"
#include "trainer/metrics/rank_metrics.h"
#include "trainer/preflight/collectives.h"
#include "trainer/version.h"
#include "trainer/vocabulary.h"

namespace phalanx::preflight {
namespace {

namespace fs = std::filesystem;

constexpr double kLargestClockGap = 1.0;          // seconds between clocks of hosts
constexpr std::int64_t kLeastOpenFiles = 1024;    // shards, sockets, libraries
constexpr std::int64_t kLargestBinary = 1 << 30;  // bytes

class Checks {
 public:
  Checks(const config::Config& config, int threads, const Runtime& runtime)
      : config_(config), threads_(threads), runtime_(runtime), world_(runtime.world()) {}

  std::vector<Finding> all() {
    add(describe_map(tell(cores())));
    add(judge_equal("program", "phalanx", "Install the same build on every host", tell(program())));
    add(judge_equal("configuration", "SHA-256 of the resolved configuration", "Give every host the same file",
                    tell(sha256_hex(config::to_yaml(config_)).substr(0, 16))));
    add(judge_equal("processor", "instruction sets", "Runs on both work, but bits may differ; use hosts of one kind",
                    tell(instruction_sets())));
    if (findings_.back().outcome == Outcome::failure) findings_.back().outcome = Outcome::warning;
    data();
    add(judge_silent("limits", str("at least ", kLeastOpenFiles, " open files each"), tell(limits())));
    clocks();
    output();
    disk();
    port();
    for (Finding& finding : check_collectives(config_, runtime_)) add(std::move(finding));
    return std::move(findings_);
  }

 private:
  void add(Finding finding) { findings_.push_back(std::move(finding)); }

  // What every rank tells, in rank order, on every rank.
  [[nodiscard]] std::vector<Told> tell(const std::string& value) const {
    const std::vector<std::string> hosts = gather_texts(world_, host_name());
    const std::vector<std::string> values = gather_texts(world_, value);
    std::vector<Told> told;
    told.reserve(values.size());
    for (int r = 0; r < world_.size(); ++r) {
      told.push_back({r, hosts[static_cast<std::size_t>(r)], values[static_cast<std::size_t>(r)]});
    }
    return told;
  }
  // What goes wrong in `f` on this rank; empty: nothing.
  static std::string complaint(const std::function<void()>& f) {
    try {
      f();
    } catch (const std::exception& error) {
      return error.what();
    }
    return "";
  }

  [[nodiscard]] std::string cores() const {
    cpu_set_t mask;
    CPU_ZERO(&mask);
    const int allowed = sched_getaffinity(0, sizeof mask, &mask) == 0 ? CPU_COUNT(&mask) : 0;
    return str(allowed, " cores allowed, ", threads_, " threads each");
  }
  static std::string program() {
    std::string text = version_text();
    std::replace(text.begin(), text.end(), '\n', ' ');
    const std::string binary = read_text("/proc/self/exe", kLargestBinary);
    return str(text, "; SHA-256 ", sha256_hex(binary).substr(0, 16));
  }
  static std::string instruction_sets() {
    return has_x86_64_v4() ? "AVX-512" : has_x86_64_v3() ? "AVX2" : "neither AVX2 nor AVX-512";
  }
  static std::string limits() {
    rlimit files{};
    getrlimit(RLIMIT_NOFILE, &files);
    if (static_cast<std::int64_t>(files.rlim_cur) >= kLeastOpenFiles) return "";
    return str("may open ", files.rlim_cur, " files; raise it: ulimit -n ", kLeastOpenFiles);
  }

  // That every rank sees the same data, and that every byte of it is as it was written: the reading is shared.
  void data() {
    std::string digest;
    const auto seen = tell(complaint([&] {
      with_vocabulary_of_data(config_);
      const DataIdentity identity = identify_data(config_);
      digest = str(identity.data_digest.substr(0, 16), ", tokenizer ", identity.tokenizer_digest.substr(0, 16));
    }));
    Finding found = judge_silent("data", "", seen);
    if (found.outcome == Outcome::failure) return add(found);
    found = judge_equal("data", "digest of data.train", "Copy the data set to every host, or share it", tell(digest));
    if (found.outcome == Outcome::ok) {
      const Finding whole = judge_silent("data", "", tell(complaint([&] { require_whole_data(); })));
      if (whole.outcome == Outcome::failure) found = whole;
    }
    add(found);
  }
  void require_whole_data() const {
    std::vector<std::string> folders;
    for (const config::Source& source : config_.data.train) folders.push_back(source.path);
    if (!config_.data.validation.empty()) folders.push_back(config_.data.validation);
    for (std::size_t f = 0; f < folders.size(); ++f) {
      if (static_cast<int>(f) % world_.size() == world_.rank()) data::inspect(folders[f], 0);
    }
  }

  void clocks() {
    world_.barrier();
    double earliest = unix_seconds();
    double latest = earliest;
    world_.all_reduce(host_tensor(&earliest, {1}), Reduce::min, {});
    world_.all_reduce(host_tensor(&latest, {1}), Reduce::max, {});
    const double gap = latest - earliest;
    add({gap <= kLargestClockGap ? Outcome::ok : Outcome::warning, "clocks",
         fmt::format("clocks of ranks are {:.3f} s apart{}", gap,
                     gap <= kLargestClockGap ? "" : "; times in logs will not fit together: run a time service")});
  }

  // A file that rank 0 writes must be seen by all: checkpoints are written by all ranks into one folder.
  void output() {
    std::string path;
    std::string failure;
    const std::string word = str(random_nonce());
    if (world_.rank() == 0) {
      failure = complaint([&] {
        made_ = !fs::exists(config_.run.output);
        fs::create_directories(config_.run.output);
        path = str(config_.run.output, "/.preflight-", word);
        write_text(path, word);
      });
      if (!failure.empty()) failure += "; choose a run.output that can be written";
    }
    path = share_text(world_, path);
    const std::string expected = share_text(world_, word);
    if (failure.empty()) {
      failure = complaint([&] {
        if (!path.empty() && read_text(path, 64) != expected) throw Error(path + " holds something else");
      });
      if (!failure.empty()) failure += "; run.output must be on a file system that all ranks share";
    }
    add(judge_silent("output", str("run.output (", config_.run.output, ") is seen by every rank"), tell(failure)));
    if (world_.rank() == 0 && !path.empty()) {
      std::error_code ignored;
      fs::remove(path, ignored);
    }
  }

  void disk() {
    std::string text;
    Outcome outcome = Outcome::ok;
    if (world_.rank() == 0) {
      const std::string refused = complaint([&] {
        const auto network = make_network(network_options(with_vocabulary_of_data(config_)));
        const auto existing = checkpoint::list(config_.run.output + "/checkpoints");
        const DiskPlan plan = plan_disk(config_, parameter_count(network->parameters().table),
                                        existing.empty() ? 0 : existing.back().step,
                                        static_cast<std::int64_t>(existing.size()), free_bytes(config_.run.output));
        text = describe_or_refuse(plan, config_);
        if (const std::string warning = warning_of(plan, config_); !warning.empty()) {
          text = warning;
          outcome = Outcome::warning;
        }
      });
      if (!refused.empty()) {
        text = refused;
        outcome = Outcome::failure;
      }
      std::error_code ignored;
      if (made_) fs::remove(config_.run.output, ignored);  // where preflight made it, and nothing is in it
    }
    share(outcome, "disk", text);
  }

  void port() {
    if (config_.metrics.prometheus.empty()) return add({Outcome::ok, "port", "metrics.prometheus is empty: no server"});
    const bool all = config_.metrics.per_rank;
    const std::string text = !all && world_.rank() != 0 ? "" : complaint([&] {
      const HttpServer server(address_of_rank(config_.metrics, runtime_.local_rank()));
    });
    add(judge_silent("port",
                     str("metrics.prometheus (", config_.metrics.prometheus, ") is free ",
                         all ? "for every rank" : "on rank 0's host"),
                     tell(text)));
  }

  // Rank 0's finding on every rank.
  void share(Outcome outcome, const std::string& check, const std::string& text) {
    auto number = static_cast<std::int64_t>(outcome);
    world_.broadcast(host_tensor(&number, {1}), 0, {});
    add({static_cast<Outcome>(number), check, share_text(world_, text)});
  }

  const config::Config& config_;
  int threads_;
  const Runtime& runtime_;
  Communicator& world_;
  bool made_ = false;  // run.output, by preflight
  std::vector<Finding> findings_;
};

}  // namespace

std::vector<Finding> check_all(const config::Config& config, int threads, const Runtime& runtime) {
  return Checks(config, threads, runtime).all();
}

}  // namespace phalanx::preflight
