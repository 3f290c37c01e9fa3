// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <string>

#include "nn/fashion_mnist.hpp"
#include "nn/pooling.hpp"
#include "nn/types.hpp"

namespace claims {

using nn::Index;
using Images = nn::Images<float>;
using Matrix = nn::Matrix<float>;

/// The same samples twice: as images for a convolutional network, as rows of pixels for others.
struct Samples {
  Images images;
  Matrix pixels;
  nn::Labels labels;

  Samples(const Images& all_images, const nn::Labels& all_labels, Index count)
      : images(all_images.slice(
            Eigen::array<Index, 4>{0, 0, 0, 0},
            Eigen::array<Index, 4>{count, all_images.dimension(1), all_images.dimension(2),
                                   all_images.dimension(3)})),
        labels(all_labels.head(count)) {}

  /// (x - mean) / deviation for every pixel.
  void standardise(float mean, float deviation) {
    nn::flat(images) = (nn::flat(images) - mean) / deviation;
    pixels = nn::as_matrix(images.data(), labels.size(), images.size() / labels.size());
  }
};

/// Standardised by one mean and one deviation, those of all pixels of the training samples.
struct Data {
  Samples train, test;

  Data(Samples training, Samples testing) : train(std::move(training)), test(std::move(testing)) {
    const auto ink = nn::flat(train.images);
    const float mean = ink.mean();
    const float deviation = std::sqrt((ink - mean).square().mean());
    train.standardise(mean, deviation);
    test.standardise(mean, deviation);
  }
};

/// The first images of Fashion-MNIST, each averaged down to 14 x 14 pixels.
inline Data small_fashion(const std::string& folder, Index train, Index test) {
  const nn::FashionMnist all = nn::read_fashion_mnist(folder);
  const nn::AveragePool2d half(2);
  return {{half.infer(all.train_images), all.train_labels, train},
          {half.infer(all.test_images), all.test_labels, test}};
}

}  // namespace claims
