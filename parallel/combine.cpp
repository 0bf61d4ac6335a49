// The loops are compiled for three instruction sets and chosen by the processor's features.
#include "parallel/combine.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "core/check.h"
#include "core/processor.h"
#include "parallel/pack.h"

namespace phalanx {
namespace {

using Parts = std::span<const std::byte* const>;

// Integers are added as unsigned ones, which wrap around.
template <Combine how, class A>
PHALANX_INLINE void join(lanes<A>& a, const lanes<A>& b) {
  if constexpr (how == Combine::max) {
    a = ((b > a) | (b != b)) ? b : a;
  } else if constexpr (how == Combine::min) {
    a = ((b < a) | (b != b)) ? b : a;
  } else if constexpr (std::is_integral_v<A>) {
    using U = lanes<std::make_unsigned_t<A>>;
    U x, y;
    copy_bits(x, a);
    copy_bits(y, b);
    copy_bits(a, x + y);
  } else {
    a += b;
  }
}

template <Combine how, class A>
PHALANX_INLINE void join(Pack<A>& a, const Pack<A>& b) {
  join<how, A>(a.low, b.low);
  join<how, A>(a.high, b.high);
}

// Sum, max or min in the order of the parts.
template <Combine how, class T>
struct InOrder {
  PHALANX_INLINE static void at(Pack<Accumulator<T>>& to, Parts parts, std::int64_t i) {
    load_pack(to, reinterpret_cast<const T*>(parts[0]) + i);
    for (std::size_t r = 1; r < parts.size(); ++r) {
      Pack<Accumulator<T>> x{};
      load_pack(x, reinterpret_cast<const T*>(parts[r]) + i);
      join<how>(to, x);
    }
  }
};

// The tree over N parts, unrolled. The root is rounded when it is stored.
template <class T, std::size_t N>
struct SmallTree {
  PHALANX_INLINE static void at(Pack<Accumulator<T>>& to, Parts parts, std::int64_t i) {
    if constexpr (N == 1) {
      load_pack(to, reinterpret_cast<const T*>(parts[0]) + i);
    } else {
      Pack<Accumulator<T>> right{};
      SmallTree<T, N / 2>::at(to, parts.subspan(0, N / 2), i);
      SmallTree<T, N - N / 2>::at(right, parts.subspan(N / 2), i);
      if constexpr (N / 2 > 1) round_pack<T>(to);
      if constexpr (N - N / 2 > 1) round_pack<T>(right);
      join<Combine::sum>(to, right);
    }
  }
};

// The tree over any number of parts without recursion: leaf after leaf is pushed on a stack, and two entries are joined
// as soon as both children of a node are there.
template <class T>
struct Tree {
  static constexpr std::size_t kDepth = 18;  // 2^16 parts
  struct Node {
    std::size_t right_leaves;
    bool left_done;
  };
  PHALANX_INLINE static void at(Pack<Accumulator<T>>& to, Parts parts, std::int64_t i) {
    Pack<Accumulator<T>> stack[kDepth];
    stack[0] = Pack<Accumulator<T>>{};  // it is always written below, which the compiler cannot see
    Node open[kDepth];
    std::size_t nodes = 0, depth = 0;
    std::size_t leaves = parts.size();  // of the node about to be entered
    for (const std::byte* part : parts) {
      for (; leaves > 1; leaves /= 2) open[nodes++] = {leaves - leaves / 2, false};
      load_pack(stack[depth++], reinterpret_cast<const T*>(part) + i);
      while (nodes > 0 && open[nodes - 1].left_done) {
        --depth;
        join<Combine::sum>(stack[depth - 1], stack[depth]);
        if (--nodes > 0) round_pack<T>(stack[depth - 1]);
      }
      if (nodes > 0) {
        open[nodes - 1].left_done = true;
        leaves = open[nodes - 1].right_leaves;
      }
    }
    to = stack[0];
  }
};

constexpr std::int64_t kBlock = 256;           // elements
constexpr std::int64_t kPrefetchBytes = 1024;  // of each part
constexpr std::int64_t kLine = 64;

// Parts come from other cores. Where the arithmetic is long (bf16), loads alone keep too few lines on their way.
PHALANX_INLINE void prefetch(Parts parts, std::int64_t begin, std::int64_t end) {
  end = std::min(end, begin + kPrefetchBytes);
  for (const std::byte* part : parts) {
    for (std::int64_t at = begin; at < end; at += kLine) __builtin_prefetch(part + at);
  }
}

// F over all elements; the last, partial pack works on padded copies.
template <class F, class T>
PHALANX_INLINE void for_all(std::byte* out, Parts parts, std::int64_t count) {
  T* typed = reinterpret_cast<T*>(out);
  Pack<Accumulator<T>> x{};
  const std::int64_t whole = count / kPack * kPack;
  constexpr std::int64_t kElement = sizeof(T);
  prefetch(parts, 0, count * kElement);
  for (std::int64_t block = 0; block < whole; block += kBlock) {
    prefetch(parts, (block + kBlock) * kElement, count * kElement);
    for (std::int64_t i = block; i < std::min(block + kBlock, whole); i += kPack) {
      F::at(x, parts, i);
      store_pack(typed + i, x);
    }
  }
  if (whole == count) return;
  const auto tail = static_cast<std::size_t>(count - whole) * sizeof(T);
  std::vector<std::array<T, kPack>> padded(parts.size(), std::array<T, kPack>{});
  std::vector<const std::byte*> pointers;
  for (std::size_t r = 0; r < parts.size(); ++r) {
    std::memcpy(padded[r].data(), parts[r] + static_cast<std::size_t>(whole) * sizeof(T), tail);
    pointers.push_back(reinterpret_cast<const std::byte*>(padded[r].data()));
  }
  F::at(x, pointers, 0);
  store_pack(padded[0].data(), x);
  std::memcpy(typed + whole, padded[0].data(), tail);
}

template <class T>
PHALANX_INLINE void dispatch(Combine how, std::byte* out, Parts parts, std::int64_t count) {
  if (parts.size() == 2) {  // the usual case, without a loop over parts
    if (how == Combine::max) return for_all<InOrder<Combine::max, T>, T>(out, parts.first<2>(), count);
    if (how == Combine::min) return for_all<InOrder<Combine::min, T>, T>(out, parts.first<2>(), count);
    return for_all<SmallTree<T, 2>, T>(out, parts, count);  // one node: a sum
  }
  switch (how) {
    case Combine::sum: return for_all<InOrder<Combine::sum, T>, T>(out, parts, count);
    case Combine::max: return for_all<InOrder<Combine::max, T>, T>(out, parts, count);
    case Combine::min: return for_all<InOrder<Combine::min, T>, T>(out, parts, count);
    case Combine::tree: break;
  }
  if (parts.size() == 4) return for_all<SmallTree<T, 4>, T>(out, parts, count);
  if (parts.size() == 8) return for_all<SmallTree<T, 8>, T>(out, parts, count);
  for_all<Tree<T>, T>(out, parts, count);
}

using Function = void (*)(Combine, std::byte*, Parts, std::int64_t);

template <class T>
void baseline(Combine how, std::byte* out, Parts parts, std::int64_t count) {
  dispatch<T>(how, out, parts, count);
}

template <class T>
__attribute__((target("arch=x86-64-v3"))) void avx2(Combine how, std::byte* out, Parts parts, std::int64_t count) {
  dispatch<T>(how, out, parts, count);
}

template <class T>
__attribute__((target("arch=x86-64-v4"))) void avx512(Combine how, std::byte* out, Parts parts, std::int64_t count) {
  dispatch<T>(how, out, parts, count);
}

template <class T>
Function best() {
  if (has_x86_64_v4()) return avx512<T>;
  return has_x86_64_v3() ? avx2<T> : baseline<T>;
}

template <class T>
void run(Combine how, std::byte* out, Parts parts, std::int64_t count) {
  static const Function function = best<T>();
  function(how, out, parts, count);
}

}  // namespace

Combine combine_of(Reduce op) {
  switch (op) {
    case Reduce::sum: return Combine::sum;
    case Reduce::max: return Combine::max;
    case Reduce::min: return Combine::min;
  }
  return Combine::sum;
}

void combine(Combine how, DType dtype, std::byte* out, Parts parts, std::int64_t count) {
  ENSURE(!parts.empty() && parts.size() <= 65536, "a sum over 1 to 65536 parts, found ", parts.size());
  if (count == 0) return;
  if (parts.size() == 1) {
    if (out != parts[0]) std::memcpy(out, parts[0], static_cast<std::size_t>(count * bytes_of(dtype)));
    return;
  }
  switch (dtype) {
    case DType::f32: return run<float>(how, out, parts, count);
    case DType::bf16: return run<bf16>(how, out, parts, count);
    case DType::f16: return run<f16>(how, out, parts, count);
    case DType::f64: return run<double>(how, out, parts, count);
    case DType::i32: return run<std::int32_t>(how, out, parts, count);
    case DType::i64: return run<std::int64_t>(how, out, parts, count);
    case DType::u8: return run<std::uint8_t>(how, out, parts, count);
  }
}

void sum_local_tree(const Tensor& out, const Tensor& partials) {
  ENSURE(out.device.type == DeviceType::cpu && partials.device == out.device, "a tree sum of tensors in host memory");
  std::vector<const std::byte*> leaves;
  for (std::int64_t i = 0; i < partials.size(0); ++i) leaves.push_back(partials.data + i * out.bytes());
  combine(Combine::tree, out.dtype, out.data, leaves, out.count());
}

}  // namespace phalanx
