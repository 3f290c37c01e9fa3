// SPDX-License-Identifier: MIT
#pragma once

namespace nn {

/// The verbs about parameters, for a layer that has none.
struct NoParameters {
  void zero_grad() {}

  template <typename Visit>
  void for_each_parameter(Visit&&) {}
};

}  // namespace nn
