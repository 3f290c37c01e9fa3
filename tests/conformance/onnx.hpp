// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <limits>
#include <vector>

#include "conformance/comparison.hpp"
#include "eigen_norm/batch_norm.hpp"
#include "eigen_norm/instance_norm.hpp"
#include "eigen_norm/layer_norm.hpp"
#include "support/onnx.hpp"

// The node tests of ONNX, as Debian's libonnx-testdata installs them. Their answers were computed
// and stored in float, so a layer in double is no closer to them than one in float.
namespace eigen_norm::test::onnx {

// ONNX's momentum is the weight of the old statistics.
template <typename Tensor, typename Layer, typename Scalar>
void compare_batch_norm_case(Comparison<Scalar>& compare, const Case& tested, const Logical& x) {
  const bool training = tested.node().integer("training_mode", 0) == 1;
  // The defaults of a node are the preset's.
  const auto or_preset = [](float given, double preset) {
    return std::isnan(given) ? preset : static_cast<double>(given);
  };
  const float none = std::numeric_limits<float>::quiet_NaN();
  BatchNormOptions options = BatchNormOptions::onnx();
  options.eps = or_preset(tested.node().number("epsilon", none), options.eps);
  options.momentum = 1 - or_preset(tested.node().number("momentum", none), 1 - *options.momentum);
  Layer layer(x.dims.at(1), options);
  copy_to_parameters(tested.input(1).values, layer.gamma());
  copy_to_parameters(tested.input(2).values, layer.beta());
  copy_to_parameters(tested.input(3).values, layer.running_mean());
  copy_to_parameters(tested.input(4).values, layer.running_var());
  layer.train(training);
  const Values& y = tested.output(0).values;
  const Tensor input = to_eigen<Tensor>(x);
  compare.expect_value("Y", from_eigen(layer.forward(input)).values, y);
  if (training) {
    compare.expect_value("running_mean", from_parameters(layer.running_mean()),
                         tested.output(1).values);
    compare.expect_value("running_var", from_parameters(layer.running_var()),
                         tested.output(2).values);
  } else {
    compare.expect_value("Y by infer", from_eigen(layer.infer(input)).values, y);
  }
}

template <typename Scalar>
void compare_batch_norm(const char* folder) {
  Comparison<Scalar> compare(std::string("BatchNormalization against ONNX, ") + folder,
                             float_tolerance);
  for (const Case& tested : cases_of(folder, "BatchNormalization")) {
    compare.begin_case(tested.name);
    const Logical& x = tested.input(0);
    with_rank<3, 4, 5>(x.rank(), [&](auto rank) {
      using Layer = BatchNorm<Scalar, Eigen::Dynamic, rank - 2>;
      using RowMajor = Eigen::Tensor<Scalar, rank, Eigen::RowMajor>;
      using ColMajor = Eigen::Tensor<Scalar, rank, Eigen::ColMajor>;
      compare_batch_norm_case<RowMajor, Layer>(compare, tested, x);
      compare_batch_norm_case<ColMajor, Layer>(compare, tested, x);
    });
  }
}

template <typename Tensor, typename Scalar>
void compare_instance_norm_case(Comparison<Scalar>& compare, const Case& tested) {
  InstanceNormOptions options = InstanceNormOptions::onnx();
  options.eps = static_cast<double>(tested.node().number("epsilon", 1e-5F));
  InstanceNorm2d<Scalar> layer(tested.input(0).dims.at(1), options);
  copy_to_parameters(tested.input(1).values, layer.gamma());
  copy_to_parameters(tested.input(2).values, layer.beta());
  const Tensor x = to_eigen<Tensor>(tested.input(0));
  compare.expect_value("output", from_eigen(layer.forward(x)), tested.output(0));
}

template <typename Scalar>
void compare_instance_norm() {
  Comparison<Scalar> compare("InstanceNormalization against ONNX, node", float_tolerance);
  for (const Case& tested : cases_of("node", "InstanceNormalization")) {
    compare.begin_case(tested.name);
    compare_instance_norm_case<Eigen::Tensor<Scalar, 4, Eigen::RowMajor>>(compare, tested);
    compare_instance_norm_case<Eigen::Tensor<Scalar, 4, Eigen::ColMajor>>(compare, tested);
  }
}

template <typename Tensor, typename Scalar>
void compare_layer_norm_case(Comparison<Scalar>& compare, const Case& tested) {
  const Logical& x = tested.input(0);
  const std::int64_t axis = tested.node().integer("axis", -1);
  const auto first = static_cast<Index>(axis < 0 ? axis + x.rank() : axis);
  LayerNormOptions options;
  options.eps = static_cast<double>(tested.node().number("epsilon", 1e-5F));
  LayerNorm<Scalar> layer(Dims(x.dims.begin() + first, x.dims.end()), options);
  copy_to_parameters(tested.input(1).values, layer.gamma());
  copy_to_parameters(tested.input(2).values, layer.beta());
  const Tensor input = to_eigen<Tensor>(x);
  compare.expect_value("Y", from_eigen(layer.forward(input)), tested.output(0));
  compare.expect_value("Mean", from_parameters(layer.batch_mean()), tested.output(1).values);
  compare.expect_value("InvStdDev", from_parameters(layer.batch_inv_std()),
                       tested.output(2).values);
}

template <typename Scalar>
void compare_layer_norm() {
  Comparison<Scalar> compare("LayerNormalization against ONNX, node", float_tolerance);
  for (const Case& tested : cases_of("node", "LayerNormalization")) {
    compare.begin_case(tested.name);
    with_rank<2, 3, 4>(tested.input(0).rank(), [&](auto rank) {
      compare_layer_norm_case<Eigen::Tensor<Scalar, rank, Eigen::RowMajor>>(compare, tested);
      compare_layer_norm_case<Eigen::Tensor<Scalar, rank, Eigen::ColMajor>>(compare, tested);
    });
  }
}

}  // namespace eigen_norm::test::onnx
