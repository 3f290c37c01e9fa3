// SPDX-License-Identifier: MIT
#pragma once

#include <numeric>
#include <vector>

#include "nn/confusion_matrix.hpp"
#include "nn/softmax_cross_entropy.hpp"
#include "nn/training.hpp"
#include "nn/types.hpp"

namespace nn {

struct Evaluation {
  double loss;  // mean over the samples
  ConfusionMatrix confusion;
};

/// Judges a model by inference, a few samples at a time: what flows through a network takes much
/// more memory than the samples.
template <typename Model, typename Samples>
Evaluation evaluate(const Model& model, const Samples& samples, const Labels& labels, Index classes,
                    Index at_a_time = 500) {
  Evaluation result{0.0, ConfusionMatrix(classes)};
  std::vector<Index> rows(static_cast<std::size_t>(labels.size()));
  std::iota(rows.begin(), rows.end(), Index{0});
  for (const auto& batch : batches(rows, at_a_time)) {
    const auto logits = model.infer(gather(samples, batch));
    const Labels batch_labels = gather(labels, batch);
    result.confusion.add(logits, batch_labels);
    result.loss += softmax_cross_entropy(logits, batch_labels).loss *
                   static_cast<double>(batch.size()) / static_cast<double>(labels.size());
  }
  return result;
}

}  // namespace nn
