// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <limits>
#include <optional>

#include "eigen_norm/core/options.hpp"
#include "fuzz/judge.hpp"
#include "fuzz/numbers.hpp"

// What the targets have in common: options and parameters of a layer as the input decides.
namespace eigen_norm::test::fuzz {

// Any eps, of which some are errors.
inline double eps_of(Input& in) {
  using Limits = std::numeric_limits<double>;
  return in.pick<double>({1e-5, 1e-5, 1e-3, 0, 1e-12, 1e-19, 1e-21, 1e-40, 1e-300, 1e3, 1e30, 1e100,
                          -1, Limits::quiet_NaN(), Limits::infinity(), 1e-5});
}
inline bool is_eps(double eps) { return eps >= 0 && std::isfinite(eps); }

inline ChannelAxis channel_axis_of(Input& in) {
  return in.flag() ? ChannelAxis::last : ChannelAxis::first;
}

// Makes a layer, or sees to it that options which are an error are one.
template <typename Layer, typename Make>
std::optional<Layer> made(bool valid, const Make& make) {
  std::optional<Layer> layer;
  Refusal([&] { layer.emplace(make()); }).require_to_be(!valid, "construction");
  return layer;
}

template <typename Layer>
void fill_affine(Input& in, Layer& layer) {
  using P = Param<typename Layer::Scalar>;
  copy_to_parameters(numbers<P>(in, layer.gamma().size()), layer.gamma());
  copy_to_parameters(numbers<P>(in, layer.beta().size()), layer.beta());
}

template <typename Layer>
Affine affine_of(const Layer& layer) {
  return {from_parameters(layer.gamma()), from_parameters(layer.beta())};
}

inline constexpr Index most_elements = 3000;

// A shape with so many channels at their axis.
inline Dims channel_dims(Input& in, Index rank, Index channel_axis, Index channels) {
  Dims dims = in.dims(rank - 1, most_elements / channels);
  dims.insert(dims.begin() + channel_axis, channels);
  return dims;
}

// Asks by the statistics of x.
inline Question question_of_own(const Logical& x, const Logical& dy, const Affine& affine,
                                double eps, const Sharing& sharing) {
  Question question{x, dy, affine, sharing};
  question.want = normalized(x, dy, affine, static_cast<Real>(eps), sharing);
  return question;
}

}  // namespace eigen_norm::test::fuzz
