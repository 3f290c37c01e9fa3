// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include "claims/data.hpp"
#include "nn/metrics.hpp"
#include "nn/random.hpp"
#include "nn/sgd.hpp"
#include "nn/softmax_cross_entropy.hpp"
#include "nn/training.hpp"

namespace claims {

/// SGD with momentum 0.9, at a rate that falls in a line from `rate` to 0.
struct Training {
  Index batch_size;
  double rate;
  int epochs;
};

/// The mean training loss in each of `pieces` equal parts of a training, or not a number from where
/// a loss was not finite: there it stops.
template <typename Model, typename Samples>
std::vector<double> train(Model& model, const Samples& x, const nn::Labels& labels,
                          const Training& training, std::size_t pieces, nn::Random& random) {
  nn::Sgd<float> optimizer(training.rate);
  std::vector<std::vector<Index>> batches;
  for (int epoch = 0; epoch < training.epochs; ++epoch) {
    for (auto& batch : nn::batches(random.permutation(labels.size()), training.batch_size)) {
      batches.push_back(std::move(batch));
    }
  }
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

struct Evaluation {
  double loss, accuracy;
};

/// By inference, so many samples at a time that they fit the cache.
template <typename Model, typename Samples>
Evaluation evaluate(const Model& model, const Samples& x, const nn::Labels& labels) {
  std::vector<Index> order(static_cast<std::size_t>(labels.size()));
  std::iota(order.begin(), order.end(), Index{0});
  Evaluation result{0.0, 0.0};
  for (const auto& batch : nn::batches(order, 100)) {
    const nn::Labels own = nn::gather(labels, batch);
    const Matrix logits = model.infer(nn::gather(x, batch));
    const double share = static_cast<double>(batch.size()) / static_cast<double>(labels.size());
    result.loss += share * nn::softmax_cross_entropy(logits, own).loss;
    result.accuracy += share * nn::accuracy(logits, own);
  }
  return result;
}

}  // namespace claims
