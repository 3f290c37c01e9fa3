// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>
#include <cstddef>
#include <string>
#include <type_traits>
#include <vector>

namespace bench {

using Eigen::Index;

enum class Layer { batch_norm_1d, batch_norm_2d, layer_norm, rms_norm, group_norm };
enum class Pass { forward, infer, backward };
constexpr Pass passes[] = {Pass::infer, Pass::forward, Pass::backward};

/// How (n, c, s) lies in memory: a matrix by rows or columns, images channels first or last, or
/// first with 16 channels together.
enum class Layout { rows, columns, first, last, blocked };

/// One row of the table: a layer on (n, c, h, w), h and w being 1 for matrices.
struct Problem {
  Layer layer;
  Index n, c, h, w;
  Layout layout;
  Index groups = 1;
  double eps = 1e-5;

  Index spatial() const { return h * w; }
  Index size() const { return n * c * spatial(); }
  std::string name() const;  ///< "BatchNorm2d/32x64x112x112/first"

  bool is_by_row() const { return layer == Layer::layer_norm || layer == Layer::rms_norm; }
  Index statistics() const {
    if (is_by_row()) return n;
    return layer == Layer::group_norm ? n * groups : c;
  }

  /// f(offset, statistic, channel) for every element; channel is the index of gamma and beta.
  template <typename F>
  void visit(Layout order, const F& f) const {
    for (Index i = 0; i < n; ++i) {
      for (Index j = 0; j < c; ++j) {
        const Index statistic = is_by_row()                  ? i
                                : layer == Layer::group_norm ? i * groups + j * groups / c
                                                             : j;
        for (Index s = 0; s < spatial(); ++s) f(offset(order, i, j, s), statistic, j);
      }
    }
  }

 private:
  Index offset(Layout order, Index i, Index j, Index s) const {
    switch (order) {
      case Layout::columns:
        return j * n + i;
      case Layout::last:
        return (i * spatial() + s) * c + j;
      case Layout::blocked:
        return ((i * (c / 16) + j / 16) * spatial() + s) * 16 + j % 16;
      default:
        return (i * c + j) * spatial() + s;
    }
  }
};

const char* name(Pass pass);

/// What is measured: in float, and a few of them in double and in 16 bits.
std::vector<Problem> problems();
std::vector<Problem> double_problems();
std::vector<Problem> half_problems();

/// The type of gamma, beta and the running statistics: float for 16-bit data.
template <typename Scalar>
using Parameter = std::conditional_t<std::is_arithmetic_v<Scalar>, Scalar, float>;

/// The same numbers serve every problem, which takes as many of them as it needs.
template <typename Scalar>
struct Data {
  using Array = Eigen::Array<Scalar, Eigen::Dynamic, 1>;
  using Parameters = Eigen::Array<Parameter<Scalar>, Eigen::Dynamic, 1>;

  explicit Data(const std::vector<Problem>& problems) {
    Index size = 0, channels = 0;
    for (const Problem& problem : problems) {
      size = std::max(size, problem.size());
      channels = std::max(channels, problem.c);
    }
    x = Array::Random(size);
    dy = Array::Random(size);
    out = Array::Zero(size);
    gamma = Parameters::Random(channels) + Parameter<Scalar>(2);
    beta = Parameters::Random(channels);
    running_mean = Parameters::Random(channels);
    running_var = Parameters::Random(channels) + Parameter<Scalar>(2);
  }

  Array x, dy;
  Parameters gamma, beta, running_mean, running_var;
  mutable Array out;  ///< y or dx of whoever runs
};

}  // namespace bench
