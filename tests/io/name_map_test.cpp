// SPDX-License-Identifier: MIT
#include "eigen_norm/io/name_map.hpp"

#include <gtest/gtest.h>

#include <Eigen/Core>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "eigen_norm/batch_norm.hpp"
#include "eigen_norm/io/model_state.hpp"
#include "support/errors.hpp"

namespace eigen_norm {
namespace {

using io::NameMap;
using io::StateDict;
using memory::Shape;

using Names = std::vector<std::string>;

Names names_of(const StateDict& state) {
  Names names;
  for (const auto& entry : state) names.push_back(entry.name);
  return names;
}

// A state of tensors without elements.
StateDict state_of(const std::vector<std::pair<std::string, Shape>>& tensors) {
  StateDict state;
  for (const auto& [name, shape] : tensors) {
    io::TensorView view;
    view.shape = shape;
    view.strides = io::packed_strides(shape);
    state.add_view(name, view, nullptr);
  }
  return state;
}
// The same, all of them vectors.
StateDict state_of(const Names& names) {
  std::vector<std::pair<std::string, Shape>> tensors;
  for (const std::string& name : names) tensors.emplace_back(name, Shape{4});
  return state_of(tensors);
}

const Names batch_norm_of_torch{"norm.weight", "norm.bias", "norm.running_mean",
                                "norm.running_var"};

// There, and back to the same names.
void expect_names(const NameMap& map, const Names& theirs, Names torch) {
  const StateDict ours = map.to_torch(state_of(theirs));
  EXPECT_EQ(names_of(ours), torch);
  EXPECT_EQ(names_of(map.from_torch(ours)), theirs);
}

Names with_counter(Names names) {
  names.push_back("norm.num_batches_tracked");
  return names;
}

TEST(NameMap, HasTheNamesOfEachFramework) {
  const Names torch = with_counter(batch_norm_of_torch);
  expect_names(NameMap::keras(),
               {"norm/gamma", "norm/beta", "norm/moving_mean", "norm/moving_variance"}, torch);
  expect_names(
      NameMap::flax(),
      {"params/norm/scale", "params/norm/bias", "batch_stats/norm/mean", "batch_stats/norm/var"},
      torch);
  expect_names(NameMap::flax_nnx(), {"norm.scale", "norm.bias", "norm.mean", "norm.var"}, torch);
  expect_names(NameMap::onnx(), {"norm.scale", "norm.B", "norm.input_mean", "norm.input_var"},
               torch);
}

TEST(NameMap, ReadsTheOtherWaysOfWritingThem) {
  const auto torch = [](const NameMap& map, const Names& theirs) {
    return names_of(map.to_torch(state_of(theirs)));
  };
  EXPECT_EQ(torch(NameMap::keras(), {"norm.gamma:0", "norm/beta:12"}),
            (Names{"norm.weight", "norm.bias"}));
  EXPECT_EQ(torch(NameMap::keras(), {"norm/scale"}), Names{"norm.weight"});
  const Names batch_norm = with_counter(batch_norm_of_torch);
  EXPECT_EQ(torch(NameMap::flax(), {"norm.scale", "norm.bias", "norm.mean", "norm.var"}),
            batch_norm);
  EXPECT_EQ(torch(NameMap::flax_nnx(), {"params.norm.scale", "params.norm.bias",
                                        "batch_stats.norm.mean", "batch_stats.norm.var"}),
            batch_norm);
  EXPECT_EQ(torch(NameMap::onnx(), {"norm/scale", "norm/B", "norm/mean", "norm/var"}), batch_norm);
}

TEST(NameMap, TakesALayerWithoutAPath) {
  expect_names(NameMap::keras(), {"gamma", "beta"}, {"weight", "bias"});
  expect_names(NameMap::flax(), {"params/scale"}, {"weight"});
}

TEST(NameMap, KnowsANormalizationThatLearnsNothing) {
  const Names statistics{"norm.running_mean", "norm.running_var"};
  expect_names(NameMap::keras(), {"norm/moving_mean", "norm/moving_variance"},
               with_counter(statistics));
  expect_names(NameMap::flax(), {"batch_stats/norm/mean", "batch_stats/norm/var"},
               with_counter(statistics));
}

TEST(NameMap, ChangesOnlyTheSeparatorsOfOtherLayers) {
  expect_names(NameMap::keras(), {"model/dense/kernel", "model/dense/bias"},
               {"model.dense.kernel", "model.dense.bias"});
  expect_names(NameMap::flax(), {"params/Dense_0/kernel", "params/Dense_0/bias"},
               {"Dense_0.kernel", "Dense_0.bias"});
  expect_names(NameMap::flax_nnx(), {"latent.mean", "latent.kernel", "other.var"},
               {"latent.mean", "latent.kernel", "other.var"});
  expect_names(NameMap::onnx(), {"conv.W", "conv.B"}, {"conv.W", "conv.B"});
}

TEST(NameMap, TakesWhatIsInFlaxsCollectionsForWhatTheyHold) {
  const Names parameters{"params/latent/mean", "params/latent/var"};
  expect_names(NameMap::flax(), parameters, {"latent.mean", "latent.var"});
  const Names spectral{"batch_stats/SN_0/Dense_0/kernel/sigma", "params/Dense_0/kernel"};
  expect_names(NameMap::flax(), spectral,
               {"batch_stats.SN_0.Dense_0.kernel.sigma", "Dense_0.kernel"});
  expect_names(NameMap::flax(), {"batch_stats/ema/scale", "batch_stats/ema/bias"},
               {"batch_stats.ema.scale", "batch_stats.ema.bias"});
  EXPECT_EQ(names_of(NameMap::flax_nnx().to_torch(state_of(parameters))),
            (Names{"latent.mean", "latent.var"}));
}

TEST(NameMap, CutsNothingButANumberBehindAColon) {
  expect_names(NameMap::keras(), {"a/kernel:", "a/kernel:x", "a/gamma:"},
               {"a.kernel:", "a.kernel:x", "a.gamma:"});
}

TEST(NameMap, TellsTheWeightOfANormalizationFromOthersByItsShape) {
  const StateDict ours = state_of({{"fc.weight", {3, 4}},
                                   {"fc.bias", {3}},
                                   {"layer.weight", {2, 3}},
                                   {"layer.bias", {2, 3}},
                                   {"rms.weight", {4}},
                                   {"conv.weight", {8, 3, 3, 3}},
                                   {"batch.bias", {4}},
                                   {"batch.running_mean", {4}},
                                   {"batch.running_var", {4}},
                                   {"batch.num_batches_tracked", {}}});
  EXPECT_EQ(names_of(NameMap::keras().from_torch(ours)),
            (Names{"fc/weight", "fc/bias", "layer/gamma", "layer/beta", "rms/gamma", "conv/weight",
                   "batch/beta", "batch/moving_mean", "batch/moving_variance"}));
  EXPECT_EQ(names_of(NameMap::flax().from_torch(ours)),
            (Names{"params/fc/weight", "params/fc/bias", "params/layer/scale", "params/layer/bias",
                   "params/rms/scale", "params/conv/weight", "params/batch/bias",
                   "batch_stats/batch/mean", "batch_stats/batch/var"}));
}

TEST(NameMap, LeavesACounterThatIsThere) {
  const Names both{"norm.moving_mean", "norm.num_batches_tracked"};
  EXPECT_EQ(names_of(NameMap::keras().to_torch(state_of(both))),
            (Names{"norm.running_mean", "norm.num_batches_tracked"}));
}

TEST(NameMap, RefusesNamesThatMeet) {
  test::expect_error<std::invalid_argument>(
      "NameMap: expected a name for each tensor, got a.weight for a/gamma and a.gamma:0", [] {
        NameMap::keras().to_torch(state_of(Names{"a/gamma", "a.gamma:0"}));
      });
  test::expect_error<std::invalid_argument>(
      "NameMap: expected a name for each tensor, got a.running_mean for a/input_mean and a/mean",
      [] {
        NameMap::onnx().to_torch(state_of(Names{"a/input_mean", "a/mean"}));
      });
  test::expect_error<std::invalid_argument>(
      "NameMap: expected a name for each tensor, got a/b/gamma for a.b.weight and a/b.weight", [] {
        NameMap::keras().from_torch(state_of(Names{"a.b.weight", "a/b.weight"}));
      });
}

TEST(NameMap, SharesTheTensorsAndKeepsThemAlive) {
  auto gamma = std::make_shared<Eigen::Array3f>(1, 2, 3);
  StateDict theirs;
  theirs.add_view("norm/gamma", io::view_of(*gamma), gamma);
  StateDict ours = NameMap::keras().to_torch(theirs);
  theirs = StateDict();
  EXPECT_EQ(ours.at("norm.weight").data, gamma->data());
  const std::weak_ptr<Eigen::Array3f> memory = gamma;
  gamma.reset();
  EXPECT_FALSE(memory.expired());
  ours = StateDict();
  EXPECT_TRUE(memory.expired());
}

TEST(NameMap, GivesAStateThatLoadsStrictly) {
  BatchNorm1d<float> from(3), to(3);
  from.gamma() << 1, 2, 3;
  from.running_var() << 4, 5, 6;
  from.num_batches_tracked() = to.num_batches_tracked() = 7;
  StateDict ours;
  ours.add("norm", from);
  for (const NameMap& map :
       {NameMap::keras(), NameMap::flax(), NameMap::flax_nnx(), NameMap::onnx()}) {
    io::ModelState model;
    model.add("norm", to);
    to.gamma().setZero();
    model.load(map.to_torch(map.from_torch(ours)));
    EXPECT_TRUE((to.gamma() == from.gamma()).all());
    EXPECT_TRUE((to.running_var() == from.running_var()).all());
    EXPECT_EQ(to.num_batches_tracked(), 0);
  }
}

}  // namespace
}  // namespace eigen_norm
