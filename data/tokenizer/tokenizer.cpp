// Which kind of tokenizer a folder holds.
#include "data/tokenizer/tokenizer.h"

#include <filesystem>
#include <functional>

#include "core/check.h"
#include "data/tokenizer/bpe.h"
#include "data/tokenizer/bpe_files.h"
#include "data/tokenizer/tokenizer_json.h"
#include "data/tokenizer/wordpiece.h"
#include "data/tokenizer/wordpiece_files.h"

namespace phalanx::data {
namespace {

namespace fs = std::filesystem;

struct Kind {
  const char* name;
  std::vector<const char*> files;  // a folder of this kind has all of them
  std::function<std::unique_ptr<Tokenizer>(const std::string& folder)> open;
};

std::unique_ptr<Tokenizer> open_tokenizer_json(const std::string& folder) {
  const TokenizerJson file(folder);
  const std::string model = file.model_type();
  if (model == "BPE") return std::make_unique<BpeTokenizer>(read_bpe_json(file));
  if (model == "WordPiece") return std::make_unique<WordPieceTokenizer>(read_wordpiece_json(file));
  throw Error(str(file.path(), ": model.type ", model, " is not supported; BPE and WordPiece are"));
}

// In order of preference, where a folder has the files of several.
const std::vector<Kind>& kinds() {
  static const std::vector<Kind> list = {
      {"BPE of GPT-2's form",
       {"vocab.json", "merges.txt"},
       [](const std::string& folder) { return std::make_unique<BpeTokenizer>(read_bpe_files(folder)); }},
      {"WordPiece of BERT's form",
       {"vocab.txt"},
       [](const std::string& folder) { return std::make_unique<WordPieceTokenizer>(read_wordpiece_files(folder)); }},
      {"BPE or WordPiece of Hugging Face's form", {"tokenizer.json"}, open_tokenizer_json},
  };
  return list;
}

bool has_all(const fs::path& folder, const std::vector<const char*>& files) {
  for (const char* file : files) {
    if (!fs::exists(folder / file)) return false;
  }
  return true;
}

std::string list_of_kinds() {
  std::string text;
  for (const Kind& kind : kinds()) {
    text += text.empty() ? "" : "; ";
    text += std::string(kind.name) + " (";
    for (std::size_t i = 0; i < kind.files.size(); ++i) text += str(i > 0 ? ", " : "", kind.files[i]);
    text += ")";
  }
  return text;
}

}  // namespace

std::unique_ptr<Tokenizer> load_tokenizer(const std::string& folder) {
  if (!fs::is_directory(folder)) throw Error(str(folder, ": no such folder; a tokenizer is a folder of files"));
  for (const Kind& kind : kinds()) {
    if (has_all(folder, kind.files)) return kind.open(folder);
  }
  throw Error(str(folder, ": holds no tokenizer of a known kind; known are ", list_of_kinds()));
}

}  // namespace phalanx::data
