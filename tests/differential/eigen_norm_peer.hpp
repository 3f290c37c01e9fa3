// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <unsupported/Eigen/CXX11/Tensor>

#include "differential/peer.hpp"
#include "eigen_norm/eigen_norm.hpp"
#include "support/shapes.hpp"
#include "support/subjects.hpp"

// From a configuration to one of our types. A file for each scalar instantiates them all.
namespace eigen_norm::test {

template <typename Tensor, typename Norm>
class EigenNormPeer : public Peer {
 public:
  EigenNormPeer(const Norm& norm, const Affine& affine, const Dims& order)
      : norm_(norm), order_(order), inverse_(order) {
    set_affine(norm_, affine);
    for (std::size_t axis = 0; axis < order.size(); ++axis) {
      inverse_[static_cast<std::size_t>(order[axis])] = static_cast<Index>(axis);
    }
  }

  Answer step(Mode mode, const Logical& x, const Logical& dy) override {
    norm_.train(mode != Mode::eval);
    if constexpr (has_running_statistics<Norm>) {
      if (mode == Mode::frozen) norm_.freeze();
      if (mode != Mode::frozen) norm_.unfreeze();
    }
    const Answers got = answers<Tensor>(norm_, permuted(x, order_), permuted(dy, order_));
    const Running now = running();
    return {permuted(got.y, inverse_).values,
            permuted(got.dx, inverse_).values,
            got.dgamma,
            got.dbeta,
            now.mean,
            now.var};
  }

  Running running() const override {
    if constexpr (has_running_statistics<Norm>) {
      return {from_parameters(norm_.running_mean()), from_parameters(norm_.running_var()),
              norm_.num_batches_tracked()};
    } else {
      return {};
    }
  }
  void set_running(const Running& running) override {
    if constexpr (has_running_statistics<Norm>) {
      copy_to_parameters(running.mean, norm_.running_mean());
      copy_to_parameters(running.var, norm_.running_var());
      norm_.num_batches_tracked() = running.tracked;
    }
  }

 private:
  Norm norm_;
  Dims order_, inverse_;  // from channels first to ours, and back
};

// The layer, on tensors of the rank and the order of the configuration.
template <int... Ranks, typename Norm>
std::unique_ptr<Peer> peer(const Norm& norm, const Configuration& configuration,
                           const Affine& affine) {
  using Scalar = typename Norm::Scalar;
  const Index rank = static_cast<Index>(configuration.dims.size());
  Dims order = order_with_channels_last(rank);
  if (configuration.layout.channels == ChannelAxis::first) std::sort(order.begin(), order.end());
  std::unique_ptr<Peer> result;
  with_rank<Ranks...>(rank, [&](auto fixed) {
    using RowMajor = Eigen::Tensor<Scalar, fixed, Eigen::RowMajor>;
    using ColMajor = Eigen::Tensor<Scalar, fixed, Eigen::ColMajor>;
    if (configuration.layout.order == Order::row_major) {
      result = std::make_unique<EigenNormPeer<RowMajor, Norm>>(norm, affine, order);
    } else {
      result = std::make_unique<EigenNormPeer<ColMajor, Norm>>(norm, affine, order);
    }
  });
  return result;
}

template <typename Options>
Options tracking_options(const Configuration& configuration) {
  const Settings& settings = configuration.settings;
  Options options;
  options.eps = settings.eps;
  options.momentum = settings.momentum;
  options.gamma = settings.gamma;
  options.beta = settings.beta;
  options.track_running_stats = settings.track_running_stats;
  options.channels = configuration.layout.channels;
  return options;
}

template <int SpatialRank, typename Scalar>
std::unique_ptr<Peer> batch_norm_peer(const Configuration& configuration, const Affine& affine) {
  const BatchNorm<Scalar, Eigen::Dynamic, SpatialRank> norm(
      configuration.dims[1], tracking_options<BatchNormOptions>(configuration));
  if constexpr (SpatialRank == 1) {
    return peer<2, 3>(norm, configuration, affine);
  } else {
    return peer<SpatialRank + 2>(norm, configuration, affine);
  }
}

template <int SpatialRank, typename Scalar>
std::unique_ptr<Peer> instance_norm_peer(const Configuration& configuration, const Affine& affine) {
  const InstanceNorm<Scalar, Eigen::Dynamic, SpatialRank> norm(
      configuration.dims[1], tracking_options<InstanceNormOptions>(configuration));
  return peer<SpatialRank + 2>(norm, configuration, affine);
}

template <typename Scalar>
std::unique_ptr<Peer> make_eigen_norm(const Configuration& configuration, const Affine& affine) {
  const auto& [parts, eps, momentum, gamma, beta, track] = configuration.settings;
  const Dims& dims = configuration.dims;
  switch (configuration.layer) {
    case Layer::batch_norm_1d:
      return batch_norm_peer<1, Scalar>(configuration, affine);
    case Layer::batch_norm_2d:
      return batch_norm_peer<2, Scalar>(configuration, affine);
    case Layer::batch_norm_3d:
      return batch_norm_peer<3, Scalar>(configuration, affine);
    case Layer::instance_norm_1d:
      return instance_norm_peer<1, Scalar>(configuration, affine);
    case Layer::instance_norm_2d:
      return instance_norm_peer<2, Scalar>(configuration, affine);
    case Layer::instance_norm_3d:
      return instance_norm_peer<3, Scalar>(configuration, affine);
    case Layer::layer_norm:
      return peer<2, 3, 4>(
          LayerNorm<Scalar>(Dims(dims.end() - parts, dims.end()), {eps, gamma, beta}),
          configuration, affine);
    default:
      return peer<2, 3, 4, 5>(
          GroupNorm<Scalar>(parts, dims[1], {eps, gamma, beta, configuration.layout.channels}),
          configuration, affine);
  }
}

}  // namespace eigen_norm::test
