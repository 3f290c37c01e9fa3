// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <optional>
#include <tuple>
#include <vector>

#include "eigen_norm/distributed/sync_batch_norm.hpp"

namespace eigen_norm {
inline namespace EIGEN_NORM_ABI {

/// How convert_sync_batch_norm sees a layer or a model; by default it stays what it is. For a model
/// of your own, specialise it: `convert` returns the model with its members converted.
template <typename Model>
struct SyncConversion {
  static Model convert(const Model& model, const std::shared_ptr<distributed::Communicator>&) {
    return model;
  }
};

/// A model with every BatchNorm in it as the SyncBatchNorm of all ranks, state and mode included;
/// as torch.nn.SyncBatchNorm.convert_sync_batchnorm. It looks into vectors, optionals and tuples. A
/// collective call: every rank converts the same model.
template <typename Model>
auto convert_sync_batch_norm(const Model& model,
                             const std::shared_ptr<distributed::Communicator>& ranks) {
  return SyncConversion<Model>::convert(model, ranks);
}

template <typename Scalar, int Channels, int SpatialRank>
struct SyncConversion<BatchNorm<Scalar, Channels, SpatialRank>> {
  static auto convert(const BatchNorm<Scalar, Channels, SpatialRank>& norm,
                      const std::shared_ptr<distributed::Communicator>& ranks) {
    return SyncBatchNorm<Scalar, Channels, SpatialRank>(norm, ranks);
  }
};

template <typename Layer>
struct SyncConversion<std::vector<Layer>> {
  static auto convert(const std::vector<Layer>& layers,
                      const std::shared_ptr<distributed::Communicator>& ranks) {
    std::vector<decltype(convert_sync_batch_norm(layers.front(), ranks))> result;
    result.reserve(layers.size());
    for (const Layer& layer : layers) result.push_back(convert_sync_batch_norm(layer, ranks));
    return result;
  }
};

template <typename Layer>
struct SyncConversion<std::optional<Layer>> {
  static auto convert(const std::optional<Layer>& layer,
                      const std::shared_ptr<distributed::Communicator>& ranks) {
    std::optional<decltype(convert_sync_batch_norm(*layer, ranks))> result;
    if (layer) result.emplace(convert_sync_batch_norm(*layer, ranks));
    return result;
  }
};

template <typename... Layers>
struct SyncConversion<std::tuple<Layers...>> {
  static auto convert(const std::tuple<Layers...>& layers,
                      const std::shared_ptr<distributed::Communicator>& ranks) {
    // In braces they are converted from left to right, on every rank alike.
    return std::apply(
        [&](const Layers&... each) {
          using Result = std::tuple<decltype(convert_sync_batch_norm(each, ranks))...>;
          return Result{convert_sync_batch_norm(each, ranks)...};
        },
        layers);
  }
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm
