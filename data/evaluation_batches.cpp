#include "data/evaluation_batches.h"

#include <algorithm>

#include "core/check.h"
#include "data/masked_rows.h"
#include "data/shard_reader.h"
#include "data/window.h"

namespace phalanx::data {
namespace {

// Not the run's seed: what is measured must not change with it.
constexpr std::uint64_t kEvaluationSeed = 0x6D61736B6564;

std::optional<MaskedRows> masked_rows(const ShardReader& reader, int context, bool document_attention,
                                      const std::optional<MaskedLm>& masked) {
  if (!masked) return std::nullopt;
  require_masked_lm(*masked, context);
  require_masked_source(reader, *masked);
  return MaskedRows(*masked, kEvaluationSeed, document_attention);
}

}  // namespace

std::vector<Batch> evaluation_batches(const std::string& path, int context, std::int64_t samples, int micro_batch,
                                      int data_rank, int data_ranks, bool document_attention,
                                      const std::optional<MaskedLm>& masked) {
  ENSURE(samples > 0 && micro_batch > 0 && data_rank >= 0 && data_rank < data_ranks, samples, " samples, micro-batch ",
         micro_batch, ", data rank ", data_rank, " of ", data_ranks);
  const ShardReader reader(path);
  std::optional<MaskedRows> rows = masked_rows(reader, context, document_attention, masked);
  const WindowTable table(reader, window_shape(context, masked));
  samples = std::min(samples, table.windows());
  const std::int64_t begin = samples * data_rank / data_ranks;
  const std::int64_t end = samples * (data_rank + 1) / data_ranks;
  const std::int64_t longest = (samples + data_ranks - 1) / data_ranks;
  std::vector<Batch> batches(static_cast<std::size_t>((longest + micro_batch - 1) / micro_batch));
  WindowScratch scratch;
  std::int64_t window = begin;
  for (Batch& batch : batches) {
    batch.resize(batch_shape(micro_batch, context, masked));
    for (int row = 0; row < micro_batch; ++row) {
      if (window >= end) {
        fill_empty_row(batch, row, masked ? masked->vocabulary.pad : 0);
        continue;
      }
      if (rows) {
        rows->fill({reader, table}, window, window, batch, row);
      } else {
        const WindowTable::Place place = table.place(window);
        fill_row(*reader.shards()[place.shard], place.first, document_attention, scratch, batch, row);
      }
      batch.sequences[static_cast<std::size_t>(row)] = window++;
    }
  }
  return batches;
}

}  // namespace phalanx::data
