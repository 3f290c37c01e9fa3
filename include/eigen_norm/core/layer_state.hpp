// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

#include "eigen_norm/core/affine_inverse.hpp"
#include "eigen_norm/core/last_forward.hpp"
#include "eigen_norm/core/parameters.hpp"

namespace eigen_norm {
inline namespace EIGEN_NORM_ABI {

/// What every layer holds: its mode, gamma and beta with their gradients, and what it remembers of
/// the last forward.
template <typename Scalar_, int Size>
class LayerState {
  static_assert(!Eigen::NumTraits<Scalar_>::IsInteger && !Eigen::NumTraits<Scalar_>::IsComplex,
                "eigen_norm: the scalar must be real and not an integer");

 public:
  using Scalar = Scalar_;
  using P = Param<Scalar>;
  using S = Stat<Scalar>;

  void train(bool on = true) { training_ = on; }
  void eval() { training_ = false; }
  bool is_training() const { return training_; }

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
    affine_.for_each(f);
  }

  /// f(std::string_view name, value) for all that a saved model holds of the layer, by the names of
  /// PyTorch's state_dict: "weight", "bias", and of running statistics "running_mean",
  /// "running_var" and "num_batches_tracked", an Index; the others are arrays.
  template <typename F>
  void for_each_state(F&& f) {
    visit_state(affine_, f);
  }
  template <typename F>
  void for_each_state(F&& f) const {
    visit_state(affine_, f);
  }

  /// Mean and 1 / sqrt(var + eps) of the last forward: by channel for BatchNorm, by row for
  /// LayerNorm and RMSNorm, by sample and group for GroupNorm, by sample and channel for
  /// InstanceNorm; by channel after a forward by running statistics. RMSNorm's mean is 0 and its
  /// var the mean square. In Stat: double for float. A layer of fixed size has room for as many as
  /// it has channels or features; of more it keeps none, and backward takes them from x again.
  auto batch_mean() const { return last_.mean.view(); }
  auto batch_inv_std() const { return last_.inv_std.view(); }

 protected:
  LayerState(Index size, double eps, bool gamma, bool beta, const P& gamma_offset = P(0))
      : affine_(size, gamma, beta, gamma_offset), eps_(eps) {}
  ~LayerState() = default;
  LayerState(const LayerState&) = default;
  LayerState(LayerState&&) noexcept = default;
  LayerState& operator=(const LayerState&) = default;
  LayerState& operator=(LayerState&&) noexcept = default;

  LastForward<S, Size>& last() { return last_; }
  const LastForward<S, Size>& last() const { return last_; }
  AffineParameters<P, Size>& affine() { return affine_; }
  const AffineParameters<P, Size>& affine() const { return affine_; }
  AffineInverse<Scalar, Size>& inverse() { return inverse_; }
  double eps() const { return eps_; }

  /// Room for `count` times two numbers by channel: dgamma and dbeta in backward, a batch's
  /// mean and variance in forward.
  S* scratch(Index count = 1) {
    scratch_.resize(2 * affine_.size() * count);
    return scratch_.data();
  }

 private:
  template <typename Affine, typename F>
  static void visit_state(Affine& affine, F& f) {
    affine.for_each([&](std::string_view name, auto& value, auto&) { f(name, value); });
  }

  AffineParameters<P, Size> affine_;
  LastForward<S, Size> last_;
  Buffered<S, Size == Eigen::Dynamic ? Eigen::Dynamic : 6 * Size> scratch_;
  AffineInverse<Scalar, Size> inverse_;
  double eps_;
  bool training_ = true;
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm
