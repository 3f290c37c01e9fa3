// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "eigen_norm/io/onnx/node.hpp"

namespace eigen_norm::io {
inline namespace EIGEN_NORM_ABI {
namespace internal {

/// A node over (N, C, ...): what it says of its channels, checked before a layer is made of it.
class OnnxChannels {
 public:
  /// X has between so many dimensions, if it is known how many.
  OnnxChannels(const OnnxNode& node, int lowest_rank, int highest_rank) : node_(node) {
    const std::optional<OnnxDims> x = node.dims_of_x();
    if (!x) return;
    const auto rank = static_cast<int>(x->size());
    if (rank < lowest_rank || rank > highest_rank) {
      node.refuse('"' + node.x() + "\" of " + onnx_ranks(lowest_rank, highest_rank),
                  std::to_string(rank));
    }
    of_x_ = (*x)[1];
  }

  /// As many as the scale has values.
  template <int Fixed>
  Index of_scale(const TensorView& scale) const {
    if (scale.shape.rank() != 1) node_.refuse("a scale of the shape (C)", scale.shape.text());
    return checked<Fixed>(scale.shape[0]);
  }

  /// As many as X has: it must be known.
  template <int Fixed>
  Index of_x() const {
    if (of_x_ < 0) {
      node_.refuse("the number of channels of \"" + node_.x() + "\" in the model",
                   "none; add it to the tensors given");
    }
    if (!node_.x_is_given() && of_x_ > most_claimed_values) {
      node_.refuse("at most " + std::to_string(most_claimed_values) + " channels",
                   std::to_string(of_x_));
    }
    return checked<Fixed>(static_cast<Index>(of_x_));
  }

 private:
  template <int Fixed>
  Index checked(Index channels) const {
    if (channels < 1) node_.refuse("at least 1 channel", std::to_string(channels));
    if (Fixed != Eigen::Dynamic && channels != Fixed) {
      node_.refuse(std::to_string(Fixed) + " channels, fixed at compile time",
                   std::to_string(channels));
    }
    if (of_x_ >= 0 && channels != of_x_) {
      node_.refuse(std::to_string(of_x_) + " channels, as \"" + node_.x() + "\" has",
                   std::to_string(channels));
    }
    return channels;
  }

  const OnnxNode& node_;
  std::int64_t of_x_ = -1;
};

}  // namespace internal
}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::io
