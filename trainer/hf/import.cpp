#include "trainer/hf/import.h"

#include <filesystem>
#include <optional>
#include <vector>

#include "core/check.h"
#include "parallel/comm_self.h"
#include "trainer/checkpoint/checkpoint.h"
#include "trainer/config/resolve.h"
#include "trainer/hf/model_folder.h"
#include "trainer/hf/staged_folder.h"
#include "trainer/hf/tokenizer_files.h"

namespace phalanx::hf {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kBucketElements = std::int64_t{1} << 24;

// What the weights were trained on, and how, is not known.
checkpoint::Provenance provenance_of(const ModelFolder& folder, const std::optional<TokenizerFacts>& tokenizer,
                                     const std::string& tokenizer_folder) {
  checkpoint::Provenance provenance;
  provenance.config_yaml = config::to_yaml(folder.config());
  provenance.precision = folder.config().training.precision;
  if (tokenizer) {
    provenance.tokenizer_digest = tokenizer->digest;
    provenance.tokenizer_folder = tokenizer_folder;
  }
  return provenance;
}

void require_fitting(const TokenizerFacts& tokenizer, const ModelFolder& folder) {
  const std::int64_t vocabulary = folder.config().model.vocabulary.value;
  if (tokenizer.vocabulary <= vocabulary) return;
  throw UsageError(
      str(folder.folder(), ": its tokenizer has ", tokenizer.vocabulary, " tokens, its model ", vocabulary));
}

void save(const ModelFolder& folder, const checkpoint::Provenance& provenance, const std::string& checkpoints) {
  const ParamLayout layout(folder.table(), TensorShards{1, 0, 1}, 1, kBucketElements);
  std::vector<float> master(static_cast<std::size_t>(layout.own_count()));
  checkpoint::OwnedState state;
  state.layout = &layout;
  state.master = host_tensor(master.data(), {layout.own_count()});
  load(folder, state);
  const std::unique_ptr<Communicator> self = make_self_communicator("self");
  checkpoint::save(checkpoints, {}, provenance, state, *self);
}

}  // namespace

ImportReport import_model(const std::string& input, const std::string& output) {
  const ModelFolder folder(input);
  StagedFolder staged(output);
  const std::string tokenizer_folder = staged.path() + "/tokenizer";
  const std::optional<TokenizerFacts> tokenizer = copy_tokenizer(input, tokenizer_folder);
  if (tokenizer) require_fitting(*tokenizer, folder);
  save(folder, provenance_of(folder, tokenizer, tokenizer_folder), staged.path());
  fs::remove_all(tokenizer_folder);
  staged.commit();
  return {checkpoint::resolve(output), parameter_count(folder.table()), tokenizer.has_value()};
}

}  // namespace phalanx::hf
