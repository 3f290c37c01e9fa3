// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "claims/data.hpp"
#include "claims/networks.hpp"
#include "claims/run_all.hpp"
#include "nn/evaluation.hpp"
#include "nn/random.hpp"
#include "nn/sgd.hpp"
#include "nn/training.hpp"

namespace claims {

/// SGD with momentum 0.9, at a rate that falls in a line from `rate` to 0.
struct Training {
  Index batch_size;
  double rate;
  int epochs;
};

/// The mean training loss in each of `pieces` equal parts of a training, or in each batch if there
/// are fewer; not a number from where a loss was not finite: there it stops.
template <typename Model, typename X>
std::vector<double> train(Model& model, const X& x, const nn::Labels& labels,
                          const Training& training, std::size_t pieces, nn::Random& random) {
  nn::Sgd<float> optimizer(training.rate);
  std::vector<std::vector<Index>> batches;
  for (int epoch = 0; epoch < training.epochs; ++epoch) {
    for (auto& batch : nn::batches(random.permutation(labels.size()), training.batch_size)) {
      batches.push_back(std::move(batch));
    }
  }
  pieces = std::min(pieces, batches.size());
  std::vector<double> losses(pieces, std::numeric_limits<double>::quiet_NaN());
  for (std::size_t piece = 0; piece < pieces; ++piece) {
    const std::size_t begin = batches.size() * piece / pieces;
    const std::size_t end = batches.size() * (piece + 1) / pieces;
    double total = 0.0;
    for (std::size_t k = begin; k < end; ++k) {
      const double progress = static_cast<double>(k) / static_cast<double>(batches.size());
      optimizer.set_learning_rate(training.rate * (1 - progress));
      const double loss = nn::train_step(model, optimizer, nn::gather(x, batches[k]),
                                         nn::gather(labels, batches[k]));
      if (!std::isfinite(loss)) return losses;
      total += loss;
    }
    losses[piece] = total / static_cast<double>(end - begin);
  }
  return losses;
}

template <typename Model, typename X>
nn::Evaluation judge(const Model& model, const X& x, const nn::Labels& labels) {
  return nn::evaluate(model, x, labels, nn::FashionMnist::classes, 100);  // that fit the cache
}

/// Trains, and judges by inference: the training loss in the last twentieth of the training, and
/// the test accuracy in %.
template <typename Model, typename X>
Outcome train_and_judge(Model& model, const X& train_x, const X& test_x, const Data& data,
                        const Training& training, nn::Random& random) {
  const std::vector<double> curve = train(model, train_x, data.train.labels, training, 20, random);
  if (!std::isfinite(curve.back())) return {{curve.back(), curve.back()}, curve};
  return {{curve.back(), 100 * judge(model, test_x, data.test.labels).confusion.accuracy()}, curve};
}

inline Outcome try_cnn(const Data& data, Norm norm, const Training& training, std::uint64_t seed) {
  nn::Random random(seed);
  Cnn model = make_cnn(norm, data.train.images.dimension(2), random);
  return train_and_judge(model, data.train.images, data.test.images, data, training, random);
}

inline Outcome try_mlp(const Data& data, Norm norm, const MlpShape& shape, const Training& training,
                       std::uint64_t seed) {
  nn::Random random(seed);
  Mlp model = make_mlp(norm, shape, random);
  return train_and_judge(model, data.train.pixels, data.test.pixels, data, training, random);
}

}  // namespace claims
