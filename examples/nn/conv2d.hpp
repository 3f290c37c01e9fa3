// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

#include "nn/parallel_for.hpp"
#include "nn/random.hpp"
#include "nn/types.hpp"

namespace nn {

/// A convolution without bias, of odd kernel size K, whose output is as large as its input:
///
///     y(n, o, i, j) = sum_{c, u, v} weight(o, c, u, v) * x(n, c, i + u - K/2, j + v - K/2)
///
/// with zeros outside the image. Each image is unrolled into its patches, a matrix (C*K*K, H*W), so
/// that the sum is one matrix product whose result already lies in the order (O, H, W).
template <typename ScalarType>
class Conv2d {
 public:
  using Scalar = ScalarType;

  Conv2d(Index inputs, Index outputs, Index kernel, Random& random)
      : kernel_(kernel),
        weight_(outputs, inputs * kernel * kernel),
        weight_grad_(Matrix<Scalar>::Zero(outputs, inputs * kernel * kernel)) {
    if (kernel % 2 == 0) {
      throw std::invalid_argument("Conv2d: expected an odd kernel size, got " +
                                  std::to_string(kernel));
    }
    random.fill_normal(weight_, std::sqrt(2.0 / static_cast<double>(weight_.cols())));
  }

  Images<Scalar> forward(const Images<Scalar>& x) { return infer(x); }

  Images<Scalar> infer(const Images<Scalar>& x) const {
    eigen_assert(x.dimension(1) * kernel_ * kernel_ == weight_.cols());
    const Plane plane{x.dimension(2), x.dimension(3)};
    Images<Scalar> y(x.dimension(0), weight_.rows(), plane.height, plane.width);
    for_each_part(x.dimension(0), [&](std::size_t, Index first, Index last) {
      Matrix<Scalar> patches(weight_.cols(), plane.size());
      for (Index n = first; n < last; ++n) {
        unroll(image(x, n), plane, patches);
        image(y, n).noalias() = weight_ * patches;
      }
    });
    return y;
  }

  /// With P the patches of image n: dweight += dy(n) * P^T, and dx(n) collects weight^T * dy(n).
  /// The patches are built again rather than kept: they are K*K times as large as x.
  Images<Scalar> backward(const Images<Scalar>& x, const Images<Scalar>& dy) {
    const Plane plane{x.dimension(2), x.dimension(3)};
    Images<Scalar> dx(x.dimensions());
    std::vector<Matrix<Scalar>> weight_grads(parts(x.dimension(0)));
    for_each_part(x.dimension(0), [&](std::size_t part, Index first, Index last) {
      Matrix<Scalar> patches(weight_.cols(), plane.size());
      weight_grads[part].setZero(weight_.rows(), weight_.cols());
      for (Index n = first; n < last; ++n) {
        unroll(image(x, n), plane, patches);
        weight_grads[part].noalias() += image(dy, n) * patches.transpose();
        patches.noalias() = weight_.transpose() * image(dy, n);
        collect(patches, plane, image(dx, n));
      }
    });
    for (const Matrix<Scalar>& grad : weight_grads) {
      weight_grad_ += grad;
    }
    return dx;
  }

  void zero_grad() { weight_grad_.setZero(); }

  template <typename Visit>
  void for_each_parameter(Visit&& visit) {
    visit("weight", weight_, weight_grad_);
  }

 private:
  struct Plane {
    Index height, width;
    Index size() const { return height * width; }
  };

  /// The threads take the images in parts of so many, whatever the number of threads: the gradient
  /// of each part is summed apart, and those sums are added in order.
  static constexpr Index images_per_part = 8;

  static std::size_t parts(Index images) {
    return static_cast<std::size_t>((images + images_per_part - 1) / images_per_part);
  }

  /// visit(part, first image, image after the last)
  template <typename Visit>
  static void for_each_part(Index images, const Visit& visit) {
    parallel_for(static_cast<Index>(parts(images)), [&](Index part) {
      const Index first = part * images_per_part;
      visit(static_cast<std::size_t>(part), first, std::min(images, first + images_per_part));
    });
  }

  /// Image n as a matrix (channels, height * width).
  template <typename Tensor>
  static auto image(Tensor& x, Index n) {
    const Index size = x.dimension(2) * x.dimension(3);
    return as_matrix(x.data() + n * x.dimension(1) * size, x.dimension(1), size);
  }

  /// Row (c, u, v) of the patches is the plane of channel c moved by (u - K/2, v - K/2). In memory
  /// that is a single shift, except for the columns that it carries over the edge of the plane into
  /// another line; clear() makes zeros of them.
  struct Move {
    Index channel, right, in_image, in_patches, length;

    Move(Index row, Index kernel, Plane plane)
        : channel(row / (kernel * kernel)), right(row % kernel - kernel / 2) {
      const Index down = row / kernel % kernel - kernel / 2;
      const Index shift = down * plane.width + right;
      in_image = std::clamp<Index>(shift, 0, plane.size());
      in_patches = std::clamp<Index>(-shift, 0, plane.size());
      length = plane.size() - in_image - in_patches;
    }

    void clear(Scalar* moved, Plane plane) const {
      const Index count = std::min(plane.width, std::abs(right));
      const Index first = right > 0 ? plane.width - count : 0;
      as_matrix(moved, plane.height, plane.width).middleCols(first, count).setZero();
    }
  };

  template <typename Image>
  void unroll(const Image& image, Plane plane, Matrix<Scalar>& patches) const {
    for (Index row = 0; row < patches.rows(); ++row) {
      const Move move(row, kernel_, plane);
      auto to = patches.row(row);
      to.head(move.in_patches).setZero();
      to.segment(move.in_patches, move.length) =
          image.row(move.channel).segment(move.in_image, move.length);
      to.tail(move.in_image).setZero();
      move.clear(to.data(), plane);
    }
  }

  /// The transpose of unroll: every element of the patches is added to the pixel it came from.
  template <typename Image>
  void collect(Matrix<Scalar>& patches, Plane plane, Image image) const {
    image.setZero();
    for (Index row = 0; row < patches.rows(); ++row) {
      const Move move(row, kernel_, plane);
      auto from = patches.row(row);
      move.clear(from.data(), plane);
      image.row(move.channel).segment(move.in_image, move.length) +=
          from.segment(move.in_patches, move.length);
    }
  }

  Index kernel_;
  Matrix<Scalar> weight_;       // (O, C*K*K)
  Matrix<Scalar> weight_grad_;  // (O, C*K*K)
};

}  // namespace nn
