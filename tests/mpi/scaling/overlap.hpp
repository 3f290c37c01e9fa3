// SPDX-License-Identifier: MIT
#pragma once

#include <utility>

#include "distributed/shares.hpp"
#include "eigen_norm/mpi/sync_batch_norm.hpp"

namespace eigen_norm::test {

// A step of SyncBatchNorm2d and the 1 x 1 convolution after it, z = weight * y for each image. The
// convolution's gradient needs nothing of the norm's, so that one of them can be computed while the
// sums of the other travel:
//
//     dy = weight^T dz;  norm.start_backward(x, dy);  dweight = sum dz y^T;  norm.backward(x, dy,
//     dx)
class OverlapStep {
 public:
  enum class Overlap { none, started, poked };

  OverlapStep(Ranks ranks, Index images, Index channels, Index side)
      : pixels_(side * side),
        norm_(channels, std::move(ranks)),
        weight_(Matrix::Random(channels, channels)),
        dweight_(channels, channels),
        x_(images, channels, side, side),
        y_(x_),
        z_(x_),
        dy_(x_),
        dx_(x_) {
    x_.setRandom();
  }

  void operator()(Overlap overlap) {
    norm_.forward(x_, y_);
    for (Index n = 0; n < images(); ++n) image(z_, n).noalias() = weight_ * image(y_, n);
    const Tensor& dz = z_;
    for (Index n = 0; n < images(); ++n) {
      image(dy_, n).noalias() = weight_.transpose() * image(dz, n);
    }
    if (overlap != Overlap::none) norm_.start_backward(x_, dy_);
    dweight_.setZero();
    for (Index n = 0; n < images(); ++n) {
      dweight_.noalias() += image(dz, n) * image(y_, n).transpose();
      if (overlap == Overlap::poked) poke();
    }
    norm_.backward(x_, dy_, dx_);
  }

 private:
  using Tensor = Eigen::Tensor<float, 4, Eigen::RowMajor>;
  using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

  Index images() const { return x_.dimension(0); }

  // (channels, pixels)
  Eigen::Map<Matrix> image(Tensor& of, Index n) const {
    return {of.data() + n * weight_.rows() * pixels_, weight_.rows(), pixels_};
  }
  Eigen::Map<const Matrix> image(const Tensor& of, Index n) const {
    return {of.data() + n * weight_.rows() * pixels_, weight_.rows(), pixels_};
  }

  // MPI looks after what is under way when it is called, whatever the call.
  static void poke() {
    int found = 0;
    MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, MPI_COMM_WORLD, &found, MPI_STATUS_IGNORE);
  }

  Index pixels_;
  SyncBatchNorm2d<float> norm_;
  Matrix weight_, dweight_;
  Tensor x_, y_, z_, dy_, dx_;
};

}  // namespace eigen_norm::test
