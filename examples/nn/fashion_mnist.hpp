// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "nn/idx.hpp"
#include "nn/types.hpp"

namespace nn {

/// Fashion-MNIST (Xiao, Rasul and Vollgraf, 2017): photographs of clothing in grey, MIT licence.
struct FashionMnist {
  static constexpr Index classes = 10, side = 28;
  static constexpr std::array<const char*, classes> class_names = {
      "T-shirt", "trouser", "pullover", "dress", "coat",
      "sandal",  "shirt",   "sneaker",  "bag",   "ankle boot"};

  Images<float> train_images;  // (60000, 1, 28, 28), 0 black to 1 white
  Labels train_labels;         // (60000): 0 to 9
  Images<float> test_images;   // (10000, 1, 28, 28)
  Labels test_labels;          // (10000)
};

/// Where Debian's dataset-fashion-mnist puts the four files.
inline constexpr const char* fashion_mnist_folder = "/usr/share/datasets/fashion-mnist";

inline Images<float> read_fashion_images(const std::string& path, Index count) {
  const auto side = static_cast<std::uint32_t>(FashionMnist::side);
  IdxReader<3> file(path, std::to_string(count) +
                              " images of 28 x 28 of Fashion-MNIST (Debian: "
                              "apt-get install dataset-fashion-mnist)");
  const std::vector<std::uint8_t> ink = file.read({static_cast<std::uint32_t>(count), side, side});
  Images<float> images(count, 1, FashionMnist::side, FashionMnist::side);
  std::transform(ink.begin(), ink.end(), images.data(),
                 [](std::uint8_t value) { return static_cast<float>(value) / 255.0f; });
  return images;
}

inline Labels read_fashion_labels(const std::string& path, Index count) {
  IdxReader<1> file(path, std::to_string(count) + " labels of Fashion-MNIST");
  const std::vector<std::uint8_t> numbers = file.read({static_cast<std::uint32_t>(count)});
  Labels labels(count);
  std::copy(numbers.begin(), numbers.end(), labels.data());
  if (!(labels < static_cast<int>(FashionMnist::classes)).all()) {
    throw std::runtime_error(path + ": expected labels from 0 to 9, got " +
                             std::to_string(labels.maxCoeff()));
  }
  return labels;
}

inline FashionMnist read_fashion_mnist(const std::string& folder = fashion_mnist_folder) {
  return {read_fashion_images(folder + "/train-images-idx3-ubyte.gz", 60000),
          read_fashion_labels(folder + "/train-labels-idx1-ubyte.gz", 60000),
          read_fashion_images(folder + "/t10k-images-idx3-ubyte.gz", 10000),
          read_fashion_labels(folder + "/t10k-labels-idx1-ubyte.gz", 10000)};
}

}  // namespace nn
