// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <unsupported/Eigen/CXX11/Tensor>
#include <vector>

#include "eigen_norm/eigen_norm.hpp"
#include "support/layer_check.hpp"

// Layers of any scalar beside their definitions, and the scale on which each result is measured.
namespace eigen_norm::test {

// What a layer said.
struct Answers {
  Logical y;
  Logical dx;
  Values dgamma;
  Values dbeta;
};

// A layer that can be asked, and what it should have said.
struct Subject {
  std::string name;
  Dims dims;
  Sharing sharing;
  std::function<Answers(const Logical& x, const Logical& dy, const Affine&, double eps)> run;

  Index parameters() const { return static_cast<Index>(sharing.parameters); }
  // RMSNorm, which takes no mean away, has no beta.
  Reference definition(const Logical& x, const Logical& dy, const Affine& affine, Real eps) const {
    return normalized(x, dy, sharing.centred ? affine : Affine{affine.gamma, {}}, eps, sharing);
  }
};

// Forward and backward of one layer on a tensor.
template <typename Tensor, typename Layer>
Answers answers(Layer& layer, const Logical& x, const Logical& dy) {
  const Tensor input = to_eigen<Tensor>(x);
  const Logical y = from_eigen(layer.forward(input));
  const Logical dx = from_eigen(layer.backward(input, to_eigen<Tensor>(dy)));
  return {y, dx, from_parameters(layer.gamma_grad()), from_parameters(layer.beta_grad())};
}

template <typename Tensor, typename Make>
void set_run(Subject& subject, Make make) {
  subject.run = [make](const Logical& x, const Logical& dy, const Affine& affine, double eps) {
    auto layer = make(eps);
    copy_to_parameters(affine.gamma, layer.gamma());
    if (layer.beta().size() > 0) copy_to_parameters(affine.beta, layer.beta());
    return answers<Tensor>(layer, x, dy);
  };
}

inline constexpr Index subject_channels = 6, subject_groups = 3, subject_features = 2500;

inline Dims channels_at(Index axis, Index samples, Index side) {
  return axis == 1 ? Dims{samples, subject_channels, side, side}
                   : Dims{samples, side, side, subject_channels};
}

inline ChannelAxis channel_axis(Index axis) {
  return axis == 1 ? ChannelAxis::first : ChannelAxis::last;
}

inline const char* in_words(Index axis, int order) {
  return order == Eigen::ColMajor ? ", column-major"
         : axis == 1              ? ", channels first"
                                  : ", channels last";
}

template <typename Scalar, int Order>
Subject batch_norm_2d(Index axis) {
  Subject s;
  s.name = std::string("BatchNorm2d") + in_words(axis, Order);
  s.dims = channels_at(axis, 5, 41);
  s.sharing = by_channel(s.dims, axis);
  set_run<Eigen::Tensor<Scalar, 4, Order>>(s, [axis](double eps) {
    BatchNormOptions options;
    options.eps = eps;
    options.channels = channel_axis(axis);
    return BatchNorm2d<Scalar>(subject_channels, options);
  });
  return s;
}

// Runs far shorter than a vector register.
template <typename Scalar>
Subject batch_norm_1d() {
  Subject s;
  s.name = "BatchNorm1d, runs of three";
  s.dims = {1500, 2, 3};
  s.sharing = by_channel(s.dims);
  set_run<Eigen::Tensor<Scalar, 3, Eigen::RowMajor>>(s, [](double eps) {
    BatchNormOptions options;
    options.eps = eps;
    return BatchNorm1d<Scalar>(2, options);
  });
  return s;
}

template <typename Scalar, int Order>
Subject group_norm_2d(Index axis) {
  Subject s;
  s.name = std::string("GroupNorm") + in_words(axis, Order);
  s.dims = channels_at(axis, 3, 43);
  s.sharing = by_group(s.dims, subject_groups, axis);
  set_run<Eigen::Tensor<Scalar, 4, Order>>(s, [axis](double eps) {
    GroupNormOptions options;
    options.eps = eps;
    options.channels = channel_axis(axis);
    return GroupNorm<Scalar>(subject_groups, subject_channels, options);
  });
  return s;
}

template <typename Scalar, int Order>
Subject instance_norm_2d(Index axis) {
  Subject s = group_norm_2d<Scalar, Order>(axis);
  s.name = std::string("InstanceNorm2d") + in_words(axis, Order);
  s.sharing = by_group(s.dims, subject_channels, axis);
  set_run<Eigen::Tensor<Scalar, 4, Order>>(s, [axis](double eps) {
    InstanceNormOptions options;
    options.gamma = options.beta = true;
    options.eps = eps;
    options.channels = channel_axis(axis);
    return InstanceNorm2d<Scalar>(subject_channels, options);
  });
  return s;
}

template <typename Scalar, int Order>
Subject layer_norm_rows() {
  Subject s;
  s.name = Order == Eigen::ColMajor ? "LayerNorm, column-major" : "LayerNorm";
  s.dims = {11, subject_features};
  s.sharing = by_row(s.dims);
  set_run<Eigen::Tensor<Scalar, 2, Order>>(s, [](double eps) {
    LayerNormOptions options;
    options.eps = eps;
    return LayerNorm<Scalar>(subject_features, options);
  });
  return s;
}

template <typename Scalar, int Order>
Subject rms_norm_rows() {
  Subject s = layer_norm_rows<Scalar, Order>();
  s.name = Order == Eigen::ColMajor ? "RMSNorm, column-major" : "RMSNorm";
  s.sharing.centred = false;
  set_run<Eigen::Tensor<Scalar, 2, Order>>(s, [](double eps) {
    RMSNormOptions options;
    options.eps = eps;
    return RMSNorm<Scalar>(subject_features, options);
  });
  return s;
}

// Those that take a mean away, each loop among them.
template <typename Scalar>
std::vector<Subject> centred_subjects() {
  return {batch_norm_2d<Scalar, Eigen::RowMajor>(1),
          batch_norm_2d<Scalar, Eigen::RowMajor>(3),
          layer_norm_rows<Scalar, Eigen::RowMajor>(),
          group_norm_2d<Scalar, Eigen::RowMajor>(1),
          group_norm_2d<Scalar, Eigen::RowMajor>(3),
          batch_norm_2d<Scalar, Eigen::ColMajor>(1),
          layer_norm_rows<Scalar, Eigen::ColMajor>(),
          group_norm_2d<Scalar, Eigen::ColMajor>(1),
          batch_norm_1d<Scalar>()};
}

// And every other layer.
template <typename Scalar>
std::vector<Subject> all_subjects() {
  std::vector<Subject> list = centred_subjects<Scalar>();
  list.push_back(instance_norm_2d<Scalar, Eigen::RowMajor>(1));
  list.push_back(instance_norm_2d<Scalar, Eigen::RowMajor>(3));
  list.push_back(instance_norm_2d<Scalar, Eigen::ColMajor>(1));
  list.push_back(rms_norm_rows<Scalar, Eigen::RowMajor>());
  list.push_back(rms_norm_rows<Scalar, Eigen::ColMajor>());
  return list;
}

// max(1, |gamma * xhat|, |beta|) by element, and the size of dx's largest term:
// dx = inv_std * (g - mean(g) - xhat * mean(g * xhat)), g = gamma * dy: three terms, none counted
// as smaller than the typical g.
struct Scales {
  Logical y;
  Logical dx;
};

inline Scales scales(const Sharing& sharing, const Logical& x, const Logical& dy,
                     const Affine& affine, const Reference& want) {
  const std::size_t n = want.mean.size();
  Values count(n, 0), g_xhat_sum(n, 0), g_size(n, 0);
  const auto for_each = [&](auto visit) {
    for_each_index(x.dims, [&](const Dims& at) {
      const std::size_t s = sharing.statistic_of(at), p = sharing.parameter_of(at);
      visit(at, s, p, (x.at(at) - want.mean[s]) * want.inv_std[s], affine.gamma[p] * dy.at(at));
    });
  };
  for_each([&](const Dims&, std::size_t s, std::size_t, Real xhat, Real g) {
    count[s] += 1;
    g_xhat_sum[s] += g * xhat;
    g_size[s] += std::abs(g);
  });
  Scales result{Logical(x.dims), Logical(x.dims)};
  for_each([&](const Dims& at, std::size_t s, std::size_t p, Real xhat, Real g) {
    result.y.at(at) =
        std::max({Real(1), std::abs(affine.gamma[p] * xhat), std::abs(affine.beta[p])});
    result.dx.at(at) =
        std::max({g_size[s], std::abs(g) * count[s], std::abs(xhat * g_xhat_sum[s])}) / count[s] *
        want.inv_std[s];
  });
  return result;
}

// The largest errors of y and dx on their scales.
struct Errors {
  Real y = 0;
  Real dx = 0;
};

inline Real ratio(Real error, Real scale) {
  return std::isfinite(error) ? (error == 0 ? 0 : error / scale)
                              : std::numeric_limits<Real>::infinity();
}

inline Real worst_ratio(const Logical& got, const Logical& want, const Logical& scale) {
  Real worst = 0;
  for (std::size_t i = 0; i < got.values.size(); ++i) {
    worst = std::max(worst, ratio(std::abs(got.values[i] - want.values[i]), scale.values[i]));
  }
  return worst;
}

inline Errors measure(const Subject& subject, const Logical& x, const Logical& dy,
                      double eps = 1e-5) {
  const Affine affine{random_gamma(subject.parameters(), 11),
                      random_beta(subject.parameters(), 12)};
  const Reference want = subject.definition(x, dy, affine, Real(eps));
  const Answers got = subject.run(x, dy, affine, eps);
  const Scales scale = scales(subject.sharing, x, dy, affine, want);
  return {worst_ratio(got.y, want.y, scale.y), worst_ratio(got.dx, want.dx, scale.dx)};
}

}  // namespace eigen_norm::test
