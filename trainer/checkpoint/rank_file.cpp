#include "trainer/checkpoint/rank_file.h"

#include <algorithm>
#include <bit>
#include <vector>

#include "core/check.h"
#include "core/file.h"
#include "data/hdf5_file.h"
#include "parallel/shard_index.h"
#include "trainer/checkpoint/coverage.h"
#include "trainer/checkpoint/manifest.h"

namespace phalanx::checkpoint {
namespace {

static_assert(std::endian::native == std::endian::little, "values are stored as they lie in memory");

constexpr std::int64_t kFloatBytes = sizeof(float);

// A piece of this rank, as it is stored and where its values lie in the state.
struct Source {
  StoredPiece piece;
  int shard_count = 1;
  std::int64_t own_offset = 0;
};

std::vector<Source> sources_of(const OwnedState& state) {
  std::vector<Source> sources;
  for (const OwnedPiece& owned : state.layout->owned_pieces(state.part, state.tensor_rank)) {
    const ParamSpec& spec = state.layout->table()[static_cast<std::size_t>(owned.spec)];
    const std::int64_t elements = shard_geometry(spec, owned.shard, owned.shard_count).true_elements();
    const std::int64_t count = std::clamp<std::int64_t>(elements - owned.begin, 0, owned.count);
    if (owned.primary && count > 0) {
      sources.push_back({{owned.spec, owned.shard, owned.begin, count, {}}, owned.shard_count, owned.own_offset});
    }
  }
  return sources;
}

// Unique in a file, and readable in a listing of it.
std::string dataset_name(const char* kind, const ParamSpec& spec, const StoredPiece& piece) {
  std::string name = str(kind, ":", spec.name, ":", piece.shard, ":", piece.begin);
  std::replace(name.begin(), name.end(), '/', '_');
  return name;
}

std::vector<std::int64_t> sizes_of(const Shape& shape) {
  std::vector<std::int64_t> sizes(static_cast<std::size_t>(shape.dims()));
  for (int d = 0; d < shape.dims(); ++d) sizes[static_cast<std::size_t>(d)] = shape[d];
  return sizes;
}

void describe(data::Hdf5Dataset& dataset, const char* kind, const ParamSpec& spec, const StoredPiece& piece,
              int shard_count) {
  dataset.set_attribute("tensor", spec.name);
  dataset.set_attribute("kind", std::string(kind));
  dataset.set_attribute("global_shape", sizes_of(spec.shape));
  dataset.set_attribute("split", std::string(name_of(spec.split)));
  dataset.set_attribute("shard", std::int64_t{piece.shard});
  dataset.set_attribute("shard_count", std::int64_t{shard_count});
  dataset.set_attribute("begin", piece.begin);
}

// Creates the file with a place for every value, and notes where each lies.
void write_structure(const std::string& path, const OwnedState& state, const std::vector<Tensor>& kinds,
                     std::vector<Source>& sources) {
  data::Hdf5File file = data::Hdf5File::create(path);
  file.set_attribute("phalanx_checkpoint_format", kFormat);
  for (std::size_t kind = 0; kind < kinds.size(); ++kind) {
    for (Source& source : sources) {
      StoredPiece& piece = source.piece;
      const ParamSpec& spec = state.layout->table()[static_cast<std::size_t>(piece.tensor)];
      data::Hdf5Dataset dataset =
          file.create_dataset(dataset_name(kKinds[kind], spec, piece), data::Hdf5Type::f32, piece.count);
      describe(dataset, kKinds[kind], spec, piece, source.shard_count);
      piece.offsets[kind] = dataset.file_offset();
    }
  }
  file.close();
}

void check_state(const OwnedState& state, const std::vector<Tensor>& kinds) {
  for (const Tensor& tensor : kinds) {
    ENSURE(tensor.defined() && tensor.dtype == DType::f32 && tensor.device.type == DeviceType::cpu &&
               tensor.count() == state.layout->own_count(),
           "state to save: ", to_string(tensor.shape), " ", name_of(tensor.dtype), " must be (",
           state.layout->own_count(), ") fp32 in host memory");
  }
}

void verify_dataset(const Manifest& manifest, const data::Hdf5File& file, const StoredPiece& piece, std::size_t kind,
                    const std::string& path) {
  const auto index = static_cast<std::size_t>(piece.tensor);
  const ParamSpec& spec = manifest.table[index];
  const std::string name = dataset_name(kKinds[kind], spec, piece);
  const data::Hdf5Dataset dataset = file.dataset(name);
  const bool same =
      dataset.string_attribute("tensor") == spec.name && dataset.string_attribute("kind") == kKinds[kind] &&
      dataset.integers_attribute("global_shape") == sizes_of(spec.shape) &&
      dataset.string_attribute("split") == name_of(spec.split) && dataset.integer_attribute("shard") == piece.shard &&
      dataset.integer_attribute("shard_count") == manifest.shard_counts[index] &&
      dataset.integer_attribute("begin") == piece.begin && dataset.size() == piece.count &&
      dataset.type() == data::Hdf5Type::f32 && dataset.file_offset() == piece.offsets[kind];
  if (!same) throw Error(str(path, ": data set '", name, "' is not what the manifest says of it"));
}

}  // namespace

std::string rank_file_name(int world_rank) {
  const std::string digits = std::to_string(world_rank);
  return str("rank_", std::string(5 - std::min<std::size_t>(digits.size(), 5), '0'), digits, ".h5");
}

StoredFile write_rank_file(const std::string& folder, const std::string& name, const OwnedState& state) {
  std::vector<Tensor> kinds = {state.master};
  if (state.m.defined() || state.v.defined()) kinds.insert(kinds.end(), {state.m, state.v});
  check_state(state, kinds);
  std::vector<Source> sources = sources_of(state);
  const std::string path = folder + "/" + name;
  write_structure(path, state, kinds, sources);

  File file = File::open_for_update(path);
  file.reserve(file.bytes());
  for (std::size_t kind = 0; kind < kinds.size(); ++kind) {
    const float* values = kinds[kind].as<float>();
    for (const Source& source : sources) {
      const StoredPiece& piece = source.piece;
      file.write(values + source.own_offset, piece.count * kFloatBytes, piece.offsets[kind]);
    }
  }
  file.start_writeback();  // the disk works while the checksum is computed
  StoredFile stored{name, checksum_of(file), {}};
  file.sync();
  file.close();
  for (const Source& source : sources) stored.pieces.push_back(source.piece);
  return stored;
}

void verify_rank_file(const Manifest& manifest, const StoredFile& file) {
  const std::string path = manifest.folder + "/" + file.name;
  const data::Hdf5File hdf5 = data::Hdf5File::open(path);
  const std::size_t kinds = manifest.moments ? kKinds.size() : 1;
  const std::size_t expected = kinds * file.pieces.size();
  const std::size_t found = hdf5.dataset_names().size();
  if (found != expected) throw Error(str(path, ": ", found, " data sets, the manifest lists ", expected));
  for (std::size_t kind = 0; kind < kinds; ++kind) {
    for (const StoredPiece& piece : file.pieces) verify_dataset(manifest, hdf5, piece, kind, path);
  }
}

}  // namespace phalanx::checkpoint
