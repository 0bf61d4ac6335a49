#include "model/ops/cudnn/attention_graph.h"

#include <cmath>
#include <limits>

namespace phalanx::ops::cudnn {
namespace {

cudnnDataType_t type_of(DType dtype) {
  ENSURE(dtype == DType::bf16 || dtype == DType::f16, "fused attention of ", name_of(dtype), " is not made");
  return dtype == DType::bf16 ? CUDNN_DATA_BFLOAT16 : CUDNN_DATA_HALF;
}

Dims swapped(const Dims& d) { return {d[0], d[1], d[3], d[2]}; }

// Builds both graphs: what they share are the tensors and the masked scores.
class Builder {
 public:
  explicit Builder(const AttentionKey& key)
      : key_(key),
        type_(type_of(key.dtype)),
        rows_{key.B, key.NH, key.T, key.HS},
        scores_{key.B, key.NH, key.T, key.T},
        stats_{key.B, key.NH, key.T, 1} {
    if (!key.packed) return;
    qkv_offsets_ = index_tensor(kQkvOffsets, key.B + 1, CUDNN_DATA_INT64);
    out_offsets_ = index_tensor(kOutOffsets, key.B + 1, CUDNN_DATA_INT64);
    lse_offsets_ = index_tensor(kLseOffsets, key.B + 1, CUDNN_DATA_INT64);
    lengths_ = index_tensor(kLengths, key.B, CUDNN_DATA_INT32);
  }

  Graph forward() {
    const Value q = qkv_view(kQ, false);
    const Value k = qkv_view(kK, true);
    Value s = g_.multiply(q, k, {.m = length(), .n = length()});
    s = g_.pointwise(CUDNN_POINTWISE_MUL, s, scale());
    s = band_mask(padding_mask(s));
    const Value largest = g_.reduce(CUDNN_REDUCE_TENSOR_MAX, s);
    const Value e = g_.unary(CUDNN_POINTWISE_EXP, g_.pointwise(CUDNN_POINTWISE_SUB, s, largest));
    const Value sum = g_.reduce(CUDNN_REDUCE_TENSOR_ADD, e);
    g_.pointwise_into(CUDNN_POINTWISE_ADD, largest, g_.unary(CUDNN_POINTWISE_LOG, sum), lse());
    const Value p = g_.pointwise(CUDNN_POINTWISE_DIV, e, sum, type_);  // rounded: an operand of a product
    g_.multiply_into(p, qkv_view(kV, false), out_view(kOut), {.m = length(), .k = length()});
    return std::move(g_);
  }

  Graph backward() {
    const Value dout = out_view(kDout);
    const Value row_sums = g_.tensor({.id = kRowSums, .dims = stats_, .strides = packed_strides(stats_)});
    const Value products = g_.pointwise(CUDNN_POINTWISE_MUL, dout, out_view(kOut));
    g_.pointwise_into(CUDNN_POINTWISE_MUL, g_.reduce(CUDNN_REDUCE_TENSOR_ADD, products), g_.scalar(1.0F), row_sums);

    const Value q = qkv_view(kQ, false);
    const Value k = qkv_view(kK, true);
    const Value factor = scale();
    Value s = g_.multiply(q, k, {.m = length(), .n = length()});
    s = g_.pointwise(CUDNN_POINTWISE_MUL, s, factor);
    s = g_.pointwise(CUDNN_POINTWISE_SUB, s, lse());
    const Value p = g_.unary(CUDNN_POINTWISE_EXP, band_mask(padding_mask(s)));
    const Graph::Lengths by_keys{.m = length(), .k = length()};
    g_.multiply_into(across(p), dout, qkv_view(kDv, false), by_keys);

    Value ds = g_.multiply(dout, qkv_view(kV, true), {.m = length(), .n = length()});
    ds = g_.pointwise(CUDNN_POINTWISE_SUB, ds, row_sums);
    ds = g_.pointwise(CUDNN_POINTWISE_MUL, ds, p);
    ds = g_.pointwise(CUDNN_POINTWISE_MUL, ds, factor);
    g_.multiply_into(across(ds), q, qkv_view(kDk, false), by_keys);
    const Value k_rows = g_.reshape(k, swapped(k.dims), swapped(k.strides), type_, qkv_offsets_);
    const Value dq = qkv_view(kDq, false);
    if (key_.deterministic) {
      g_.multiply_into(ds, k_rows, dq, by_keys);
    } else {
      const Value sums = g_.tensor({.id = kDqSums, .dims = rows_, .strides = packed_strides(rows_)});
      g_.multiply_into(ds, k_rows, sums, by_keys);
      g_.unary_into(CUDNN_POINTWISE_IDENTITY, sums, dq);
    }
    return std::move(g_);
  }

 private:
  Descriptor index_tensor(std::int64_t id, std::int64_t count, cudnnDataType_t type) {
    return g_
        .tensor({.id = id,
                 .dims = {count, 1, 1, 1},
                 .strides = {1, 1, 1, 1},
                 .type = type,
                 .alignment = type == CUDNN_DATA_INT64 ? 8 : 4})
        .descriptor;
  }

  // (B, NH, T, HS) of packed (B, T, 3, NH, HS); `transposed`: as (B, NH, HS, T).
  Value qkv_view(std::int64_t id, bool transposed) {
    const std::int64_t token = 3 * key_.NH * key_.HS;
    const Dims strides{key_.T * token, key_.HS, token, 1};
    return g_.tensor({.id = id,
                      .dims = transposed ? swapped(rows_) : rows_,
                      .strides = transposed ? swapped(strides) : strides,
                      .type = type_,
                      .ragged = qkv_offsets_});
  }
  // (B, NH, T, HS) of (B, T, NH, HS).
  Value out_view(std::int64_t id) {
    const std::int64_t token = key_.NH * key_.HS;
    return g_.tensor({.id = id,
                      .dims = rows_,
                      .strides = {key_.T * token, key_.HS, token, 1},
                      .type = type_,
                      .ragged = out_offsets_});
  }
  Value lse() {
    const Dims by_token{key_.T * key_.NH, 1, key_.NH, 1};
    return g_.tensor({.id = kLse,
                      .dims = stats_,
                      .strides = key_.packed ? by_token : packed_strides(stats_),
                      .alignment = 4,  // a shard's part of all
                      .ragged = lse_offsets_});
  }
  Value scale() { return g_.scalar(static_cast<float>(1.0 / std::sqrt(static_cast<double>(key_.HS)))); }
  Value none() { return g_.scalar(-std::numeric_limits<float>::infinity()); }
  [[nodiscard]] const Descriptor& length() const { return lengths_; }

  Value padding_mask(const Value& s) {
    if (!key_.packed) return s;
    Value lengths;
    lengths.descriptor = lengths_;
    const Value row = g_.index(s, 2, CUDNN_DATA_INT32);
    const Value column = g_.index(s, 3, CUDNN_DATA_INT32);
    const auto inside = [&](const Value& index) {
      return g_.pointwise(CUDNN_POINTWISE_CMP_LT, index, lengths, CUDNN_DATA_BOOLEAN, CUDNN_DATA_BOOLEAN);
    };
    const Value row_inside = inside(row);
    const Value column_inside = inside(column);
    return g_.select(
        s, none(),
        g_.pointwise(CUDNN_POINTWISE_LOGICAL_AND, row_inside, column_inside, CUDNN_DATA_BOOLEAN, CUDNN_DATA_BOOLEAN));
  }

  // Keys after the query (causal) or too far on either side.
  Value band_mask(Value s) {
    if (key_.causal || key_.window > 0) s = right_bound(s);
    if (key_.window > 0) s = left_bound(s);
    return s;
  }
  Value right_bound(const Value& s) {  // row + reach >= column
    Value row = g_.index(s, 2, CUDNN_DATA_FLOAT);
    const Value column = g_.index(s, 3, CUDNN_DATA_FLOAT);
    if (!key_.causal) {
      row = g_.pointwise(CUDNN_POINTWISE_ADD, row, g_.scalar(static_cast<std::int32_t>(key_.window)), CUDNN_DATA_INT32,
                         CUDNN_DATA_INT32);
    }
    return g_.select(s, none(),
                     g_.pointwise(CUDNN_POINTWISE_CMP_GE, row, column, CUDNN_DATA_BOOLEAN, CUDNN_DATA_BOOLEAN));
  }
  Value left_bound(const Value& s) {  // column + window + 1 > row
    const Value row = g_.index(s, 2, CUDNN_DATA_FLOAT);
    const Value column = g_.index(s, 3, CUDNN_DATA_FLOAT);
    const Value reach = g_.pointwise(CUDNN_POINTWISE_ADD, column, g_.scalar(static_cast<float>(key_.window + 1)));
    return g_.select(s, none(),
                     g_.pointwise(CUDNN_POINTWISE_CMP_GT, reach, row, CUDNN_DATA_BOOLEAN, CUDNN_DATA_BOOLEAN));
  }

  // Scores (B, NH, T, T) with queries and keys changed, rounded: an operand of a product.
  Value across(const Value& s) { return g_.reshape(s, swapped(scores_), swapped(packed_strides(scores_)), type_, {}); }

  const AttentionKey& key_;
  cudnnDataType_t type_;
  Dims rows_, scores_, stats_;
  Graph g_;
  Descriptor qkv_offsets_, out_offsets_, lse_offsets_, lengths_;  // none unless packed
};

}  // namespace

std::string describe(const AttentionKey& k) {
  return str(k.backward ? (k.deterministic ? "deterministic backward" : "backward") : "forward", " of ",
             name_of(k.dtype), " B ", k.B, " T ", k.T, " NH ", k.NH, " HS ", k.HS, k.causal ? ", causal" : ", full",
             k.window > 0 ? str(", window ", k.window) : "", k.packed ? ", packed documents" : "");
}

Graph attention_graph(const AttentionKey& key) {
  Builder builder(key);
  return key.backward ? builder.backward() : builder.forward();
}

}  // namespace phalanx::ops::cudnn
