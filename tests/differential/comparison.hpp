// SPDX-License-Identifier: MIT
#pragma once

#include "differential/configuration.hpp"

namespace eigen_norm::test {

// What came of some configurations. Errors are relative to the size that Truth gives each value.
struct Tally {
  Index configurations = 0;
  Index values = 0;
  Index confirmed = 0;  // values whose truth PyTorch in double has confirmed to a thousandth
  Index differing = 0;  // values that differ from PyTorch's beyond the tolerance
  Index explained = 0;  // of those, where ours are right: the error is PyTorch's
  Index refused = 0;    // steps that both refuse
  Index failed = 0;     // configurations
  Real worst_ours = 0;
  Real worst_torch = 0;

  Tally& operator+=(const Tally& other);
};

// Runs the steps of a configuration in both libraries. Fails the test, with the line of code that
// does it again, where
//
//   - a value of ours is not what it is by definition,
//   - PyTorch in double does not confirm the definition, as far as its rounding lets it,
//   - only one of the two refuses a batch, or the running statistics change where none should.
//
// Before each step PyTorch is given our running statistics: an error explains nothing later on.
Tally compare(const Configuration& configuration);

}  // namespace eigen_norm::test
