#include "trainer/hf/write_weights.h"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "core/check.h"
#include "trainer/checkpoint/stored_tensors.h"
#include "trainer/hf/elements.h"
#include "trainer/hf/json_files.h"
#include "trainer/hf/safetensors.h"
#include "trainer/hf/weight_files.h"

namespace phalanx::hf {
namespace {

std::int64_t bytes_of_place(const Place& place, DType dtype) { return place.count() * bytes_of(dtype); }

// Runs of places, in order, each as many as fit into `shard_bytes`, but at least one.
std::vector<std::vector<Place>> cut_into_files(const std::vector<Place>& places, DType dtype,
                                               std::int64_t shard_bytes) {
  std::vector<std::vector<Place>> files;
  std::int64_t room = 0;
  for (const Place& place : places) {
    const std::int64_t bytes = bytes_of_place(place, dtype);
    if (files.empty() || bytes > room) {
      files.emplace_back();
      room = shard_bytes;
    }
    files.back().push_back(place);
    room -= bytes;
  }
  return files;
}

std::string file_name(std::size_t file, std::size_t files) {
  if (files == 1) return kSingleFile;
  const auto digits = [](std::size_t number) {
    const std::string text = std::to_string(number);
    return std::string(5 - std::min<std::size_t>(text.size(), 5), '0') + text;
  };
  return str("model-", digits(file + 1), "-of-", digits(files), ".safetensors");
}

std::vector<TensorInfo> infos_of(const std::vector<Place>& places, DType dtype) {
  std::vector<TensorInfo> infos;
  infos.reserve(places.size());
  for (const Place& place : places) {
    infos.push_back({.name = place.name, .dtype = std::string(name_in_file(dtype)), .shape = place.shape});
  }
  return infos;
}

// Reads each parameter once, also where it has several places in a row.
class Parameters {
 public:
  explicit Parameters(const checkpoint::Manifest& manifest) : stored_(manifest) {}
  const std::vector<float>& read(int spec) {
    if (spec != spec_) {
      values_ = {};
      if (spec != kNoParameter) values_ = stored_.read(spec);
      spec_ = spec;
    }
    return values_;
  }

 private:
  checkpoint::StoredTensors stored_;
  int spec_ = kNoParameter;
  std::vector<float> values_;
};

void write_tensor(SafetensorsWriter& writer, const Place& place, const std::vector<float>& values, DType dtype) {
  std::vector<std::byte> encoded;
  std::int64_t overflows = 0;
  gather(place, values, [&](const float* part, std::int64_t count) {
    encoded.resize(static_cast<std::size_t>(count * bytes_of(dtype)));
    overflows += encode(part, count, dtype, encoded.data());
    writer.append(encoded.data(), static_cast<std::int64_t>(encoded.size()));
  });
  if (overflows > 0) {
    throw Error(str(place.name, ": ", overflows, " values are too large for ", name_of(dtype),
                    "; export with another --dtype"));
  }
}

void write_index(const std::string& folder, const std::vector<std::vector<Place>>& files, DType dtype) {
  std::int64_t parameters = 0;
  nlohmann::ordered_json map;
  for (std::size_t f = 0; f < files.size(); ++f) {
    for (const Place& place : files[f]) {
      parameters += place.count();
      map[place.name] = file_name(f, files.size());
    }
  }
  write_json(folder + "/" + kIndexFile,
             {{"metadata", {{"total_parameters", parameters}, {"total_size", parameters * bytes_of(dtype)}}},
              {"weight_map", std::move(map)}});
}

}  // namespace

void write_weights(const checkpoint::Manifest& manifest, const std::vector<Place>& places, DType dtype,
                   std::int64_t shard_bytes, const std::string& folder) {
  const std::vector<std::vector<Place>> files = cut_into_files(places, dtype, shard_bytes);
  Parameters parameters(manifest);
  for (std::size_t f = 0; f < files.size(); ++f) {
    SafetensorsWriter writer(folder + "/" + file_name(f, files.size()), infos_of(files[f], dtype));
    for (const Place& place : files[f]) write_tensor(writer, place, parameters.read(place.spec), dtype);
    writer.finish();
  }
  if (files.size() > 1) write_index(folder, files, dtype);
}

}  // namespace phalanx::hf
