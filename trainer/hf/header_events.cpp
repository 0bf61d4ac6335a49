#include "trainer/hf/header_events.h"

#include <limits>

#include "core/check.h"
#include "data/json_reason.h"
#include "trainer/hf/json_files.h"

namespace phalanx::hf {
namespace {

constexpr const char* kMetadata = "__metadata__";
constexpr std::size_t kMostDims = 8;

}  // namespace

void HeaderEvents::refuse(const std::string& what) const {
  throw Error(name_.empty() ? what : str("'", shown(name_), "': ", what));
}

bool HeaderEvents::unexpected(const char* what) const {
  refuse(str(what, " stands where none belongs; a header holds names, each with dtype, shape and data_offsets"));
}

bool HeaderEvents::null() { return unexpected("null"); }
bool HeaderEvents::boolean(bool) { return unexpected("true or false"); }
bool HeaderEvents::number_integer(number_integer_t) { return unexpected("a negative number"); }
bool HeaderEvents::number_float(number_float_t, const string_t&) { return unexpected("a fraction"); }
bool HeaderEvents::binary(binary_t&) { return unexpected("binary data"); }

bool HeaderEvents::number_unsigned(number_unsigned_t value) {
  if (at_ != At::numbers) return unexpected("a number");
  return add_number(value);
}

bool HeaderEvents::add_number(std::uint64_t value) {
  if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
    refuse(str(value, " is larger than any file"));
  }
  const auto number = static_cast<std::int64_t>(value);
  ++numbers_;
  if (field_ == Field::shape) {
    if (numbers_ > kMostDims) refuse(str("has more than ", kMostDims, " dims"));
    tensor_.shape.push_back(number);
  } else {
    if (numbers_ > 2) refuse("data_offsets are two numbers, begin and end; there are more");
    (numbers_ == 1 ? tensor_.begin : tensor_.end) = number;
  }
  return true;
}

bool HeaderEvents::string(string_t& value) {
  if (at_ == At::metadata) {
    header_.metadata[name_] = value;
    return true;
  }
  if (at_ != At::tensor || field_ != Field::dtype) return unexpected("text");
  tensor_.dtype = value;
  return true;
}

bool HeaderEvents::start_object(std::size_t) {
  if (at_ == At::begin) {
    at_ = At::names;
  } else if (at_ == At::names && name_ == kMetadata) {
    at_ = At::metadata;
    name_.clear();
  } else if (at_ == At::names) {
    at_ = At::tensor;
    tensor_ = {.name = name_, .dtype = {}, .shape = {}, .begin = 0, .end = 0};
    fields_ = 0;
  } else {
    return unexpected("an object");
  }
  return true;
}

bool HeaderEvents::key(string_t& value) {
  if (at_ == At::tensor) {
    begin_field(value);
    return true;
  }
  name_ = value;
  if (at_ == At::names && !names_.insert(value).second) refuse("appears twice");
  if (at_ == At::metadata && header_.metadata.contains(value)) refuse("appears twice in __metadata__");
  return true;
}

void HeaderEvents::begin_field(const std::string& name) {
  field_ = name == "dtype"          ? Field::dtype
           : name == "shape"        ? Field::shape
           : name == "data_offsets" ? Field::offsets
                                    : Field::none;
  if (field_ == Field::none) refuse(str("unknown key '", shown(name), "'; known: dtype, shape, data_offsets"));
  const unsigned bit = 1U << static_cast<unsigned>(field_);
  if ((fields_ & bit) != 0) refuse(str(name, " appears twice"));
  fields_ |= bit;
}

bool HeaderEvents::start_array(std::size_t) {
  if (at_ != At::tensor || (field_ != Field::shape && field_ != Field::offsets)) return unexpected("a list");
  at_ = At::numbers;
  numbers_ = 0;
  return true;
}

bool HeaderEvents::end_array() {
  if (field_ == Field::offsets && numbers_ != 2) refuse("data_offsets are two numbers, begin and end; one is missing");
  at_ = At::tensor;
  return true;
}

bool HeaderEvents::end_object() {
  if (at_ == At::tensor) finish_tensor();
  at_ = at_ == At::names ? At::end : At::names;
  name_.clear();
  return true;
}

void HeaderEvents::finish_tensor() {
  for (const auto& [field, key] :
       {std::pair{Field::dtype, "dtype"}, {Field::shape, "shape"}, {Field::offsets, "data_offsets"}}) {
    if ((fields_ & (1U << static_cast<unsigned>(field))) == 0) refuse(str("has no ", key));
  }
  header_.tensors.push_back(std::move(tensor_));
}

bool HeaderEvents::parse_error(std::size_t, const std::string&, const nlohmann::json::exception& error) {
  throw Error(str("the header is no valid JSON: ", shown(data::json_reason(error))));
}

}  // namespace phalanx::hf
