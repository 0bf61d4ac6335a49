// LayerRig: all that a layer needs to run by itself, on one rank that holds every virtual shard, or to be planned.
// Parameters are set and gradients read as global tensors in double, so runs with other numbers of shards compare.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "model/context.h"
#include "parallel/comm_self.h"
#include "parallel/shard_index.h"
#include "tests/support/arrays.h"
#include "tests/support/exec.h"
#include "tests/support/gradient_check.h"

namespace phalanx::testing {

using NamedDoubles = std::map<std::string, Doubles>;  // by parameter, global row-major

class LayerRig {
 public:
  enum class Mode : std::uint8_t { run, plan };

  // B: sequences of the batches to come. Parameters are normal numbers, the same for every number of shards.
  LayerRig(const ParamBuilder& builder, int shards, std::int64_t B, Mode mode = Mode::run)
      : self_(make_self_communicator("tensor")),
        region_(*self_, {shards, 0, shards}),
        layout_(builder.table, region_.shards(), 1, std::int64_t{1} << 30),
        weights_(arena("weights", mode)),
        gradients_(arena("gradients", mode)),
        activations_(arena("activations", mode)),
        workspace_(arena("workspace", mode)),
        sequences_({B}, DType::i64) {
    ctx_.exec = {Device{}, Stream{}, &workspace_, mode == Mode::plan ? nullptr : &ops::cpu_op_table()};
    parameters_ = std::make_unique<Parameters>(layout_, builder.matrices, DType::f32, ctx_.exec, weights_, &gradients_);
    ctx_.activations = &activations_;
    ctx_.tensor = &region_;
    ctx_.parameters = parameters_.get();
    ctx_.sequences = sequences_.tensor();
    for (std::int64_t b = 0; b < B; ++b) sequences_.set(b, 100.0 + 3.0 * static_cast<double>(b));
    if (mode == Mode::run) set_values();
  }
  LayerRig(const LayerRig&) = delete;
  LayerRig& operator=(const LayerRig&) = delete;

  [[nodiscard]] const Context& ctx() const { return ctx_; }
  [[nodiscard]] const NamedDoubles& values() const { return values_; }
  // What has been added to the gradients so far.
  [[nodiscard]] NamedDoubles gradients() const {
    NamedDoubles all;
    for (const ParamSpec& spec : layout_.table()) {
      Doubles& global = all[spec.name];
      global.resize(static_cast<std::size_t>(spec.shape.count()));
      for_each_run(spec, parameters_->flat_gradients(), [&](const float* local, std::int64_t begin, std::int64_t n) {
        for (std::int64_t i = 0; i < n; ++i) global[static_cast<std::size_t>(begin + i)] = local[i];
      });
    }
    return all;
  }
  [[nodiscard]] std::int64_t activations_peak() const { return activations_.peak(); }
  [[nodiscard]] std::int64_t workspace_peak() const { return workspace_.peak(); }

 private:
  static Arena arena(const char* name, Mode mode) {
    return mode == Mode::plan ? Arena(name, Device{}) : Arena(name, Device{}, std::int64_t{1} << 22);
  }

  // f(elements, global_begin, count) for all that is stored of a parameter; padding left out.
  template <class F>
  void for_each_run(const ParamSpec& spec, const Tensor& flat, F&& f) const {
    const int index = layout_.find(spec.name);
    const LocalParam& local = layout_.param(index);
    for (int s = 0; s < local.shards; ++s) {
      float* shard = layout_.tensor(flat, index)[s].as<float>();
      for (const GlobalRun& run : global_runs(spec, s, local.shards, 0, local.shard.count())) {
        if (run.global_begin >= 0) f(shard + run.shard_begin, run.global_begin, run.count);
      }
    }
  }
  void set_values() {
    for (std::size_t p = 0; p < layout_.table().size(); ++p) {
      const ParamSpec& spec = layout_.table()[p];
      const double mean = spec.init == Init::ones ? 1.0 : 0.0;
      const Doubles& global = values_[spec.name] =
          normal_array(spec.shape, DType::f32, static_cast<unsigned>(10 + p), 0.4, mean).values();
      for_each_run(spec, parameters_->flat_weights(), [&](float* local, std::int64_t begin, std::int64_t n) {
        for (std::int64_t i = 0; i < n; ++i) local[i] = static_cast<float>(global[static_cast<std::size_t>(begin + i)]);
      });
    }
    parameters_->pack(ctx_.exec);
  }

  std::unique_ptr<Communicator> self_;
  TensorRegion region_;
  ParamLayout layout_;
  Arena weights_, gradients_, activations_, workspace_;
  Array sequences_;
  std::unique_ptr<Parameters> parameters_;
  NamedDoubles values_;
  Context ctx_;
};

// A layer from rows to rows, forward and backward: x (N, C), dy of the shape of y -> y, dx.
struct Pass {
  Tensor y, dx;
};
using LayerPass = std::function<Pass(const Context&, const Tensor& x, const Tensor& dy)>;

struct RowLayer {
  ParamBuilder builder;
  Shape x;  // (N, C)
  Shape y;  // (N, C')
  std::int64_t B = 1;
  LayerPass pass;
};

struct LayerRun {
  Doubles x, dy, y, dx;
  NamedDoubles values, gradients;
  std::int64_t activations_peak = 0, workspace_peak = 0;
};

inline LayerRun run_layer(const RowLayer& layer, int shards, LayerRig::Mode mode = LayerRig::Mode::run) {
  LayerRig rig(layer.builder, shards, layer.B, mode);
  Array x = normal_array(layer.x, DType::f32, 1);
  Array dy = normal_array(layer.y, DType::f32, 2);
  LayerRun run{.x = x.values(), .dy = dy.values(), .y = {}, .dx = {}, .values = rig.values(), .gradients = {}};
  const Pass pass = layer.pass(rig.ctx(), x.tensor(), dy.tensor());
  run.activations_peak = rig.activations_peak();
  run.workspace_peak = rig.workspace_peak();
  if (mode == LayerRig::Mode::plan) return run;
  const auto read = [](const Tensor& t) { return Doubles(t.as<float>(), t.as<float>() + t.count()); };
  run.y = read(pass.y);
  run.dx = read(pass.dx);
  run.gradients = rig.gradients();
  return run;
}

// Every number is a chain of sums of at most `terms` products, each rounded to fp32: it is off by no more than about
// terms * eps of the largest number of its tensor.
inline void expect_near(const std::string& what, const Doubles& actual, const Doubles& expected, double terms) {
  ASSERT_EQ(actual.size(), expected.size()) << what;
  const double allowed = terms * epsilon_of(DType::f32) * std::max(1.0, largest(expected));
  for (std::size_t i = 0; i < actual.size(); ++i) {
    ASSERT_NEAR(actual[i], expected[i], allowed) << what << " [" << i << "]";
  }
}

// Two virtual shards give what one gives.
inline void expect_shards_agree(const RowLayer& layer, double terms) {
  const LayerRun one = run_layer(layer, 1);
  const LayerRun two = run_layer(layer, 2);
  expect_near("y", two.y, one.y, terms);
  expect_near("dx", two.dx, one.dx, terms);
  for (const auto& [name, gradient] : one.gradients) expect_near(name, two.gradients.at(name), gradient, terms);
}

// Planning takes exactly the memory that running takes.
inline void expect_plan_is_exact(const RowLayer& layer, int shards) {
  const LayerRun planned = run_layer(layer, shards, LayerRig::Mode::plan);
  const LayerRun run = run_layer(layer, shards);
  EXPECT_EQ(planned.activations_peak, run.activations_peak);
  EXPECT_EQ(planned.workspace_peak, run.workspace_peak);
  EXPECT_GT(planned.activations_peak, 0);
}

// y against `reference` in double; dx and all gradients against central differences of dy . reference.
using LayerReference = std::function<Doubles(const Doubles& x, const NamedDoubles& values)>;

inline void expect_matches(const RowLayer& layer, const LayerReference& reference, double terms) {
  const LayerRun run = run_layer(layer, 1);
  expect_near("y", run.y, reference(run.x, run.values), terms);
  const auto loss_of_x = [&](const Doubles& x) { return dot(run.dy, reference(x, run.values)); };
  expect_near("dx", run.dx, numeric_gradient(loss_of_x, run.x), terms);
  for (const auto& [name, value] : run.values) {
    const auto loss = [&, key = name](const Doubles& changed) {
      NamedDoubles values = run.values;
      values[key] = changed;
      return dot(run.dy, reference(run.x, values));
    };
    expect_near(name, run.gradients.at(name), numeric_gradient(loss, value), terms);
  }
}

}  // namespace phalanx::testing
