#include "trainer/checkpoint/folder.h"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <vector>

#include "core/check.h"
#include "core/file.h"
#include "core/log.h"
#include "core/nonce.h"

namespace phalanx::checkpoint {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kStepPrefix = "step_";
constexpr std::string_view kLatest = "latest";
constexpr std::string_view kLatestLeftover = ".latest.tmp-";
constexpr std::size_t kStepDigits = 8;
constexpr std::size_t kNonceDigits = 16;

std::string hex(std::uint64_t nonce) {
  std::array<char, kNonceDigits + 1> text{};
  std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(nonce));
  return text.data();
}

bool is_nonce(std::string_view text) {
  return text.size() == kNonceDigits && std::all_of(text.begin(), text.end(), [](unsigned char c) {
           return std::isdigit(c) != 0 || (c >= 'a' && c <= 'f');
         });
}

struct Hidden {
  std::int64_t step = 0;
  std::string use;
};

// Takes a hidden_name apart; nullopt for any other name, which is then none of our business.
std::optional<Hidden> parse_hidden(std::string_view name) {
  const std::size_t dot = name.find('.', 1);
  const std::size_t dash = name.rfind('-');
  if (name.empty() || name[0] != '.' || dot == std::string_view::npos || dash == std::string_view::npos || dash < dot ||
      !is_nonce(name.substr(dash + 1))) {
    return std::nullopt;
  }
  const std::optional<std::int64_t> step = step_of(name.substr(1, dot - 1));
  const std::string use(name.substr(dot + 1, dash - dot - 1));
  if (!step || (use != "tmp" && use != "old" && use != "removed")) return std::nullopt;
  return Hidden{*step, use};
}

void rename_or_throw(const std::string& from, const std::string& to) {
  if (std::rename(from.c_str(), to.c_str()) != 0) throw_errno(from, str("rename to ", to));
}

// Swaps two folders in one step; false where the file system cannot.
bool swap_names(const std::string& a, const std::string& b) {
  return ::renameat2(AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), RENAME_EXCHANGE) == 0;
}

void remove_leftover(const fs::path& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (error) log::warning(path.string(), ": cannot remove what an earlier run left: ", error.message());
}

void restore_or_remove(const std::string& checkpoints, const fs::path& old, std::int64_t step) {
  const std::string folder = checkpoints + "/" + step_name(step);
  std::error_code error;
  if (fs::exists(folder, error)) return remove_leftover(old);
  fs::rename(old, folder, error);
  if (error) log::warning(old.string(), ": cannot rename to ", folder, ": ", error.message());
}

}  // namespace

std::string step_name(std::int64_t step) {
  const std::string digits = std::to_string(step);
  return str(kStepPrefix, std::string(kStepDigits - std::min(digits.size(), kStepDigits), '0'), digits);
}

std::optional<std::int64_t> step_of(std::string_view name) {
  if (!name.starts_with(kStepPrefix)) return std::nullopt;
  const std::string_view digits = name.substr(kStepPrefix.size());
  std::int64_t step = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), step);
  // Printing the step again tells 1000 from 001000 and +1000.
  if (error != std::errc() || end != digits.data() + digits.size() || step < 0 || step_name(step) != name) {
    return std::nullopt;
  }
  return step;
}

std::string hidden_name(std::int64_t step, std::string_view use, std::uint64_t nonce) {
  return str(".", step_name(step), ".", use, "-", hex(nonce));
}

std::optional<std::int64_t> replaced_step(std::string_view name) {
  const std::optional<Hidden> hidden = parse_hidden(name);
  return hidden && hidden->use == "old" ? std::optional(hidden->step) : std::nullopt;
}

void clean_leftovers(const std::string& checkpoints) {
  std::error_code error;
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(checkpoints, error)) found.push_back(entry.path());
  for (const fs::path& path : found) {
    const std::string name = path.filename().string();
    const std::optional<Hidden> hidden = parse_hidden(name);
    if (hidden && hidden->use == "old") {
      restore_or_remove(checkpoints, path, hidden->step);
    } else if (hidden || (name.starts_with(kLatestLeftover) && is_nonce(name.substr(kLatestLeftover.size())))) {
      remove_leftover(path);
    }
  }
}

std::string publish(const std::string& checkpoints, const std::string& temporary, std::int64_t step) {
  std::string folder = checkpoints + "/" + step_name(step);
  std::string replaced;
  if (std::error_code error; !fs::exists(folder, error)) {
    rename_or_throw(temporary, folder);
  } else if (swap_names(temporary, folder)) {
    replaced = temporary;
  } else {
    replaced = checkpoints + "/" + hidden_name(step, "old", random_nonce());
    rename_or_throw(folder, replaced);
    rename_or_throw(temporary, folder);
  }
  sync_folder(checkpoints);
  if (!replaced.empty()) remove_leftover(replaced);
  return folder;
}

void point_latest(const std::string& checkpoints, std::int64_t step) {
  const std::string link = str(checkpoints, "/", kLatestLeftover, hex(random_nonce()));
  std::error_code error;
  fs::create_symlink(step_name(step), link, error);
  if (error) throw Error(str(link, ": cannot link to ", step_name(step), ": ", error.message()));
  rename_or_throw(link, str(checkpoints, "/", kLatest));
  sync_folder(checkpoints);
}

std::optional<std::int64_t> latest_step(const std::string& checkpoints) {
  std::error_code error;
  const fs::path target = fs::read_symlink(str(checkpoints, "/", kLatest), error);
  return error ? std::nullopt : step_of(target.string());
}

void remove_checkpoint(const std::string& checkpoints, std::int64_t step) {
  const std::string hidden = checkpoints + "/" + hidden_name(step, "removed", random_nonce());
  rename_or_throw(checkpoints + "/" + step_name(step), hidden);
  remove_leftover(hidden);
}

}  // namespace phalanx::checkpoint
