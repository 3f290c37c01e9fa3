// SPDX-License-Identifier: MIT
#pragma once

#include <memory>

#include "differential/configuration.hpp"
#include "support/reference.hpp"

namespace eigen_norm::test {

struct Running {
  Values mean, var;  // empty where there are none
  Index tracked = 0;
};

// What one step gives: all values in the order of channels first. The gradients of the parameters
// are those of all steps until now, and empty where there is no such parameter.
struct Answer {
  Values y, dx, dgamma, dbeta, running_mean, running_var;
};

// Each of them with its name.
struct Quantity {
  const char* name;
  Values Answer::*values;
};
inline constexpr Quantity quantities[] = {{"y", &Answer::y},
                                          {"dx", &Answer::dx},
                                          {"dgamma", &Answer::dgamma},
                                          {"dbeta", &Answer::dbeta},
                                          {"running_mean", &Answer::running_mean},
                                          {"running_var", &Answer::running_var}};

// A layer of either library, which is asked in the same words.
class Peer {
 public:
  virtual ~Peer() = default;

  // Forward and backward; throws where the layer refuses the batch.
  virtual Answer step(Mode mode, const Logical& x, const Logical& dy) = 0;

  virtual Running running() const = 0;
  virtual void set_running(const Running& running) = 0;
};

// Ours, for float and double.
template <typename Scalar>
std::unique_ptr<Peer> make_eigen_norm(const Configuration& configuration, const Affine& affine);

// PyTorch's, which may compute in another precision than the configuration says.
std::unique_ptr<Peer> make_torch(const Configuration& configuration, const Affine& affine,
                                 Precision precision);

}  // namespace eigen_norm::test
