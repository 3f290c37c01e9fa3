// SPDX-License-Identifier: MIT
#pragma once

#include "support/logical.hpp"

// The layers before and after a normalization, by definition. An absent (empty) bias is 0.
namespace eigen_norm::test {

// y(n, o) = sum_i weight(o, i) * x(n, i) + bias(o)
Logical linear(const Logical& x, const Logical& weight, const Values& bias);

struct Convolution {
  Index stride = 1;
  Index padding = 0;  // zeros on each side
  Index groups = 1;
};

// y(n, o, i, j) = sum_{c, u, v} weight(o, c, u, v) * x(n, g * C/groups + c, i * stride + u -
// padding, j * stride + v - padding) + bias(o), with weight (O, C / groups, kH, kW) and g the group
// that o is in, of O / groups outputs in a row.
Logical convolution(const Logical& x, const Logical& weight, const Values& bias,
                    const Convolution& how = {});

// y(n, o, i * stride + u, j * stride + v) = sum weight(c, o, u, v) * x(n, c, i, j) + bias(o), with
// weight (C, O, kH, kW).
Logical transposed_convolution(const Logical& x, const Logical& weight, const Values& bias,
                               Index stride);

}  // namespace eigen_norm::test
