// SPDX-License-Identifier: MIT
#pragma once

#include "differential/configuration.hpp"
#include "support/random.hpp"
#include "support/reference.hpp"

// The numbers of a configuration; each is one of its precision.
namespace eigen_norm::test {

Affine draw_affine(const Configuration& configuration);
Logical draw_x(const Configuration& configuration, Random& random);
Logical draw_dy(const Configuration& configuration, Random& random);

}  // namespace eigen_norm::test
