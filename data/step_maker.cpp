// Sample order -> windows -> batches.
#include "data/step_maker.h"

#include "core/check.h"
#include "data/dataset_info.h"

namespace phalanx::data {
namespace {

void require_sizes(const LoaderOptions& o) {
  ENSURE(o.context > 0 && o.global_batch > 0 && o.micro_batch > 0 && o.data_ranks > 0 && o.first_sequence >= 0,
         "context ", o.context, ", global batch ", o.global_batch, ", micro-batch ", o.micro_batch, ", data ranks ",
         o.data_ranks, ", first sequence ", o.first_sequence);
  ENSURE(o.data_rank >= 0 && o.data_rank < o.data_ranks, "data rank ", o.data_rank, " of ", o.data_ranks);
  if (o.global_batch % (static_cast<std::int64_t>(o.micro_batch) * o.data_ranks) != 0) {
    throw UsageError(str("training.global_batch (", o.global_batch, ") must be divisible by training.micro_batch (",
                         o.micro_batch, ") * parallel.data (", o.data_ranks, ")"));
  }
}

TokenSource token_source(const ShardReader& reader) {
  return {str("data.train (", reader.folder(), ")"), reader.manifest().tokenizer_digest};
}

}  // namespace

StepMaker::StepMaker(const LoaderOptions& options) : options_(options) {
  require_sizes(options_);
  if (options_.masked) {
    require_masked_lm(*options_.masked, options_.context);
    masked_rows_.emplace(*options_.masked, options_.seed, options_.document_attention);
  }
  std::vector<SamplerSource> sources;
  for (const SourceOptions& source : options_.sources) {
    readers_.push_back(std::make_unique<ShardReader>(source.path));
    require_same_tokenizer(token_source(*readers_.back()), token_source(*readers_.front()));
    if (options_.masked) require_masked_source(*readers_.back(), *options_.masked);
    tables_.emplace_back(*readers_.back(), window_shape(options_.context, options_.masked));
    sources.push_back({source.weight, tables_.back().windows()});
  }
  sampler_ = std::make_unique<Sampler>(options_.seed, sources);
}

void StepMaker::make(std::int64_t step, StepBatch& out) {
  const std::int64_t local_batch = options_.global_batch / options_.data_ranks;
  std::int64_t first = options_.first_sequence + step * options_.global_batch + options_.data_rank * local_batch;
  out.micro.resize(static_cast<std::size_t>(local_batch / options_.micro_batch));
  out.predicted = out.predicted_pairs = out.tokens = 0;
  for (Batch& batch : out.micro) {
    out.tokens += make_micro_batch(first, batch);
    first += options_.micro_batch;
    out.predicted += batch.predicted;
    out.predicted_pairs += batch.predicted_pairs;
  }
}

// Returns the number of tokens without padding.
std::int64_t StepMaker::make_micro_batch(std::int64_t first_sequence, Batch& batch) {
  batch.resize(batch_shape(options_.micro_batch, options_.context, options_.masked));
  std::int64_t tokens = 0;
  for (int row = 0; row < options_.micro_batch; ++row) {
    const std::int64_t sequence = first_sequence + row;
    const Sample sample = sampler_->at(sequence);
    const ShardReader& reader = *readers_[sample.source];
    const WindowTable& table = tables_[sample.source];
    if (masked_rows_) {
      tokens += masked_rows_->fill({reader, table}, sample.window, sequence, batch, row);
    } else {
      const WindowTable::Place place = table.place(sample.window);
      fill_row(*reader.shards()[place.shard], place.first, options_.document_attention, scratch_, batch, row);
      tokens += options_.context;
    }
    batch.sequences[static_cast<std::size_t>(row)] = sequence;
  }
  return tokens;
}

}  // namespace phalanx::data
