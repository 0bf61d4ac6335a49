// Columns are as wide as their longest entry, up to a limit; longer values push their line to the right.
#include "trainer/config/show.h"

#include <algorithm>

#include "core/check.h"
#include "trainer/config/fields.h"
#include "trainer/config/load.h"
#include "trainer/config/problems.h"
#include "trainer/config/refuse.h"
#include "trainer/config/value.h"

namespace phalanx::config {
namespace {

constexpr std::size_t kWidest = 28;

std::string padded(std::string text, std::size_t width) {
  text.append(text.size() < width ? width - text.size() : 2, ' ');
  return text;
}

struct Row {
  std::string name, value, usual, unit, meaning;
};

// Values that the field knows, to ask which of them are refused; of an integer, one.
std::vector<std::string> known_values(const Field& field) {
  if (!field.limits.choices.empty()) return {field.limits.choices.begin(), field.limits.choices.end()};
  if (std::holds_alternative<Access<bool>>(field.access)) return {"true", "false"};
  if (std::holds_alternative<Access<AutoInt>>(field.access)) return {"1"};
  if (std::holds_alternative<Access<std::int64_t>>(field.access)) return {"1"};
  return {};
}

// "bert is not available; gpt works" of a field with values that this program refuses.
std::string limitation(const Field& field) {
  for (const std::string& value : known_values(field)) {
    Problems problems;
    refuse_unsupported(load("", {str(field.key, "=", value)}), problems);
    const std::string begin = str(field.key, ": ");
    for (const std::string& problem : problems.list()) {
      if (problem.starts_with(begin)) return problem.substr(begin.size());
    }
  }
  return "";
}

Row row_of(const Field& field, const Config& config) {
  std::string meaning(field.meaning);
  if (!field.limits.choices.empty()) meaning += " [" + type_text(field) + "]";
  const std::string limits = limitation(field);
  if (!limits.empty()) meaning += " (" + limits + ")";
  return {std::string(leaf_of(field.key)), value_text(field, config), value_text(field, Config{}),
          std::string(field.unit), meaning};
}

std::size_t width_of(const std::vector<Row>& rows, std::string Row::*column, std::string_view title) {
  std::size_t width = title.size();
  for (const Row& row : rows) width = std::max(width, std::min((row.*column).size(), kWidest));
  return width + 2;
}

}  // namespace

std::string show(const Config& config) {
  std::vector<Row> rows;
  for (const Field& field : fields()) rows.push_back(row_of(field, config));
  const std::size_t name = width_of(rows, &Row::name, "key");
  const std::size_t value = width_of(rows, &Row::value, "value");
  const std::size_t usual = width_of(rows, &Row::usual, "default");
  const std::size_t unit = width_of(rows, &Row::unit, "unit");
  const auto line = [&](const Row& row) {
    return str("  ", padded(row.name, name), padded(row.value, value), padded(row.usual, usual), padded(row.unit, unit),
               row.meaning, "\n");
  };
  std::string out = line({"key", "value", "default", "unit", "meaning"});
  std::string_view section;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (section_of(fields()[i].key) != section) out += str(section = section_of(fields()[i].key), "\n");
    out += line(rows[i]);
  }
  return out;
}

}  // namespace phalanx::config
