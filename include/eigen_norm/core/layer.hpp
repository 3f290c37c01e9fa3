// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <utility>

#include "eigen_norm/core/last_forward.hpp"
#include "eigen_norm/core/parameters.hpp"
#include "eigen_norm/kernels/backward.hpp"
#include "eigen_norm/kernels/normalise.hpp"
#include "eigen_norm/memory/input.hpp"
#include "eigen_norm/memory/output.hpp"

namespace eigen_norm {

/// What all layers share: train and eval, gamma and beta, and forward, infer and backward over
/// anything Eigen. A layer says what is its own:
///
///     std::string name() const                        for error messages
///     check_rank<Rank>()                              static_assert
///     check_input(shape, inference)                   throws std::invalid_argument
///     collapse(layout, own_statistics)                how x's own statistics, or running ones, see
///                                                     the memory
///     uses_running(inference)                         true where it normalises by running ones
///     centred                                         false where no mean is taken away
///     wants_packed()                                  true where gaps between lines are in the way
///     normalise(x, y, shape), infer_into(x, y)        where its statistics come from
template <typename Derived, typename Scalar_, int Size, int StatisticsSize>
class Layer {
  static_assert(!Eigen::NumTraits<Scalar_>::IsInteger && !Eigen::NumTraits<Scalar_>::IsComplex,
                "eigen_norm: the scalar must be real and not an integer");

 public:
  using Scalar = Scalar_;
  using P = Param<Scalar>;
  using S = Stat<Scalar>;

  void train(bool on = true) { training_ = on; }
  void eval() { training_ = false; }
  bool is_training() const { return training_; }

  /// Normalises x as the mode says and remembers the statistics for backward.
  template <typename X>
  auto forward(const X& x) {
    typename memory::EigenObject<X>::Plain y;
    forward(x, y);
    return y;
  }

  /// The same into y: x itself, another object of its storage order (resized where it owns its
  /// memory), or a view of the right shape. Allocates nothing once warm.
  template <typename X, typename Y>
  void forward(const X& x, Y&& y) {
    check_types<X, Y>();
    const memory::Input<X> in(x, self().wants_packed());
    check_call(in.shape(), false);
    memory::Output<Y> out(y);
    check_output(out, "output", in.shape(), in.buffer());
    const auto result = out.open(in.shape(), self().wants_packed());
    if (in.shape().size() == 0) return last_.begin(in.shape(), last_.own_statistics);
    const bool own = !self().uses_running(false);
    const ConstOperand from = operand(in.buffer(), own);
    if (affine_.any()) scratch(pieces(from));  // for backward, which allocates nothing
    self().normalise(from, operand(result, own), in.shape());
    out.close();
  }

  /// Inference whatever the mode; never changes the layer, safe from many threads at once.
  template <typename X>
  auto infer(const X& x) const {
    typename memory::EigenObject<X>::Plain y;
    infer(x, y);
    return y;
  }

  /// The same into y, as in forward. Allocates nothing.
  template <typename X, typename Y>
  void infer(const X& x, Y&& y) const {
    check_types<X, Y>();
    const memory::Input<X> in(x, self().wants_packed());
    check_call(in.shape(), true);
    memory::Output<Y> out(y);
    check_output(out, "output", in.shape(), in.buffer());
    const auto result = out.open(in.shape(), self().wants_packed());
    if (in.shape().size() == 0) return;
    const bool own = !self().uses_running(true);
    self().infer_into(operand(in.buffer(), own), operand(result, own));
    out.close();
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
  template <typename X, typename Dy, typename Dx>
  void backward(const X& x, const Dy& dy, Dx&& dx) {
    check_types<X, Dx>();
    check_types<X, Dy, false>();
    if (!last_.is_answerable()) {
      memory::raise_logic(self().name() + ": backward needs a forward before it");
    }
    const bool packed = self().wants_packed();
    const memory::Input<X> in(x, packed);
    const memory::Input<Dy, memory::EigenObject<X>::row_major> gradient(dy, packed);
    check_shape("x of the last forward", last_.shape, in.shape());
    check_shape("dy", last_.shape, gradient.shape());
    check_parameters();
    memory::Output<Dx> out(dx);
    check_output(out, "dx", in.shape(), in.buffer());
    check_output(out, "dx", in.shape(), gradient.buffer());
    const auto result = out.open(in.shape(), packed);
    if (in.shape().size() == 0) return;
    const bool own = last_.own_statistics;
    differentiate(operand(in.buffer(), own), operand(gradient.buffer(), own), operand(result, own));
    out.close();
  }

  /// gamma and beta; empty where the options say that there is none.
  Parameters<P, Size>& gamma() { return affine_.gamma(); }
  Parameters<P, Size>& beta() { return affine_.beta(); }
  const Parameters<P, Size>& gamma() const { return affine_.gamma(); }
  const Parameters<P, Size>& beta() const { return affine_.beta(); }

  /// Their gradients: sums over all backward calls since zero_grad.
  Parameters<P, Size>& gamma_grad() { return affine_.gamma_grad(); }
  Parameters<P, Size>& beta_grad() { return affine_.beta_grad(); }
  const Parameters<P, Size>& gamma_grad() const { return affine_.gamma_grad(); }
  const Parameters<P, Size>& beta_grad() const { return affine_.beta_grad(); }
  void zero_grad() { affine_.zero_grad(); }

  /// f(std::string_view name, value, gradient) for each parameter there is: "weight", "bias".
  template <typename F>
  void for_each_parameter(F&& f) {
    affine_.for_each(std::forward<F>(f));
  }

  /// Mean and 1 / sqrt(var + eps) of the last forward: by channel for BatchNorm, by row for
  /// LayerNorm and RMSNorm, by sample and group for GroupNorm, by sample and channel for
  /// InstanceNorm; by channel after a forward by running statistics. RMSNorm's mean is 0 and its
  /// var the mean square. In Stat: double for float.
  auto batch_mean() const { return last_.mean.view(); }
  auto batch_inv_std() const { return last_.inv_std.view(); }

 protected:
  using ConstOperand = memory::Operand<const Scalar>;
  using MutableOperand = memory::Operand<Scalar>;

  Layer(Index size, double eps, bool gamma, bool beta, const P& gamma_offset = P(0))
      : affine_(size, gamma, beta, gamma_offset), eps_(eps) {}
  ~Layer() = default;
  Layer(const Layer&) = default;
  Layer(Layer&&) = default;
  Layer& operator=(const Layer&) = default;
  Layer& operator=(Layer&&) = default;

  /// Normalises by x's own statistics and remembers them; `var` gets the variances where it is not
  /// null.
  void normalise_by_own(const ConstOperand& x, const MutableOperand& y, const memory::Shape& shape,
                        S* var = nullptr) {
    last_.resize(x.shape.statistics());
    last_.begin(shape, true);
    kernels::normalise(x, y, affine_.view(),
                       kernels::FromData<Scalar>(
                           eps_, {last_.mean.data(), last_.inv_std.data(), var}, Derived::centred));
  }

  /// The same and forgets them.
  void infer_by_own(const ConstOperand& x, const MutableOperand& y) const {
    kernels::normalise(x, y, affine_.view(), kernels::FromData<Scalar>(eps_, {}, Derived::centred));
  }

  /// Normalises by running statistics.
  void normalise_by(const kernels::StatisticsOfRunning<Scalar>& running, const ConstOperand& x,
                    const MutableOperand& y) const {
    kernels::normalise(x, y, affine_.view(), kernels::FromRunning<Scalar>(running));
  }

  static constexpr bool centred = true;
  static constexpr bool uses_running(bool) { return false; }
  void normalise(const ConstOperand& x, const MutableOperand& y, const memory::Shape& shape) {
    normalise_by_own(x, y, shape);
  }
  void infer_into(const ConstOperand& x, const MutableOperand& y) const { infer_by_own(x, y); }

  [[noreturn]] void raise_shape(const std::string& what, const std::string& expected,
                                const memory::Shape& got, const std::string& hint = "") const {
    memory::raise_invalid(self().name() + ": expected " + what + " " + expected + ", got " +
                          got.text() + hint);
  }

  LastForward<S, StatisticsSize>& last() { return last_; }

  /// Room for `count` times two numbers by channel: dgamma and dbeta in backward, a batch's
  /// mean and variance in forward.
  S* scratch(Index count = 1) {
    scratch_.resize(2 * affine_.size() * count);
    return scratch_.data();
  }

 private:
  const Derived& self() const { return static_cast<const Derived&>(*this); }
  Derived& self() { return static_cast<Derived&>(*this); }

  template <typename T>
  memory::Operand<T> operand(const memory::Buffer<T>& buffer, bool own_statistics) const {
    return {buffer.data, self().collapse(buffer.layout, own_statistics)};
  }

  void differentiate(const ConstOperand& x, const ConstOperand& dy, const MutableOperand& dx) {
    S* sums = affine_.any() ? scratch(pieces(x)) : nullptr;
    kernels::backward(kernels::BackwardPass<Scalar>{x, dy, dx, affine_.view(), last_.own_statistics,
                                                    sums, Derived::centred},
                      kernels::FromForward<Scalar>({last_.mean.data(), last_.inv_std.data()}),
                      pieces(x));
    if (sums != nullptr) affine_.accumulate(sums, sums + affine_.size());
  }

  template <typename X, typename Y, bool SameOrder = true>
  static void check_types() {
    using From = memory::EigenObject<X>;
    using To = memory::EigenObject<Y>;
    static_assert(std::is_same_v<typename From::Scalar, Scalar>,
                  "eigen_norm: the input's scalar must be the layer's");
    static_assert(std::is_same_v<typename To::Scalar, Scalar>,
                  "eigen_norm: the scalar of the output and of gradients must be the layer's");
    static_assert(From::rank == To::rank,
                  "eigen_norm: the output and gradients must have the input's rank");
    static_assert(!SameOrder || From::row_major == To::row_major,
                  "eigen_norm: the output must have the input's storage order: both RowMajor or "
                  "both ColMajor");
    Derived::template check_rank<From::rank>();
  }

  void check_call(const memory::Shape& shape, bool inference) const {
    self().check_input(shape, inference);
    check_parameters();
  }

  void check_parameters() const {
    if (!affine_.is_consistent()) {
      memory::raise_invalid(self().name() + ": expected gamma, beta and their gradients of " +
                            std::to_string(affine_.size()) +
                            " values each, got one of another size");
    }
  }

  void check_shape(const char* what, const memory::Shape& expected,
                   const memory::Shape& got) const {
    if (got != expected) raise_shape(what, expected.text(), got);
  }

  template <typename Y, typename X>
  void check_output(const memory::Output<Y>& out, const char* what, const memory::Shape& shape,
                    const memory::Buffer<const X>& input) const {
    if (!out.fits(shape)) raise_shape(what, shape.text(), out.shape());
    if (!out.is_adjacent()) {
      memory::raise_invalid(self().name() + ": expected " + what +
                            " with adjacent elements, got a view with an inner stride");
    }
    if (!out.is_safe_beside(input)) {
      memory::raise_invalid(self().name() + ": expected " + what +
                            " that is exactly an input or apart from it, got a partial overlap");
    }
  }

  /// Pieces that sums over samples are cut into for threads; a layer without heap memory has one.
  static constexpr Index most_pieces = Size == Eigen::Dynamic ? kernels::Partition::most_pieces : 1;

  static Index pieces(const ConstOperand& x) {
    return kernels::Partition::pieces(x.shape, most_pieces);
  }

  AffineParameters<P, Size> affine_;
  LastForward<S, StatisticsSize> last_;
  Buffered<S, Size == Eigen::Dynamic ? Eigen::Dynamic : 2 * Size> scratch_;
  double eps_;
  bool training_ = true;
};

}  // namespace eigen_norm
