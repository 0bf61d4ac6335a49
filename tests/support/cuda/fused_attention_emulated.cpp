// What stands in for cuDNN's fused attention: plain loops on the buffers that cuDNN would get, in their layout.
#include "tests/support/cuda/fused_attention_emulated.h"

#include <cmath>
#include <limits>
#include <vector>

#include "core/dtype.h"
#include "model/ops/cuda/fused_attention.h"
#include "tests/support/cuda/device_memory.h"

namespace phalanx {
namespace {

ops::cuda::FusedSupport& support() {
  static ops::cuda::FusedSupport the_support{"the emulated GPU has none", 90};
  return the_support;
}
int& runs() {
  static int count = 0;
  return count;
}

using ops::cudnn::AttentionKey;
using ops::cudnn::AttentionMemory;

// One head of one entry of dim 0.
class Head {
 public:
  Head(const AttentionKey& key, const AttentionMemory& memory, std::int64_t b, std::int64_t h)
      : key_(key), memory_(memory), h_(h) {
    if (!key.packed) {
      length_ = key.T;
      qkv_ = b * key.T * 3 * key.NH * key.HS;
      out_ = b * key.T * key.NH * key.HS;
      lse_ = b * key.NH * key.T;
      return;
    }
    length_ = at<std::int32_t>(ops::cudnn::kLengths)[b];
    qkv_ = at<std::int64_t>(ops::cudnn::kQkvOffsets)[b];
    out_ = at<std::int64_t>(ops::cudnn::kOutOffsets)[b];
    lse_ = at<std::int64_t>(ops::cudnn::kLseOffsets)[b];
  }

  [[nodiscard]] std::int64_t length() const { return length_; }
  bf16* qkv(std::int64_t name, std::int64_t t) const {
    return at<bf16>(name) + qkv_ + t * 3 * key_.NH * key_.HS + h_ * key_.HS;
  }
  bf16* out(std::int64_t name, std::int64_t t) const {
    return at<bf16>(name) + out_ + t * key_.NH * key_.HS + h_ * key_.HS;
  }
  float& lse(std::int64_t t) const {
    return at<float>(ops::cudnn::kLse)[lse_ + (key_.packed ? t * key_.NH + h_ : h_ * key_.T + t)];
  }
  [[nodiscard]] bool sees(std::int64_t t, std::int64_t j) const {
    return (!key_.causal || j <= t) && (key_.window == 0 || std::abs(t - j) <= key_.window);
  }
  [[nodiscard]] double dot(const bf16* a, const bf16* b) const {
    double sum = 0.0;
    for (std::int64_t c = 0; c < key_.HS; ++c)
      sum += double{static_cast<float>(a[c])} * double{static_cast<float>(b[c])};
    return sum;
  }
  [[nodiscard]] double score(std::int64_t t, std::int64_t j) const {
    return dot(qkv(ops::cudnn::kQ, t), qkv(ops::cudnn::kK, j)) / std::sqrt(static_cast<double>(key_.HS));
  }

 private:
  template <class T>
  [[nodiscard]] T* at(std::int64_t name) const {
    for (const auto& [id, address] : memory_) {
      if (id == name) return static_cast<T*>(address);
    }
    FAIL_WITH("fused attention was not given tensor ", name);
  }

  const AttentionKey& key_;
  const AttentionMemory& memory_;
  std::int64_t h_;
  std::int64_t length_ = 0, qkv_ = 0, out_ = 0, lse_ = 0;
};

using Row = std::vector<double>;

void add(Row& sum, double weight, const bf16* row) {
  for (std::size_t c = 0; c < sum.size(); ++c) sum[c] += weight * double{static_cast<float>(row[c])};
}
void store(bf16* row, const Row& sum) {
  for (std::size_t c = 0; c < sum.size(); ++c) row[c] = bf16(static_cast<float>(sum[c]));
}

void forward(const Head& head, std::int64_t HS) {
  for (std::int64_t t = 0; t < head.length(); ++t) {
    double sum = 0.0;
    Row out(static_cast<std::size_t>(HS));
    for (std::int64_t j = 0; j < head.length(); ++j) {
      if (!head.sees(t, j)) continue;
      const double e = std::exp(head.score(t, j));
      sum += e;
      add(out, e, head.qkv(ops::cudnn::kV, j));
    }
    for (double& x : out) x /= sum;
    store(head.out(ops::cudnn::kOut, t), out);
    head.lse(t) = static_cast<float>(std::log(sum));
  }
}

void backward(const Head& head, std::int64_t HS) {
  const auto T = static_cast<std::size_t>(head.length());
  const Row zero(static_cast<std::size_t>(HS));
  std::vector<Row> dq(T, zero), dk(T, zero), dv(T, zero);
  for (std::size_t t = 0; t < T; ++t) {
    const auto query = static_cast<std::int64_t>(t);
    const bf16* dout = head.out(ops::cudnn::kDout, query);
    const double delta = head.dot(dout, head.out(ops::cudnn::kOut, query));
    for (std::size_t j = 0; j < T; ++j) {
      const auto key = static_cast<std::int64_t>(j);
      if (!head.sees(query, key)) continue;
      const double p = std::exp(head.score(query, key) - double{head.lse(query)});
      const double ds =
          p * (head.dot(dout, head.qkv(ops::cudnn::kV, key)) - delta) / std::sqrt(static_cast<double>(HS));
      add(dq[t], ds, head.qkv(ops::cudnn::kK, key));
      add(dk[j], ds, head.qkv(ops::cudnn::kQ, query));
      add(dv[j], p, dout);
    }
  }
  for (std::size_t t = 0; t < T; ++t) {
    store(head.qkv(ops::cudnn::kDq, static_cast<std::int64_t>(t)), dq[t]);
    store(head.qkv(ops::cudnn::kDk, static_cast<std::int64_t>(t)), dk[t]);
    store(head.qkv(ops::cudnn::kDv, static_cast<std::int64_t>(t)), dv[t]);
  }
}

}  // namespace

namespace emulator {

int fused_attention_runs() { return runs(); }
FusedAttention::FusedAttention(int capability) { support() = {"", capability}; }
FusedAttention::~FusedAttention() { support() = {"the emulated GPU has none", 90}; }

}  // namespace emulator

namespace ops::cuda {

const FusedSupport& fused_support(Device /*device*/) { return support(); }

void run_fused_attention(const Exec& /*exec*/, const cudnn::AttentionKey& key, const cudnn::AttentionMemory& memory,
                         void* /*workspace*/, std::int64_t /*bytes*/) {
  const emulator::DeviceAccess access;
  ++runs();
  for (std::int64_t b = 0; b < key.B; ++b) {
    for (std::int64_t h = 0; h < key.NH; ++h) {
      const Head head(key, memory, b, h);
      key.backward ? backward(head, key.HS) : forward(head, key.HS);
    }
  }
}

}  // namespace ops::cuda
}  // namespace phalanx
