// Walks a YAML document against the field list and collects every problem before it throws.
#include "trainer/config/load.h"

#include <yaml-cpp/yaml.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>

#include "core/check.h"
#include "trainer/config/fields.h"
#include "trainer/config/nearest.h"
#include "trainer/config/read_value.h"

namespace phalanx::config {
namespace {

constexpr std::size_t kShown = 160;            // characters of an override in a message
constexpr std::size_t kLargestFile = 1 << 18;  // bytes; a configuration is a page or two

std::string read_file(const std::string& path) {
  if (std::filesystem::is_directory(path)) throw UsageError(str("configuration ", path, " is a folder, not a file"));
  std::ifstream in(path, std::ios::binary);
  if (!in) throw UsageError(str("cannot read the configuration ", path, ": ", std::strerror(errno)));
  std::string text(kLargestFile + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > kLargestFile) {
    throw UsageError(str("configuration ", path, " is larger than ", kLargestFile >> 10, " KiB"));
  }
  return text;
}

// "; nearest known key: training.steps", or the keys there are.
std::string hint_for_key(const std::string& key) {
  const std::string nearest = nearest_key(key);
  if (!nearest.empty()) return str("; nearest known key: ", nearest);
  std::string known;
  for (const Field& field : fields()) {
    if (section_of(field.key) == section_of(key)) known += str(known.empty() ? "" : ", ", leaf_of(field.key));
  }
  return str("; ", section_of(key), " has ", known);
}

std::string hint_for_section(const std::string& name) {
  if (find_field(name) != nullptr) {
    return str("; write it as ", section_of(name), ": {", leaf_of(name), ": ...}");
  }
  for (const Field& field : fields()) {
    if (leaf_of(field.key) == name) return str("; nearest known key: ", field.key);
  }
  const std::string nearest = nearest_section(name);
  if (!nearest.empty()) return str("; nearest known section: ", nearest);
  std::string known;
  for (const std::string_view section : section_names()) known += str(known.empty() ? "" : ", ", section);
  return "; sections are " + known;
}

bool is_section(std::string_view name) {
  for (const std::string_view section : section_names()) {
    if (section == name) return true;
  }
  return false;
}

class Reader {
 public:
  Reader(Config& config, std::vector<std::string>& problems) : config_(config), problems_(problems) {}

  void read_document(std::string_view yaml, const std::string& name) {
    place_ = [&name](const YAML::Node& node) { return str(name, ":", node.Mark().line + 1, ": "); };
    try {
      const std::vector<YAML::Node> documents = YAML::LoadAll(std::string(yaml));
      if (documents.empty() || (documents.size() == 1 && documents[0].IsNull())) return;
      if (documents.size() > 1) report(documents[1], "a configuration is one YAML document, found a second one");
      read_sections(documents[0]);
    } catch (const YAML::Exception& error) {
      problems_.push_back(str(name, ":", error.mark.line + 1, ": this is not YAML: ", error.msg));
    }
  }

  void read_override(const std::string& text) {
    const std::string shown = str("--set ", text.substr(0, kShown), text.size() > kShown ? "..." : "", ": ");
    const auto equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      problems_.push_back(shown + "expected key.path=value");
      return;
    }
    place_ = [shown](const YAML::Node&) { return str(shown); };
    const std::string key = text.substr(0, equals);
    try {
      const std::string value = text.substr(equals + 1);
      set_key(key, value.empty() ? YAML::Load("\"\"") : YAML::Load(value));
    } catch (const YAML::Exception& error) {
      problems_.push_back(str(shown, "the value is not YAML: ", error.msg));
    }
  }

 private:
  void report(const YAML::Node& node, const std::string& problem) { problems_.push_back(place_(node) + problem); }

  void set_key(const std::string& key, const YAML::Node& value) {
    const YAML::Node nowhere;
    if (const Field* field = find_field(key)) {
      read_value(value, *field, config_, [this](const YAML::Node& node, const std::string& p) { report(node, p); });
    } else if (is_section(key)) {
      report(nowhere, str(key, " is a section; set one of its keys: ", key, ".name=value"));
    } else if (key.find('.') != std::string::npos && is_section(section_of(key))) {
      report(nowhere, str("unknown key ", key, hint_for_key(key)));
    } else {
      const std::string nearest = nearest_key(key);
      report(nowhere,
             str("unknown key ", key,
                 nearest.empty() ? hint_for_section(std::string(section_of(key))) : "; nearest known key: " + nearest));
    }
  }

  // Calls use(name, key node, value) for each entry once; entries that are repeated or no names are reported.
  template <class Use>
  void each_entry(const YAML::Node& map, const std::string& prefix, Use use) {
    std::map<std::string, int> first_line;
    for (const auto& entry : map) {
      if (!entry.first.IsScalar()) {
        report(entry.first, str("a key must be a name, found ", describe(entry.first)));
        continue;
      }
      const std::string name = prefix + entry.first.Scalar();
      const auto [seen, fresh] = first_line.emplace(name, entry.first.Mark().line + 1);
      if (!fresh)
        report(entry.first, str(name, " is given twice; first in line ", seen->second));
      else
        use(name, entry.first, entry.second);
    }
  }

  void read_sections(const YAML::Node& root) {
    if (!root.IsMap()) {
      report(root, str("a configuration is sections of keys, found ", describe(root)));
      return;
    }
    each_entry(root, "", [this](const std::string& name, const YAML::Node& key, const YAML::Node& value) {
      if (!is_section(name))
        report(key, str("unknown section ", describe(key), hint_for_section(name)));
      else if (value.IsMap())
        read_keys(name, value);
      else if (!value.IsNull())
        report(value, str(name, " must be a section of keys, found ", describe(value)));
    });
  }

  void read_keys(const std::string& section, const YAML::Node& map) {
    each_entry(map, section + ".", [this](const std::string& name, const YAML::Node& key, const YAML::Node& value) {
      const Field* field = find_field(name);
      if (field == nullptr)
        report(key, str("unknown key ", name.substr(0, 80), hint_for_key(name)));
      else
        read_value(value, *field, config_, [this](const YAML::Node& node, const std::string& p) { report(node, p); });
    });
  }

  Config& config_;
  std::vector<std::string>& problems_;
  std::function<std::string(const YAML::Node&)> place_;
};

}  // namespace

Config parse(std::string_view yaml, const std::string& name, const std::vector<std::string>& overrides) {
  Config config;
  std::vector<std::string> problems;
  Reader reader(config, problems);
  reader.read_document(yaml, name);
  for (const std::string& override : overrides) reader.read_override(override);
  if (problems.empty()) return config;
  std::string message;
  for (const std::string& problem : problems) message += str(message.empty() ? "" : "\n", problem);
  throw UsageError(message);
}

Config load(const std::string& path, const std::vector<std::string>& overrides) {
  return parse(path.empty() ? std::string() : read_file(path), path, overrides);
}

}  // namespace phalanx::config
