// SPDX-License-Identifier: MIT
#pragma once

#include <stdexcept>
#include <string>

#include "nn/no_parameters.hpp"
#include "nn/parallel_for.hpp"
#include "nn/types.hpp"

namespace nn {

/// Windows of K x K pixels that do not overlap: what both poolings share. A window that does not
/// fit is an error, not a silent crop.
class PoolingWindow {
 public:
  explicit PoolingWindow(Index size) : size_(size) {}

  template <typename Scalar>
  Images<Scalar> pooled_like(const Images<Scalar>& x) const {
    if (x.dimension(2) % size_ != 0 || x.dimension(3) % size_ != 0) {
      throw std::invalid_argument(
          "pooling: expected a height and width divisible by " + std::to_string(size_) + ", got " +
          std::to_string(x.dimension(2)) + " x " + std::to_string(x.dimension(3)));
    }
    return Images<Scalar>(x.dimension(0), x.dimension(1), x.dimension(2) / size_,
                          x.dimension(3) / size_);
  }

  /// Calls visit(window of x, element k of the pooled images) for every window; the threads share
  /// the images.
  template <typename Tensor, typename Visit>
  void for_each(Tensor& x, const Visit& visit) const {
    const Index rows = x.dimension(1) * x.dimension(2);
    const Index width = x.dimension(3);
    parallel_for(x.dimension(0), [&](Index n) {
      auto pixels = as_matrix(x.data() + n * rows * width, rows, width);
      Index k = n * (rows / size_) * (width / size_);
      for (Index i = 0; i < rows; i += size_) {
        for (Index j = 0; j < width; j += size_) {
          visit(pixels.block(i, j, size_, size_), k++);
        }
      }
    });
  }

  Index size() const { return size_; }

 private:
  Index size_;
};

/// y(n, c, i, j) = the largest x in window (i, j).
class MaxPool2d : public NoParameters {
 public:
  explicit MaxPool2d(Index window) : window_(window) {}

  template <typename Scalar>
  Images<Scalar> forward(const Images<Scalar>& x) {
    return infer(x);
  }

  template <typename Scalar>
  Images<Scalar> infer(const Images<Scalar>& x) const {
    Images<Scalar> y = window_.pooled_like(x);
    window_.for_each(x, [&](const auto& pixels, Index k) { y.data()[k] = pixels.maxCoeff(); });
    return y;
  }

  /// dx = dy at the largest x of each window (the first of equals), 0 elsewhere.
  template <typename Scalar>
  Images<Scalar> backward(const Images<Scalar>& x, const Images<Scalar>& dy) {
    Images<Scalar> dx(x.dimensions());
    dx.setZero();
    window_.for_each(x, [&](const auto& pixels, Index k) {
      Index row = 0;
      Index col = 0;
      pixels.maxCoeff(&row, &col);
      dx.data()[&pixels.coeffRef(row, col) - x.data()] = dy.data()[k];
    });
    return dx;
  }

 private:
  PoolingWindow window_;
};

/// y(n, c, i, j) = the mean of x over window (i, j).
class AveragePool2d : public NoParameters {
 public:
  explicit AveragePool2d(Index window) : window_(window) {}

  template <typename Scalar>
  Images<Scalar> forward(const Images<Scalar>& x) {
    return infer(x);
  }

  template <typename Scalar>
  Images<Scalar> infer(const Images<Scalar>& x) const {
    Images<Scalar> y = window_.pooled_like(x);
    window_.for_each(x, [&](const auto& pixels, Index k) { y.data()[k] = pixels.mean(); });
    return y;
  }

  /// dx = dy / K^2 all over the window.
  template <typename Scalar>
  Images<Scalar> backward(const Images<Scalar>& x, const Images<Scalar>& dy) {
    Images<Scalar> dx(x.dimensions());
    const auto area = static_cast<Scalar>(window_.size() * window_.size());
    window_.for_each(dx, [&](auto pixels, Index k) { pixels.setConstant(dy.data()[k] / area); });
    return dx;
  }

 private:
  PoolingWindow window_;
};

/// y(n, c) = the mean of x(n, c, :, :).
class GlobalAveragePool : public NoParameters {
 public:
  template <typename Scalar>
  Matrix<Scalar> forward(const Images<Scalar>& x) {
    return infer(x);
  }

  template <typename Scalar>
  Matrix<Scalar> infer(const Images<Scalar>& x) const {
    Matrix<Scalar> y(x.dimension(0), x.dimension(1));
    flat(y) = as_matrix(x.data(), y.size(), area(x)).rowwise().mean().array();
    return y;
  }

  template <typename Scalar>
  Images<Scalar> backward(const Images<Scalar>& x, const Matrix<Scalar>& dy) {
    Images<Scalar> dx(x.dimensions());
    as_matrix(dx.data(), dy.size(), area(x)).colwise() =
        (flat(dy) / static_cast<Scalar>(area(x))).matrix();
    return dx;
  }

 private:
  template <typename Scalar>
  static Index area(const Images<Scalar>& x) {
    return x.dimension(2) * x.dimension(3);
  }
};

}  // namespace nn
