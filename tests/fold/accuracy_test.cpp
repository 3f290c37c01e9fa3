// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

#include "eigen_norm/fold/fold.hpp"
#include "fold/norms.hpp"
#include "support/linear_maps.hpp"

// What a fold costs in float where a mean is many deviations from 0. The deviation is 1, gamma and
// beta are 1 and 0: errors are in deviations of the result.
namespace eigen_norm::test {
namespace {

using Eigen::MatrixXf;
using Eigen::VectorXf;

constexpr Index samples = 64, inputs = 128, outputs = 32;

MatrixXf matrix(const Dims& dims, std::uint64_t seed, Real mean, Real sigma = 1) {
  return to_eigen<MatrixXf>(random_normal(dims, seed, mean, sigma));
}

// W x + b in float, of samples that are rows.
MatrixXf evaluated(const MatrixXf& x, const MatrixXf& weight, const VectorXf& bias) {
  return (x * weight.transpose()).rowwise() + bias.transpose();
}

// Largest errors of norm and layer one after the other, and of the layer that both are folded into.
struct Errors {
  Real apart, folded;
};

class Example {
 public:
  Example(Real mean_of_x, Real mean_of_bias)
      : x_(matrix({samples, inputs}, 1, mean_of_x)),
        weight_(matrix({outputs, inputs}, 2, 0, 1 / std::sqrt(Real(inputs)))),
        bias_(matrix({outputs, 1}, 3, mean_of_bias)),
        mean_of_x_(mean_of_x),
        mean_of_bias_(mean_of_bias) {}

  // norm(W x + b)
  Errors preceding() const {
    BatchNorm1d<float> norm(outputs);
    const float of_x = static_cast<float>(mean_of_x_), of_bias = static_cast<float>(mean_of_bias_);
    norm.running_mean() = weight_.rowwise().sum().array() * of_x + of_bias;
    const auto layer = fold::into_preceding(norm, weight_, bias_);
    const Logical truth = inferred(norm, by_definition(from_eigen(x_)));
    return {worst_difference(from_eigen(norm.infer(evaluated(x_, weight_, bias_))), truth),
            worst_difference(from_eigen(evaluated(x_, layer.weight, layer.bias)), truth)};
  }

  // W norm(x) + b
  Errors following() const {
    BatchNorm1d<float> norm(inputs);
    norm.running_mean().setConstant(static_cast<float>(mean_of_x_));
    const auto layer = fold::into_following(norm, weight_, bias_);
    const Logical truth = by_definition(inferred(norm, from_eigen(x_)));
    return {worst_difference(from_eigen(evaluated(norm.infer(x_), weight_, bias_)), truth),
            worst_difference(from_eigen(evaluated(x_, layer.weight, layer.bias)), truth)};
  }

 private:
  Logical by_definition(const Logical& x) const {
    return linear(x, from_eigen(weight_), from_parameters(bias_));
  }

  MatrixXf x_, weight_;
  VectorXf bias_;
  Real mean_of_x_, mean_of_bias_;
};

TEST(FoldAccuracy, FallsWithTheMeanOfTheInputAlone) {
  constexpr Real good = 4e-6L;  // a sum of 128 products in float
  std::printf("  |mean| / sigma   norm(W x + b), mean of b   of W x             W norm(x) + b\n");
  for (const Real mean : {0.0L, 10.0L, 100.0L, 1e3L, 1e4L, 1e6L}) {
    const Errors of_bias = Example(0, mean).preceding(), of_sum = Example(mean, 0).preceding();
    const Errors of_input = Example(mean, 0).following();
    std::printf("  %-16Lg", mean);
    for (const Errors& errors : {of_bias, of_sum, of_input}) {
      std::printf(" %.1Le -> %.1Le", errors.apart, errors.folded);
    }
    std::printf("\n");
    EXPECT_LE(of_bias.folded, good);
    EXPECT_LE(of_sum.folded, good * std::max(Real(1), mean));
    EXPECT_LE(of_sum.folded, 2 * of_sum.apart);
    EXPECT_LE(of_input.apart, good);
    EXPECT_LE(of_input.folded, good * std::max(Real(1), mean));
  }
}

}  // namespace
}  // namespace eigen_norm::test
