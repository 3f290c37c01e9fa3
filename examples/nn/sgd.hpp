// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>
#include <vector>

#include "nn/types.hpp"

namespace nn {

/// Stochastic gradient descent with momentum: with v the decaying sum of the gradients g,
///
///     v = momentum * v + g,   value -= learning_rate * v
///
/// One optimizer serves one model: v is kept in the order of for_each_parameter.
template <typename Scalar>
class Sgd {
 public:
  explicit Sgd(double learning_rate, double momentum = 0.9)
      : learning_rate_(static_cast<Scalar>(learning_rate)),
        momentum_(static_cast<Scalar>(momentum)) {}

  void set_learning_rate(double rate) { learning_rate_ = static_cast<Scalar>(rate); }

  template <typename Model>
  void step(Model& model) {
    std::size_t parameter = 0;
    model.for_each_parameter([&](std::string_view, auto& value, auto& grad) {
      if (parameter == velocities_.size()) {
        velocities_.push_back(Eigen::ArrayX<Scalar>::Zero(value.size()));
      }
      auto& velocity = velocities_[parameter++];
      velocity = momentum_ * velocity + flat(grad);
      flat(value) -= learning_rate_ * velocity;
    });
  }

 private:
  Scalar learning_rate_, momentum_;
  std::vector<Eigen::ArrayX<Scalar>> velocities_;
};

}  // namespace nn
