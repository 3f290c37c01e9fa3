// SPDX-License-Identifier: MIT
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>

#include "support/places.hpp"
#include "support/reference.hpp"

namespace eigen_norm::test {

// What a layer is asked and what it owes: `want` for forward and backward, `inferred` for infer
// before them.
struct Example {
  Logical x;
  Logical dy;
  Reference want;
  Logical inferred;
};

// Single values relative to max(1, |value|), and sums to their natural size.
template <typename Scalar>
inline constexpr Real value_tolerance = std::is_same_v<Scalar, float> ? 2e-6L : 1e-12L;
template <typename Scalar>
inline constexpr Real sum_tolerance = std::is_same_v<Scalar, float> ? 1e-5L : 1e-12L;

inline Real largest(const Values& values, Real least) {
  for (const Real value : values) least = std::max(least, std::abs(value));
  return least;
}

// max |got - want| / max(scale, |want|)
inline void expect_close(const std::string& what, const Values& got, const Values& want,
                         Real tolerance, Real scale = 1) {
  ASSERT_EQ(got.size(), want.size()) << what;
  Real worst = 0;
  std::size_t where = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    Real error = std::abs(got[i] - want[i]) / std::max(scale, std::abs(want[i]));
    if (std::isnan(error)) error = std::numeric_limits<Real>::infinity();
    if (error <= worst) continue;
    worst = error;
    where = i;
  }
  EXPECT_LE(worst, tolerance) << what << ": element " << where << " of " << got.size() << " is "
                              << got[where] << " instead of " << want[where];
}

inline void expect_close(const std::string& what, const Logical& got, const Logical& want,
                         Real tolerance, Real scale = 1) {
  ASSERT_EQ(got.dims, want.dims) << what;
  expect_close(what, got.values, want.values, tolerance, scale);
}

// The size of dx's largest term: what its rounding errors are relative to.
template <typename Layer>
Real dx_scale(const Layer& layer, const Example& example) {
  return largest(example.want.inv_std, 0) * largest(example.dy.values, 1) *
         largest(from_parameters(layer.gamma()), 1);
}

// A sum of m random numbers of size 1 has the size sqrt(m), however little of it is left.
template <typename Layer>
void expect_gradients(const Layer& layer, const Example& example, Real times) {
  using Scalar = typename Layer::Scalar;
  const Reference& want = example.want;
  const Real terms = static_cast<Real>(example.x.size()) / static_cast<Real>(want.dbeta.size());
  const Real scale = times * std::max(Real(1), std::sqrt(terms));
  const auto scaled = [times](Values values) {
    for (Real& value : values) value *= times;
    return values;
  };
  if (layer.gamma().size() > 0) {
    expect_close("dgamma", from_parameters(layer.gamma_grad()), scaled(want.dgamma),
                 sum_tolerance<Scalar>, scale);
  }
  if (layer.beta().size() > 0) {
    expect_close("dbeta", from_parameters(layer.beta_grad()), scaled(want.dbeta),
                 sum_tolerance<Scalar>, scale);
  }
}

// Asks everything of a layer once: infer, forward and backward into poisoned memory, with x, y, dy
// and dx each in a place of its own kind.
template <typename XPlace, typename YPlace = XPlace, typename DyPlace = XPlace,
          typename DxPlace = YPlace, typename Layer>
void expect_answers(Layer layer, const Example& example) {
  constexpr Real tolerance = value_tolerance<typename Layer::Scalar>;
  XPlace x(example.x);
  DyPlace dy(example.dy);
  YPlace y(all_nan(example.x.dims));
  DxPlace dx(all_nan(example.x.dims));

  std::as_const(layer).infer(x.view(), y.view());
  expect_close("infer", from_eigen(y.view()), example.inferred, tolerance);
  layer.forward(x.view(), y.view());
  expect_close("forward", from_eigen(y.view()), example.want.y, tolerance);
  layer.zero_grad();
  layer.backward(x.view(), dy.view(), dx.view());
  expect_close("backward", from_eigen(dx.view()), example.want.dx, tolerance,
               dx_scale(layer, example));
  expect_gradients(layer, example, 1);

  EXPECT_EQ(from_eigen(x.view()).values, example.x.values) << "x has changed";
  EXPECT_EQ(from_eigen(dy.view()).values, example.dy.values) << "dy has changed";
  EXPECT_TRUE(x.is_alone() && y.is_alone() && dy.is_alone() && dx.is_alone())
      << "memory around an array has changed";
}

// What is returned has the bits of what is written into an object of the same kind; a second
// backward adds its gradients to those of the first.
template <typename Object, typename Layer>
void expect_returned(Layer layer, const Example& example) {
  const Object x = to_eigen<Object>(example.x), dy = to_eigen<Object>(example.dy);
  Object y, dx;
  layer.infer(x, y);
  EXPECT_EQ(from_eigen(layer.infer(x)).values, from_eigen(y).values) << "infer";
  Layer twin = layer;
  twin.forward(x, y);
  EXPECT_EQ(from_eigen(layer.forward(x)).values, from_eigen(y).values) << "forward";
  layer.backward(x, dy, dx);
  EXPECT_EQ(from_eigen(layer.backward(x, dy)).values, from_eigen(dx).values) << "backward";
  expect_gradients(layer, example, 2);
}

// Both of these in row-major and in column-major tensors.
template <int Rank, typename Layer>
void expect_both_orders(const Layer& layer, const Example& example) {
  using RowMajor = Eigen::Tensor<typename Layer::Scalar, Rank, Eigen::RowMajor>;
  using ColMajor = Eigen::Tensor<typename Layer::Scalar, Rank, Eigen::ColMajor>;
  expect_answers<Owned<RowMajor>>(layer, example);
  expect_returned<RowMajor>(layer, example);
  expect_answers<Owned<ColMajor>>(layer, example);
  expect_returned<ColMajor>(layer, example);
}

// y = x, dx = dy and dx = x give the bits that separate outputs give.
template <typename Place, typename Layer>
void expect_in_place(Layer layer, const Example& example) {
  Place x(example.x), dy(example.dy);
  Place y(all_nan(example.x.dims)), dx(all_nan(example.x.dims));
  Layer twin = layer;

  Place over(example.x);
  layer.infer(x.view(), y.view());
  layer.infer(over.view(), over.view());
  EXPECT_EQ(from_eigen(over.view()).values, from_eigen(y.view()).values) << "infer in place";

  Place on(example.x);
  layer.forward(x.view(), y.view());
  twin.forward(on.view(), on.view());
  EXPECT_EQ(from_eigen(on.view()).values, from_eigen(y.view()).values) << "forward in place";

  layer.zero_grad();
  layer.backward(x.view(), dy.view(), dx.view());
  const Values gradient = from_parameters(layer.gamma_grad());
  for (const bool onto_dy : {true, false}) {
    Place x_too(example.x), dy_too(example.dy);
    layer.zero_grad();
    layer.backward(x_too.view(), dy_too.view(), onto_dy ? dy_too.view() : x_too.view());
    const Logical result = from_eigen(onto_dy ? dy_too.view() : x_too.view());
    EXPECT_EQ(result.values, from_eigen(dx.view()).values) << (onto_dy ? "dx = dy" : "dx = x");
    EXPECT_EQ(from_parameters(layer.gamma_grad()), gradient);
    EXPECT_TRUE(x_too.is_alone() && dy_too.is_alone());
  }
  EXPECT_TRUE(over.is_alone() && on.is_alone());
}

// The same question with gamma and beta there or not.
template <typename Run>
void for_each_affine(Index size, Run run) {
  for (const bool gamma : {true, false}) {
    for (const bool beta : {true, false}) {
      SCOPED_TRACE(std::string(gamma ? "gamma" : "no gamma") + (beta ? ", beta" : ", no beta"));
      run(Affine{gamma ? random_gamma(size, 21) : Values(),
                 beta ? random_beta(size, 22) : Values()});
    }
  }
}

template <typename Layer>
void set_affine(Layer& layer, const Affine& affine) {
  copy_to_parameters(affine.gamma, layer.gamma());
  copy_to_parameters(affine.beta, layer.beta());
}

template <typename Layer, typename = void>
inline constexpr bool has_running_statistics = false;
template <typename Layer>
inline constexpr bool
    has_running_statistics<Layer, std::void_t<decltype(std::declval<Layer&>().running_mean())>> =
        true;

// Everything of a layer that can be seen, to compare before and after.
template <typename Layer>
Values visible_state(const Layer& layer) {
  Values state{layer.is_training() ? Real(1) : Real(0)};
  const auto append = [&state](const auto& array) {
    state.push_back(static_cast<Real>(array.size()));
    const Values values = from_parameters(array);
    state.insert(state.end(), values.begin(), values.end());
  };
  append(layer.gamma());
  append(layer.beta());
  append(layer.gamma_grad());
  append(layer.beta_grad());
  append(layer.batch_mean());
  append(layer.batch_inv_std());
  if constexpr (has_running_statistics<Layer>) {
    append(layer.running_mean());
    append(layer.running_var());
    state.push_back(static_cast<Real>(layer.num_batches_tracked()));
    state.push_back(static_cast<Real>(layer.num_batches_skipped()));
    state.push_back(layer.is_frozen() ? Real(1) : Real(0));
  }
  return state;
}

}  // namespace eigen_norm::test
