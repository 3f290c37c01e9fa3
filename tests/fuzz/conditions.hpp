// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <utility>

#include "eigen_norm/core/conditioned.hpp"
#include "fuzz/calls.hpp"
#include "fuzz/numbers.hpp"

namespace eigen_norm::test::fuzz {

// The calls of a layer under a mask, with a scale and shift per sample, or both.
template <typename P>
struct Conditions {
  static constexpr bool conditioned = true;

  std::optional<Mask> mask;
  Logical counts;  // what the mask is of
  std::optional<PerSample<P>> affine;

  template <typename Layer, typename X, typename Y>
  void infer(const Layer& layer, const X& x, Y&& y) const {
    if (mask && affine) return layer.infer(x, y, *mask, *affine);
    if (mask) return layer.infer(x, y, *mask);
    layer.infer(x, y, *affine);
  }
  template <typename Layer, typename X, typename Y>
  void forward(Layer& layer, const X& x, Y&& y) const {
    if (mask && affine) return layer.forward(x, y, *mask, *affine);
    if (mask) return layer.forward(x, y, *mask);
    layer.forward(x, y, *affine);
  }
  template <typename Layer, typename X, typename Dy, typename Dx>
  void backward(Layer& layer, const X& x, const Dy& dy, Dx&& dx) {
    if (mask && affine) return layer.backward(x, dy, dx, *mask, *affine);
    if (mask) return layer.backward(x, dy, dx, *mask);
    layer.backward(x, dy, dx, *affine);
  }

  template <typename Layer>
  void start_gradients(Layer& layer, Real value) {
    if (!affine) return PlainCalls().start_gradients(layer, value);
    affine->zero_grad();
    affine->scale_grad += static_cast<P>(value);
    affine->shift_grad += static_cast<P>(value);
  }
  template <typename Layer>
  Values dgamma(const Layer& layer) const {
    return affine ? flat(affine->scale_grad) : PlainCalls().dgamma(layer);
  }
  template <typename Layer>
  Values dbeta(const Layer& layer) const {
    return affine ? flat(affine->shift_grad) : PlainCalls().dbeta(layer);
  }

  // gamma and beta as they are in effect: those of a layer, or by sample and channel.
  template <typename Layer>
  Affine affine_of(const Layer& layer) const {
    if (affine) return {flat(affine->scale), flat(affine->shift)};
    return {from_parameters(layer.gamma()), from_parameters(layer.beta())};
  }

 private:
  static Values flat(const typename PerSample<P>::Table& table) { return from_eigen(table).values; }
};

// A mask of this shape, in which a part of the places that the input chooses counts.
inline Logical places_that_count(Input& in, const Dims& dims) {
  Random random(in.byte());
  const Real share = in.pick<Real>({0.6L, 0.9L, 0.1L, 0, 1, 0.3L});
  Logical counts(dims);
  for (Real& value : counts.values) value = random.uniform(0, 1) < share ? 1 : 0;
  return counts;
}

inline Mask mask_of(const Logical& counts) {
  std::optional<Mask> mask;
  with_rank<1, 2, 3>(counts.rank(), [&](auto rank) {
    mask = Mask(to_eigen<Eigen::Tensor<bool, rank.value>>(counts));
  });
  return *mask;
}

// A mask of `mask_dims`, a table by sample and parameter, or both; `per_sample` or not.
template <typename P>
Conditions<P> conditions_of(Input& in, const Dims& mask_dims, Index samples, Index parameters,
                            bool per_sample) {
  Conditions<P> conditions;
  if (!per_sample || in.flag()) {
    conditions.counts = places_that_count(in, mask_dims);
    conditions.mask = mask_of(conditions.counts);
  }
  if (!per_sample) return conditions;
  using Table = typename PerSample<P>::Table;
  const auto table = [&] {
    if (in.one_in(4)) return Table();
    return to_eigen<Table>(Logical({samples, parameters}, numbers<P>(in, samples * parameters)));
  };
  conditions.affine.emplace();
  conditions.affine->scale = table();
  conditions.affine->shift = table();
  return conditions;
}

}  // namespace eigen_norm::test::fuzz
