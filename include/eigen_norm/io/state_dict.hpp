// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "eigen_norm/io/named_tensors.hpp"
#include "eigen_norm/io/to_eigen.hpp"

namespace eigen_norm::io {
inline namespace EIGEN_NORM_ABI {

/// Tensors by name, to be read: what a file holds, or the state of a model that is to be saved.
///
///     io::StateDict state;
///     state.add("stem.norm", norm);         // stem.norm.weight, .bias, .running_mean and so on
///     state.add("stem.weight", weights);    // an Eigen matrix or tensor
///     io::save_safetensors("model.safetensors", state);
///
///     state = io::load_safetensors("model.safetensors");
///     Eigen::MatrixXf weights = state.get<Eigen::MatrixXf>("stem.weight");
class StateDict : public NamedTensors<TensorView> {
 public:
  /// Throws std::invalid_argument where there is none of that name.
  const TensorView& at(const std::string& name) const {
    const Entry* const entry = this->find(name);
    if (entry == nullptr) {
      memory::raise_invalid("StateDict: expected a tensor named " + name + ", got " +
                            std::to_string(this->size()) + " of other names");
    }
    return entry->view;
  }

  /// A copy of the tensor of that name as an owning Eigen object; see to_eigen.
  template <typename Plain>
  Plain get(const std::string& name) const {
    return to_eigen<Plain>(at(name), "StateDict: " + name);
  }
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::io
