#include "data/tokenizer/bpe_merger.h"

#include <algorithm>
#include <functional>
#include <queue>

#include "core/check.h"

namespace phalanx::data {

BpeMerger::BpeMerger(const BpeModel& model) : ranks_(model.merges.size()) {
  std::vector<bool> special(model.tokens.size());
  for (const auto& [text, id] : model.specials) special[static_cast<std::size_t>(id)] = true;
  for (std::size_t i = 0; i < model.tokens.size(); ++i) {
    const std::string& bytes = model.tokens[i];
    if (bytes.size() == 1 && !special[i]) id_of_byte_[static_cast<unsigned char>(bytes[0])] = static_cast<TokenId>(i);
  }
  for (const auto& [left, right, result] : model.merges) {
    ranks_.find_or_insert(left, right, static_cast<std::uint32_t>(results_.size()));
    results_.push_back(result);
  }
}

void BpeMerger::merge(std::string_view word, std::vector<TokenId>& ids) const {
  word.size() <= kShort ? merge_short(word, ids) : merge_long(word, ids);
}

void BpeMerger::merge_short(std::string_view word, std::vector<TokenId>& ids) const {
  std::array<TokenId, kShort> tokens;
  std::array<std::uint32_t, kShort> ranks;  // ranks[i]: of the pair tokens[i], tokens[i + 1]
  std::size_t count = word.size();
  for (std::size_t i = 0; i < count; ++i) tokens[i] = id_of_byte_[static_cast<unsigned char>(word[i])];
  for (std::size_t i = 0; i + 1 < count; ++i) ranks[i] = rank_of(tokens[i], tokens[i + 1]);
  while (count > 1) {
    const auto best =
        static_cast<std::size_t>(std::min_element(ranks.begin(), ranks.begin() + count - 1) - ranks.begin());
    if (ranks[best] == PairMap::kNone) break;
    tokens[best] = results_[ranks[best]];
    std::copy(tokens.begin() + best + 2, tokens.begin() + count, tokens.begin() + best + 1);
    std::copy(ranks.begin() + best + 1, ranks.begin() + count - 1, ranks.begin() + best);
    --count;
    if (best + 1 < count) ranks[best] = rank_of(tokens[best], tokens[best + 1]);
    if (best > 0) ranks[best - 1] = rank_of(tokens[best - 1], tokens[best]);
  }
  ids.insert(ids.end(), tokens.begin(), tokens.begin() + count);
}

namespace {

// A token of a long word, in a list that shrinks from the left: a merge keeps the left node and unlinks the right one.
struct Node {
  TokenId token;
  std::uint32_t previous;
  std::uint32_t next;
  bool alive;
};
constexpr std::uint32_t kNoNode = 0xFFFFFFFF;

struct Candidate {
  std::uint32_t rank;
  std::uint32_t left;                                  // node
  auto operator<=>(const Candidate&) const = default;  // NOLINT(modernize-use-nullptr): clang-tidy 14 errs here
};

}  // namespace

void BpeMerger::merge_long(std::string_view word, std::vector<TokenId>& ids) const {
  ENSURE(word.size() < std::size_t{1} << 31, "a word of ", word.size(), " bytes; at most 2 GiB can be encoded");
  const auto count = static_cast<std::uint32_t>(word.size());
  std::vector<Node> nodes(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    nodes[i] = {id_of_byte_[static_cast<unsigned char>(word[i])], i - 1, i + 1 < count ? i + 1 : kNoNode, true};
  }
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> queue;
  const auto offer = [&](std::uint32_t left) {
    if (left == kNoNode || nodes[left].next == kNoNode) return;
    const std::uint32_t rank = rank_of(nodes[left].token, nodes[nodes[left].next].token);
    if (rank != PairMap::kNone) queue.push({rank, left});
  };
  for (std::uint32_t i = 0; i < count; ++i) offer(i);
  while (!queue.empty()) {
    const auto [rank, left] = queue.top();
    queue.pop();
    Node& node = nodes[left];
    const bool current = node.alive && node.next != kNoNode && rank_of(node.token, nodes[node.next].token) == rank;
    if (!current) continue;  // a merge beside it changed the pair after it was offered
    Node& right = nodes[node.next];
    node.token = results_[rank];
    node.next = right.next;
    right.alive = false;
    if (node.next != kNoNode) nodes[node.next].previous = left;
    offer(node.previous);
    offer(left);
  }
  for (std::uint32_t i = 0; i != kNoNode; i = nodes[i].next) ids.push_back(nodes[i].token);
}

}  // namespace phalanx::data
