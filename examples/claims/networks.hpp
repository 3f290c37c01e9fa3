// SPDX-License-Identifier: MIT
#pragma once

#include <eigen_norm/eigen_norm.hpp>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "claims/data.hpp"
#include "nn/chain.hpp"
#include "nn/channel_bias.hpp"
#include "nn/conv2d.hpp"
#include "nn/linear.hpp"
#include "nn/one_of.hpp"
#include "nn/pooling.hpp"
#include "nn/relu.hpp"
#include "nn/stack.hpp"

// The two networks of the studies. A network without normalization has a bias per channel in its
// place.
namespace claims {

enum class Norm { none, batch, layer, group };

inline const char* name_of(Norm norm) {
  switch (norm) {
    case Norm::batch:
      return "BatchNorm";
    case Norm::layer:
      return "LayerNorm";
    case Norm::group:
      return "GroupNorm";
    case Norm::none:
      break;
  }
  return "none";
}

using Linear = nn::Linear<float>;
using RowNorm = nn::OneOf<eigen_norm::BatchNorm1d<float>, eigen_norm::LayerNorm<float>,
                          eigen_norm::GroupNorm<float>, nn::ChannelBias<float>>;
using MlpBlock = nn::Chain<Matrix, Linear, RowNorm, nn::Relu>;

/// (N, pixels) -> depth times (N, width) -> (N, 10) logits.
using Mlp = nn::Chain<Matrix, nn::Stack<Matrix, MlpBlock>, Linear>;

struct MlpShape {
  Index pixels, depth, width;
  double init_scale = 1.0;               ///< of every weight, in units of He's
  std::optional<double> momentum = 0.1;  ///< of the running statistics
};

inline RowNorm make_row_norm(Norm norm, const MlpShape& shape) {
  eigen_norm::BatchNormOptions options;
  options.momentum = shape.momentum;
  switch (norm) {
    case Norm::batch:
      return eigen_norm::BatchNorm1d<float>(shape.width, options);
    case Norm::layer:
      return eigen_norm::LayerNorm<float>(shape.width);
    case Norm::group:
      return eigen_norm::GroupNorm<float>(4, shape.width);
    case Norm::none:
      break;
  }
  return nn::ChannelBias<float>(shape.width);
}

inline Mlp make_mlp(Norm norm, const MlpShape& shape, nn::Random& random) {
  const auto linear = [&](Index inputs, Index outputs, nn::Bias bias) {
    Linear layer(inputs, outputs, bias, random);
    layer.for_each_parameter([&](std::string_view, auto& value, auto&) {
      nn::flat(value) *= static_cast<float>(shape.init_scale);
    });
    return layer;
  };
  std::vector<MlpBlock> blocks;
  for (Index k = 0; k < shape.depth; ++k) {
    blocks.push_back({linear(k == 0 ? shape.pixels : shape.width, shape.width, nn::Bias::none),
                      make_row_norm(norm, shape), nn::Relu()});
  }
  return {nn::Stack<Matrix, MlpBlock>(std::move(blocks)),
          linear(shape.width, 10, nn::Bias::learned)};
}

using Conv2d = nn::Conv2d<float>;
using ImageNorm = nn::OneOf<eigen_norm::BatchNorm2d<float>, eigen_norm::LayerNorm<float>,
                            eigen_norm::GroupNorm<float>, nn::ChannelBias<float>>;
using CnnBlock = nn::Chain<Images, Conv2d, ImageNorm, nn::Relu>;

/// (N, 1, S, S) -> (N, 8, S, S) -> (N, 8, S/2, S/2) -> twice (N, 16, S/2, S/2) -> (N, 16) -> (N,
/// 10) logits, S even.
using Cnn =
    nn::Chain<Images, CnnBlock, nn::MaxPool2d, CnnBlock, CnnBlock, nn::GlobalAveragePool, Linear>;

/// LayerNorm is over channels, rows and columns of an image, GroupNorm in 4 groups.
inline ImageNorm make_image_norm(Norm norm, Index channels, Index side) {
  switch (norm) {
    case Norm::batch:
      return eigen_norm::BatchNorm2d<float>(channels);
    case Norm::layer:
      return eigen_norm::LayerNorm<float>({channels, side, side});
    case Norm::group:
      return eigen_norm::GroupNorm<float>(4, channels);
    case Norm::none:
      break;
  }
  return nn::ChannelBias<float>(channels);
}

inline Cnn make_cnn(Norm norm, Index side, nn::Random& random) {
  const auto block = [&](Index inputs, Index outputs, Index size) {
    return CnnBlock{Conv2d(inputs, outputs, 3, random), make_image_norm(norm, outputs, size),
                    nn::Relu()};
  };
  return {block(1, 8, side),       nn::MaxPool2d(2),
          block(8, 16, side / 2),  block(16, 16, side / 2),
          nn::GlobalAveragePool(), Linear(16, 10, nn::Bias::learned, random)};
}

}  // namespace claims
