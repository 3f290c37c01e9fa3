// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <optional>
#include <string>

#include "conformance/comparison.hpp"
#include "support/golden.hpp"

namespace eigen_norm::test {

inline std::optional<double> optional_number(const GoldenCase& golden, const std::string& key) {
  if (golden.option(key) == "none") return std::nullopt;
  return golden.number(key);
}

template <typename Layer>
void set_parameters(Layer& layer, const GoldenCase& golden) {
  copy_to_parameters(golden.parameter("weight"), layer.gamma());
  copy_to_parameters(golden.parameter("bias"), layer.beta());
}

// The order of dimensions that leaves the channels where PyTorch has them.
template <typename Tensor>
Dims channels_first() {
  Dims order;
  for (Index axis = 0; axis < Tensor::NumDimensions; ++axis) order.push_back(axis);
  return order;
}

// The order that moves them to the end.
template <typename Tensor>
Dims channels_last(Index axis = 1) {
  Dims order = channels_first<Tensor>();
  std::rotate(order.begin() + axis, order.begin() + axis + 1, order.end());
  return order;
}

// One forward and one backward of the arrays x, dy, y and dx whose names end in `step`, with their
// dimensions in `order`.
template <typename Tensor, typename Layer, typename Scalar>
void compare_step(Comparison<Scalar>& compare, Layer& layer, const GoldenCase& golden,
                  const std::string& step, const Dims& order) {
  const auto array = [&](const char* name) { return permuted(golden.array(name + step), order); };
  const Tensor x = to_eigen<Tensor>(array("x"));
  const Tensor dy = to_eigen<Tensor>(array("dy"));
  layer.zero_grad();
  compare.expect_value("y" + step, from_eigen(layer.forward(x)), array("y"));
  compare.expect_value("dx" + step, from_eigen(layer.backward(x, dy)), array("dx"));
  if (golden.has("weight")) {
    compare.expect_sum("dgamma" + step, from_parameters(layer.gamma_grad()),
                       golden.array("weight_grad" + step).values);
  }
  if (golden.has("bias")) {
    compare.expect_sum("dbeta" + step, from_parameters(layer.beta_grad()),
                       golden.array("bias_grad" + step).values);
  }
}

// The answer of the last step by infer, which must give it in any mode.
template <typename Tensor, typename Layer, typename Scalar>
void compare_infer(Comparison<Scalar>& compare, Layer& layer, const GoldenCase& golden,
                   const std::string& step, const Dims& order) {
  const Tensor x = to_eigen<Tensor>(permuted(golden.array("x" + step), order));
  const Logical y = permuted(golden.array("y" + step), order);
  for (const bool training : {true, false}) {
    layer.train(training);
    compare.expect_value("infer", from_eigen(layer.infer(x)), y);
  }
}

}  // namespace eigen_norm::test
