#include "model/ops/onednn_product.h"

#include <omp.h>

#include <map>
#include <memory>
#include <mutex>
#include <oneapi/dnnl/dnnl.hpp>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "model/ops/op_table.h"

namespace phalanx::ops::onednn {
namespace {

using dnnl::matmul;
using dnnl::memory;

const dnnl::engine& cpu_engine() {
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

memory::data_type data_type_of(DType dtype) {
  return visit_dtype(
      dtype, []<class T>() { return std::is_same_v<T, float> ? memory::data_type::f32 : memory::data_type::bf16; });
}

memory::desc matrix(std::int64_t rows, std::int64_t columns, DType dtype, Layout layout) {
  const memory::dims shape{rows, columns};
  if (layout == Layout::packed) return {shape, data_type_of(dtype), memory::format_tag::any};
  return {shape, data_type_of(dtype), layout == Layout::rows ? memory::dims{columns, 1} : memory::dims{1, rows}};
}

memory::desc b_matrix(const Product& p, Layout layout) { return matrix(p.K, p.N, p.in, layout); }

matmul::primitive_desc describe(const Product& p, const memory::desc& b) {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  if (p.accumulate) {
    dnnl::post_ops sum;
    sum.append_sum(1.0F);
    attributes.set_post_ops(sum);
  }
  const memory::desc a = matrix(p.M, p.K, p.in, p.a);
  const memory::desc c = matrix(p.M, p.N, p.out, Layout::rows);
  if (!p.bias) return {matmul::desc(a, b, c), attributes, cpu_engine()};
  return {matmul::desc(a, b, matrix(1, p.N, p.in, Layout::rows), c), attributes, cpu_engine()};
}

// The layout of a packed B: what oneDNN would choose for packed_for rows of A.
memory::desc packed_desc(const Product& p) {
  Product model = p;
  model.M = p.packed_for;
  model.bias = false;
  return describe(model, b_matrix(p, Layout::packed)).weights_desc();
}

struct Prepared {
  explicit Prepared(const Product& p)
      : description(describe(p, p.b == Layout::packed ? packed_desc(p) : b_matrix(p, p.b))), primitive(description) {}
  matmul::primitive_desc description;
  matmul primitive;
};

// Preparing a primitive costs more than a small product, so each is kept. The cache is the process's, behind a lock: it
// holds no numbers, only generated code, and is emptied when a run with ever new shapes has filled it.
template <class Value>
class Cache {
 public:
  template <class Make>
  std::shared_ptr<const Value> get(const Product& product, Make&& make) {
    const Key key{omp_get_max_threads(), product};  // oneDNN cuts work and scratchpad for a number of threads
    const std::scoped_lock lock(mutex_);
    if (const auto found = entries_.find(key); found != entries_.end()) return found->second;
    if (entries_.size() >= kMaxEntries) entries_.clear();
    return entries_[key] = make();
  }

 private:
  static constexpr std::size_t kMaxEntries = 1024;
  using Key = std::pair<int, Product>;
  std::mutex mutex_;
  std::map<Key, std::shared_ptr<const Value>> entries_;
};

// Calls f; an error of oneDNN becomes ours, naming the product.
template <class F>
decltype(auto) translated(const Product& p, F&& f) {
  try {
    return f();
  } catch (const dnnl::error& e) {
    FAIL_WITH("oneDNN: ", e.what(), " (product of ", p.M, "x", p.K, " and ", p.K, "x", p.N, " ", name_of(p.in), " to ",
              name_of(p.out), ")");
  }
}

std::shared_ptr<const Prepared> prepared(const Product& product) {
  static Cache<Prepared> cache;
  return cache.get(product,
                   [&] { return translated(product, [&] { return std::make_shared<const Prepared>(product); }); });
}

std::shared_ptr<const memory::desc> packed_layout(const Product& product) {
  static Cache<memory::desc> cache;
  return cache.get(product, [&] {
    return translated(product, [&] { return std::make_shared<const memory::desc>(packed_desc(product)); });
  });
}

// A blocked layout of oneDNN as tiles, where it is one: outer blocks of a whole tile each, (rows, columns[, step]).
std::optional<TiledMatrix> tiles_of(const memory::desc& desc) {
  const dnnl_memory_desc_t& d = desc.data;
  const dnnl_blocking_desc_t& blocks = d.format_desc.blocking;
  const int inner = blocks.inner_nblks;
  const bool tiled = d.format_kind == dnnl_blocked && d.ndims == 2 && d.extra.flags == dnnl_memory_extra_flag_none &&
                     d.offset0 == 0 && (inner == 2 || inner == 3) && blocks.inner_idxs[0] == 0 &&
                     blocks.inner_idxs[1] == 1 && (inner == 2 || blocks.inner_idxs[2] == 0);
  if (!tiled) return std::nullopt;
  return TiledMatrix{.K = d.dims[0],
                     .N = d.dims[1],
                     .rows = blocks.inner_blks[0],
                     .columns = blocks.inner_blks[1],
                     .step = inner == 3 ? blocks.inner_blks[2] : 1,
                     .k_stride = blocks.strides[0],
                     .n_stride = blocks.strides[1]};
}

memory view(const memory::desc& desc, const std::byte* data) {
  return {desc, cpu_engine(), const_cast<std::byte*>(data)};  // oneDNN's views are never const
}

}  // namespace

void multiply(const Exec& exec, const Product& product, const std::byte* a, const std::byte* b, std::byte* c,
              const std::byte* bias) {
  const auto p = prepared(product);
  Scratch scratch(*exec.workspace);
  const auto scratch_bytes = static_cast<std::int64_t>(p->description.scratchpad_desc().get_size());
  const Tensor scratchpad = scratch.take({scratch_bytes}, DType::u8);
  if (exec.planning()) return;
  std::unordered_map<int, memory> arguments{
      {DNNL_ARG_SRC, view(p->description.src_desc(), a)},
      {DNNL_ARG_WEIGHTS, view(p->description.weights_desc(), b)},
      {DNNL_ARG_DST, view(p->description.dst_desc(), c)},
      {DNNL_ARG_SCRATCHPAD, view(p->description.scratchpad_desc(), scratchpad.data)}};
  if (product.bias) arguments.emplace(DNNL_ARG_BIAS, view(p->description.bias_desc(), bias));
  translated(product, [&] {
    dnnl::stream stream(cpu_engine());
    p->primitive.execute(stream, arguments);
    stream.wait();
  });
}

bool is_fast(const Product& product) {
  return !std::string_view(prepared(product)->description.impl_info_str()).starts_with("ref");
}

std::int64_t packed_bytes(const Product& product) {
  const auto layout = packed_layout(product);
  const bool plain = *layout == b_matrix(product, Layout::rows) || *layout == b_matrix(product, Layout::columns);
  return plain ? 0 : static_cast<std::int64_t>(layout->get_size());
}

void pack(const Exec& exec, const Product& product, Layout from, std::byte* packed, const std::byte* b) {
  if (exec.planning()) return;
  const auto layout = packed_layout(product);
  if (const auto tiles = tiles_of(*layout)) {  // several times faster than oneDNN's reorder
    return exec.table->pack_tiles(exec, {*tiles, product.in, from == Layout::columns, packed, b});
  }
  translated(product, [&] {
    memory source = view(b_matrix(product, from), b);
    memory target = view(*layout, packed);
    dnnl::stream stream(cpu_engine());
    dnnl::reorder(source, target).execute(stream, source, target);
    stream.wait();
  });
}

Isa isa() {
  switch (dnnl::get_effective_cpu_isa()) {
    case dnnl::cpu_isa::avx512_core_amx: return Isa::amx;
    case dnnl::cpu_isa::avx512_core_bf16: return Isa::avx512_bf16;
    case dnnl::cpu_isa::avx512_core:
    case dnnl::cpu_isa::avx512_core_vnni: return Isa::avx512;
    case dnnl::cpu_isa::avx2:
    case dnnl::cpu_isa::avx2_vnni: return Isa::avx2;
    default: return Isa::older;
  }
}

std::string version() {
  const dnnl_version_t* v = dnnl_version();
  return str(v->major, ".", v->minor, ".", v->patch);
}

}  // namespace phalanx::ops::onednn
