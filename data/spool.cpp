// An append buffer over an unlinked file.
#include "data/spool.h"

#include <filesystem>

#include "core/check.h"

namespace phalanx::data {

template <class T>
Spool<T>::Spool(const std::string& path) : file_(File::create(path)) {
  std::filesystem::remove(path);
  pending_.reserve(kPending);
}

template <class T>
void Spool<T>::append(T value) {
  pending_.push_back(value);
  if (pending_.size() == kPending) flush();
}

template <class T>
void Spool<T>::flush() {
  file_.write(pending_.data(), static_cast<std::int64_t>(pending_.size() * sizeof(T)), flushed_ * kElement);
  flushed_ += static_cast<std::int64_t>(pending_.size());
  pending_.clear();
}

template <class T>
void Spool<T>::truncate(std::int64_t size) {
  ENSURE(size >= 0 && size <= this->size(), "spool of ", this->size(), " cut to ", size);
  flush();
  file_.truncate(size * kElement);
  flushed_ = size;
}

template <class T>
void Spool<T>::read(std::int64_t first, std::span<T> values) {
  flush();
  file_.read(values.data(), static_cast<std::int64_t>(values.size_bytes()), first * kElement);
}

template class Spool<std::uint32_t>;
template class Spool<std::uint64_t>;

}  // namespace phalanx::data
