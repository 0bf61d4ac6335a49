// launch/run_slurm.sbatch, with a stand-in for srun: Slurm's warning and scancel become a save.
#include <gmock/gmock.h>

#include <filesystem>

#include "tests/support/endless_job.h"

namespace phalanx {
namespace {

using test::Outcome;
using ::testing::HasSubstr;

class SlurmScript : public test::EndlessJob {
 protected:
  SlurmScript() {
    // Leaves out the options and becomes the command, as srun's signals reach its tasks.
    test::append(folder_ / "srun",
                 "#!/bin/sh\necho \"$@\" >srun_arguments\n"
                 "while case $1 in -*) true ;; *) false ;; esac; do shift; done\nexec \"$@\"\n");
    test::append(folder_ / "scontrol", "#!/bin/sh\necho \"$@\" >scontrol_arguments\n");
    for (const char* name : {"srun", "scontrol"}) {
      std::filesystem::permissions(folder_ / name, std::filesystem::perms::owner_all);
    }
  }
  // The script as a batch job; once steps are made it gets `signal`.
  Outcome job(const std::string& environment, const std::string& signal) {
    return test::run_in(folder_.path(),
                        "export PATH=$PWD:$PATH SLURM_JOB_ID=77 PHALANX_ROOT=" PHALANX_SOURCE_DIR
                        " PHALANX_BINARY=" PHALANX_BINARY " " +
                            environment +
                            "; bash " PHALANX_SOURCE_DIR
                            "/launch/run_slurm.sbatch config.yaml & JOB=$!; "
                            "for i in $(seq 300); do grep -q '\"step\":3,' run/metrics.jsonl 2>/dev/null && break; "
                            "sleep 0.1; done; kill -" +
                            signal + " $JOB; wait $JOB");
  }
};

TEST_F(SlurmScript, TheWarningBeforeTheTimeLimitSavesAndSucceeds) {
  const Outcome o = job("PHALANX_REQUEUE=1", "USR1");
  EXPECT_EQ(o.status, 0) << o.err;
  EXPECT_THAT(status(), HasSubstr("\"stopped\""));
  EXPECT_THAT(test::read_file(folder_ / "srun_arguments"), HasSubstr("--kill-on-bad-exit=1 --mpi=pmix "));
  EXPECT_EQ(test::read_file(folder_ / "scontrol_arguments"), "requeue 77\n");
}

TEST_F(SlurmScript, ScancelSavesAndIsNotRequeuedUnlessAsked) {
  const Outcome o = job("A=1", "TERM");
  EXPECT_EQ(o.status, 0) << o.err;
  EXPECT_THAT(status(), HasSubstr("\"stopped\""));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "scontrol_arguments"));
}

TEST_F(SlurmScript, OutsideOfSlurmItSaysWhatToDo) {
  const Outcome o = test::run_in(folder_.path(), "env -u SLURM_JOB_ID PHALANX_ROOT=" PHALANX_SOURCE_DIR
                                                 " bash " PHALANX_SOURCE_DIR "/launch/run_slurm.sbatch config.yaml");
  EXPECT_EQ(o.status, 2);
  EXPECT_THAT(o.err, HasSubstr("start it with sbatch"));
}

}  // namespace
}  // namespace phalanx
