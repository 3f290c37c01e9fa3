// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>
#include <type_traits>

namespace nn {

/// visit(name, value) for everything that a saved model holds of the layer: its parameters, and
/// what else it names itself, as the running statistics of a BatchNorm.
template <typename Layer, typename Visit>
void for_each_state(Layer& layer, Visit&& visit) {
  constexpr auto has_own = [](auto& one, auto& f) -> decltype(one.for_each_state(f)) {};
  if constexpr (std::is_invocable_v<decltype(has_own), Layer&, Visit&>) {
    layer.for_each_state(visit);
  } else {
    layer.for_each_parameter(
        [&](std::string_view name, auto& value, auto&) { visit(name, value); });
  }
}

}  // namespace nn
