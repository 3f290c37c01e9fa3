// SPDX-License-Identifier: MIT
#pragma once

#include "nn/chain.hpp"
#include "nn/conv2d.hpp"
#include "nn/linear.hpp"
#include "nn/pooling.hpp"
#include "nn/random.hpp"
#include "nn/relu.hpp"
#include "nn/residual.hpp"
#include "nn/types.hpp"

namespace nn {

/// A residual network for the images of Fashion-MNIST, with a Norm after each convolution:
/// (N, 1, 28, 28) -> (N, 16, 28, 28) -> (N, 16, 14, 14) -> (N, 32, 14, 14) twice -> (N, 32, 7, 7)
/// -> (N, 64, 7, 7) twice -> (N, 64) -> (N, 10) logits.
template <typename Norm>
struct FashionCnn {
  using Block = Chain<Images<float>, Conv2d<float>, Norm, Relu>;
  using Inner = Chain<Images<float>, Block, Conv2d<float>, Norm>;
  using ResidualBlock = Chain<Images<float>, Residual<Inner>, Relu>;
  using Model = Chain<Images<float>, Block, MaxPool2d, Block, ResidualBlock, MaxPool2d, Block,
                      ResidualBlock, GlobalAveragePool, Linear<float>>;

  /// make_norm(channels, side) gives the Norm of images (N, channels, side, side); it is called in
  /// the order of layers.
  template <typename MakeNorm>
  static Model make(const MakeNorm& make_norm, Random& random) {
    const auto conv = [&](Index inputs, Index outputs) {
      return Conv2d<float>(inputs, outputs, 3, random);
    };
    const auto block = [&](Index inputs, Index outputs, Index side) {
      return Block{conv(inputs, outputs), make_norm(outputs, side), Relu()};
    };
    const auto residual = [&](Index channels, Index side) {
      return ResidualBlock{
          Residual<Inner>(Inner{block(channels, channels, side), conv(channels, channels),
                                make_norm(channels, side)}),
          Relu()};
    };
    return Model{
        block(1, 16, 28), MaxPool2d(2),        block(16, 32, 14),
        residual(32, 14), MaxPool2d(2),        block(32, 64, 7),
        residual(64, 7),  GlobalAveragePool(), Linear<float>(64, 10, Bias::learned, random)};
  }
};

}  // namespace nn
