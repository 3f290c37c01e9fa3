// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>
#include <string_view>
#include <utility>

#include "eigen_norm/kernels/coefficients.hpp"
#include "eigen_norm/kernels/scalar.hpp"

namespace eigen_norm {
inline namespace EIGEN_NORM_ABI {

/// One number for each channel or feature. With a fixed `Size` it lives inline and holds at most
/// that many, so that it can still be empty.
template <typename P, int Size = Eigen::Dynamic>
using Parameters = Eigen::Array<P, Eigen::Dynamic, 1, Eigen::ColMajor, Size, 1>;

/// y = x * scale + shift, by channel or feature.
template <typename P, int Size = Eigen::Dynamic>
struct ChannelAffine {
  Parameters<P, Size> scale, shift;
};

/// An array that keeps its memory: `resize` allocates only beyond the largest size so far.
template <typename S, int Size = Eigen::Dynamic>
class Buffered {
 public:
  using View = Eigen::Map<const Eigen::Array<S, Eigen::Dynamic, 1>>;

  Buffered() = default;
  Buffered(const Buffered&) = default;
  Buffered& operator=(const Buffered&) = default;
  Buffered(Buffered&& other) noexcept { *this = std::move(other); }
  Buffered& operator=(Buffered&& other) noexcept {
    storage_ = std::move(other.storage_);
    size_ = std::exchange(other.size_, 0);
    other.storage_.resize(0);
    return *this;
  }

  void resize(Index size) {
    if (size > storage_.size()) storage_.resize(size);
    size_ = size;
  }
  /// Takes the memory for so many, and changes nothing.
  void reserve(Index size) {
    if (size > storage_.size()) storage_.conservativeResize(size);
  }
  S* data() { return storage_.data(); }
  View view() const { return {storage_.data(), size_}; }

 private:
  Parameters<S, Size> storage_;
  Index size_ = 0;
};

/// gamma and beta with their gradients: what a layer learns. Either may be absent.
template <typename P, int Size>
class AffineParameters {
 public:
  /// gamma is kept as its distance from `gamma_offset`, and is 1 to begin with.
  AffineParameters(Index size, bool has_gamma, bool has_beta, const P& gamma_offset = P(0))
      : size_(size),
        gamma_size_(has_gamma ? size : 0),
        beta_size_(has_beta ? size : 0),
        gamma_offset_(gamma_offset) {
    gamma_.setConstant(gamma_size_, P(1) - gamma_offset);
    beta_.setConstant(beta_size_, P(0));
    gamma_grad_.setConstant(gamma_.size(), P(0));
    beta_grad_.setConstant(beta_.size(), P(0));
  }

  Parameters<P, Size>& gamma() { return gamma_; }
  Parameters<P, Size>& beta() { return beta_; }
  Parameters<P, Size>& gamma_grad() { return gamma_grad_; }
  Parameters<P, Size>& beta_grad() { return beta_grad_; }
  const Parameters<P, Size>& gamma() const { return gamma_; }
  const Parameters<P, Size>& beta() const { return beta_; }
  const Parameters<P, Size>& gamma_grad() const { return gamma_grad_; }
  const Parameters<P, Size>& beta_grad() const { return beta_grad_; }

  /// Number of channels or features, whether they have gamma and beta or not.
  Index size() const { return size_; }
  bool any() const { return gamma_size_ > 0 || beta_size_ > 0; }

  /// False where the caller has assigned an array of another size, or has moved the layer away.
  bool is_consistent() const {
    return gamma_.size() == gamma_size_ && gamma_grad_.size() == gamma_size_ &&
           beta_.size() == beta_size_ && beta_grad_.size() == beta_size_;
  }

  void zero_grad() {
    gamma_grad_.setZero();
    beta_grad_.setZero();
  }

  /// Adds dgamma and dbeta where the layer has them.
  template <typename S>
  void accumulate(const S* dgamma, const S* dbeta) {
    add(dgamma, gamma_grad_);
    add(dbeta, beta_grad_);
  }

  /// f(name, value, gradient) by PyTorch's state-dict names.
  template <typename F>
  void for_each(F&& f) {
    visit(*this, f);
  }
  template <typename F>
  void for_each(F&& f) const {
    visit(*this, f);
  }

  kernels::Affine<P> view() const {
    return {gamma_.size() > 0 ? gamma_.data() : nullptr, beta_.size() > 0 ? beta_.data() : nullptr,
            gamma_offset_};
  }

 private:
  template <typename Self, typename F>
  static void visit(Self& self, F& f) {
    if (self.gamma_.size() > 0) f(std::string_view("weight"), self.gamma_, self.gamma_grad_);
    if (self.beta_.size() > 0) f(std::string_view("bias"), self.beta_, self.beta_grad_);
  }

  template <typename S>
  static void add(const S* sums, Parameters<P, Size>& gradient) {
    for (Index i = 0; i < gradient.size(); ++i) {
      gradient[i] = static_cast<P>(S(gradient[i]) + sums[i]);
    }
  }

  Index size_, gamma_size_, beta_size_;
  P gamma_offset_;
  Parameters<P, Size> gamma_, beta_, gamma_grad_, beta_grad_;
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm
