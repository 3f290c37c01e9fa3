// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <vector>

#include "nn/random.hpp"
#include "nn/softmax_cross_entropy.hpp"
#include "nn/types.hpp"

namespace nn {

/// How many of the samples that are left form the next batch. A last batch of one sample joins the
/// batch before it: batch statistics need more than one value per channel.
inline Index next_batch_size(Index left, Index batch_size) {
  return left == batch_size + 1 ? left : std::min(batch_size, left);
}

/// Cuts an order of samples into batches.
inline std::vector<std::vector<Index>> batches(const std::vector<Index>& order, Index batch_size) {
  std::vector<std::vector<Index>> result;
  for (auto first = order.begin(); first != order.end();) {
    const Index size = next_batch_size(static_cast<Index>(order.end() - first), batch_size);
    result.emplace_back(first, first + size);
    first += size;
  }
  return result;
}

/// The samples named by rows, in that order.
template <typename Scalar>
Matrix<Scalar> gather(const Matrix<Scalar>& x, const std::vector<Index>& rows) {
  Matrix<Scalar> result(static_cast<Index>(rows.size()), x.cols());
  Index to = 0;
  for (const Index from : rows) {
    result.row(to++) = x.row(from);
  }
  return result;
}

template <typename Scalar>
Images<Scalar> gather(const Images<Scalar>& x, const std::vector<Index>& rows) {
  const auto count = static_cast<Index>(rows.size());
  const Index sample = x.size() / x.dimension(0);
  Images<Scalar> result(count, x.dimension(1), x.dimension(2), x.dimension(3));
  Index to = 0;
  for (const Index from : rows) {
    std::copy_n(x.data() + from * sample, sample, result.data() + sample * to++);
  }
  return result;
}

inline Labels gather(const Labels& labels, const std::vector<Index>& rows) {
  Labels result(static_cast<Index>(rows.size()));
  Index to = 0;
  for (const Index from : rows) {
    result(to++) = labels(from);
  }
  return result;
}

/// Leaves in the model the gradients of the mean loss of a batch, and returns that loss.
template <typename Model, typename Samples>
double batch_gradients(Model& model, const Samples& x, const Labels& labels) {
  const auto [loss, dlogits] = softmax_cross_entropy(model.forward(x), labels);
  model.zero_grad();
  model.backward(x, dlogits);
  return loss;
}

/// Learns from one batch; returns its mean loss before that.
template <typename Model, typename Optimizer, typename Samples>
double train_step(Model& model, Optimizer& optimizer, const Samples& x, const Labels& labels) {
  const double loss = batch_gradients(model, x, labels);
  optimizer.step(model);
  return loss;
}

/// One visit of all samples in random order; returns the mean loss while learning.
template <typename Model, typename Optimizer, typename Samples>
double train_epoch(Model& model, Optimizer& optimizer, const Samples& samples, const Labels& labels,
                   Index batch_size, Random& random) {
  double total_loss = 0.0;
  for (const auto& batch : batches(random.permutation(labels.size()), batch_size)) {
    total_loss += train_step(model, optimizer, gather(samples, batch), gather(labels, batch)) *
                  static_cast<double>(batch.size());
  }
  return total_loss / static_cast<double>(labels.size());
}

}  // namespace nn
