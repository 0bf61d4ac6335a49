#include "data/evaluation_batches.h"

#include <algorithm>

#include "core/check.h"
#include "data/shard_reader.h"
#include "data/window.h"

namespace phalanx::data {

std::vector<Batch> evaluation_batches(const std::string& path, int context, std::int64_t samples, int micro_batch,
                                      int data_rank, int data_ranks, bool document_attention) {
  ENSURE(samples > 0 && micro_batch > 0 && data_rank >= 0 && data_rank < data_ranks, samples, " samples, micro-batch ",
         micro_batch, ", data rank ", data_rank, " of ", data_ranks);
  const ShardReader reader(path);
  const WindowTable table(reader, context);
  samples = std::min(samples, table.windows());
  const std::int64_t begin = samples * data_rank / data_ranks;
  const std::int64_t end = samples * (data_rank + 1) / data_ranks;
  const std::int64_t longest = (samples + data_ranks - 1) / data_ranks;
  std::vector<Batch> batches(static_cast<std::size_t>((longest + micro_batch - 1) / micro_batch));
  WindowScratch scratch;
  std::int64_t window = begin;
  for (Batch& batch : batches) {
    batch.resize(micro_batch, context);
    for (int row = 0; row < micro_batch; ++row) {
      if (window >= end) {
        fill_empty_row(batch, row);
        continue;
      }
      const WindowTable::Place place = table.place(window);
      fill_row(*reader.shards()[place.shard], place.first, document_attention, scratch, batch, row);
      batch.sequences[static_cast<std::size_t>(row)] = window++;
    }
  }
  return batches;
}

}  // namespace phalanx::data
