// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <eigen_norm/batch_norm.hpp>
#include <eigen_norm/fold/fold.hpp>
#include <eigen_norm/io/model_state.hpp>
#include <optional>
#include <string>
#include <vector>

#include "nn/types.hpp"

// The network of make_model.py, for inference, in two forms: its units are convolutions with a
// BatchNorm, as it was trained, or convolutions with a bias, the BatchNorm folded into them.
namespace from_torch {

using nn::Index;
using Images = nn::Images<float>;
using Matrix = nn::Matrix<float>;

/// y(n, o, i, j) = bias(o) + sum_{c, u, v} weight(o, c, u, v) * x(n, c, s*i + u - p, s*j + v - p)
///
/// with p = (K - 1) / 2, zeros outside the image, and s the stride. The bias may be empty.
struct Convolution {
  Images weight;  // (O, C, K, K), K odd
  Eigen::ArrayXf bias;
  Index stride = 1;

  Images infer(const Images& x) const {
    const Index outputs = weight.dimension(0), patch = weight.size() / outputs;
    const Index height = (x.dimension(2) - 1) / stride + 1,
                width = (x.dimension(3) - 1) / stride + 1;
    Images y(x.dimension(0), outputs, height, width);
    Matrix patches(patch, height * width);
    for (Index n = 0; n < x.dimension(0); ++n) {
      unroll(x, n, height, width, patches);
      auto image = nn::as_matrix(&y(n, 0, 0, 0), outputs, height * width);
      image.noalias() = nn::as_matrix(weight.data(), outputs, patch) * patches;
      if (bias.size() > 0) image.array().colwise() += bias;
    }
    return y;
  }

 private:
  /// Column (i, j) holds the C*K*K pixels that y(n, :, i, j) is made of.
  void unroll(const Images& x, Index n, Index height, Index width, Matrix& patches) const {
    const Index kernel = weight.dimension(2);
    for (Index row = 0; row < patches.rows(); ++row) {
      const Index c = row / (kernel * kernel), u = row / kernel % kernel, v = row % kernel;
      for (Index i = 0; i < height; ++i) {
        for (Index j = 0; j < width; ++j) {
          const Index at_i = stride * i + u - kernel / 2, at_j = stride * j + v - kernel / 2;
          const bool inside =
              at_i >= 0 && at_i < x.dimension(2) && at_j >= 0 && at_j < x.dimension(3);
          patches(row, i * width + j) = inside ? x(n, c, at_i, at_j) : 0.0F;
        }
      }
    }
  }
};

/// As it was trained: a convolution without bias, then BatchNorm.
struct ConvolutionAndNorm {
  Convolution convolution;
  eigen_norm::BatchNorm2d<float> norm;

  ConvolutionAndNorm(Index inputs, Index outputs, Index kernel, Index stride)
      : convolution{Images(outputs, inputs, kernel, kernel), {}, stride}, norm(outputs) {}

  Images infer(const Images& x) const {
    Images y = convolution.infer(x);
    norm.infer(y, y);
    return y;
  }
  void add_to(eigen_norm::io::ModelState& model, const std::string& convolution_name,
              const std::string& norm_name) {
    model.add(convolution_name + ".weight", convolution.weight);
    model.add(norm_name, norm);
  }
};

inline Convolution folded(const ConvolutionAndNorm& unit) {
  const auto both = eigen_norm::fold::into_preceding(unit.norm, unit.convolution.weight);
  return {both.weight, both.bias, unit.convolution.stride};
}

/// y = relu(second(relu(first(x))) + shortcut(x)), where the shortcut is x itself or a unit.
template <typename Unit>
struct BasicBlock {
  Unit first, second;
  std::optional<Unit> shortcut;

  Images infer(const Images& x) const {
    Images y = first.infer(x);
    nn::flat(y) = nn::flat(y).max(0.0F);
    y = second.infer(y);
    const Images beside = shortcut ? shortcut->infer(x) : x;
    nn::flat(y) = (nn::flat(y) + nn::flat(beside)).max(0.0F);
    return y;
  }
};

template <typename Unit>
struct ResNet {
  Unit stem;
  std::vector<BasicBlock<Unit>> blocks;
  Matrix weight;            // (10, channels), after the mean over all positions
  Eigen::RowVectorXf bias;  // (10)

  Matrix infer(const Images& x) const {
    Images y = stem.infer(x);
    nn::flat(y) = nn::flat(y).max(0.0F);
    for (const BasicBlock<Unit>& block : blocks) y = block.infer(y);
    const Index positions = y.dimension(2) * y.dimension(3);
    Matrix means(y.dimension(0), y.dimension(1));
    nn::flat(means) = nn::as_matrix(y.data(), means.size(), positions).rowwise().mean().array();
    return (means * weight.transpose()).rowwise() + bias;
  }
};

/// With the shapes of make_model.py; its numbers come from the file.
inline ResNet<ConvolutionAndNorm> make_resnet() {
  const auto block = [](Index inputs, Index outputs, Index stride) {
    BasicBlock<ConvolutionAndNorm> result{
        {inputs, outputs, 3, stride}, {outputs, outputs, 3, 1}, {}};
    if (stride != 1 || inputs != outputs) result.shortcut.emplace(inputs, outputs, 1, stride);
    return result;
  };
  return {{1, 8, 3, 1},
          {block(8, 8, 1), block(8, 16, 2), block(16, 16, 1), block(16, 32, 2)},
          Matrix(10, 32),
          Eigen::RowVectorXf(10)};
}

/// By the names that PyTorch has for them.
inline eigen_norm::io::ModelState state_of(ResNet<ConvolutionAndNorm>& network) {
  static const char* const names[] = {"layer1.0", "layer2.0", "layer2.1", "layer3.0"};
  eigen_norm::io::ModelState model;
  network.stem.add_to(model, "conv1", "bn1");
  for (std::size_t k = 0; k < network.blocks.size(); ++k) {
    auto& block = network.blocks[k];
    const std::string name = names[k];
    block.first.add_to(model, name + ".conv1", name + ".bn1");
    block.second.add_to(model, name + ".conv2", name + ".bn2");
    if (block.shortcut)
      block.shortcut->add_to(model, name + ".downsample.0", name + ".downsample.1");
  }
  model.add("fc.weight", network.weight);
  model.add("fc.bias", network.bias);
  return model;
}

/// The same network without BatchNorm.
inline ResNet<Convolution> folded(const ResNet<ConvolutionAndNorm>& network) {
  ResNet<Convolution> result{folded(network.stem), {}, network.weight, network.bias};
  for (const auto& block : network.blocks) {
    BasicBlock<Convolution> without{folded(block.first), folded(block.second), {}};
    if (block.shortcut) without.shortcut = folded(*block.shortcut);
    result.blocks.push_back(without);
  }
  return result;
}

}  // namespace from_torch
