// The loops work on blocks that stay in the first-level cache: an accumulator block, to which part after part is added.
// They are compiled for three instruction sets and chosen by the processor's features; every element sees the same
// operations in all of them, so the bits do not depend on the choice.
#include "parallel/combine.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <type_traits>
#include <vector>

#include "core/check.h"

#define PHALANX_INLINE inline __attribute__((always_inline))

namespace phalanx {
namespace {

constexpr std::int64_t kBlock = 512;  // elements; the accumulators of a tree over 2^16 parts are 32 KiB

struct f16 {
  std::uint16_t bits;
};

template <class T>
using Accumulator = std::conditional_t<std::is_same_v<T, bf16> || std::is_same_v<T, f16>, float, T>;

template <class T>
PHALANX_INLINE Accumulator<T> load(const T& x) {
  if constexpr (std::is_same_v<T, bf16>) {
    return std::bit_cast<float>(static_cast<std::uint32_t>(x.bits) << 16);
  } else if constexpr (std::is_same_v<T, f16>) {
    return static_cast<float>(std::bit_cast<_Float16>(x.bits));
  } else {
    return x;
  }
}

template <class T>
PHALANX_INLINE T store(Accumulator<T> x) {
  if constexpr (std::is_same_v<T, bf16>) {
    const auto u = std::bit_cast<std::uint32_t>(x);
    const std::uint32_t nearest_even = u + 0x7FFFU + ((u >> 16) & 1U);
    const std::uint32_t quiet_nan = u | 0x400000U;
    bf16 rounded;
    rounded.bits = static_cast<std::uint16_t>(((u & 0x7FFFFFFFU) > 0x7F800000U ? quiet_nan : nearest_even) >> 16);
    return rounded;
  } else if constexpr (std::is_same_v<T, f16>) {
    return {std::bit_cast<std::uint16_t>(static_cast<_Float16>(x))};
  } else {
    return x;
  }
}

// Integers wrap around (signed overflow has no meaning in C++, so they are added as unsigned).
template <class A>
PHALANX_INLINE A plus(A a, A b) {
  if constexpr (std::is_integral_v<A>) {
    using U = std::make_unsigned_t<A>;
    return static_cast<A>(static_cast<U>(static_cast<U>(a) + static_cast<U>(b)));
  } else {
    return a + b;
  }
}

template <Combine how, class A>
PHALANX_INLINE A join(A a, A b) {
  if constexpr (how == Combine::max) return b > a || b != b ? b : a;
  if constexpr (how == Combine::min) return b < a || b != b ? b : a;
  return plus(a, b);
}

template <class T>
PHALANX_INLINE void load_block(Accumulator<T>* acc, const T* part, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) acc[i] = load(part[i]);
}

template <class T>
PHALANX_INLINE void store_block(T* out, const Accumulator<T>* acc, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) out[i] = store<T>(acc[i]);
}

template <Combine how, class T>
PHALANX_INLINE void in_order(T* out, std::span<const std::byte* const> parts, std::int64_t count) {
  const auto part = [&parts](std::size_t r) { return reinterpret_cast<const T*>(parts[r]); };
  if (parts.size() == 2) {
    const T* a = part(0);
    const T* b = part(1);
#pragma GCC ivdep  // out may be a or b, never a shifted overlap
    for (std::int64_t i = 0; i < count; ++i) out[i] = store<T>(join<how>(load(a[i]), load(b[i])));
    return;
  }
  alignas(64) Accumulator<T> acc[kBlock];
  for (std::int64_t begin = 0; begin < count; begin += kBlock) {
    const std::int64_t n = std::min(kBlock, count - begin);
    load_block(acc, part(0) + begin, n);
    for (std::size_t r = 1; r < parts.size(); ++r) {
      const T* p = part(r) + begin;
      for (std::int64_t i = 0; i < n; ++i) acc[i] = join<how>(acc[i], load(p[i]));
    }
    store_block(out + begin, acc, n);
  }
}

// The tree without recursion: leaf after leaf is pushed on a stack of blocks, and two blocks are joined as soon as both
// children of a node are there. `left` remembers, per open node, how many leaves its right child has.
template <class T>
PHALANX_INLINE void along_tree(T* out, std::span<const std::byte* const> parts, std::int64_t count) {
  constexpr std::size_t kDepth = 17;
  alignas(64) Accumulator<T> stack[kDepth][kBlock];
  for (std::int64_t begin = 0; begin < count; begin += kBlock) {
    const std::int64_t n = std::min(kBlock, count - begin);
    std::size_t right_of[kDepth];  // leaves of the right child of each open node
    bool left_done[kDepth];
    std::size_t open = 0, depth = 0;
    std::size_t leaves = parts.size();  // of the node about to be entered
    for (std::size_t leaf = 0; leaf < parts.size();) {
      for (; leaves > 1; leaves /= 2) {
        right_of[open] = leaves - leaves / 2;
        left_done[open++] = false;
      }
      load_block(stack[depth++], reinterpret_cast<const T*>(parts[leaf++]) + begin, n);
      while (open > 0 && left_done[open - 1]) {
        Accumulator<T>* a = stack[depth - 2];
        const Accumulator<T>* b = stack[depth - 1];
        for (std::int64_t i = 0; i < n; ++i) a[i] = load(store<T>(plus(a[i], b[i])));
        --depth;
        --open;
      }
      if (open > 0) {
        left_done[open - 1] = true;
        leaves = right_of[open - 1];
      }
    }
    store_block(out + begin, stack[0], n);
  }
}

template <class T>
PHALANX_INLINE void dispatch(Combine how, std::byte* out, std::span<const std::byte* const> parts, std::int64_t count) {
  T* typed = reinterpret_cast<T*>(out);
  if (how == Combine::tree && parts.size() == 2) how = Combine::sum;  // one node
  switch (how) {
    case Combine::sum: return in_order<Combine::sum>(typed, parts, count);
    case Combine::max: return in_order<Combine::max>(typed, parts, count);
    case Combine::min: return in_order<Combine::min>(typed, parts, count);
    case Combine::tree: return along_tree(typed, parts, count);
  }
}

using Function = void (*)(Combine, std::byte*, std::span<const std::byte* const>, std::int64_t);

template <class T>
void baseline(Combine how, std::byte* out, std::span<const std::byte* const> parts, std::int64_t count) {
  dispatch<T>(how, out, parts, count);
}

template <class T>
__attribute__((target("arch=x86-64-v3"))) void avx2(Combine how, std::byte* out,
                                                    std::span<const std::byte* const> parts, std::int64_t count) {
  dispatch<T>(how, out, parts, count);
}

template <class T>
__attribute__((target("arch=x86-64-v4,prefer-vector-width=512"))) void avx512(Combine how, std::byte* out,
                                                                              std::span<const std::byte* const> parts,
                                                                              std::int64_t count) {
  dispatch<T>(how, out, parts, count);
}

template <class T>
Function best() {
  if (__builtin_cpu_supports("x86-64-v4")) return avx512<T>;
  if (__builtin_cpu_supports("x86-64-v3")) return avx2<T>;
  return baseline<T>;
}

template <class T>
void run(Combine how, std::byte* out, std::span<const std::byte* const> parts, std::int64_t count) {
  static const Function function = best<T>();
  function(how, out, parts, count);
}

}  // namespace

void combine(Combine how, DType dtype, std::byte* out, std::span<const std::byte* const> parts, std::int64_t count) {
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
