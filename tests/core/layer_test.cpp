// SPDX-License-Identifier: MIT
#include "eigen_norm/core/layer.hpp"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "eigen_norm/eigen_norm.hpp"
#include "support/layer_check.hpp"

// What all layers have in common, seen from outside.
namespace eigen_norm::test {
namespace {

using Eigen::MatrixXf;

template <typename Layer, typename X, typename = void>
inline constexpr bool can_forward = false;
template <typename Layer, typename X>
inline constexpr bool can_forward<
    Layer, X, std::void_t<decltype(std::declval<Layer&>().forward(std::declval<const X&>()))>> =
    true;
template <typename Layer, typename X, typename = void>
inline constexpr bool can_infer = false;
template <typename Layer, typename X>
inline constexpr bool can_infer<
    Layer, X, std::void_t<decltype(std::declval<Layer&>().infer(std::declval<const X&>()))>> = true;
template <typename Layer, typename X, typename = void>
inline constexpr bool can_backward = false;
template <typename Layer, typename X>
inline constexpr bool can_backward<Layer, X,
                                   std::void_t<decltype(std::declval<Layer&>().backward(
                                       std::declval<const X&>(), std::declval<const X&>()))>> =
    true;

// A const layer cannot train: validating code that takes one cannot forget eval.
template <typename Layer, typename X>
constexpr bool trains_only_where_it_may_change() {
  return can_forward<Layer, X> && !can_forward<const Layer, X> && can_backward<Layer, X> &&
         !can_backward<const Layer, X> && can_infer<Layer, X> && can_infer<const Layer, X>;
}
static_assert(trains_only_where_it_may_change<BatchNorm1d<float>, MatrixXf>());
static_assert(trains_only_where_it_may_change<BatchNorm2d<float>, Eigen::Tensor<float, 4>>());
static_assert(trains_only_where_it_may_change<BatchNorm3d<float>, Eigen::Tensor<float, 5>>());
static_assert(trains_only_where_it_may_change<InstanceNorm1d<float>, MatrixXf>());
static_assert(trains_only_where_it_may_change<LayerNorm<float>, MatrixXf>());
static_assert(trains_only_where_it_may_change<GroupNorm<float>, MatrixXf>());

template <typename Layer>
constexpr bool is_a_value() {
  return std::is_copy_constructible_v<Layer> && std::is_copy_assignable_v<Layer> &&
         std::is_move_constructible_v<Layer> && std::is_move_assignable_v<Layer>;
}
static_assert(is_a_value<BatchNorm1d<float>>() && is_a_value<BatchNorm2d<float, 3>>());
static_assert(is_a_value<LayerNorm<float>>() && is_a_value<GroupNorm<float, 4>>());
static_assert(is_a_value<BatchNorm3d<float>>() && is_a_value<InstanceNorm2d<float, 3>>());
static_assert(!std::is_default_constructible_v<BatchNorm1d<float>>);
static_assert(!std::is_default_constructible_v<InstanceNorm1d<float>>);
static_assert(std::is_default_constructible_v<InstanceNorm1d<float, 4>>);
static_assert(!std::is_default_constructible_v<LayerNorm<float>>);
static_assert(!std::is_default_constructible_v<GroupNorm<float>>);
static_assert(std::is_default_constructible_v<BatchNorm1d<float, 4>>);
static_assert(std::is_default_constructible_v<BatchNorm2d<float, 4>>);
static_assert(std::is_default_constructible_v<LayerNorm<float, 4>>);
static_assert(std::is_default_constructible_v<GroupNorm<float, 4>>);
static_assert(!std::is_convertible_v<Index, BatchNorm1d<float>>);
static_assert(!std::is_convertible_v<Index, LayerNorm<float>>);
static_assert(trains_only_where_it_may_change<RMSNorm<float>, MatrixXf>());
static_assert(is_a_value<RMSNorm<float>>() && std::is_default_constructible_v<RMSNorm<float, 4>>);
static_assert(!std::is_default_constructible_v<RMSNorm<float>>);

// gamma and beta are parameters by reference, const on a const layer.
static_assert(std::is_same_v<decltype(std::declval<LayerNorm<float>&>().gamma()),
                             Parameters<float, Eigen::Dynamic>&>);
static_assert(std::is_same_v<decltype(std::declval<const LayerNorm<float, 4>&>().beta_grad()),
                             const Parameters<float, 4>&>);
static_assert(std::is_same_v<decltype(std::declval<const BatchNorm1d<double, 4>&>().running_var()),
                             const Parameters<double, 4>&>);

// What comes back owns its memory and is of x's kind and order.
template <typename X>
using Returned = decltype(std::declval<const LayerNorm<float>&>().infer(std::declval<const X&>()));
static_assert(std::is_same_v<Returned<MatrixXf>, MatrixXf>);
static_assert(std::is_same_v<Returned<Eigen::ArrayXXf>, Eigen::ArrayXXf>);
static_assert(std::is_same_v<Returned<Eigen::Block<RowMatrix<float>>>, RowMatrix<float>>);
static_assert(std::is_same_v<Returned<Eigen::Transpose<MatrixXf>>, RowMatrix<float>>);
static_assert(std::is_same_v<Returned<Eigen::Ref<const MatrixXf>>, MatrixXf>);
static_assert(std::is_same_v<Returned<Eigen::RowVectorXf>, Eigen::RowVectorXf>);
static_assert(std::is_same_v<Returned<Eigen::TensorMap<Eigen::Tensor<const float, 3>>>,
                             Eigen::Tensor<float, 3>>);

MatrixXf sample(std::uint64_t seed) { return to_eigen<MatrixXf>(random_normal({6, 4}, seed)); }

template <typename Check>
void for_each_layer(Check check) {
  check(BatchNorm1d<float>(4));
  check(LayerNorm<float>(4));
  check(GroupNorm<float>(2, 4));
}

TEST(Layer, HasTheNameThatItsErrorsHave) {
  EXPECT_EQ(BatchNorm2d<float>(64).name(), "BatchNorm2d(64)");
  EXPECT_EQ((InstanceNorm1d<float, 4>().name()), "InstanceNorm1d(4)");
  EXPECT_EQ(GroupNorm<float>(32, 512).name(), "GroupNorm(32, 512)");
  EXPECT_EQ(LayerNorm<float>({56, 56}).name(), "LayerNorm({56, 56})");
  EXPECT_EQ(RMSNorm<float>(768).name(), "RMSNorm(768)");
}

TEST(Layer, NamesItsParametersAsAStateDictDoes) {
  for_each_layer([](auto layer) {
    std::vector<std::string> names;
    layer.for_each_parameter([&](std::string_view name, auto& value, auto& grad) {
      names.emplace_back(name);
      value.setConstant(static_cast<float>(names.size()));
      grad.setConstant(7);
    });
    EXPECT_EQ(names, (std::vector<std::string>{"weight", "bias"}));
    EXPECT_EQ(from_parameters(layer.gamma()), Values(4, 1));
    EXPECT_EQ(from_parameters(layer.beta()), Values(4, 2));
    EXPECT_EQ(from_parameters(layer.gamma_grad()), Values(4, 7));
    layer.zero_grad();
    EXPECT_EQ(from_parameters(layer.beta_grad()), Values(4, 0));
  });
}

/// The names that for_each_state gives, of a layer that is const or not.
template <typename Layer>
std::vector<std::string> state_of(Layer& layer) {
  std::vector<std::string> names;
  layer.for_each_state([&](std::string_view name, auto&) { names.emplace_back(name); });
  return names;
}

TEST(Layer, NamesItsStateAsAStateDictDoes) {
  using Names = std::vector<std::string>;
  const Names tracked{"weight", "bias", "running_mean", "running_var", "num_batches_tracked"};
  BatchNorm1d<float> norm(4);
  EXPECT_EQ(state_of(norm), tracked);
  EXPECT_EQ(state_of(std::as_const(norm)), tracked);

  BatchNormOptions options;
  options.track_running_stats = options.gamma = false;
  const BatchNorm1d<float> bare(4, options);
  EXPECT_EQ(state_of(bare), Names{"bias"});
  const LayerNorm<float> layer_norm(4);
  EXPECT_EQ(state_of(layer_norm), (Names{"weight", "bias"}));
}

TEST(Layer, IsRestoredFromItsState) {
  BatchNorm1d<float> trained(4), restored(4);
  trained.gamma() << 1, 2, 3, 4;
  trained.forward(sample(1));
  std::vector<std::vector<float>> saved;
  trained.for_each_state([&](std::string_view, const auto& value) {
    if constexpr (std::is_same_v<decltype(value), const Index&>) {
      saved.push_back({static_cast<float>(value)});
    } else {
      saved.emplace_back(value.data(), value.data() + value.size());
    }
  });
  std::size_t next = 0;
  restored.for_each_state([&](std::string_view, auto& value) {
    const std::vector<float>& from = saved[next++];
    if constexpr (std::is_same_v<decltype(value), Index&>) {
      value = static_cast<Index>(from[0]);
    } else {
      std::copy(from.begin(), from.end(), value.data());
    }
  });
  EXPECT_EQ(restored.infer(sample(2)), trained.infer(sample(2)));
  EXPECT_EQ(restored.num_batches_tracked(), 1);
}

TEST(Layer, IsCopiedAsAnIndependentValue) {
  for_each_layer([](auto layer) {
    const MatrixXf x = sample(1), dy = sample(2);
    layer.forward(x);
    const auto kept = layer;
    auto copy = layer;
    const Values before = visible_state(layer);

    layer.gamma() *= 2;
    layer.train(false);
    layer.forward(sample(3));
    layer.backward(sample(3), dy);
    EXPECT_EQ(visible_state(kept), before);
    EXPECT_EQ(visible_state(copy), before);

    // The copy still answers the forward it was copied after.
    auto assigned = layer;
    assigned = kept;
    EXPECT_EQ(assigned.backward(x, dy), copy.backward(x, dy));
    EXPECT_EQ(visible_state(assigned), visible_state(copy));
  });
}

TEST(Layer, MovesWithAllItRemembers) {
  for_each_layer([](auto layer) {
    const MatrixXf x = sample(1), dy = sample(2);
    layer.forward(x);
    auto copy = layer;
    const Values before = visible_state(layer);
    auto moved = std::move(layer);
    EXPECT_EQ(visible_state(moved), before);
    EXPECT_EQ(moved.backward(x, dy), copy.backward(x, dy));
    layer = std::move(moved);
    EXPECT_EQ(layer.backward(x, dy), copy.backward(x, dy));
  });
}

TEST(Layer, IsLeftAloneByInfer) {
  for_each_layer([](auto layer) {
    const MatrixXf x = sample(1), dy = sample(2);
    layer.forward(x);
    auto twin = layer;
    const Values before = visible_state(layer);
    layer.infer(MatrixXf(MatrixXf::Random(99, 4)));
    EXPECT_EQ(visible_state(layer), before);
    EXPECT_EQ(layer.backward(x, dy), twin.backward(x, dy));
  });
}

TEST(Layer, InfersFromManyThreadsAtOnce) {
  for_each_layer([](auto layer) {
    for (const std::uint64_t seed : {1U, 2U, 3U}) layer.forward(sample(seed));
    const auto& shared = layer;
    const MatrixXf x = MatrixXf::Random(500, 4), want = shared.infer(x);
    std::vector<MatrixXf> answers(4);
    std::vector<std::thread> threads;
    for (MatrixXf& answer : answers) {
      threads.emplace_back([&] {
        for (int i = 0; i < 20; ++i) shared.infer(x, answer);
      });
    }
    for (std::thread& thread : threads) thread.join();
    for (const MatrixXf& answer : answers) EXPECT_EQ(answer, want);
  });
}

TEST(Layer, ReturnsAnEmptyResultForAnEmptyInput) {
  for_each_layer([](auto layer) {
    layer.forward(sample(1));
    const Values before = visible_state(layer);
    const MatrixXf none(0, 4);
    EXPECT_EQ(dims_of(layer.infer(none)), (Dims{0, 4}));
    EXPECT_EQ(dims_of(layer.forward(none)), (Dims{0, 4}));
    EXPECT_EQ(dims_of(layer.backward(none, none)), (Dims{0, 4}));
    EXPECT_EQ(visible_state(layer), before);
    EXPECT_THROW(layer.backward(sample(1), sample(1)), std::invalid_argument);
  });
}

// The elements of an expression may be costly or random: each is asked for once.
TEST(Layer, EvaluatesAnExpressionOnce) {
  for_each_layer([](auto layer) {
    Index asked = 0;
    const MatrixXf values = sample(1);
    const auto count = [&](Index row, Index col) {
      ++asked;
      return values(row, col);
    };
    const auto x = MatrixXf::NullaryExpr(6, 4, count);
    auto twin = layer;
    const MatrixXf y = layer.forward(x);
    EXPECT_EQ(asked, 24);
    EXPECT_EQ(y, twin.forward(values));
    layer.infer(x);
    EXPECT_EQ(asked, 48);
    const MatrixXf dx = layer.backward(x, x);
    EXPECT_EQ(asked, 96);
    EXPECT_EQ(dx, twin.backward(values, values));
  });
}

TEST(Layer, TakesExpressionsOfTensors) {
  LayerNorm<float> layer(4);
  Eigen::Tensor<float, 3> x(2, 3, 4);
  x.setRandom();
  Eigen::Tensor<float, 3> twice = x * 2.0F;
  EXPECT_EQ(from_eigen(layer.forward(x * 2.0F)).values, from_eigen(layer.infer(twice)).values);
  EXPECT_EQ(from_eigen(layer.backward(x * 2.0F, x + x)).values,
            from_eigen(layer.backward(twice, twice)).values);
}

// As in chains of expressions: what is written is not read any more.
TEST(Layer, WritesIntoWhatItsExpressionWasMadeOf) {
  LayerNorm<float> layer(4);
  MatrixXf x = sample(1);
  const MatrixXf want = layer.infer(MatrixXf(2 * x));
  layer.infer(2 * x, x);
  EXPECT_EQ(x, want);
}

TEST(Layer, WritesIntoTemporaryViews) {
  LayerNorm<float> layer(4);
  const MatrixXf x = sample(1), want = layer.infer(x);
  MatrixXf all = MatrixXf::Zero(9, 9);
  layer.forward(x, all.block(1, 2, 6, 4));
  EXPECT_EQ(all.block(1, 2, 6, 4), want);
  layer.infer(x, all.topLeftCorner(6, 4));
  EXPECT_EQ(all.topLeftCorner(6, 4), want);
  std::vector<float> memory(24);
  layer.backward(x, x, Eigen::Map<MatrixXf>(memory.data(), 6, 4));
  EXPECT_EQ((Eigen::Map<MatrixXf>(memory.data(), 6, 4)), layer.backward(x, x));
}

TEST(Layer, MixesTheKindsOfOneOrder) {
  LayerNorm<float> layer(4);
  const MatrixXf x = sample(1), want = layer.infer(x);
  Eigen::ArrayXXf array;
  layer.forward(x, array);
  EXPECT_EQ(array.matrix(), want);
  const MatrixXf dx = layer.backward(x, x);
  Eigen::ArrayXXf dx_array;
  layer.backward(x, x.array(), dx_array);
  EXPECT_EQ(dx_array.matrix(), dx);
  Eigen::Tensor<float, 2> tensor;
  layer.infer(x, tensor);
  EXPECT_EQ(from_eigen(tensor).values, from_eigen(want).values);
}

}  // namespace
}  // namespace eigen_norm::test
