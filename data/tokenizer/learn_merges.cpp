#include "data/tokenizer/learn_merges.h"

#include "core/check.h"

namespace phalanx::data {

std::vector<BpeModel::Merge> learn_merges(BpeLearner& learner, TokenList& tokens, std::int64_t size,
                                          std::int64_t reserved, const CorpusCounts& corpus, const JoinTexts& join) {
  std::vector<BpeModel::Merge> merges;
  while (tokens.size() + reserved < size) {
    const std::optional<TokenPair> pair = learner.best_pair();
    if (!pair) {
      throw UsageError(str("the corpus (", corpus.bytes, " bytes, ", corpus.words.size(),
                           " distinct words) is too small for --vocabulary ", size, ": it gives ", merges.size(),
                           " merges; use --vocabulary ", tokens.size() + reserved, " or less, or more text"));
    }
    const TokenId result = tokens.add(join(tokens.text(pair->first), tokens.text(pair->second)));
    merges.push_back({pair->first, pair->second, result});
    learner.merge(*pair, result);
  }
  return merges;
}

}  // namespace phalanx::data
