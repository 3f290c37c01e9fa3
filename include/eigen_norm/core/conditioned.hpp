// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <string>
#include <type_traits>

#include "eigen_norm/core/layer.hpp"
#include "eigen_norm/core/unit_pass.hpp"

namespace eigen_norm {
inline namespace EIGEN_NORM_ABI {

template <>
inline constexpr bool is_condition<Mask> = true;
template <typename P>
inline constexpr bool is_condition<PerSample<P>> = true;
template <typename... Cs>
using IfConditions =
    std::enable_if_t<(sizeof...(Cs) > 0) && (is_condition<memory::Bare<Cs>> && ...), int>;
template <typename T>
using IfNone = std::enable_if_t<!is_condition<memory::Bare<T>>, int>;

/// Forward, infer and backward under conditions of the call: with a Mask, with a scale and shift
/// PerSample, or with both. Everything else is as without them; `backward` takes the conditions of
/// the forward that it answers.
///
/// Statistics come first, merged over the stretches of x that count; then x is normalised as by
/// given ones, sample by sample where each has a scale of its own. With M elements that count for a
/// statistic, mask(i) = 1 where i is one of them, and sums over all elements:
///
///     dx(i) = inv_std * (gamma * dy(i) - mask(i) * (t1 + xhat(i) * t2) / M)
///
/// Works in row-major order: column-major objects are copied. Layers of fixed size use heap memory
/// here.
template <typename Derived, typename Scalar, int Size>
class Conditioned : public Layer<Derived, Scalar, Size> {
  using Base = Layer<Derived, Scalar, Size>;

 public:
  using Base::backward;
  using Base::forward;
  using Base::infer;
  using typename Base::P;
  using typename Base::S;

  /// `conditions` are a const Mask&, a PerSample&, or both in this order; backward adds to the
  /// gradients of the latter.
  template <typename X, typename... Cs, IfConditions<Cs...> = 0>
  auto forward(const X& x, const Cs&... conditions) {
    typename memory::EigenObject<X>::Plain y;
    forward_under(Conditions(conditions...), x, y);
    return y;
  }
  template <typename X, typename Y, typename... Cs, IfConditions<Cs...> = 0, IfNone<Y> = 0>
  void forward(const X& x, Y&& y, const Cs&... conditions) {
    forward_under(Conditions(conditions...), x, y);
  }

  template <typename X, typename... Cs, IfConditions<Cs...> = 0>
  auto infer(const X& x, const Cs&... conditions) const {
    typename memory::EigenObject<X>::Plain y;
    infer_under(Conditions(conditions...), x, y);
    return y;
  }
  template <typename X, typename Y, typename... Cs, IfConditions<Cs...> = 0, IfNone<Y> = 0>
  void infer(const X& x, Y&& y, const Cs&... conditions) const {
    infer_under(Conditions(conditions...), x, y);
  }

  template <typename X, typename Dy, typename... Cs, IfConditions<Cs...> = 0>
  auto backward(const X& x, const Dy& dy, Cs&&... conditions) {
    check_gradients_are_kept<Cs...>();
    typename memory::EigenObject<X>::Plain dx;
    backward_under(Conditions(conditions...), x, dy, dx);
    return dx;
  }
  template <typename X, typename Dy, typename Dx, typename... Cs, IfConditions<Cs...> = 0,
            IfNone<Dx> = 0>
  void backward(const X& x, const Dy& dy, Dx&& dx, Cs&&... conditions) {
    check_gradients_are_kept<Cs...>();
    backward_under(Conditions(conditions...), x, dy, dx);
  }

 protected:
  using ConditionedBase = Conditioned;
  using Base::Base;
  using typename Base::ConstBuffer;
  using typename Base::ConstOperand;
  using typename Base::MutableBuffer;
  using typename Base::MutableOperand;

  using LayerBase = Base;

  /// What a layer may say otherwise: how many samples there are in x; whether a mask is of all
  /// elements of x, or of its positions; and what goes on with own and with running statistics.
  static Index samples(const memory::Shape& shape) { return shape[0]; }
  static constexpr bool mask_is_of_elements = false;
  void check_mask(const memory::Shape&, const Mask*, Purpose) const {}
  void take_in(const Units&, const Mask*, const Parameters<S>&, const Parameters<S>&) {}
  void read_running(Parameters<S>&, Parameters<S>&) const {}

 private:
  struct Conditions {
    const Mask* mask = nullptr;
    const PerSample<P>* affine = nullptr;
    PerSample<P>* gradients = nullptr;

    explicit Conditions(const Mask& m) : mask(&m) {}
    explicit Conditions(const PerSample<P>& a) : affine(&a) {}
    explicit Conditions(PerSample<P>& a) : affine(&a), gradients(&a) {}
    template <typename A>
    Conditions(const Mask& m, A& a) : Conditions(a) {
      mask = &m;
    }
  };

  template <typename... Cs>
  static void check_gradients_are_kept() {
    static_assert(
        ((std::is_same_v<memory::Bare<Cs>, Mask> ||
          (std::is_lvalue_reference_v<Cs> && !std::is_const_v<std::remove_reference_t<Cs>>)) &&
         ...),
        "eigen_norm: backward adds to the gradients of a PerSample: it must be neither "
        "const nor a temporary");
  }

  const Derived& self() const { return static_cast<const Derived&>(*this); }
  Derived& self() { return static_cast<Derived&>(*this); }

  Units units(const Conditions& given, const memory::CollapsedShape& view,
              const memory::Shape& shape) const {
    return {view, self().samples(shape), given.mask != nullptr, Derived::mask_is_of_elements,
            given.affine != nullptr};
  }

  void check_conditions(const Conditions& given, const memory::Shape& shape) const {
    if (given.mask != nullptr &&
        given.mask->shape().without_ones() != mask_shape(shape).without_ones()) {
      this->check_shape("a mask", mask_shape(shape), given.mask->shape());
    }
    if (given.affine == nullptr) return;
    if (this->affine().any()) {
      memory::raise_logic(self().name() +
                          ": a scale and shift per sample need a layer without gamma and beta");
    }
    check_table("scale", given.affine->scale, shape);
    check_table("shift", given.affine->shift, shape);
  }
  memory::Shape mask_shape(const memory::Shape& shape) const {
    if constexpr (Derived::mask_is_of_elements) {
      return shape;
    } else {
      return shape.without(self().channel_axis(shape.rank()));
    }
  }
  void check_table(const char* what, const typename PerSample<P>::Table& table,
                   const memory::Shape& shape) const {
    const memory::Shape expected{self().samples(shape), this->affine().size()};
    const memory::Shape got{table.rows(), table.cols()};
    if (table.size() > 0 && got != expected) this->raise_shape(what, expected.text(), got);
  }
  void check_gradients(const PerSample<P>& affine) const {
    const auto alike = [](const auto& a, const auto& b) {
      return a.rows() == b.rows() && a.cols() == b.cols();
    };
    if (!alike(affine.scale, affine.scale_grad) || !alike(affine.shift, affine.shift_grad)) {
      memory::raise_invalid(
          self().name() +
          ": expected scale_grad and shift_grad as large as scale and shift: call "
          "zero_grad() first");
    }
  }

  template <typename X, typename Y>
  void forward_under(const Conditions& given, const X& x, Y& y) {
    const auto check = [&](const memory::Shape& shape) {
      this->checked_for(given.mask != nullptr ? Purpose::part : Purpose::forward)(shape);
      check_conditions(given, shape);
      if (!this->by_running(false)) self().check_mask(shape, given.mask, Purpose::forward);
    };
    self().forward_together([&] {
      this->template transform<true>(
          x, y, check, [&](const ConstBuffer& in, const MutableBuffer& out) {
            const memory::Shape& shape = in.layout.shape;
            const bool own = !this->by_running(false);
            auto& last = this->last();
            last.begin(shape, own);
            last.masked = given.mask != nullptr;
            last.per_sample = given.affine != nullptr;
            if (shape.size() == 0) return;
            const ConstOperand from = this->operand(in, own);
            const Units parts = units(given, from.shape, shape);
            Parameters<S> mean(from.shape.statistics()), var(mean.size());
            const Parameters<S> inv_std = measure(parts, given, from, own, mean, var);
            last.resize(mean.size());
            if (last.is_kept()) {
              std::copy_n(mean.data(), mean.size(), last.mean.data());
              std::copy_n(inv_std.data(), mean.size(), last.inv_std.data());
            }
            pass(parts, given, own, mean, inv_std).normalise(from, this->operand(out, own));
            if (own) self().take_in(parts, given.mask, mean, var);
          });
    });
  }

  template <typename X, typename Y>
  void infer_under(const Conditions& given, const X& x, Y& y) const {
    const auto check = [&](const memory::Shape& shape) {
      this->checked_for(given.mask != nullptr ? Purpose::part : Purpose::inference)(shape);
      check_conditions(given, shape);
      if (!this->by_running(true)) self().check_mask(shape, given.mask, Purpose::inference);
    };
    this->template transform<true>(
        x, y, check, [&](const ConstBuffer& in, const MutableBuffer& out) {
          if (in.layout.shape.size() == 0) return;
          const bool own = !this->by_running(true);
          const ConstOperand from = this->operand(in, own);
          const Units parts = units(given, from.shape, in.layout.shape);
          Parameters<S> mean(from.shape.statistics()), var(mean.size());
          const Parameters<S> inv_std = measure(parts, given, from, own, mean, var);
          pass(parts, given, own, mean, inv_std).normalise(from, this->operand(out, own));
        });
  }

  template <typename X, typename Dy, typename Dx>
  void backward_under(const Conditions& given, const X& x, const Dy& dy, Dx& dx) {
    const auto check = [&](const memory::Shape& shape) {
      this->check_last("x of the last forward", shape);
      check_conditions(given, shape);
      if (given.gradients != nullptr) check_gradients(*given.gradients);
    };
    self().backward_together([&] {
      this->check_answerable("backward", given.mask != nullptr, given.affine != nullptr);
      this->template differentiate<true>(
          x, dy, dx, check,
          [&](const ConstBuffer& in, const ConstBuffer& gradient, const MutableBuffer& out) {
            if (in.layout.shape.size() == 0) return;
            const auto& last = this->last();
            const bool own = last.own_statistics;
            const ConstOperand from = this->operand(in, own);
            const Units parts = units(given, from.shape, in.layout.shape);
            Parameters<S> mean = last.mean.view(), inv_std = last.inv_std.view();
            if (!last.is_kept()) {
              Parameters<S> var(from.shape.statistics());
              mean.resize(var.size());
              inv_std = measure(parts, given, from, own, mean, var);
            }
            pass(parts, given, own, mean, inv_std)
                .differentiate(from, this->operand(gradient, own), this->operand(out, own),
                               [&](Index sample, const S* dgamma, const S* dbeta) {
                                 if (given.gradients != nullptr) {
                                   return given.gradients->accumulate(sample, dgamma, dbeta);
                                 }
                                 this->affine().accumulate(dgamma, dbeta);
                               });
          });
    });
  }

  UnitPass<Scalar> pass(const Units& parts, const Conditions& given, bool own,
                        const Parameters<S>& mean, const Parameters<S>& inv_std) const {
    return {parts,          given.mask, this->affine().view(), given.affine, mean.data(),
            inv_std.data(), own,        Derived::centred};
  }

  /// Mean, variance and inv_std, of x or running.
  Parameters<S> measure(const Units& parts, const Conditions& given, const ConstOperand& x,
                        bool own, Parameters<S>& mean, Parameters<S>& var) const {
    if (own) {
      parts.template measure<Scalar>(x, given.mask, this->eps(), Derived::centred, mean.data(),
                                     var.data());
    } else {
      self().read_running(mean, var);
    }
    Parameters<S> inv_std = var;
    kernels::inverse_std(inv_std.data(), inv_std.size(), this->eps());
    return inv_std;
  }
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm
