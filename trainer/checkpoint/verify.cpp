// Reading a checkpoint's manifest, and checking its files against it.
#include "trainer/checkpoint/verify.h"

#include "core/check.h"
#include "core/file.h"
#include "trainer/checkpoint/coverage.h"
#include "trainer/checkpoint/manifest.h"
#include "trainer/checkpoint/rank_file.h"

namespace phalanx::checkpoint {
namespace {

constexpr std::int64_t kLargestManifest = std::int64_t{1} << 30;  // bytes
constexpr const char* kConfig = "config.resolved.yaml";
constexpr const char* kTokenizer = "tokenizer/";

void check_small_files(Manifest& manifest) {
  for (const StoredFile& file : manifest.files) {
    VerifiedFile checked(manifest.folder + "/" + file.name, file.checksum);  // its size
    if (file.pieces.empty()) checked.verify_all();
    if (file.name.starts_with(kTokenizer)) manifest.provenance.tokenizer_folder = manifest.folder + "/tokenizer";
    if (file.name == kConfig) {
      manifest.provenance.config_yaml = read_text(manifest.folder + "/" + file.name, file.checksum.bytes);
    }
  }
}

}  // namespace

Manifest read_manifest(const std::string& folder) {
  const std::string path = folder + "/manifest.json";
  Manifest manifest = parse_manifest(read_text(path, kLargestManifest), path);
  manifest.folder = folder;
  try {
    check_coverage(manifest);
  } catch (const Error& e) {
    throw Error(str(path, ": ", e.what()));
  }
  check_small_files(manifest);
  return manifest;
}

void verify_share(const Manifest& manifest, int share, int shares) {
  for (std::size_t f = 0; f < manifest.files.size(); ++f) {
    const StoredFile& file = manifest.files[f];
    if (static_cast<int>(f % static_cast<std::size_t>(shares)) != share) continue;
    VerifiedFile(manifest.folder + "/" + file.name, file.checksum).verify_all();
    if (!file.pieces.empty()) verify_rank_file(manifest, file);
  }
}

void verify(const Manifest& manifest) { verify_share(manifest, 0, 1); }

}  // namespace phalanx::checkpoint
