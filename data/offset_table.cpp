// Pages of offsets: read in order to check them, one at a time to find something.
#include "data/offset_table.h"

#include <algorithm>
#include <array>

#include "core/check.h"

namespace phalanx::data {
namespace {

constexpr std::int64_t kPage = 512;  // offsets read at a time: 4 KiB

// Walks over all offsets of a table.
class Cursor {
 public:
  explicit Cursor(const OffsetTable& table) : table_(table) {}
  [[nodiscard]] bool at_end() const { return next_ == table_.entries(); }
  std::uint64_t next() {
    const std::int64_t in_page = next_ % kPage;
    if (in_page == 0) {
      table_.read(next_, std::span(page_).first(static_cast<std::size_t>(std::min(kPage, table_.entries() - next_))));
    }
    ++next_;
    return page_[static_cast<std::size_t>(in_page)];
  }

 private:
  const OffsetTable& table_;
  std::int64_t next_ = 0;
  std::array<std::uint64_t, kPage> page_{};
};

}  // namespace

OffsetTable::OffsetTable(const File& file, std::int64_t place, std::int64_t entries, std::uint64_t end,
                         const std::string& what)
    : file_(&file), place_(place), entries_(entries), what_(what) {
  std::uint64_t before = 0;
  Cursor cursor(*this);
  for (std::int64_t i = 0; i < entries_; ++i) {
    const std::uint64_t offset = cursor.next();
    const bool ascends = i == 0 ? offset == 0 : offset > before;
    if (!ascends) throw Error(str(file.path(), ": ", what, " offsets must begin at 0 and ascend"));
    if (i % kPage == 0) page_begins_.push_back(offset);
    before = offset;
  }
  if (entries_ < 2 || before != end) {
    throw Error(str(file.path(), ": its last ", what, " offset is ", before, ", expected ", end));
  }
}

void OffsetTable::read(std::int64_t first, std::span<std::uint64_t> offsets) const {
  file_->read(offsets.data(), static_cast<std::int64_t>(offsets.size_bytes()), place_ + 8 * first);
}

// The last page that begins at or below `at`: it holds the first offset above, or the next page begins with it.
std::int64_t OffsetTable::page_of(std::int64_t at) const {
  const auto above = std::upper_bound(page_begins_.begin(), page_begins_.end(), static_cast<std::uint64_t>(at));
  return std::max<std::int64_t>(above - page_begins_.begin() - 1, 0);
}

void OffsetTable::between(std::int64_t first, std::int64_t end, std::vector<std::int64_t>& found) const {
  const auto above = static_cast<std::uint64_t>(first);
  std::array<std::uint64_t, kPage> page{};
  for (std::int64_t at = page_of(first) * kPage; at < entries_; at += kPage) {
    const auto part = std::span(page).first(static_cast<std::size_t>(std::min(kPage, entries_ - at)));
    read(at, part);
    for (auto offset = std::upper_bound(part.begin(), part.end(), above); offset != part.end(); ++offset) {
      if (*offset >= static_cast<std::uint64_t>(end)) return;
      found.push_back(static_cast<std::int64_t>(*offset));
    }
  }
}

OffsetTable::Bounds OffsetTable::around(std::int64_t at) const {
  const std::int64_t first = page_of(at) * kPage;
  std::array<std::uint64_t, kPage + 1> page{};  // and the first of the next one
  const auto part = std::span(page).first(static_cast<std::size_t>(std::min(kPage + 1, entries_ - first)));
  read(first, part);
  const auto above = std::upper_bound(part.begin(), part.end(), static_cast<std::uint64_t>(at));
  ENSURE(above != part.begin() && above != part.end(), file_->path(), ": no ", what_, " holds token ", at);
  return {static_cast<std::int64_t>(*(above - 1)), static_cast<std::int64_t>(*above)};
}

void OffsetTable::require_includes(const OffsetTable& part) const {
  Cursor all(*this), some(part);
  while (!some.at_end()) {
    const std::uint64_t wanted = some.next();
    std::uint64_t found = 0;
    do {
      if (all.at_end())
        found = wanted + 1;
      else
        found = all.next();
    } while (found < wanted);
    if (found != wanted) {
      throw Error(str(file_->path(), ": a ", part.what_, " begins at token ", wanted, ", where no ", what_, " does"));
    }
  }
}

}  // namespace phalanx::data
