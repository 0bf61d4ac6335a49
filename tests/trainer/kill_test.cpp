// A job of the whole program whose ranks are killed at random instants, while it trains and while it writes checkpoints
// in the background, ends with the bits of an undisturbed one. PHALANX_KILLS: how often; many more under the label
// slow.
#include <gmock/gmock.h>

#include <cstdlib>
#include <string>

#include "core/check.h"
#include "tests/support/endless_job.h"

namespace phalanx {
namespace {

using test::Outcome;

// Large enough that a run lasts for several kills.
constexpr const char* kRun =
    " train config.yaml --set model.hidden=64 --set model.ffn=256 --set model.context=48 --set training.global_batch=8 "
    "--set schedule.type=constant --set training.micro_batch=2 --set checkpoint.every=3 --set checkpoint.keep=2 --set "
    "run.digest_every=10 ";

class Kill : public test::EndlessJob {};

TEST_F(Kill, ARandomRankAtARandomInstantChangesNoBitOfTheEnd) {
  const char* asked = std::getenv("PHALANX_KILLS");
  const std::string kills = asked == nullptr ? "2" : asked;
  const std::string job = test::mpirun(2) + PHALANX_BINARY + kRun;
  // Some time after the first new checkpoint; one in five is killed while it starts.
  const Outcome killed = test::run_in(
      folder_.path(),
      "awk -v n=" + kills +
          " 'BEGIN {srand(11); for (i = 0; i < n; ++i) printf \"%d %.3f %d\\n\", i % 5 != 3, 0.5 * rand(), "
          "int(2 * rand())}' >plan; "
          "while read -r wait delay victim; do LAST=$(readlink run/checkpoints/latest); " +
          job +
          " 2>>log </dev/null & LAUNCHER=$!; "
          "if [ $wait -eq 1 ]; then for i in $(seq 600); do "
          "[ \"$(readlink run/checkpoints/latest)\" != \"$LAST\" ] && break; sleep 0.05; done; fi; sleep $delay; "
          "for p in $(pgrep -P $LAUNCHER -f 'train config'); do tr '\\0' '\\n' </proc/$p/environ 2>/dev/null | "
          "grep -qx OMPI_COMM_WORLD_RANK=$victim && kill -9 $p && echo $p >>killed; done; wait $LAUNCHER; done <plan; "
          "LAST=$(readlink run/checkpoints/latest); echo ${LAST#step_} | sed 's/^0*//' >last");
  const std::string last = test::read_file(folder_ / "last");
  ASSERT_FALSE(last.empty() || last == "\n") << "no checkpoint was reached\n" << test::read_file(folder_ / "log");
  const std::string steps = std::to_string(std::stoll(last) + 10);
  for (const char* run : {"run", "quiet"}) {
    const Outcome o = test::run_in(folder_.path(), str(job, "--set training.steps=", steps, " --set run.output=", run));
    ASSERT_EQ(o.status, 0) << o.err << test::read_file(folder_ / "log");
  }
  const Outcome diff = test::run_in(folder_.path(), std::string(PHALANX_BINARY) + " checkpoint diff run quiet");
  EXPECT_EQ(diff.status, 0) << diff.out << "\nafter kills: " << test::read_file(folder_ / "killed");
  EXPECT_EQ(test::read_file(folder_ / "log").find("damaged"), std::string::npos) << test::read_file(folder_ / "log");
}

}  // namespace
}  // namespace phalanx
