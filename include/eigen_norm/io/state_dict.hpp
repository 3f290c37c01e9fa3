// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "eigen_norm/io/copy.hpp"
#include "eigen_norm/io/named_tensors.hpp"

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
  StateDict() {}  // no aggregate, whose base the caller could not make by {}

  /// Throws std::invalid_argument where there is none of that name.
  const TensorView& at(const std::string& name) const {
    const Entry* const entry = this->find(name);
    if (entry == nullptr) {
      memory::raise_invalid("StateDict: expected a tensor named " + name + ", got " +
                            std::to_string(this->size()) + " of other names");
    }
    return entry->view;
  }

  /// A copy as an Eigen matrix, array or tensor that owns its memory, converted to its scalar.
  /// A vector or a tensor takes its own number of dimensions, a matrix also a vector, as a column.
  ///
  /// Throws std::invalid_argument for another number of dimensions, a size that does not fit, an
  /// integer in the place of a float or the reverse, and a value beyond the scalar's range.
  template <typename Plain>
  Plain get(const std::string& name) const {
    using Object = memory::EigenObject<Plain>;
    static_assert(Object::is_owner, "eigen_norm: get an owning Eigen matrix, array or tensor");
    constexpr ElementType type = element_type_of<typename Object::Scalar>();
    const TensorView& from = at(name);
    if (!is_convertible(from.type, type)) fail(name, name_of(type), name_of(from.type));
    if (!all_fit(from, type)) {
      fail(name, std::string("values within ") + name_of(type), "one beyond");
    }
    const memory::Shape shape = shape_as<Plain>(from.shape);
    if (shape.rank() != Object::rank || !Object::can_become(shape)) {
      fail(name, "a shape that fits the type asked for", from.shape.text());
    }
    Plain result;
    Object::resize(result, shape);
    MutableTensorView to = view_of(result);
    to.shape = from.shape;
    if (to.strides.rank() > from.shape.rank()) to.strides = packed_strides(from.shape);
    copy(from, to);
    return result;
  }

 private:
  /// As Plain counts dimensions: of a vector (n) as a matrix (n, 1) or (1, n).
  template <typename Plain>
  static memory::Shape shape_as(const memory::Shape& shape) {
    if constexpr (memory::is_dense<Plain>) {
      if (shape.rank() == 1 && Plain::RowsAtCompileTime == 1) return {1, shape[0]};
      if (shape.rank() == 1) return {shape[0], 1};
      if (shape.rank() == 2 && Plain::IsVectorAtCompileTime) return {};
    }
    return shape;
  }

  [[noreturn]] static void fail(const std::string& name, const std::string& expected,
                                const std::string& got) {
    memory::raise_invalid("StateDict: " + name + ": expected " + expected + ", got " + got);
  }
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::io
