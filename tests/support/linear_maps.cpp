// SPDX-License-Identifier: MIT
#include "support/linear_maps.hpp"

namespace eigen_norm::test {
namespace {

// (N, O, ...) with the bias of its output everywhere.
Logical filled_with(const Values& bias, const Dims& dims) {
  Logical y(dims);
  if (bias.empty()) return y;
  for_each_index(dims,
                 [&](const Dims& at) { y.at(at) = bias.at(static_cast<std::size_t>(at[1])); });
  return y;
}

Index places(Index size, Index kernel, const Convolution& how) {
  return (size + 2 * how.padding - kernel) / how.stride + 1;
}

}  // namespace

Logical linear(const Logical& x, const Logical& weight, const Values& bias) {
  Logical y = filled_with(bias, {x.dims[0], weight.dims[0]});
  for_each_index({x.dims[0], weight.dims[0], weight.dims[1]}, [&](const Dims& at) {
    y.at({at[0], at[1]}) += weight.at({at[1], at[2]}) * x.at({at[0], at[2]});
  });
  return y;
}

Logical convolution(const Logical& x, const Logical& weight, const Values& bias,
                    const Convolution& how) {
  const Index outputs = weight.dims[0], inputs = weight.dims[1];
  const Index height = places(x.dims[2], weight.dims[2], how);
  const Index width = places(x.dims[3], weight.dims[3], how);
  Logical y = filled_with(bias, {x.dims[0], outputs, height, width});
  for_each_index(y.dims, [&](const Dims& at) {
    const Index first = at[1] / (outputs / how.groups) * inputs;  // of the group's channels
    for_each_index({inputs, weight.dims[2], weight.dims[3]}, [&](const Dims& k) {
      const Index row = at[2] * how.stride + k[1] - how.padding;
      const Index col = at[3] * how.stride + k[2] - how.padding;
      if (row < 0 || row >= x.dims[2] || col < 0 || col >= x.dims[3]) return;
      y.at(at) += weight.at({at[1], k[0], k[1], k[2]}) * x.at({at[0], first + k[0], row, col});
    });
  });
  return y;
}

Logical transposed_convolution(const Logical& x, const Logical& weight, const Values& bias,
                               Index stride) {
  const Index height = (x.dims[2] - 1) * stride + weight.dims[2];
  const Index width = (x.dims[3] - 1) * stride + weight.dims[3];
  Logical y = filled_with(bias, {x.dims[0], weight.dims[1], height, width});
  for_each_index(x.dims, [&](const Dims& from) {
    for_each_index({weight.dims[1], weight.dims[2], weight.dims[3]}, [&](const Dims& k) {
      y.at({from[0], k[0], from[2] * stride + k[1], from[3] * stride + k[2]}) +=
          weight.at({from[1], k[0], k[1], k[2]}) * x.at(from);
    });
  });
  return y;
}

}  // namespace eigen_norm::test
