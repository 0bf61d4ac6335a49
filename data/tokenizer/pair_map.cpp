#include "data/tokenizer/pair_map.h"

#include <bit>

namespace phalanx::data {

PairMap::PairMap(std::size_t expected) { rehash(std::bit_ceil(expected * 2 + 16)); }

std::size_t PairMap::slot_of(std::uint64_t key) const {
  std::size_t i = home_of(key);
  while (slots_[i].key != key && slots_[i].key != kEmpty) i = (i + 1) & mask_;
  return i;
}

std::uint32_t PairMap::find_or_insert(TokenId left, TokenId right, std::uint32_t value) {
  const std::uint64_t key = key_of(left, right);
  std::size_t i = slot_of(key);
  if (slots_[i].key == key) return slots_[i].value;
  if ((size_ + 1) * 2 > slots_.size()) {
    rehash(slots_.size() * 2);
    i = slot_of(key);
  }
  slots_[i] = {key, value};
  ++size_;
  return value;
}

void PairMap::rehash(std::size_t capacity) {
  std::vector<Slot> old(capacity);
  old.swap(slots_);
  mask_ = capacity - 1;
  shift_ = 64 - std::countr_zero(capacity);
  for (const Slot& slot : old) {
    if (slot.key != kEmpty) slots_[slot_of(slot.key)] = slot;
  }
}

}  // namespace phalanx::data
