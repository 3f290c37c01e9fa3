// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <Eigen/Core>
#include <algorithm>
#include <cstdio>
#include <string>
#include <unsupported/Eigen/AutoDiff>
#include <vector>

#include "eigen_norm/eigen_norm.hpp"
#include "support/dual.hpp"
#include "support/layer_check.hpp"
#include "support/logical.hpp"
#include "support/random.hpp"

// Layers on numbers that carry their own derivatives: forward, differentiated by the chain rule one
// operation at a time, owes what backward computes by its formulas.
namespace eigen_norm::test {
namespace {

constexpr Real tolerance = 1e-12L;

// How a scalar carries derivatives: by `width` variables at a time.
template <typename Scalar>
struct Tangents;

template <>
struct Tangents<Dual> {
  static constexpr Index width = 1;
  static void seed(Dual& x, Index) { x.tangent = 1; }
  static double get(const Dual& x, Index) { return x.tangent; }
};

template <int Size>
struct Tangents<Eigen::AutoDiffScalar<Eigen::Matrix<double, Size, 1>>> {
  using Scalar = Eigen::AutoDiffScalar<Eigen::Matrix<double, Size, 1>>;
  static constexpr Index width = 7;
  static void seed(Scalar& x, Index k) { x.derivatives() = Eigen::VectorXd::Unit(width, k); }
  static double get(const Scalar& x, Index k) {
    return x.derivatives().size() == 0 ? 0 : x.derivatives()[k];
  }
};

enum class Mode { training, eval, frozen };

template <typename Layer>
void set_state(Layer& layer, Mode mode, Index parameters) {
  const auto assign = [](auto& to, const Values& from) {
    for (Index i = 0; i < to.size(); ++i) {
      to[i] = static_cast<double>(from[static_cast<std::size_t>(i)]);
    }
  };
  assign(layer.gamma(), random_gamma(parameters, 3));
  assign(layer.beta(), random_beta(parameters, 4));
  layer.train(mode != Mode::eval);
  if constexpr (has_running_statistics<Layer>) {
    assign(layer.running_mean(), random_beta(layer.running_mean().size(), 5));
    for (Index c = 0; c < layer.running_var().size(); ++c) {
      layer.running_var()[c] = 0.5 + 0.25 * static_cast<double>(c);
    }
    if (mode == Mode::frozen) layer.freeze();
  }
}

double value_of(const Dual& x) { return x.value; }
template <typename Derivatives>
double value_of(const Eigen::AutoDiffScalar<Derivatives>& x) {
  return x.value();
}

struct Gradient {
  Values dx, dgamma, dbeta;
};

// d sum(dy * y) of every x, gamma and beta, by forward alone; the same by infer in eval mode.
template <typename Scalar, typename Layer, typename X, typename DoubleX>
Gradient differentiate(const Layer& initial, const X& zeros, const DoubleX& x, const DoubleX& dy,
                       Mode mode) {
  using T = Tangents<Scalar>;
  const Index parameters = initial.gamma().size() + initial.beta().size();
  Values all(static_cast<std::size_t>(x.size() + parameters), 0);
  const Index variables = static_cast<Index>(all.size());
  for (Index begin = 0; begin < variables; begin += T::width) {
    Layer layer = initial;
    X seeded = zeros;
    for (Index i = 0; i < x.size(); ++i) seeded.data()[i] = Scalar(x.data()[i]);
    const Index end = std::min(begin + T::width, variables);
    for (Index v = begin; v < end; ++v) {
      const Index p = v - x.size(), beta = p - layer.gamma().size();
      T::seed(p < 0      ? seeded.data()[v]
              : beta < 0 ? layer.gamma()[p]
                         : layer.beta()[beta],
              v - begin);
    }
    const X y = mode == Mode::eval ? layer.infer(seeded) : layer.forward(seeded);
    for (Index v = begin; v < end; ++v) {
      for (Index i = 0; i < y.size(); ++i) {
        all[static_cast<std::size_t>(v)] +=
            Real(dy.data()[i]) * Real(T::get(y.data()[i], v - begin));
      }
    }
  }
  const auto gamma = all.begin() + x.size(), beta = gamma + initial.gamma().size();
  return {Values(all.begin(), gamma), Values(gamma, beta), Values(beta, all.end())};
}

// Collects the worst difference of all that is asked.
class AutoDiff : public testing::Test {
 protected:
  ~AutoDiff() override {
    std::printf("  worst difference, relative to max(1, |value|): %.1e\n",
                static_cast<double>(worst_));
  }

  void expect(const std::string& what, const Values& got, const Values& want) {
    const Real difference = worst_difference(got, want);
    EXPECT_LE(difference, tolerance) << what;
    worst_ = std::max(worst_, difference);
  }

  // make(zero) is the layer for the scalar of `zero`; X<Scalar> holds its input.
  template <template <typename> class X, typename Make>
  void check(const Make& make, const Dims& dims, Mode mode = Mode::training) {
    const Logical values = random_normal(dims, 1, 0.5L, 1.5L);
    const auto x = to_eigen<X<double>>(values), dy = to_eigen<X<double>>(random_normal(dims, 2));
    auto layer = make(0.0);
    const Index parameters = std::max(layer.gamma().size(), layer.beta().size());
    set_state(layer, mode, parameters);
    layer.forward(x);
    const auto dx = layer.backward(x, dy);
    const Gradient want{Values(dx.data(), dx.data() + dx.size()),
                        from_parameters(layer.gamma_grad()), from_parameters(layer.beta_grad())};

    const auto by = [&](const char* name, auto zero) {
      SCOPED_TRACE(name);
      using Scalar = decltype(zero);
      auto differentiable = make(zero);
      set_state(differentiable, mode, parameters);
      X<Scalar> zeros = to_shape<X<Scalar>>(x);
      const Gradient got = differentiate<Scalar>(differentiable, zeros, x, dy, mode);
      expect("dx", got.dx, want.dx);
      expect("dgamma", got.dgamma, want.dgamma);
      expect("dbeta", got.dbeta, want.dbeta);

      // backward and backward_from_output compute in such scalars as well.
      for (Index i = 0; i < x.size(); ++i) zeros.data()[i] = Scalar(x.data()[i]);
      const X<Scalar> y = differentiable.forward(zeros);
      X<Scalar> dys = zeros;
      for (Index i = 0; i < x.size(); ++i) dys.data()[i] = Scalar(dy.data()[i]);
      const X<Scalar> from_output = differentiable.backward_from_output(y, dys);
      for (Index i = 0; i < x.size(); ++i) {
        EXPECT_NEAR(value_of(from_output.data()[i]), dx.data()[i], 1e-12);
      }
    };
    by("Dual", Dual());
    by("AutoDiffScalar of 7", Eigen::AutoDiffScalar<Eigen::Matrix<double, 7, 1>>(0.0));
    by("AutoDiffScalar, Dynamic", Eigen::AutoDiffScalar<Eigen::VectorXd>(0.0));
  }

  // The same in every mode.
  template <template <typename> class X, typename Make>
  void check_modes(const Make& make, const Dims& dims) {
    for (const Mode mode : {Mode::training, Mode::eval, Mode::frozen}) {
      SCOPED_TRACE(static_cast<int>(mode));
      check<X>(make, dims, mode);
    }
  }

 private:
  template <typename Object, typename Like>
  static Object to_shape(const Like& like) {
    Object object;
    if constexpr (IsDense<Object>::value) {
      object.resize(like.rows(), like.cols());
    } else {
      object.resize(like.dimensions());
    }
    return object;
  }

  Real worst_ = 0;
};

template <typename Scalar>
using Rows = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
template <typename Scalar>
using Columns = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic>;
template <typename Scalar>
using Images = Eigen::Tensor<Scalar, 4, Eigen::RowMajor>;
template <typename Scalar>
using ColumnMajorImages = Eigen::Tensor<Scalar, 4>;

TEST_F(AutoDiff, OfBatchNorm1dIsBackward) {
  const auto make = [](auto zero) { return BatchNorm1d<decltype(zero)>(3); };
  check_modes<Rows>(make, {7, 3});
  check_modes<Columns>(make, {7, 3});
}

TEST_F(AutoDiff, OfBatchNorm2dIsBackward) {
  const auto first = [](auto zero) { return BatchNorm2d<decltype(zero)>(3); };
  const auto last = [](auto zero) {
    BatchNormOptions options;
    options.channels = ChannelAxis::last;
    return BatchNorm2d<decltype(zero)>(3, options);
  };
  check_modes<Images>(first, {2, 3, 3, 2});
  check_modes<Images>(last, {2, 3, 2, 3});
  check<ColumnMajorImages>(first, {2, 3, 3, 2});
}

TEST_F(AutoDiff, OfInstanceNormIsBackward) {
  const auto make = [](auto zero) {
    InstanceNormOptions options;
    options.gamma = options.beta = options.track_running_stats = true;
    return InstanceNorm2d<decltype(zero)>(3, options);
  };
  check_modes<Images>(make, {2, 3, 3, 2});
  check<ColumnMajorImages>(make, {2, 3, 3, 2});
}

TEST_F(AutoDiff, OfLayerNormIsBackward) {
  const auto make = [](auto zero) { return LayerNorm<decltype(zero)>(5); };
  check<Rows>(make, {4, 5});
  check<Columns>(make, {4, 5});
}

TEST_F(AutoDiff, OfRmsNormIsBackward) {
  for (const bool zero_centered : {false, true}) {
    const auto make = [=](auto zero) {
      RMSNormOptions options;
      options.zero_centered_gamma = zero_centered;
      return RMSNorm<decltype(zero)>(5, options);
    };
    check<Rows>(make, {4, 5});
    check<Columns>(make, {4, 5});
  }
}

TEST_F(AutoDiff, OfGroupNormIsBackward) {
  const auto first = [](auto zero) { return GroupNorm<decltype(zero)>(2, 4); };
  const auto last = [](auto zero) {
    GroupNormOptions options;
    options.channels = ChannelAxis::last;
    return GroupNorm<decltype(zero)>(2, 4, options);
  };
  check<Images>(first, {2, 4, 2, 3});
  check<Images>(last, {2, 2, 3, 4});
  check<ColumnMajorImages>(first, {2, 4, 2, 3});
  check<Rows>(first, {5, 4});
}

// Finite, whether or not a scalar has std::numeric_limits.
TEST(AutoDiffStatistics, EnterTheRunningOnes) {
  BatchNorm1d<Dual> norm(2);
  Rows<Dual> x(3, 2);
  for (Index i = 0; i < x.size(); ++i) x.data()[i] = {static_cast<double>(i * i), 1};
  norm.forward(x);
  EXPECT_EQ(norm.num_batches_tracked(), 1);
  EXPECT_EQ(norm.num_batches_skipped(), 0);
  EXPECT_NEAR(norm.running_mean()[0].value, 0.1 * (0 + 4 + 16) / 3, 1e-15);
  EXPECT_NEAR(norm.running_mean()[0].tangent, 0.1, 1e-15);
}

}  // namespace
}  // namespace eigen_norm::test
