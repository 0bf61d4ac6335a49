// Printing and range checks, one overload per type of field.
#include "trainer/config/value.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <tuple>
#include <type_traits>

#include "core/check.h"

namespace phalanx::config {
namespace {

bool is_plain_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
         c == '.' || c == '/';
}

// Words that YAML readers may take for something other than text.
bool is_reserved(const std::string& text) {
  static constexpr std::array kWords = {"true", "false", "yes", "no", "on", "off", "y", "n", "null"};
  std::string lower = text;
  std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
  return std::find(kWords.begin(), kWords.end(), lower) != kWords.end();
}

bool is_plain(const std::string& text) {
  const auto is_letter = [](char c) { return (c | 32) >= 'a' && (c | 32) <= 'z'; };
  return !text.empty() && (is_letter(text[0]) || text[0] == '/' || text[0] == '_') &&
         std::all_of(text.begin(), text.end(), is_plain_character) && !is_reserved(text);
}

std::string text_of(const std::string& text) {
  if (is_plain(text)) return text;
  static constexpr const char* kHex = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      out += {'\\', c};
    else if (byte < 0x20 || byte == 0x7F)
      out += {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
    else
      out += c;
  }
  return out + '"';
}

std::string text_of(std::int64_t value) { return std::to_string(value); }
std::string text_of(std::uint64_t value) { return std::to_string(value); }
std::string text_of(double value) { return number_text(value); }
std::string text_of(bool value) { return value ? "true" : "false"; }
std::string text_of(const AutoInt& value) { return value.is_auto() ? "auto" : std::to_string(value.value); }

std::string text_of(const std::vector<Source>& sources) {
  std::string out = "[";
  for (const Source& source : sources) {
    if (out.size() > 1) out += ", ";
    out += str("{path: ", text_of(source.path), ", weight: ", number_text(source.weight), "}");
  }
  return out + "]";
}

std::string text_of(const Phase& phase) {
  std::string out = str("{steps: ", phase.steps);
  const auto add = [&](const char* name, const AutoInt& value) {
    if (!value.is_auto()) out += str(", ", name, ": ", value.value);
  };
  add("context", phase.context);
  add("global_batch", phase.global_batch);
  add("micro_batch", phase.micro_batch);
  if (phase.learning_rate >= 0) out += ", learning_rate: " + number_text(phase.learning_rate);
  add("warmup_steps", phase.warmup_steps);
  return out + "}";
}

std::string text_of(const std::vector<Phase>& phases) {
  std::string out = "[";
  for (const Phase& phase : phases) out += (out.size() > 1 ? ", " : "") + text_of(phase);
  return out + "]";
}

std::string text_of(const BatchRamp& ramp) {
  if (ramp.steps == 0) return "none";
  return str("{from: ", ramp.from, ", to: ", ramp.to, ", steps: ", ramp.steps, "}");
}

std::string limit_text(double limit, bool integer) {
  return integer ? std::to_string(static_cast<std::int64_t>(limit)) : number_text(limit);
}

std::string range_text(const Limits& limits, bool integer) {
  const std::string least = limit_text(limits.least, integer);
  const std::string most = limit_text(limits.most, integer);
  return str("from ", least, limits.open_above ? " to below " : " to ", most);
}

std::optional<std::string> check_number(const Limits& limits, double value, bool integer, const std::string& text,
                                        const char* also = "") {
  const bool below_top = limits.open_above ? value < limits.most : value <= limits.most;
  if (value >= limits.least && below_top && std::isfinite(value)) return std::nullopt;
  if (std::isinf(limits.least)) return str("must be finite, found ", text);
  return str("must be ", also, range_text(limits, integer), ", found ", text);
}

std::string list_of(const std::vector<std::string_view>& choices) {
  std::string out;
  for (const std::string_view choice : choices) out += str(out.empty() ? "" : ", ", choice);
  return out;
}

std::optional<std::string> check(const Limits& limits, std::int64_t value) {
  return check_number(limits, static_cast<double>(value), true, std::to_string(value));
}
std::optional<std::string> check(const Limits& limits, double value) {
  return check_number(limits, value, false, number_text(value));
}
std::optional<std::string> check(const Limits& limits, const AutoInt& value) {
  if (value.is_auto()) return std::nullopt;
  return check_number(limits, static_cast<double>(value.value), true, std::to_string(value.value), "auto or ");
}
std::optional<std::string> check(const Limits& limits, const std::string& value) {
  const auto& choices = limits.choices;
  if (choices.empty() || std::find(choices.begin(), choices.end(), value) != choices.end()) return std::nullopt;
  return str("must be one of ", list_of(choices), ", found ", text_of(value));
}
std::optional<std::string> check(const Limits&, bool) { return std::nullopt; }
std::optional<std::string> check(const Limits&, std::uint64_t) { return std::nullopt; }

std::optional<std::string> check(const Limits&, const std::vector<Source>& sources) {
  for (const Source& source : sources) {
    if (source.path.empty()) return "has a source with an empty path";
    if (!(source.weight > 0) || !std::isfinite(source.weight)) {
      return str("must have weights above 0, found ", number_text(source.weight), " for ", source.path);
    }
  }
  return std::nullopt;
}

// A part of a composed key must be what the key of the same meaning may be.
template <class T>
std::optional<std::string> check_part(const char* name, std::string_view like, const T& value) {
  const auto problem = check(find_field(like)->limits, value);
  return problem ? std::optional(str("has a ", name, " that ", *problem)) : std::nullopt;
}

std::optional<std::string> check(const Limits&, const std::vector<Phase>& phases) {
  for (const Phase& phase : phases) {
    std::optional<std::string> problem = check_part("steps", "training.steps", phase.steps);
    for (const auto& [name, like, value] : {std::tuple("context", "model.context", phase.context),
                                            std::tuple("global_batch", "training.global_batch", phase.global_batch),
                                            std::tuple("micro_batch", "training.micro_batch", phase.micro_batch),
                                            std::tuple("warmup_steps", "schedule.warmup_steps", phase.warmup_steps)}) {
      if (!problem && !value.is_auto()) problem = check_part(name, like, value.value);
    }
    if (!problem && phase.learning_rate >= 0) {
      problem = check_part("learning_rate", "optimizer.learning_rate", phase.learning_rate);
    }
    if (problem) return problem;
  }
  return std::nullopt;
}

std::optional<std::string> check(const Limits&, const BatchRamp& ramp) {
  if (ramp == BatchRamp{}) return std::nullopt;
  std::optional<std::string> problem = check_part("from", "training.global_batch", ramp.from);
  if (!problem) problem = check_part("to", "training.global_batch", ramp.to);
  return problem ? problem : check_part("steps", "training.steps", ramp.steps);
}

}  // namespace

std::string number_text(double value) {
  if (std::isnan(value)) return ".nan";
  if (std::isinf(value)) return value < 0 ? "-.inf" : ".inf";
  std::array<char, 40> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
  std::string text(buffer.data(), end);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

std::string value_text(const Field& field, const Config& config) {
  return std::visit([&](const auto& access) { return text_of(access.read(config)); }, field.access);
}

std::string type_text(const Field& field) {
  if (!field.limits.choices.empty()) return "one of " + list_of(field.limits.choices);
  const auto name = []<class T>(const Access<T>&) -> std::string {
    if constexpr (std::is_same_v<T, bool>)
      return "true or false";
    else if constexpr (std::is_same_v<T, double>)
      return "number";
    else if constexpr (std::is_same_v<T, AutoInt>)
      return "integer or auto";
    else if constexpr (std::is_integral_v<T>)
      return "integer";
    else if constexpr (std::is_same_v<T, std::string>)
      return "text";
    else if constexpr (std::is_same_v<T, std::vector<Phase>>)
      return "list of {steps, context, global_batch, micro_batch, learning_rate, warmup_steps}";
    else if constexpr (std::is_same_v<T, BatchRamp>)
      return "{from, to, steps} or none";
    else
      return "list of {path, weight}";
  };
  return std::visit(name, field.access);
}

std::optional<std::string> problem_of_value(const Field& field, const Config& config) {
  return std::visit([&](const auto& access) { return check(field.limits, access.read(config)); }, field.access);
}

}  // namespace phalanx::config
