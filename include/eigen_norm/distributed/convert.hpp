// SPDX-License-Identifier: MIT
#pragma once

#include <memory>

#include "eigen_norm/distributed/layers_of.hpp"
#include "eigen_norm/distributed/sync_batch_norm.hpp"

namespace eigen_norm::distributed {
inline namespace EIGEN_NORM_ABI {

/// A BatchNorm becomes the SyncBatchNorm of `ranks`; any other layer stays what it is.
struct Synchronise {
  const std::shared_ptr<Communicator>& ranks;

  template <typename Layer>
  Layer operator()(const Layer& layer) const {
    return layer;
  }
  template <typename Scalar, int Channels, int SpatialRank>
  auto operator()(const BatchNorm<Scalar, Channels, SpatialRank>& norm) const {
    return SyncBatchNorm<Scalar, Channels, SpatialRank>(norm, ranks);
  }
};

/// And back.
struct Separate {
  template <typename Layer>
  Layer operator()(const Layer& layer) const {
    return layer;
  }
  template <typename Scalar, int Channels, int SpatialRank>
  auto operator()(const SyncBatchNorm<Scalar, Channels, SpatialRank>& norm) const {
    return norm.batch_norm();
  }
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::distributed

namespace eigen_norm {
inline namespace EIGEN_NORM_ABI {

/// A model with every BatchNorm in it as the SyncBatchNorm of all ranks, state and mode included;
/// as torch.nn.SyncBatchNorm.convert_sync_batchnorm. What is in it is found as LayersOf says. A
/// collective call: every rank converts the same model.
template <typename Model>
auto convert_sync_batch_norm(const Model& model,
                             const std::shared_ptr<distributed::Communicator>& ranks) {
  return LayersOf<Model>::map(model, distributed::Synchronise{ranks});
}

/// The way back: every SyncBatchNorm as the BatchNorm of one machine, to be exported, say. No
/// collective call.
template <typename Model>
auto convert_batch_norm(const Model& model) {
  return LayersOf<Model>::map(model, distributed::Separate{});
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm
