// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <type_traits>

#include "eigen_norm/core/calls.hpp"
#include "eigen_norm/core/layer_state.hpp"
#include "eigen_norm/kernels/backward.hpp"
#include "eigen_norm/kernels/normalise.hpp"

namespace eigen_norm {
inline namespace EIGEN_NORM_ABI {

/// What a call is about: a forward pass in the mode of the layer, inference, or a part of what is
/// normalised together, of which one value is no error.
enum class Purpose { forward, inference, part };

/// Whether an argument is a condition of the call, as opposed to an Eigen object.
template <typename T>
inline constexpr bool is_condition = false;

/// What all layers share: forward, infer and backward over anything Eigen. A layer says what is its
/// own:
///
///     name(), check_rank<Rank>(), wants_packed()      as Calls asks
///     check_input(shape, purpose)                     throws std::invalid_argument
///     collapse(layout, own_statistics)                how x's own statistics, or running ones, see
///                                                     the memory
///     uses_running(inference)                         true where it normalises by running ones
///     centred                                         false where no mean is taken away
///     normalise(x, y, shape), infer_into(x, y)        where its statistics come from
///     last_affine(), correct_sums(dgamma, dbeta)      the gamma and beta of the last forward, and
///                                                     what dgamma is where they were not its own
///     differentiate_into(x, dy, dx, xhat)             what backward does with the memory
///     forward_together(call), backward_together(call) what goes on around a call that several
///                                                     machines make together
///     exchange_statistics(x), exchange_sums(x, dy, xhat)
///                                                     what they tell each other in it, before y or
///                                                     dx is touched
///     remember_empty(shape)                           what it keeps of an empty x for backward
///     forward_purpose()                               whether x is all that is normalised together
///     parameter_place                                 "channel" or "feature", for error messages
template <typename Derived, typename Scalar_, int Size>
class Layer : public LayerState<Scalar_, Size>, protected Calls<Derived, Scalar_> {
  using State = LayerState<Scalar_, Size>;
  using Base = Calls<Derived, Scalar_>;
  friend Base;

 public:
  using typename State::P;
  using typename State::S;
  using typename State::Scalar;

  /// Normalises x as the mode says and remembers the statistics for backward.
  template <typename X>
  auto forward(const X& x) {
    typename memory::EigenObject<X>::Plain y;
    forward(x, y);
    return y;
  }

  /// The same into y: x itself, another object of its storage order (resized where it owns its
  /// memory), or a view of the right shape. Allocates nothing once warm.
  template <typename X, typename Y, std::enable_if_t<!is_condition<memory::Bare<Y>>, int> = 0>
  void forward(const X& x, Y&& y) {
    self().forward_together([&] {
      this->template transform<is_row_major<X>>(
          x, y, checked_for(self().forward_purpose()),
          [&](const ConstBuffer& in, const MutableBuffer& out) {
            const memory::Shape& shape = in.layout.shape;
            if (shape.size() == 0) return self().remember_empty(shape);
            const bool own = !self().uses_running(false);
            const ConstOperand from = operand(in, own);
            if (affine().any()) scratch(pieces(from));  // for backward, which allocates nothing
            self().normalise(from, operand(out, own), shape);
          },
          [&](const ConstBuffer& in) { self().exchange_statistics(in); });
    });
  }

  /// Inference whatever the mode; never changes the layer, safe from many threads at once.
  template <typename X>
  auto infer(const X& x) const {
    typename memory::EigenObject<X>::Plain y;
    infer(x, y);
    return y;
  }

  /// The same into y, as in forward. Allocates nothing.
  template <typename X, typename Y, std::enable_if_t<!is_condition<memory::Bare<Y>>, int> = 0>
  void infer(const X& x, Y&& y) const {
    const auto compute = [&](const ConstBuffer& in, const MutableBuffer& out) {
      if (in.layout.shape.size() == 0) return;
      const bool own = !self().uses_running(true);
      self().infer_into(operand(in, own), operand(out, own));
    };
    this->template transform<is_row_major<X>>(x, y, checked_for(Purpose::inference), compute);
  }

  /// The gradient by x of the last forward, given x and the gradient dy by its result; adds to
  /// gamma_grad and beta_grad. It answers that forward, its mode and its statistics, whatever
  /// train, eval or freeze came since, with the gamma of now.
  template <typename X, typename Dy>
  auto backward(const X& x, const Dy& dy) {
    typename memory::EigenObject<X>::Plain dx;
    backward(x, dy, dx);
    return dx;
  }

  /// The same into dx, which may be dy or x itself. Allocates nothing once warm.
  template <typename X, typename Dy, typename Dx,
            std::enable_if_t<!is_condition<memory::Bare<Dx>>, int> = 0>
  void backward(const X& x, const Dy& dy, Dx&& dx) {
    self().backward_together([&] {
      check_answerable("backward", false, false);
      answer("x of the last forward", x, dy, dx, kernels::XhatOfInput());
    });
  }

  /// The same gradients given y, the result of that forward, in the place of x: for networks that
  /// run in place and keep no x. gamma and beta must not have changed since, for
  /// xhat = (y - beta) / gamma. It is off by about eps * (|xhat| + |beta / gamma|), with eps that
  /// of y's rounding: see AffineInverse.
  ///
  /// Throws std::invalid_argument for a gamma too small to recover xhat, or whose product with
  /// inv_std is no normal number, and std::logic_error where a layer of fixed size has not kept its
  /// statistics: they cannot be taken from y again.
  template <typename Y, typename Dy>
  auto backward_from_output(const Y& y, const Dy& dy) {
    typename memory::EigenObject<Y>::Plain dx;
    backward_from_output(y, dy, dx);
    return dx;
  }

  /// The same into dx, which may be dy or y itself. Allocates nothing once warm, which it is after
  /// its first call.
  template <typename Y, typename Dy, typename Dx>
  void backward_from_output(const Y& y, const Dy& dy, Dx&& dx) {
    self().backward_together([&] {
      const bool masked = last().masked, per_sample = last().per_sample;
      check_answerable("backward_from_output", masked, per_sample);
      if (masked || per_sample) {
        memory::raise_logic(
            self().name() +
            ": backward_from_output cannot answer a forward with a mask or a scale and "
            "shift per sample, backward can");
      }
      answer("y of the last forward", y, dy, dx, invert_affine());
    });
  }

 protected:
  using CallsBase = Base;
  using ConstOperand = memory::Operand<const Scalar>;
  using MutableOperand = memory::Operand<Scalar>;
  using typename Base::ConstBuffer;
  using typename Base::MutableBuffer;

  template <typename X>
  static constexpr bool is_row_major = memory::EigenObject<X>::row_major;

  using State::affine;
  using State::eps;
  using State::inverse;
  using State::last;
  using State::scratch;
  using State::State;

  /// Normalises by x's own statistics and remembers them; `var` gets the variances where it is not
  /// null.
  void normalise_by_own(const ConstOperand& x, const MutableOperand& y, const memory::Shape& shape,
                        S* var = nullptr) {
    last().begin(shape, true);
    last().resize(x.shape.statistics());
    S* const mean = last().is_kept() ? last().mean.data() : nullptr;
    S* const inv_std = last().is_kept() ? last().inv_std.data() : nullptr;
    normalise_keeping({mean, inv_std, var}, x, y);
  }

  /// The same, and only writes them where `keep` says.
  void normalise_keeping(const kernels::KeptStatistics<S>& keep, const ConstOperand& x,
                         const MutableOperand& y) const {
    kernels::normalise(x, y, affine().view(),
                       kernels::FromData<Scalar>(eps(), keep, Derived::centred));
  }

  /// Normalises by running statistics.
  void normalise_by(const kernels::StatisticsOfRunning<Scalar>& running, const ConstOperand& x,
                    const MutableOperand& y) const {
    kernels::normalise(x, y, affine().view(), kernels::FromRunning<Scalar>(running));
  }

  static constexpr bool centred = true;
  static constexpr bool uses_running(bool) { return false; }
  void normalise(const ConstOperand& x, const MutableOperand& y, const memory::Shape& shape) {
    normalise_by_own(x, y, shape);
  }
  void infer_into(const ConstOperand& x, const MutableOperand& y) const {
    normalise_keeping({}, x, y);
  }

  static constexpr const char* parameter_place = "channel";
  kernels::Affine<P> last_affine() { return affine().view(); }
  static void correct_sums(S*, const S*) {}
  template <typename Call>
  static void forward_together(const Call& call) {
    call();
  }
  template <typename Call>
  static void backward_together(const Call& call) {
    call();
  }
  void remember_empty(const memory::Shape& shape) { last().begin(shape, last().own_statistics); }
  static void exchange_statistics(const ConstBuffer&) {}
  template <typename Xhat>
  static void exchange_sums(const ConstBuffer&, const ConstBuffer&, const Xhat&) {}
  static constexpr Purpose forward_purpose() { return Purpose::forward; }

  /// dx, and dgamma and dbeta added to those of the layer.
  template <typename Xhat>
  void differentiate_into(const ConstOperand& x, const ConstOperand& dy, const MutableOperand& dx,
                          const Xhat& xhat) {
    const Index count = pieces(x);
    S* const sums = affine().any() ? scratch(count) : nullptr;
    const kernels::BackwardPass<Scalar, Xhat> pass{
        x, dy, dx, self().last_affine(), last().own_statistics, sums, Derived::centred, {}, xhat};
    if (last().is_kept()) {
      kernels::backward(
          pass, kernels::FromForward<Scalar>({last().mean.data(), last().inv_std.data()}), count);
    } else if constexpr (Size != Eigen::Dynamic && Xhat::of_input) {
      kernels::backward(pass, kernels::FromData<Scalar>(eps(), {}, Derived::centred), count);
    }
    if (sums == nullptr) return;
    self().correct_sums(sums, sums + affine().size());
    affine().accumulate(sums, sums + affine().size());
  }

  template <typename T>
  memory::Operand<T> operand(const memory::Buffer<T>& buffer, bool own_statistics) const {
    return {buffer.data, self().collapse(buffer.layout, own_statistics)};
  }

  /// Pieces that sums over samples are cut into for threads; a layer without heap memory has one.
  static Index pieces(const ConstOperand& x) {
    return kernels::Partition::pieces(x.shape,
                                      Size == Eigen::Dynamic ? kernels::Partition::most_pieces : 1);
  }

  bool by_running(bool inference) const { return self().uses_running(inference); }

  /// The check of x's shape, before anything is done.
  auto checked_for(Purpose purpose) const {
    return [this, purpose](const memory::Shape& shape) {
      self().check_input(shape, purpose);
      check_parameters();
    };
  }

  void check_parameters() const {
    if (!affine().is_consistent()) {
      memory::raise_invalid(self().name() + ": expected gamma, beta and their gradients of " +
                            std::to_string(affine().size()) +
                            " values each, got one of another size");
    }
  }

  /// There was a forward, under the same conditions, and the parameters are in order.
  void check_answerable(const char* call, bool masked, bool per_sample) const {
    if (!last().is_answerable()) {
      memory::raise_logic(self().name() + ": " + call + " needs a forward before it");
    }
    check_condition(call, "mask", last().masked, masked);
    check_condition(call, "scale and shift per sample", last().per_sample, per_sample);
    check_parameters();
  }
  void check_last(const char* x_name, const memory::Shape& shape) const {
    this->check_shape(x_name, last().shape, shape);
  }

 private:
  const Derived& self() const { return static_cast<const Derived&>(*this); }
  Derived& self() { return static_cast<Derived&>(*this); }

  /// The gradients of the last forward, with xhat as it is found in x.
  template <typename X, typename Dy, typename Dx, typename Xhat>
  void answer(const char* x_name, const X& x, const Dy& dy, Dx& dx, const Xhat& xhat) {
    this->template differentiate<is_row_major<X>>(
        x, dy, dx, [&](const memory::Shape& shape) { check_last(x_name, shape); },
        [&](const ConstBuffer& in, const ConstBuffer& gradient, const MutableBuffer& out) {
          if (in.layout.shape.size() == 0) return;
          const bool own = last().own_statistics;
          self().differentiate_into(operand(in, own), operand(gradient, own), operand(out, own),
                                    xhat);
        },
        [&](const ConstBuffer& in, const ConstBuffer& gradient) {
          self().exchange_sums(in, gradient, xhat);
        });
  }

  /// How xhat is found in the result of the last forward.
  kernels::XhatOfOutput<P> invert_affine() {
    if (last().shape.size() == 0) return {};
    if (!last().is_kept()) {
      memory::raise_logic(self().name() +
                          ": backward_from_output needs the statistics of the last forward, but a "
                          "layer of fixed size keeps " +
                          std::to_string(Size) + " of them at most");
    }
    const memory::CollapsedShape view =
        self().collapse(memory::Layout::packed(last().shape, true), last().own_statistics);
    const std::string refusal =
        inverse().take_or_refuse(self().last_affine(), view.channels, view.group,
                                 last().inv_std.view(), Derived::parameter_place);
    if (!refusal.empty()) memory::raise_invalid(self().name() + ": " + refusal);
    return inverse().xhat();
  }

  void check_condition(const char* call, const char* what, bool of_forward,
                       bool of_backward) const {
    if (of_forward == of_backward) return;
    memory::raise_logic(
        self().name() +
        (of_forward ? ": " + std::string(call) + " needs the " + what + " of the last forward"
                    : ": the last forward had no " + std::string(what)));
  }
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm
