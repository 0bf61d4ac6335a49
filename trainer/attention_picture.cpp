// Attention maps drawn by Cairo: text becomes outlines in the SVG, so that it looks the same everywhere.
#include <cairo-svg.h>
#include <cairo.h>

#include <algorithm>
#include <memory>
#include <numbers>
#include <set>

#include "core/check.h"
#include "trainer/attention_map.h"

namespace phalanx {
namespace {

// Pixels.
constexpr double kCell = 14, kFont = 10, kGap = 24, kTitle = 18, kLabelPad = 4, kLargest = 16384;
constexpr double kLongestLabel = 120;

struct Free {
  void operator()(cairo_surface_t* surface) const { cairo_surface_destroy(surface); }
  void operator()(cairo_t* cairo) const { cairo_destroy(cairo); }
};
using Surface = std::unique_ptr<cairo_surface_t, Free>;
using Cairo = std::unique_ptr<cairo_t, Free>;

void check(cairo_status_t status) {
  if (status != CAIRO_STATUS_SUCCESS) throw Error(str("drawing attention: ", cairo_status_to_string(status)));
}

cairo_status_t append(void* bytes, const unsigned char* data, unsigned count) {
  static_cast<std::string*>(bytes)->append(reinterpret_cast<const char*>(data), count);
  return CAIRO_STATUS_SUCCESS;
}

void use_font(cairo_t* cairo) {
  cairo_select_font_face(cairo, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
  cairo_set_font_size(cairo, kFont);
}

double width_of(cairo_t* cairo, const std::string& text) {
  cairo_text_extents_t extents;
  cairo_text_extents(cairo, text.c_str(), &extents);
  return extents.x_advance;
}

double longest_label(const std::vector<std::string>& tokens) {
  const Surface surface(cairo_image_surface_create(CAIRO_FORMAT_RGB24, 1, 1));
  const Cairo cairo(cairo_create(surface.get()));
  use_font(cairo.get());
  double longest = 0;
  for (const std::string& token : tokens) longest = std::max(longest, width_of(cairo.get(), token));
  check(cairo_status(cairo.get()));
  return std::min(longest, kLongestLabel) + kLabelPad;
}

// From white (0) to dark blue (1).
void set_colour(cairo_t* cairo, double weight) {
  cairo_set_source_rgb(cairo, 1 - 0.97 * weight, 1 - 0.82 * weight, 1 - 0.58 * weight);
}

// The top left corner is (0, 0): a title, labels of keys on top and of queries at the left, then the cells.
void draw_map(cairo_t* cairo, const AttentionMap& map, const std::vector<std::string>& tokens, double label) {
  const std::int64_t T = map.weights->T;
  cairo_set_source_rgb(cairo, 0.1, 0.1, 0.1);
  cairo_move_to(cairo, label, kFont);
  cairo_show_text(cairo, str("layer ", map.layer, ", head ", map.head).c_str());
  cairo_translate(cairo, label, kTitle + label);
  for (std::int64_t i = 0; i < T; ++i) {
    const std::string& token = tokens[static_cast<std::size_t>(i)];
    const double middle = (static_cast<double>(i) + 0.5) * kCell + 0.35 * kFont;
    cairo_move_to(cairo, std::max(-width_of(cairo, token), -kLongestLabel) - kLabelPad, middle);
    cairo_show_text(cairo, token.c_str());
    cairo_save(cairo);
    cairo_move_to(cairo, middle, -kLabelPad);
    cairo_rotate(cairo, -std::numbers::pi / 2);
    cairo_show_text(cairo, token.c_str());
    cairo_restore(cairo);
  }
  for (std::int64_t t = 0; t < T; ++t) {
    for (std::int64_t j = 0; j < T; ++j) {
      set_colour(cairo, map.weights->at(map.head, t, j));
      cairo_rectangle(cairo, static_cast<double>(j) * kCell, static_cast<double>(t) * kCell, kCell - 1, kCell - 1);
      cairo_fill(cairo);
    }
  }
  cairo_set_source_rgb(cairo, 0.6, 0.6, 0.6);
  cairo_set_line_width(cairo, 1);
  cairo_rectangle(cairo, -0.5, -0.5, static_cast<double>(T) * kCell, static_cast<double>(T) * kCell);
  cairo_stroke(cairo);
}

// Maps in rows, one for each layer.
struct Sheet {
  double label = 0, map_width = 0, map_height = 0;
  std::size_t columns = 1, rows = 1;

  [[nodiscard]] double width() const { return kGap + static_cast<double>(columns) * (map_width + kGap); }
  [[nodiscard]] double height() const { return kGap + static_cast<double>(rows) * (map_height + kGap); }
};

Sheet sheet_of(const std::vector<AttentionMap>& maps, const std::vector<std::string>& tokens) {
  std::set<int> layers;
  for (const AttentionMap& map : maps) layers.insert(map.layer);
  Sheet sheet;
  sheet.label = longest_label(tokens);
  sheet.map_width = sheet.label + static_cast<double>(tokens.size()) * kCell;
  sheet.map_height = kTitle + sheet.map_width;
  sheet.rows = layers.size();
  sheet.columns = maps.size() / layers.size();
  const double larger = std::max(sheet.width(), sheet.height());
  if (larger > kLargest) {
    throw UsageError(str("a picture of ", maps.size(), " maps of ", tokens.size(), " tokens would have ",
                         static_cast<std::int64_t>(larger), " pixels on a side, more than ",
                         static_cast<std::int64_t>(kLargest), ": choose --layer and --head, or a shorter --text"));
  }
  return sheet;
}

}  // namespace

std::string draw_attention(const std::vector<AttentionMap>& maps, const std::vector<std::string>& tokens,
                           PictureKind kind) {
  const Sheet sheet = sheet_of(maps, tokens);
  std::string bytes;
  const Surface surface(kind == PictureKind::svg
                            ? cairo_svg_surface_create_for_stream(append, &bytes, sheet.width(), sheet.height())
                            : cairo_image_surface_create(CAIRO_FORMAT_RGB24, static_cast<int>(sheet.width()),
                                                         static_cast<int>(sheet.height())));
  const Cairo cairo(cairo_create(surface.get()));
  cairo_set_source_rgb(cairo.get(), 1, 1, 1);
  cairo_paint(cairo.get());
  use_font(cairo.get());
  for (std::size_t i = 0; i < maps.size(); ++i) {
    const std::size_t row = i / sheet.columns;
    const std::size_t column = i % sheet.columns;
    cairo_save(cairo.get());
    cairo_translate(cairo.get(), kGap + static_cast<double>(column) * (sheet.map_width + kGap),
                    kGap + static_cast<double>(row) * (sheet.map_height + kGap));
    draw_map(cairo.get(), maps[i], tokens, sheet.label);
    cairo_restore(cairo.get());
  }
  check(cairo_status(cairo.get()));
  if (kind == PictureKind::png) check(cairo_surface_write_to_png_stream(surface.get(), append, &bytes));
  cairo_surface_finish(surface.get());
  check(cairo_surface_status(surface.get()));
  return bytes;
}

}  // namespace phalanx
