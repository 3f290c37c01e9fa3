// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "eigen_norm/eigen_norm.hpp"

// Tensors of more than 2^31 elements, in the memory there is: forward and backward by every loop.
// The data are small integers, so that their sums are exact, whatever their number.
namespace eigen_norm {
namespace {

using Eigen::bfloat16;
using Eigen::half;

using Integers = Eigen::Array<Index, Eigen::Dynamic, 1>;

template <typename Scalar>
constexpr double rounding = 1.0 / 2048;  // half has 11 bits
template <>
constexpr double rounding<bfloat16> = 1.0 / 256;

constexpr Index int_max = std::numeric_limits<std::int32_t>::max();

// 0 to 31, of no period that a wrapped index could hide behind.
Index noise(Index i, std::uint64_t stream) {
  return static_cast<Index>(((static_cast<std::uint64_t>(i) + stream) * 0x9E3779B97F4A7C15u) >> 59);
}

// An element of flat memory: which statistic it belongs to, and which gamma and beta.
struct Place {
  Index statistic, channel;
};

Index x_at(Index i, Place place) { return noise(i, 0) + place.channel % 7; }
Index dy_at(Index i) { return noise(i, 12345) - 16; }

template <typename Scalar, typename Value>
void fill(Scalar* data, Index size, const Value& value) {
  for (Index i = 0; i < size; ++i) data[i] = static_cast<Scalar>(static_cast<float>(value(i)));
}

bool has_memory(double bytes) {
  const double pages = static_cast<double>(sysconf(_SC_PHYS_PAGES));
  return pages * static_cast<double>(sysconf(_SC_PAGE_SIZE)) > bytes;
}

// A training step on x, of which place(i) says what element i belongs to. y, dy and dx share one
// buffer. Every 61st element is compared with
//
//     y  = gamma * xhat + beta
//     dx = inv_std * (g - mean(g) - xhat * mean(g * xhat)),  g = gamma * dy
//
// and the sums of backward, which are over all of them, in full.
template <typename Scalar, typename Layer, typename Object, typename PlaceOf>
void expect_a_right_step(Layer layer, Object& x, Index statistics, const PlaceOf& place) {
  const Index size = x.size();
  ASSERT_GT(size, int_max);
  Object y(x.dimensions());
  const bool has_affine = layer.gamma().size() > 0;
  for (Index c = 0; c < layer.gamma().size(); ++c) {
    layer.gamma()[c] = 1 + 0.25f * static_cast<float>(c % 3);
    layer.beta()[c] = 0.5f * static_cast<float>(c % 5);
  }
  const auto gamma = [&](Index c) { return has_affine ? double(layer.gamma()[c]) : 1.0; };
  const auto beta = [&](Index c) { return has_affine ? double(layer.beta()[c]) : 0.0; };

  Integers count = Integers::Zero(statistics), sum = count, squares = count;
  fill(x.data(), size, [&](Index i) { return x_at(i, place(i)); });
  for (Index i = 0; i < size; ++i) {
    const Index s = place(i).statistic;
    const Index value = x_at(i, place(i));
    count[s] += 1;
    sum[s] += value;
    squares[s] += value * value;
  }
  const auto mean = [&](Index s) { return double(sum[s]) / double(count[s]); };
  const auto inv_std = [&](Index s) {
    const double n = double(count[s]);
    return 1 / std::sqrt(double(squares[s]) / n - mean(s) * mean(s) + 1e-5);
  };
  const auto xhat = [&](Index i) {
    const Index s = place(i).statistic;
    return (double(x_at(i, place(i))) - mean(s)) * inv_std(s);
  };
  // Rounded once to the scalar; what float loses before is far less.
  const auto tolerance = [](double value) { return rounding<Scalar> * std::abs(value) + 4e-6; };

  layer.forward(x, y);
  for (Index i = size - 1; i >= 0; i -= 61) {
    const Index c = place(i).channel;
    const double want = gamma(c) * xhat(i) + beta(c);
    ASSERT_NEAR(double(y.data()[i]), want, tolerance(want)) << "y[" << i << "]";
  }

  fill(y.data(), size, [](Index i) { return dy_at(i); });
  Eigen::ArrayXd g = Eigen::ArrayXd::Zero(statistics), g_xhat = g;
  Eigen::ArrayXd dgamma = Eigen::ArrayXd::Zero(layer.gamma().size()), dbeta = dgamma;
  Eigen::ArrayXd dgamma_terms = dgamma, dbeta_terms = dgamma;  // the sums of their sizes
  for (Index i = 0; i < size; ++i) {
    const auto [s, c] = place(i);
    const double dy = double(dy_at(i)), z = xhat(i);
    g[s] += gamma(c) * dy;
    g_xhat[s] += gamma(c) * dy * z;
    if (has_affine) {
      dgamma[c] += dy * z;
      dgamma_terms[c] += std::abs(dy * z);
      dbeta[c] += dy;
      dbeta_terms[c] += std::abs(dy);
    }
  }
  layer.backward(x, y, y);
  for (Index i = size - 1; i >= 0; i -= 61) {
    const Place at = place(i);
    const Index s = at.statistic;
    const double n = double(count[s]);
    const double want =
        inv_std(s) * (gamma(at.channel) * double(dy_at(i)) - g[s] / n - xhat(i) * g_xhat[s] / n);
    ASSERT_NEAR(double(y.data()[i]), want, tolerance(want)) << "dx[" << i << "]";
  }
  for (Index c = 0; c < dgamma.size(); ++c) {
    // Terms in float, summed in double, returned in float.
    const auto expect_near = [](float got, double want, double terms) {
      ASSERT_NEAR(double(got), want, 6e-8 * (std::abs(want) + terms));
    };
    expect_near(layer.gamma_grad()[c], dgamma[c], dgamma_terms[c]);
    expect_near(layer.beta_grad()[c], dbeta[c], dbeta_terms[c]);
  }
}

#define SKIP_WITHOUT_MEMORY(gigabytes) \
  if (!has_memory(gigabytes * 1e9)) GTEST_SKIP() << "needs " << gigabytes << " GB of memory"

TEST(Large, RunsOfBatchNorm2dInHalf) {
  SKIP_WITHOUT_MEMORY(10);
  const Index inner = 12000 * 12000;
  Eigen::Tensor<half, 4, Eigen::RowMajor> x(3, 5, 12000, 12000);
  expect_a_right_step<half>(BatchNorm2d<half>(5), x, 5, [=](Index i) {
    const Index c = i / inner % 5;
    return Place{c, c};
  });
}

TEST(Large, NarrowColumnsOfBatchNorm1dInBfloat16) {
  SKIP_WITHOUT_MEMORY(10);
  Eigen::Tensor<bfloat16, 2, Eigen::RowMajor> x(int_max / 3 + 9, 3);
  expect_a_right_step<bfloat16>(BatchNorm1d<bfloat16>(3), x, 3, [](Index i) {
    return Place{i % 3, i % 3};
  });
}

TEST(Large, RowsOfLayerNormInHalf) {
  SKIP_WITHOUT_MEMORY(10);
  Eigen::Tensor<half, 2, Eigen::RowMajor> x(int_max / 1000 + 1, 1000);
  expect_a_right_step<half>(LayerNorm<half>(1000), x, x.dimension(0), [](Index i) {
    return Place{i / 1000, i % 1000};
  });
}

TEST(Large, OneRowOfLayerNormInBfloat16) {
  SKIP_WITHOUT_MEMORY(10);
  const Index features = int_max + 42;
  LayerNormOptions options;
  options.gamma = options.beta = false;
  Eigen::Tensor<bfloat16, 2, Eigen::RowMajor> x(1, features);
  expect_a_right_step<bfloat16>(LayerNorm<bfloat16>(features, options), x, 1, [](Index) {
    return Place{0, 0};
  });
}

TEST(Large, LanesOfGroupNormInColumnMajorHalf) {
  SKIP_WITHOUT_MEMORY(10);
  const Index samples = 300, channels = 8;
  Eigen::Tensor<half, 3> x(samples, channels, int_max / (samples * channels) + 1);
  expect_a_right_step<half>(GroupNorm<half>(2, channels), x, 2 * samples, [=](Index i) {
    const Index n = i % samples, c = i / samples % channels;
    return Place{2 * n + c / 4, c};
  });
}

// 8.6 GB once: where y is x itself, there is room for floats.
TEST(Large, InferenceOfFloatsInPlace) {
  SKIP_WITHOUT_MEMORY(10);
  const Index channels = 3, inner = int_max / channels + 5;
  BatchNorm1d<float> layer(channels);
  layer.running_mean() << 1, -2, 3;
  layer.running_var() << 4, 1, 9;
  Eigen::Tensor<float, 3, Eigen::RowMajor> x(1, channels, inner);
  fill(x.data(), x.size(), [](Index i) { return noise(i, 0); });
  layer.infer(x, x);
  for (Index i = x.size() - 1; i >= 0; i -= 61) {
    const Index c = i / inner;
    const double var = double(layer.running_var()[c]) + 1e-5;
    const double want = (double(noise(i, 0)) - double(layer.running_mean()[c])) / std::sqrt(var);
    ASSERT_NEAR(double(x.data()[i]), want, 2e-6 * std::max(1.0, std::abs(want))) << i;
  }
}

}  // namespace
}  // namespace eigen_norm
