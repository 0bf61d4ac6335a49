#include "tests/support/communicator_suite.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <cstring>
#include <thread>
#include <vector>

#include "core/random.h"

namespace phalanx::suite {
namespace {

constexpr std::int64_t kSizes[] = {0, 1, 2, 31, 64, 333, 4097, 70001};

// Memory of the subject with values that the host sets and reads.
template <class T>
class Buffer {
 public:
  Buffer(const Subject& s, std::int64_t count)
      : subject_(s),
        memory_(allocate(s.device, count * bytes_of(dtype_of<T>), 256, "test buffer")),
        tensor_{memory_, {count}, dtype_of<T>, s.device} {}
  Buffer(const Subject& s, const std::vector<T>& values) : Buffer(s, static_cast<std::int64_t>(values.size())) {
    set(values);
  }
  ~Buffer() { deallocate(subject_.device, memory_, tensor_.bytes()); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  void set(std::vector<T> values) { copy(tensor_, host_tensor(values.data(), {tensor_.count()}), subject_.stream); }
  [[nodiscard]] std::vector<T> get() const {
    std::vector<T> values(static_cast<std::size_t>(tensor_.count()));
    copy(host_tensor(values.data(), {tensor_.count()}), tensor_, subject_.stream);
    return values;
  }
  [[nodiscard]] const Tensor& tensor() const { return tensor_; }

 private:
  const Subject& subject_;
  std::byte* memory_;
  Tensor tensor_;
};

template <class T, class F>
std::vector<T> filled(std::int64_t count, F&& f) {
  std::vector<T> values(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) values[static_cast<std::size_t>(i)] = static_cast<T>(f(i));
  return values;
}

template <class T>
double number(T x) {
  if constexpr (std::is_same_v<T, bf16>)
    return static_cast<float>(x);
  else
    return static_cast<double>(x);
}

template <class T, class F>
void expect_values(const std::vector<T>& found, F&& expected, const char* what) {
  for (std::size_t i = 0; i < found.size(); ++i) {
    const double value = expected(static_cast<std::int64_t>(i));
    ASSERT_EQ(number(found[i]), value) << what << ": element " << i << " of " << found.size() << " "
                                       << name_of(dtype_of<T>);
  }
}

template <class T>
std::uint64_t bits(T x) {
  std::uint64_t u = 0;
  std::memcpy(&u, &x, sizeof x);
  return u;
}

template <class T>
void expect_bits(const std::vector<T>& found, const std::vector<T>& expected, const char* what) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    ASSERT_EQ(bits(found[i]), bits(expected[i]))
        << what << ": element " << i << " of " << found.size() << " " << name_of(dtype_of<T>);
  }
}

// Small integers: rank r gives (r + 1) * weight(i), the sum over n ranks is n (n + 1) / 2 * weight(i). The largest
// sum of 4 ranks is 70: exact in all dtypes.
double weight(std::int64_t i) { return static_cast<double>(i % 7 + 1); }
double total(int ranks) { return ranks * (ranks + 1) / 2.0; }

// Values of wide range, so that another order of sums gives other bits.
float random_value(int leaf, std::int64_t i) {
  const RandomKey key{77, Purpose::generation, 0, static_cast<std::uint64_t>(leaf)};
  const float u = uniform_from_bits(random_u32(key, static_cast<std::uint64_t>(2 * i))) - 0.5F;
  const auto exponent = static_cast<int>(random_u32(key, static_cast<std::uint64_t>(2 * i + 1)) % 12);
  return std::ldexp(u, exponent);
}

template <class F>
void for_each_dtype(F&& f) {
  f.template operator()<float>();
  f.template operator()<bf16>();
  f.template operator()<double>();
  f.template operator()<std::int32_t>();
  f.template operator()<std::int64_t>();
  f.template operator()<std::uint8_t>();
}

template <class F>
void for_floats(F&& f) {
  f.template operator()<float>();
  f.template operator()<bf16>();
}

template <class T>
T from_float(float x) {
  return T(x);
}

// The tree over leaves [begin, begin + n), every node rounded to T: written as it is defined.
template <class T>
T tree(int begin, int n, std::int64_t i) {
  if (n == 1) return from_float<T>(random_value(begin, i));
  const T left = tree<T>(begin, n / 2, i);
  const T right = tree<T>(begin + n / 2, n - n / 2, i);
  return from_float<T>(static_cast<float>(left) + static_cast<float>(right));
}

template <class T>
std::vector<T> in_rank_order(int ranks, std::int64_t count) {
  return filled<T>(count, [&](std::int64_t i) {
    float sum = static_cast<float>(from_float<T>(random_value(0, i)));
    for (int r = 1; r < ranks; ++r) sum += static_cast<float>(from_float<T>(random_value(r, i)));
    return from_float<T>(sum);
  });
}

template <class T>
std::vector<T> random_values(int leaf, std::int64_t count) {
  return filled<T>(count, [&](std::int64_t i) { return from_float<T>(random_value(leaf, i)); });
}

}  // namespace

void sums_exactly(const Subject& s) {
  const int rank = s.comm.rank();
  const int size = s.comm.size();
  for_each_dtype([&]<class T>() {
    for (const std::int64_t n : kSizes) {
      Buffer<T> all(s, filled<T>(n, [&](std::int64_t i) { return static_cast<float>((rank + 1) * weight(i)); }));
      s.comm.all_reduce(all.tensor(), Reduce::sum, s.stream);
      expect_values(
          all.get(), [&](std::int64_t i) { return total(size) * weight(i); }, "all_reduce");

      const Buffer<T> in(
          s, filled<T>(n * size, [&](std::int64_t i) { return static_cast<float>((rank + 1) * weight(i)); }));
      const Buffer<T> out(s, n);
      s.comm.reduce_scatter(out.tensor(), in.tensor(), s.stream);
      expect_values(
          out.get(), [&](std::int64_t i) { return total(size) * weight(rank * n + i); }, "reduce_scatter");
      expect_values(
          in.get(), [&](std::int64_t i) { return (rank + 1) * weight(i); }, "reduce_scatter leaves its input");
    }
  });
}

void finds_maxima_and_minima(const Subject& s) {
  const int rank = s.comm.rank();
  const int size = s.comm.size();
  // Signed numbers whose maximum is with another rank from element to element; u8 holds them shifted by 100.
  const auto value = [&](int r, std::int64_t i) { return static_cast<double>((r * 5 + i * 3) % 11 - 5); };
  for_each_dtype([&]<class T>() {
    const double shift = std::is_same_v<T, std::uint8_t> ? 100 : 0;
    for (const Reduce op : {Reduce::max, Reduce::min}) {
      for (const std::int64_t n : {std::int64_t{1}, std::int64_t{333}, std::int64_t{70001}}) {
        Buffer<T> all(s, filled<T>(n, [&](std::int64_t i) { return static_cast<float>(value(rank, i) + shift); }));
        s.comm.all_reduce(all.tensor(), op, s.stream);
        const auto expected = [&](std::int64_t i) {
          double best = value(0, i);
          for (int r = 1; r < size; ++r) {
            best = op == Reduce::max ? std::max(best, value(r, i)) : std::min(best, value(r, i));
          }
          return best + shift;
        };
        expect_values(all.get(), expected, op == Reduce::max ? "max" : "min");
      }
    }
  });
}

void moves_every_element(const Subject& s) {
  const int rank = s.comm.rank();
  const int size = s.comm.size();
  const auto value = [](int from, int to, std::int64_t i) {
    return static_cast<float>((from * 31 + to * 7 + i) % 101);
  };
  for_each_dtype([&]<class T>() {
    for (const std::int64_t n : kSizes) {
      const Buffer<T> mine(s, filled<T>(n, [&](std::int64_t i) { return value(rank, 0, i); }));
      const Buffer<T> all(s, n * size);
      s.comm.all_gather(all.tensor(), mine.tensor(), s.stream);
      const auto gathered = [&](std::int64_t i) { return value(static_cast<int>(i / n), 0, i % n); };
      expect_values(all.get(), gathered, "all_gather");

      const auto sent = [&](std::int64_t i) { return value(rank, static_cast<int>(i / n), i % n); };
      const auto received = [&](std::int64_t i) { return value(static_cast<int>(i / n), rank, i % n); };
      const Buffer<T> out(s, filled<T>(n * size, sent));
      s.comm.all_to_all(all.tensor(), out.tensor(), s.stream);
      expect_values(all.get(), received, "all_to_all");

      for (int root = 0; root < size; ++root) {
        Buffer<T> buffer(s, filled<T>(n, [&](std::int64_t i) { return value(rank, 3, i); }));
        s.comm.broadcast(buffer.tensor(), root, s.stream);
        expect_values(
            buffer.get(), [&](std::int64_t i) { return value(root, 3, i); }, "broadcast");
      }
    }
  });
  s.comm.barrier();
}

void works_in_place(const Subject& s) {
  const int rank = s.comm.rank();
  const int size = s.comm.size();
  for_floats([&]<class T>() {
    for (const std::int64_t n : kSizes) {
      Buffer<T> whole(s,
                      filled<T>(n * size, [&](std::int64_t i) { return static_cast<float>((rank + 1) * weight(i)); }));
      const Tensor own = whole.tensor().slice(rank * n, n);
      s.comm.reduce_scatter(own, whole.tensor(), s.stream);
      s.comm.all_gather(whole.tensor(), own, s.stream);
      expect_values(
          whole.get(), [&](std::int64_t i) { return total(size) * weight(i); }, "own part");
    }
  });
}

void sums_in_rank_order(const Subject& s) {
  const int rank = s.comm.rank();
  const int size = s.comm.size();
  for_floats([&]<class T>() {
    for (const std::int64_t n : kSizes) {
      Buffer<T> all(s, random_values<T>(rank, n));
      s.comm.all_reduce(all.tensor(), Reduce::sum, s.stream);
      expect_bits(all.get(), in_rank_order<T>(size, n), "all_reduce");

      const Buffer<T> in(s, random_values<T>(rank, n * size));
      const Buffer<T> out(s, n);
      s.comm.reduce_scatter(out.tensor(), in.tensor(), s.stream);
      const std::vector<T> sums = in_rank_order<T>(size, n * size);
      expect_bits(out.get(), {sums.begin() + rank * n, sums.begin() + (rank + 1) * n}, "reduce_scatter");
    }
  });
}

void sums_along_the_tree(const Subject& s) {
  const int rank = s.comm.rank();
  const int size = s.comm.size();
  for_floats([&]<class T>() {
    for (const int count : {1, 2, 4}) {
      if (count > 1 && (size & (size - 1)) != 0) continue;
      for (const std::int64_t n : {std::int64_t{0}, std::int64_t{1}, std::int64_t{333}, std::int64_t{20001}}) {
        std::vector<T> partials;
        for (int c = 0; c < count; ++c) {
          const std::vector<T> leaf = random_values<T>(rank * count + c, n);
          partials.insert(partials.end(), leaf.begin(), leaf.end());
        }
        const auto expected = filled<T>(n, [&](std::int64_t i) { return tree<T>(0, size * count, i); });
        Buffer<T> in(s, partials);
        const Buffer<T> out(s, n);
        s.comm.sum_tree(out.tensor(), in.tensor().view({count, n}), s.stream);
        expect_bits(out.get(), expected, "sum_tree");

        in.set(partials);
        const Tensor first = in.tensor().slice(0, n);
        s.comm.sum_tree(first, in.tensor().view({count, n}), s.stream);
        std::vector<T> found = in.get();
        found.resize(static_cast<std::size_t>(n));
        expect_bits(found, expected, "sum_tree into its first partial");
      }
    }
  });
}

void repeats_the_same_bits(const Subject& s) {
  const std::int64_t n = 70001;
  const std::vector<float> values = random_values<float>(s.comm.rank() + 50, n);
  std::vector<float> first;
  for (int repeat = 0; repeat < 10; ++repeat) {
    Buffer<float> all(s, values);
    s.comm.all_reduce(all.tensor(), Reduce::sum, s.stream);
    if (repeat == 0) first = all.get();
    expect_bits(all.get(), first, "a repeated call");
  }
}

void keeps_calls_apart(const Subject& s) {
  const int rank = s.comm.rank();
  const int size = s.comm.size();
  for (int call = 0; call < 60; ++call) {
    const RandomKey key{5, Purpose::generation, 0, static_cast<std::uint64_t>(call)};
    const std::int64_t n = random_u32(key, 0) % (call % 3 == 0 ? 30000 : 500);
    if (random_u32(key, static_cast<std::uint64_t>(1 + rank)) % 8 == 0) {
      std::this_thread::sleep_for(std::chrono::microseconds(300));
    }
    Buffer<std::int32_t> sum(s, filled<std::int32_t>(n, [&](std::int64_t i) { return (rank + 1) * (call + i); }));
    s.comm.all_reduce(sum.tensor(), Reduce::sum, s.stream);
    expect_values(
        sum.get(), [&](std::int64_t i) { return total(size) * static_cast<double>(call + i); }, "all_reduce");

    const int root = call % size;
    Buffer<std::int32_t> word(s, filled<std::int32_t>(n, [&](std::int64_t i) { return rank * 1000 + call + i; }));
    s.comm.broadcast(word.tensor(), root, s.stream);
    expect_values(
        word.get(), [&](std::int64_t i) { return static_cast<double>(root * 1000 + call + i); }, "broadcast");
  }
}

void refuses_wrong_arguments(const Subject& s) {
  const int size = s.comm.size();
  const Buffer<float> a(s, 12 * size);
  const Buffer<float> b(s, 12 * size + 1);
  const Buffer<bf16> c(s, 12);
  const Stream& stream = s.stream;
  const Tensor none{nullptr, {4}, DType::f32, s.device};
  EXPECT_THROW(s.comm.all_reduce(none, Reduce::sum, stream), Error);
  EXPECT_THROW(s.comm.reduce_scatter(a.tensor().slice(0, 11), b.tensor(), stream), Error);
  EXPECT_THROW(s.comm.reduce_scatter(c.tensor(), a.tensor(), stream), Error);  // another dtype
  EXPECT_THROW(s.comm.all_gather(b.tensor(), a.tensor().slice(0, 12), stream), Error);
  EXPECT_THROW(s.comm.all_gather(a.tensor(), c.tensor(), stream), Error);
  EXPECT_THROW(s.comm.all_to_all(a.tensor(), b.tensor(), stream), Error);
  EXPECT_THROW(s.comm.all_to_all(a.tensor(), a.tensor(), stream), Error);  // in place
  EXPECT_THROW(s.comm.broadcast(a.tensor(), size, stream), Error);
  EXPECT_THROW(s.comm.broadcast(a.tensor(), -1, stream), Error);
  EXPECT_THROW(s.comm.sum_tree(a.tensor().slice(0, 5), a.tensor().view({2, 6 * size}), stream), Error);
  // A shifted overlap.
  const Tensor shifted = b.tensor().slice(1, 12 * size);
  EXPECT_THROW(s.comm.all_gather(shifted, b.tensor().slice(s.comm.rank() * 12, 12), stream), Error);
  EXPECT_THROW(s.comm.reduce_scatter(b.tensor().slice(s.comm.rank() * 12, 12), shifted, stream), Error);
  s.comm.all_reduce(a.tensor(), Reduce::sum, stream);  // nothing was sent before
}

void counts_its_usage(const Subject& s) {
  const auto of = [&](const std::string& operation) {
    for (const Communicator::Usage& usage : s.comm.usage()) {
      if (usage.operation == operation) return usage;
    }
    ADD_FAILURE() << operation << " is not counted";
    return Communicator::Usage{};
  };
  const Communicator::Usage before = of("all_reduce");
  const Communicator::Usage gather = of("all_gather");
  const int size = s.comm.size();
  const Buffer<float> all(s, 100 * size);
  s.comm.all_reduce(all.tensor(), Reduce::sum, s.stream);
  s.comm.all_gather(all.tensor(), all.tensor().slice(100 * s.comm.rank(), 100), s.stream);
  EXPECT_EQ(of("all_reduce").calls, before.calls + 1);
  EXPECT_EQ(of("all_reduce").bytes, before.bytes + 400 * size);
  EXPECT_GT(of("all_reduce").seconds, before.seconds);
  EXPECT_EQ(of("all_gather").calls, gather.calls + 1);
  EXPECT_EQ(of("all_gather").bytes, gather.bytes + 400 * size);
}

}  // namespace phalanx::suite
