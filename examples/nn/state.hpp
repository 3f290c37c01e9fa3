// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>
#include <string_view>
#include <type_traits>
#include <utility>

namespace nn {

template <typename Layer, typename Visit, typename = void>
inline constexpr bool names_its_state = false;
template <typename Layer, typename Visit>
inline constexpr bool names_its_state<
    Layer, Visit,
    std::void_t<decltype(std::declval<Layer&>().for_each_state(std::declval<Visit&>()))>> = true;

/// visit(name, value) for everything that a saved model holds of the layer: its parameters, and
/// what else it names itself, as the running statistics of a BatchNorm.
template <typename Layer, typename Visit>
void for_each_state(Layer& layer, Visit&& visit) {
  if constexpr (names_its_state<Layer, Visit>) {
    layer.for_each_state(visit);
  } else {
    layer.for_each_parameter(
        [&](std::string_view name, auto& value, auto&) { visit(name, value); });
  }
}

/// How many numbers a model learns.
template <typename Model>
Eigen::Index parameter_count(Model& model) {
  Eigen::Index count = 0;
  model.for_each_parameter(
      [&](std::string_view, const auto& value, const auto&) { count += value.size(); });
  return count;
}

}  // namespace nn
