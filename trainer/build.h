// Configuration -> the parts of a run: what keys mean to the classes below, written once.
#pragma once

#include <cstdint>
#include <vector>

#include "core/batch.h"
#include "data/loader.h"
#include "trainer/checkpoint/checkpoint.h"
#include "trainer/config/config.h"
#include "trainer/replica.h"

namespace phalanx {

// Every function expects a resolved and valid configuration.
NetworkOptions network_options(const config::Config& config);
Grid grid_of(const config::Config& config, int world_size);
// Sequences that run through the network together: training.micro_batch, or one where no layout may show.
std::int64_t sequences_at_once(const config::Config& config);
ReplicaOptions replica_options(const config::Config& config, Grid grid, int world_rank, Device device = {});
// Likewise, with all that a training run allocates: what `train` builds and `plan` measures.
ReplicaOptions training_options(const config::Config& config, Grid grid, int world_rank, Device device = {});

// What runs through the network together. Of a run with phases, `config` here, in loader_options and in
// validation_batches is that of one of them (config::phases_of, config::stage_at).
BatchShape batch_shape(const config::Config& config);

// A micro-batch that holds nothing: what planning runs on.
Batch empty_batch(const BatchShape& shape);
// One training micro-batch and one evaluation micro-batch.
Replica::Workload training_workload(const BatchShape& shape);
// Likewise, for every phase of a run.
Replica::Workload training_workload(const config::Config& config);
Replica::Workload evaluation_workload(const BatchShape& shape);

data::LoaderOptions loader_options(const config::Config& config, const ReplicaOptions& replica,
                                   std::int64_t first_sequence);

// The batches of data.validation that this data rank evaluates on, whole in memory.
std::vector<Batch> validation_batches(const config::Config& config, const ReplicaOptions& replica);

// This rank's optimizer state as checkpoints see it.
checkpoint::OwnedState owned_state(const Replica& replica);
// Room for a copy of it; writes is false where this rank saves nothing.
checkpoint::OwnedState snapshot_of(const Replica& replica);

}  // namespace phalanx
