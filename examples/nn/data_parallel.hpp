// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <future>
#include <string_view>
#include <utility>
#include <vector>

#include "nn/types.hpp"

namespace nn {

/// One step of a batch on several threads: each has the model's weights and a share of the batch,
/// and the gradients are added up. It works for layers that look at each sample alone, as LayerNorm
/// and RMSNorm do; a BatchNorm would take the statistics of each share instead of the batch's.
template <typename Model>
class DataParallel {
 public:
  /// As many threads as there are models: `model` learns on the calling one, its copies on others.
  DataParallel(const Model& model, int threads)
      : copies_(static_cast<std::size_t>(threads - 1), model) {}

  int shares() const { return static_cast<int>(copies_.size()) + 1; }

  /// Calls learn(a model, share) for share 0, 1, ..., each on its thread: it leaves in the model
  /// the gradients of that share. The sum over the shares is then in `model`, added in their order,
  /// so that it is the same every time. Returns the sum of what learn returned.
  template <typename Learn>
  double gradients(Model& model, const Learn& learn) {
    std::vector<std::future<double>> others;
    for (std::size_t c = 0; c < copies_.size(); ++c) {
      for_each_parameter_of_two(model, copies_[c],
                                [](auto& value, auto&, auto& copy, auto&) { copy = value; });
      others.push_back(std::async(std::launch::async, [this, &learn, c] {
        return learn(copies_[c], static_cast<int>(c) + 1);
      }));
    }
    double result = learn(model, 0);
    for (std::size_t c = 0; c < copies_.size(); ++c) {
      result += others[c].get();
      for_each_parameter_of_two(model, copies_[c],
                                [](auto&, auto& grad, auto&, auto& copy) { grad += copy; });
    }
    return result;
  }

 private:
  using Flat = Eigen::Map<Eigen::ArrayX<typename Model::Scalar>>;

  /// visit(value, grad, value of the other, grad of the other), each as a flat array
  template <typename Visit>
  static void for_each_parameter_of_two(Model& one, Model& other, const Visit& visit) {
    std::vector<std::pair<Flat, Flat>> parameters;
    one.for_each_parameter([&](std::string_view, auto& value, auto& grad) {
      parameters.emplace_back(flat(value), flat(grad));
    });
    std::size_t p = 0;
    other.for_each_parameter([&](std::string_view, auto& value, auto& grad) {
      auto& [first_value, first_grad] = parameters[p++];
      Flat other_value = flat(value), other_grad = flat(grad);
      visit(first_value, first_grad, other_value, other_grad);
    });
  }

  std::vector<Model> copies_;
};

}  // namespace nn
