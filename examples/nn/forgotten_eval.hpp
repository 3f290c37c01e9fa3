// SPDX-License-Identifier: MIT
#pragma once

#include <numeric>
#include <vector>

#include "nn/training.hpp"

namespace nn {

/// What a validation loop gets that has forgotten eval(): the model is left in training mode and
/// asked about `batch_size` samples at a time, each normalised by the others who happen to come
/// along. It also moves the model's running statistics. Do not copy this one: take a const Model&,
/// for which only infer compiles.
template <typename Model, typename Scalar>
Matrix<Scalar> forward_without_eval(Model& model, const Matrix<Scalar>& x, Index batch_size) {
  std::vector<Index> order(static_cast<std::size_t>(x.rows()));
  std::iota(order.begin(), order.end(), Index{0});
  Matrix<Scalar> result;
  for (const auto& batch : batches(order, batch_size)) {
    const Matrix<Scalar> y = model.forward(gather(x, batch));
    result.conservativeResize(x.rows(), y.cols());
    result.middleRows(batch.front(), y.rows()) = y;
  }
  return result;
}

}  // namespace nn
