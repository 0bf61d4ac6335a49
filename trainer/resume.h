// Where a run starts: from nothing, from a checkpoint of its own folder, or from the weights of another.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "parallel/communicator.h"
#include "trainer/checkpoint/checkpoint.h"
#include "trainer/config/config.h"
#include "trainer/config/resolve.h"
#include "trainer/data_identity.h"

namespace phalanx {

// What the user asked for. resume: "auto" (the newest good checkpoint of the run folder, if there is one), "none" (the
// folder must hold no run), or a checkpoint. init: a checkpoint whose weights alone are taken; empty: none.
struct StartRequest {
  std::string resume = "auto";
  std::string init;
};

struct StartPoint {
  std::optional<checkpoint::Manifest> resume;
  std::optional<checkpoint::Manifest> init;
};

// The configuration that a checkpoint was made with. Sizes that were left to the program, or unknown to it then, are as
// it would choose them.
config::Config stored_config(const checkpoint::Manifest& manifest);

// Decided by rank 0 for all. Throws UsageError when the request cannot be met.
StartPoint find_start(const StartRequest& request, const config::Config& config, Communicator& world);

// Refuses a resume that would not continue the run exactly: changed data, seed, model or sequence length, each key
// named. Returns a line "key: old -> new" for every other key that differs.
std::vector<std::string> check_resume(const checkpoint::Manifest& manifest, const config::Config& config,
                                      const DataIdentity& identity);

// Keys of the model, but dropout and initial values, that differ: weights of one are none of the other.
std::vector<config::Difference> model_differences(const config::Config& old_config, const config::Config& new_config);

// Throws UsageError naming each of them that differs from the checkpoint's.
void require_same_model(const checkpoint::Manifest& manifest, const config::Config& config);

// Throws UsageError when all of training.steps are done already.
void require_unfinished(const checkpoint::Progress& progress, const config::Config& config);

}  // namespace phalanx
