// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "support/subjects.hpp"

// Layers of float whose type and shape are chosen at run time: compiled once, for tests that try
// many of them.
namespace eigen_norm::test {

// How far float may be from the definition, on the scale of Scales: max(1, |gamma * xhat|, |beta|)
// forward, dx's largest term backward. So two answers are within twice that of each other.
inline constexpr Real float_bound = 2e-6L;

enum class Kind { batch_norm, group_norm, instance_norm, layer_norm, rms_norm };

inline constexpr Kind every_kind[] = {Kind::batch_norm, Kind::group_norm, Kind::instance_norm,
                                      Kind::layer_norm, Kind::rms_norm};

// A layer and the data it is for, always of rank 4: (N, C, H, W), or (N, H, W, C) where axis is 3.
// LayerNorm and RMSNorm normalise the last dimension.
struct LayerSetup {
  Kind kind = Kind::batch_norm;
  Dims dims = {};
  Index axis = 1;    // of the channels
  Index groups = 1;  // of GroupNorm
  int order = Eigen::RowMajor;
  double eps = 1e-5;

  bool over_channels() const { return kind != Kind::layer_norm && kind != Kind::rms_norm; }
  // The axis along which gamma and beta run.
  std::size_t parameter_axis() const {
    return over_channels() ? static_cast<std::size_t>(axis) : dims.size() - 1;
  }
  Index parameters() const { return dims[parameter_axis()]; }
  Sharing sharing() const;
  // Values that share a statistic.
  Index values() const;
  // For messages, as in "GroupNorm(2, 6), (3, 6, 5, 7), column-major, eps 1e-05".
  std::string text() const;
};

// Any layer, asked in logical arrays.
class AnyLayer {
 public:
  virtual ~AnyLayer() = default;

  virtual void train(bool on) = 0;
  virtual void set_affine(const Affine& affine) = 0;
  virtual Logical forward(const Logical& x) = 0;
  virtual Logical infer(const Logical& x) const = 0;
  virtual Logical backward(const Logical& x, const Logical& dy) = 0;
  virtual Logical backward_from_output(const Logical& y, const Logical& dy) = 0;
  virtual Values dgamma() const = 0;
  virtual Values dbeta() const = 0;
};

std::unique_ptr<AnyLayer> make_layer(const LayerSetup& setup);

// The same beside its definition.
Subject subject_of(const LayerSetup& setup);

// Forward and backward of a new layer.
Answers ask(const LayerSetup& setup, const Logical& x, const Logical& dy, const Affine& affine);

// What `measure` does, of a layer with gamma and beta away from 1 and 0.
Errors measure(const LayerSetup& setup, const Logical& x, const Logical& dy);

}  // namespace eigen_norm::test
