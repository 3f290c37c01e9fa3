// SPDX-License-Identifier: MIT
#pragma once

#include <unsupported/Eigen/CXX11/Tensor>

#include "eigen_norm/core/mask.hpp"
#include "eigen_norm/core/per_sample.hpp"

/// Data and conditions that are the same in every run.

namespace eigen_norm::test {

template <typename X>
void fill(X& x, int seed) {
  for (Index i = 0; i < x.size(); ++i) {
    x.data()[i] = static_cast<float>((i * 7919 + seed) % 1009) / 100.0F - 3.0F;
  }
}

/// Long stretches that count, with shorter ones between them that do not.
template <typename... Sizes>
Mask mask_of(Sizes... sizes) {
  Eigen::Tensor<bool, static_cast<int>(sizeof...(Sizes)), Eigen::RowMajor> valid(sizes...);
  for (Index i = 0; i < valid.size(); ++i) valid.data()[i] = i % 1601 < 1450;
  return Mask(valid);
}

inline PerSample<float> per_sample_of(Index samples, Index size) {
  PerSample<float> result{PerSample<float>::Table(samples, size),
                          PerSample<float>::Table(samples, size)};
  fill(result.scale, 3);
  fill(result.shift, 4);
  result.zero_grad();
  return result;
}

/// What backward has added to a condition, to what has add(object): a mask learns nothing.
template <typename Numbers>
void add_gradients(Numbers&, const Mask&) {}
template <typename Numbers>
void add_gradients(Numbers& numbers, const PerSample<float>& per_sample) {
  numbers.add(per_sample.scale_grad, per_sample.shift_grad);
}

}  // namespace eigen_norm::test
