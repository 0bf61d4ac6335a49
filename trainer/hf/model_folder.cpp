#include "trainer/hf/model_folder.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/check.h"
#include "model/network.h"
#include "parallel/shard_index.h"
#include "trainer/build.h"
#include "trainer/config/resolve.h"
#include "trainer/config/validate.h"
#include "trainer/hf/elements.h"
#include "trainer/hf/json_files.h"

namespace phalanx::hf {
namespace {

std::string config_path(const std::string& folder) { return folder + "/config.json"; }

std::string with_config(const std::string& folder) {
  if (!std::filesystem::is_directory(folder)) throw UsageError(str(folder, ": no such folder"));
  if (!std::filesystem::exists(config_path(folder))) {
    throw UsageError(str(folder, ": holds no config.json, which says what kind of model it is"));
  }
  return folder;
}

std::string text_of(const std::vector<std::int64_t>& shape) {
  std::string text;
  for (const std::int64_t size : shape) text += (text.empty() ? "" : ", ") + std::to_string(size);
  return "(" + text + ")";
}

// The bytes of a tensor, some at a time.
class Stream {
 public:
  explicit Stream(const WeightFiles::Found& from) : from_(from), dtype_(*dtype_of_file(from.tensor->dtype)) {}
  void next(float* values, std::int64_t count) {
    const std::int64_t bytes = count * bytes_of(dtype_);
    buffer_.resize(static_cast<std::size_t>(bytes));
    from_.file->read(buffer_.data(), *from_.tensor, done_, bytes);
    decode(buffer_.data(), count, dtype_, values);
    done_ += bytes;
  }

 private:
  WeightFiles::Found from_;
  DType dtype_;
  std::int64_t done_ = 0;
  std::vector<std::byte> buffer_;
};

bool same_content(const WeightFiles::Found& a, const WeightFiles::Found& b) {
  constexpr std::int64_t kPart = std::int64_t{1} << 20;
  if (a.tensor->dtype != b.tensor->dtype || a.tensor->shape != b.tensor->shape) return false;
  const std::int64_t bytes = a.tensor->end - a.tensor->begin;
  std::vector<std::byte> of_a(static_cast<std::size_t>(std::min(bytes, kPart)));
  std::vector<std::byte> of_b = of_a;
  for (std::int64_t done = 0; done < bytes; done += kPart) {
    const std::int64_t part = std::min(kPart, bytes - done);
    a.file->read(of_a.data(), *a.tensor, done, part);
    b.file->read(of_b.data(), *b.tensor, done, part);
    if (!std::equal(of_a.begin(), of_a.begin() + part, of_b.begin())) return false;
  }
  return true;
}

bool is_readable(const WeightFiles::Found& found) {
  const std::optional<DType> dtype = dtype_of_file(found.tensor->dtype);
  return dtype == DType::f32 || dtype == DType::bf16 || dtype == DType::f16;
}

bool is_zero(const WeightFiles::Found& found) {
  constexpr std::int64_t kPart = std::int64_t{1} << 18;
  if (!is_readable(found)) return false;
  std::int64_t left = 1;
  for (const std::int64_t size : found.tensor->shape) left *= size;
  Stream stream(found);
  std::vector<float> part(static_cast<std::size_t>(std::min(left, kPart)));
  for (; left > 0; left -= static_cast<std::int64_t>(part.size())) {
    part.resize(static_cast<std::size_t>(std::min(left, kPart)));
    stream.next(part.data(), static_cast<std::int64_t>(part.size()));
    if (std::ranges::any_of(part, [](float value) { return value != 0.0F; })) return false;
  }
  return true;
}

}  // namespace

ModelFolder::ModelFolder(const std::string& folder) : folder_(with_config(folder)), files_(folder) {
  const nlohmann::json json = read_json(config_path(folder));
  const Family* family = nullptr;
  SpecialIds ids;
  try {
    family = &family_of(json);
    name_all(*family);
    config_ = checked_config(*family, json);
    ids = family->read_ids(json);
  } catch (const UsageError& error) {
    throw UsageError(str(config_path(folder), ": ", error.what()));
  }
  // Building the table takes time and memory by the layer, so their number must be one that the files can bear out.
  if (config_.model.layers > static_cast<std::int64_t>(files_.tensors().size())) {
    throw Error(str(config_path(folder), ": claims ", config_.model.layers, " layers; the files hold ",
                    files_.tensors().size(), " tensors"));
  }
  table_ = make_network(network_options(config_))->parameters().table;
  drop_aliases(*family);
  find_all(*family, ids);
}

// Every size is checked as one of a configuration of this program is, before anything of such a size is made.
config::Config ModelFolder::checked_config(const Family& family, const nlohmann::json& json) const {
  const Family::Stored stored{.has = [this](const std::string& name) { return rest_.contains(name); },
                              .is_zero =
                                  [this](const std::string& name) {
                                    const auto found = rest_.find(name);
                                    return found != rest_.end() && is_zero(found->second);
                                  }};
  config::Config config = family.read_config(json, stored);
  config.run.name = "imported";
  config = config::resolve_sizes(config, 1);
  config::require_valid(config, 1, config::DataUse::unused);
  return config;
}

void ModelFolder::name_all(const Family& family) {
  const std::string prefix = family.base_prefix();
  for (const auto& [name, found] : files_.tensors()) {
    const std::string bare = name.starts_with(prefix) ? name.substr(prefix.size()) : name;
    if (!rest_.try_emplace(family.standard_name(bare), found).second) {
      throw Error(str(found.file->path(), ": '", shown(bare), "' is there twice, with and without ", prefix,
                      " or under an older name"));
    }
  }
}

void ModelFolder::drop_aliases(const Family& family) {
  for (const Family::Alias& alias : family.aliases()) {
    const auto second = rest_.find(alias.name);
    if (second == rest_.end()) continue;
    const auto first = rest_.find(alias.of);
    if (first != rest_.end() && !same_content(first->second, second->second)) {
      throw UsageError(str(second->second.file->path(), ": ", alias.name, " differs from ", alias.of,
                           "; this program ties the two"));
    }
    rest_.erase(second);
  }
}

void ModelFolder::find_all(const Family& family, const SpecialIds& ids) {
  for (Place& place : family.places(table_, ids)) {
    const WeightFiles::Found found = take(family, place);
    sources_.push_back({std::move(place), found});
  }
  check_rest(family);
  rest_.clear();
}

WeightFiles::Found ModelFolder::take(const Family& family, const Place& place) {
  const std::string prefix = family.base_prefix();
  const auto entry = rest_.find(place.name.starts_with(prefix) ? place.name.substr(prefix.size()) : place.name);
  if (entry == rest_.end()) throw Error(str(folder_, ": holds no tensor ", place.name, " ", text_of(place.shape)));
  const WeightFiles::Found found = entry->second;
  rest_.erase(entry);
  const auto refuse = [&](const auto&... what) {
    throw Error(str(found.file->path(), ": ", place.name, " ", what...));
  };
  if (found.tensor->shape != place.shape) {
    refuse("is ", text_of(found.tensor->shape), "; by config.json it is ", text_of(place.shape));
  }
  if (!is_readable(found)) refuse("is ", found.tensor->dtype, "; F32, BF16 and F16 are read");
  return found;
}

void ModelFolder::check_rest(const Family& family) const {
  for (const auto& [name, found] : rest_) {
    if (family.is_unused(name)) continue;
    throw Error(str(found.file->path(), ": holds '", shown(found.tensor->name), "' ", text_of(found.tensor->shape),
                    ", which is no part of a ", family.model_type(), " of config.json"));
  }
}

std::vector<float> ModelFolder::read(int spec) const {
  std::vector<float> values(static_cast<std::size_t>(table_[static_cast<std::size_t>(spec)].shape.count()));
  for (const Source& source : sources_) {
    if (source.place.spec != spec) continue;
    Stream stream(source.from);
    scatter(
        source.place, [&](float* part, std::int64_t count) { stream.next(part, count); }, values);
  }
  return values;
}

void load(const ModelFolder& folder, const checkpoint::OwnedState& state) {
  float* own = state.master.as<float>();
  std::fill_n(own, state.master.count(), 0.0F);
  const ParamTable& table = state.layout->table();
  const std::vector<OwnedPiece> pieces = state.layout->owned_pieces(state.part, state.tensor_rank);
  for (std::size_t s = 0; s < table.size(); ++s) {
    const std::vector<float> values = folder.read(static_cast<int>(s));
    for (const OwnedPiece& piece : pieces) {
      if (static_cast<std::size_t>(piece.spec) != s) continue;
      for (const GlobalRun& run : global_runs(table[s], piece.shard, piece.shard_count, piece.begin, piece.count)) {
        if (run.global_begin < 0) continue;
        std::copy_n(values.data() + run.global_begin, run.count,
                    own + piece.own_offset + run.shard_begin - piece.begin);
      }
    }
  }
}

}  // namespace phalanx::hf
