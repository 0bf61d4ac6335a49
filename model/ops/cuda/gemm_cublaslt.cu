#include "model/ops/cuda/gemm_cublaslt.h"

#include <cublasLt.h>

#include <map>
#include <memory>
#include <mutex>

#include "core/cuda_check.h"
#include "model/ops/linear_scratch.h"

#define CUBLAS_OK(call)                                                      \
  do {                                                                       \
    const cublasStatus_t phalanx_cublas_status = (call);                     \
    if (phalanx_cublas_status != CUBLAS_STATUS_SUCCESS) {                    \
      FAIL_WITH(#call ": ", cublasLtGetStatusString(phalanx_cublas_status)); \
    }                                                                        \
  } while (false)

namespace phalanx::ops::cuda {
namespace {

cudaDataType_t type_of(DType dtype) {
  switch (dtype) {
    case DType::f32: return CUDA_R_32F;
    case DType::bf16: return CUDA_R_16BF;
    case DType::f16: return CUDA_R_16F;
    default: FAIL_WITH("products of ", name_of(dtype), " are not made");
  }
}

std::string text_of(const Gemm& g) {
  return str("(", g.M, ", ", g.K, ") x (", g.K, ", ", g.N, ") ", name_of(g.in), " -> ", name_of(g.out));
}

template <class T, cublasStatus_t (*destroy)(T)>
struct Destroy {
  using pointer = T;
  void operator()(T object) const { destroy(object); }
};
template <class T, cublasStatus_t (*destroy)(T)>
using Owned = std::unique_ptr<std::remove_pointer_t<T>, Destroy<T, destroy>>;
using Description = Owned<cublasLtMatmulDesc_t, cublasLtMatmulDescDestroy>;
using Layout = Owned<cublasLtMatrixLayout_t, cublasLtMatrixLayoutDestroy>;
using Preference = Owned<cublasLtMatmulPreference_t, cublasLtMatmulPreferenceDestroy>;

// cuBLASLt thinks in columns: a row-major (rows, columns) is its (columns, rows).
Layout make_layout(DType dtype, std::int64_t rows, std::int64_t columns) {
  cublasLtMatrixLayout_t layout = nullptr;
  CUBLAS_OK(cublasLtMatrixLayoutCreate(&layout, type_of(dtype), static_cast<std::uint64_t>(columns),
                                       static_cast<std::uint64_t>(rows), columns));
  return Layout(layout);
}

// A product that is ready to be enqueued: C^T = op(B)^T op(A)^T in columns, so B comes first.
struct Plan {
  Description description;
  Layout a, b, c;
  cublasLtMatmulAlgo_t algorithm{};
};

template <class T>
void set(const Description& description, cublasLtMatmulDescAttributes_t attribute, const T& value) {
  CUBLAS_OK(cublasLtMatmulDescSetAttribute(description.get(), attribute, &value, sizeof value));
}

Description describe(const Gemm& g) {
  cublasLtMatmulDesc_t raw = nullptr;
  CUBLAS_OK(cublasLtMatmulDescCreate(&raw, CUBLAS_COMPUTE_32F, CUDA_R_32F));
  Description description(raw);
  set(description, CUBLASLT_MATMUL_DESC_TRANSA, g.b_transposed ? CUBLAS_OP_T : CUBLAS_OP_N);
  set(description, CUBLASLT_MATMUL_DESC_TRANSB, g.a_transposed ? CUBLAS_OP_T : CUBLAS_OP_N);
  if (g.bias) {
    set(description, CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_BIAS);
    set(description, CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, type_of(g.in));
  }
  return description;
}

class Library {
 public:
  Library() { CUBLAS_OK(cublasLtCreate(&handle_)); }
  ~Library() { cublasLtDestroy(handle_); }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  [[nodiscard]] cublasLtHandle_t handle() const { return handle_; }

  Plan& plan(const Gemm& g) {
    const std::lock_guard lock(mutex_);
    std::unique_ptr<Plan>& plan = plans_[g];
    if (!plan) plan = std::make_unique<Plan>(make_plan(g));
    return *plan;
  }

 private:
  // The library's first choice; the same one for the same library and GPU.
  [[nodiscard]] Plan make_plan(const Gemm& g) const {
    Plan plan{describe(g), g.a_transposed ? make_layout(g.in, g.K, g.M) : make_layout(g.in, g.M, g.K),
              g.b_transposed ? make_layout(g.in, g.N, g.K) : make_layout(g.in, g.K, g.N), make_layout(g.out, g.M, g.N)};
    cublasLtMatmulPreference_t raw = nullptr;
    CUBLAS_OK(cublasLtMatmulPreferenceCreate(&raw));
    const Preference preference(raw);
    const auto bytes = static_cast<std::uint64_t>(kGpuProductBytes);
    CUBLAS_OK(
        cublasLtMatmulPreferenceSetAttribute(raw, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &bytes, sizeof bytes));
    cublasLtMatmulHeuristicResult_t best{};
    int found = 0;
    const cublasStatus_t status =
        cublasLtMatmulAlgoGetHeuristic(handle_, plan.description.get(), plan.b.get(), plan.a.get(), plan.c.get(),
                                       plan.c.get(), preference.get(), 1, &best, &found);
    ENSURE(status == CUBLAS_STATUS_SUCCESS && found == 1, "cuBLASLt has no algorithm for ", text_of(g), ": ",
           cublasLtGetStatusString(status));
    plan.algorithm = best.algo;
    return plan;
  }

  cublasLtHandle_t handle_ = nullptr;
  std::mutex mutex_;
  std::map<Gemm, std::unique_ptr<Plan>> plans_;
};

// Handles and plans of this process; the library's handle belongs to the current device.
Library& library() {
  static Library the_library;
  return the_library;
}

}  // namespace

void multiply(const Exec& exec, const Gemm& g, const std::byte* a, const std::byte* b, std::byte* c,
              const std::byte* bias) {
  Plan& plan = library().plan(g);
  if (g.bias) set(plan.description, CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias);
  Scratch scratch(*exec.workspace);
  const Tensor workspace = take_product_workspace(scratch);
  const float one = 1.0F;
  const float beta = g.accumulate ? 1.0F : 0.0F;
  CUBLAS_OK(cublasLtMatmul(library().handle(), plan.description.get(), &one, b, plan.b.get(), a, plan.a.get(), &beta, c,
                           plan.c.get(), c, plan.c.get(), &plan.algorithm, workspace.data,
                           static_cast<std::size_t>(kGpuProductBytes), static_cast<cudaStream_t>(exec.stream.handle)));
}

}  // namespace phalanx::ops::cuda
