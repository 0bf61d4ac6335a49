#include "trainer/checkpoint/manifest.h"

#include <cmath>
#include <cstdio>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/check.h"
#include "core/crc32c.h"
#include "data/json_reason.h"

namespace phalanx::checkpoint {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array<std::pair<Split, const char*>, 4> kSplits = {
    {{Split::none, "none"}, {Split::rows, "rows"}, {Split::columns, "columns"}, {Split::heads, "heads"}}};

Split split_from_name(const std::string& name) {
  for (const auto& [value, known] : kSplits) {
    if (name == known) return value;
  }
  FAIL_WITH("unknown split '", name, "'");
}

// JSON has no infinities and no NaN.
Json number(double value) {
  if (std::isfinite(value)) return value;
  return std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
}

double number_from(const Json& value) {
  if (value.is_number()) return value.get<double>();
  const auto text = value.get<std::string>();
  ENSURE(text == "nan" || text == "inf" || text == "-inf", "'", text, "' is not a number");
  if (text == "nan") return std::numeric_limits<double>::quiet_NaN();
  return text == "inf" ? std::numeric_limits<double>::infinity() : -std::numeric_limits<double>::infinity();
}

// The library would also turn 1.5, true and 2^64 - 1 into an integer.
template <class T>
T integer(const Json& value) {
  ENSURE(value.is_number_integer(), "expected an integer, found ", value.dump());
  const bool negative = !value.is_number_unsigned() && value.get<std::int64_t>() < 0;
  const bool fits =
      negative ? std::in_range<T>(value.get<std::int64_t>()) : std::in_range<T>(value.get<std::uint64_t>());
  ENSURE(fits, value.dump(), " is out of range");
  return value.get<T>();
}

Json digest_json(const StateDigest& digest) {
  return {{"master", digest_text(digest.master)}, {"m", digest_text(digest.m)}, {"v", digest_text(digest.v)}};
}

StateDigest digest_from(const Json& json) {
  const auto part = [&](const char* name) { return digest_from_text(json.at(name).get<std::string>()); };
  return {part("master"), part("m"), part("v")};
}

Json progress_json(const Progress& p) {
  Json json = {{"step", p.step},
               {"phase", p.phase},
               {"sequences_consumed", p.sequences_consumed},
               {"tokens_consumed", p.tokens_consumed},
               {"adam_t", p.adam_t},
               {"loss_scale", number(p.loss_scale)},
               {"loss", number(p.loss)}};
  if (p.digest) json["digest"] = digest_json(*p.digest);
  return json;
}

Progress progress_from(const Json& json) {
  Progress p;
  p.step = integer<std::int64_t>(json.at("step"));
  p.phase = integer<int>(json.at("phase"));
  p.sequences_consumed = integer<std::int64_t>(json.at("sequences_consumed"));
  p.tokens_consumed = integer<std::int64_t>(json.at("tokens_consumed"));
  p.adam_t = integer<std::int64_t>(json.at("adam_t"));
  p.loss_scale = number_from(json.at("loss_scale"));
  p.loss = number_from(json.at("loss"));
  if (json.contains("digest")) p.digest = digest_from(json["digest"]);
  return p;
}

Json provenance_json(const Provenance& p) {
  return {{"tokenizer_digest", p.tokenizer_digest},
          {"data_digest", p.data_digest},
          {"precision", p.precision},
          {"data_ranks", p.data_ranks},
          {"tensor_ranks", p.tensor_ranks}};
}

Provenance provenance_from(const Json& json) {
  Provenance p;
  p.tokenizer_digest = json.at("tokenizer_digest").get<std::string>();
  p.data_digest = json.at("data_digest").get<std::string>();
  p.precision = json.at("precision").get<std::string>();
  p.data_ranks = integer<int>(json.at("data_ranks"));
  p.tensor_ranks = integer<int>(json.at("tensor_ranks"));
  return p;
}

Json tensor_json(const ParamSpec& spec, int shard_count) {
  Json shape = Json::array();
  for (int d = 0; d < spec.shape.dims(); ++d) shape.push_back(spec.shape[d]);
  return {{"name", spec.name},
          {"shape", shape},
          {"split", name_of(spec.split)},
          {"shards", shard_count},
          {"vocabulary", spec.vocabulary}};
}

ParamSpec tensor_from(const Json& json) {
  ParamSpec spec;
  spec.name = json.at("name").get<std::string>();
  for (const Json& size : json.at("shape")) spec.shape.append(integer<std::int64_t>(size));
  spec.split = split_from_name(json.at("split").get<std::string>());
  spec.vocabulary = json.at("vocabulary").get<bool>();
  return spec;
}

Json file_json(const StoredFile& file) {
  Json json = {{"name", file.name}, {"bytes", file.checksum.bytes}, {"crc32c_per_mib", file.checksum.chunks}};
  if (file.pieces.empty()) return json;
  Json& pieces = json["pieces"] = Json::array();
  for (const StoredPiece& p : file.pieces) {
    pieces.push_back({p.tensor, p.shard, p.begin, p.count, p.offsets[0], p.offsets[1], p.offsets[2]});
  }
  return json;
}

StoredPiece piece_from(const Json& json) {
  ENSURE(json.is_array() && json.size() == 7, "a piece has 7 numbers, found ", json.dump());
  StoredPiece p;
  p.tensor = integer<int>(json[0]);
  p.shard = integer<int>(json[1]);
  p.begin = integer<std::int64_t>(json[2]);
  p.count = integer<std::int64_t>(json[3]);
  for (std::size_t kind = 0; kind < p.offsets.size(); ++kind) p.offsets[kind] = integer<std::int64_t>(json[4 + kind]);
  return p;
}

StoredFile file_from(const Json& json) {
  StoredFile file;
  file.name = json.at("name").get<std::string>();
  // The name becomes a path: nothing outside the checkpoint may be named.
  ENSURE(!file.name.empty() && file.name[0] != '/' && ("/" + file.name + "/").find("/../") == std::string::npos &&
             file.name.find('\0') == std::string::npos,
         "'", file.name, "' is not a file of the checkpoint");
  file.checksum.bytes = integer<std::int64_t>(json.at("bytes"));
  for (const Json& crc : json.at("crc32c_per_mib")) file.checksum.chunks.push_back(integer<std::uint32_t>(crc));
  const auto chunks = static_cast<std::int64_t>(file.checksum.chunks.size());
  ENSURE(file.checksum.bytes >= 0 && file.checksum.bytes <= chunks * kChunkBytes &&
             chunk_count(file.checksum.bytes) == chunks,
         file.name, ": ", file.checksum.bytes, " bytes, ", chunks, " checksums");
  if (json.contains("pieces")) {
    for (const Json& piece : json.at("pieces")) file.pieces.push_back(piece_from(piece));
  }
  return file;
}

std::string first_line(std::uint32_t crc) {
  std::array<char, 9> hex{};
  std::snprintf(hex.data(), hex.size(), "%08x", crc);
  return str("{\"format\": ", kFormat, ", \"crc32c\": \"", hex.data(), "\",\n");
}

// Runs `parse` on the JSON of `text`; every failure becomes an Error that begins with `path`.
template <class Parse>
auto parse_json(const std::string& text, const std::string& path, Parse&& parse) {
  try {
    return parse(Json::parse(text));
  } catch (const nlohmann::json::exception& e) {
    throw Error(str(path, ": is damaged or no part of a checkpoint: ", data::json_reason(e)));
  } catch (const Error& e) {
    throw Error(str(path, ": ", e.what()));
  }
}

Manifest manifest_from(const Json& json) {
  Manifest manifest;
  manifest.progress = progress_from(json.at("progress"));
  manifest.provenance = provenance_from(json.at("provenance"));
  manifest.moments = json.at("moments").get<bool>();
  for (const Json& tensor : json.at("tensors")) {
    manifest.table.push_back(tensor_from(tensor));
    manifest.shard_counts.push_back(integer<int>(tensor.at("shards")));
  }
  for (const Json& file : json.at("files")) manifest.files.push_back(file_from(file));
  return manifest;
}

void check_first_line(const Json& json, const std::string& text) {
  const auto format = integer<std::int64_t>(json.at("format"));
  if (format != kFormat) {
    throw Error(str("format version ", format, " is unknown, this program reads version ", kFormat));
  }
  const std::size_t line = text.find('\n') + 1;  // 0 when there is none
  const std::string expected = first_line(crc32c(text.data() + line, text.size() - line));
  if (text.compare(0, line, expected) != 0) throw Error("is damaged: its text does not match its checksum");
}

}  // namespace

std::string name_of(Split split) {
  for (const auto& [value, name] : kSplits) {
    if (value == split) return name;
  }
  FAIL_WITH("unknown split");
}

std::string manifest_text(const Manifest& manifest) {
  Json tensors = Json::array();
  for (std::size_t t = 0; t < manifest.table.size(); ++t) {
    tensors.push_back(tensor_json(manifest.table[t], manifest.shard_counts[t]));
  }
  Json files = Json::array();
  for (const StoredFile& file : manifest.files) files.push_back(file_json(file));
  // One line per part: a person can read the first ones, and a large list does not become a line per number.
  const std::string rest = str("\"progress\": ", progress_json(manifest.progress).dump(),
                               ",\n\"provenance\": ", provenance_json(manifest.provenance).dump(),
                               ",\n\"moments\": ", manifest.moments ? "true" : "false",
                               ",\n\"tensors\": ", tensors.dump(), ",\n\"files\": ", files.dump(), "}\n");
  return first_line(crc32c(rest.data(), rest.size())) + rest;
}

Manifest parse_manifest(const std::string& text, const std::string& path) {
  return parse_json(text, path, [&](const Json& json) {
    check_first_line(json, text);
    return manifest_from(json);
  });
}

std::string stored_file_text(const StoredFile& file) { return file_json(file).dump(); }

StoredFile parse_stored_file(const std::string& text, const std::string& path) {
  return parse_json(text, path, file_from);
}

}  // namespace phalanx::checkpoint
