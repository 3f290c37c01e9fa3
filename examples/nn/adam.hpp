// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <string_view>
#include <vector>

#include "nn/types.hpp"

namespace nn {

/// Adam (Kingma and Ba, 2015): with m and v the decaying means of the gradient g and of g^2,
///
///     value -= learning_rate * mhat / (sqrt(vhat) + eps),   mhat = m / (1 - beta1^t), vhat alike
///
/// One optimizer serves one model: m and v are kept in the order of for_each_parameter.
template <typename Scalar>
class Adam {
 public:
  explicit Adam(double learning_rate) : learning_rate_(learning_rate) {}

  void set_learning_rate(double learning_rate) { learning_rate_ = learning_rate; }

  template <typename Model>
  void step(Model& model) {
    prepare(model);
    ++steps_;
    std::size_t parameter = 0;
    model.for_each_parameter([&](std::string_view, auto& value, auto& grad) {
      update(flat(value), flat(grad), moments_[parameter++]);
    });
  }

  /// visit(name, value) for all that the next steps for this model depend on but the learning rate.
  template <typename Model, typename Visit>
  void for_each_state(Model& model, Visit&& visit) {
    prepare(model);
    visit("adam_steps", steps_);
    for (Moments& moments : moments_) {
      visit("adam_m", moments.m);
      visit("adam_v", moments.v);
    }
  }

 private:
  struct Moments {
    Eigen::ArrayX<Scalar> m, v;
  };

  template <typename Model>
  void prepare(Model& model) {
    if (!moments_.empty()) return;
    model.for_each_parameter([&](std::string_view, auto& value, auto&) {
      const auto zero = Eigen::ArrayX<Scalar>::Zero(value.size());
      moments_.push_back({zero, zero});
    });
  }

  template <typename Value, typename Grad>
  void update(Value value, const Grad& grad, Moments& moments) const {
    const auto decay1 = static_cast<Scalar>(beta1);
    const auto decay2 = static_cast<Scalar>(beta2);
    moments.m = decay1 * moments.m + (1 - decay1) * grad;
    moments.v = decay2 * moments.v + (1 - decay2) * grad.square();
    const auto rate = static_cast<Scalar>(learning_rate_ / (1 - std::pow(beta1, steps_)));
    const auto root = static_cast<Scalar>(1 / std::sqrt(1 - std::pow(beta2, steps_)));
    value -= rate * moments.m / (root * moments.v.sqrt() + static_cast<Scalar>(eps));
  }

  static constexpr double beta1 = 0.9;
  static constexpr double beta2 = 0.999;
  static constexpr double eps = 1e-8;

  double learning_rate_;
  int steps_ = 0;
  std::vector<Moments> moments_;
};

}  // namespace nn
