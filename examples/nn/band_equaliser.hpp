// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>
#include <array>
#include <cmath>
#include <cstddef>
#include <eigen_norm/batch_norm.hpp>

namespace nn {

/// A band-pass filter with 0 dB at its centre, in transposed direct form II (Bristow-Johnson's
/// "Cookbook formulae for audio EQ biquad filter coefficients").
class BandPass {
 public:
  BandPass() = default;
  BandPass(double centre_hz, double quality, double sample_rate_hz) {
    const double w = 2 * 3.141592653589793 * centre_hz / sample_rate_hz;
    const double alpha = std::sin(w) / (2 * quality), a0 = 1 + alpha;
    b0_ = static_cast<float>(alpha / a0);
    a1_ = static_cast<float>(-2 * std::cos(w) / a0);
    a2_ = static_cast<float>((1 - alpha) / a0);
  }

  float operator()(float x) {
    const float y = b0_ * x + s1_;
    s1_ = s2_ - a1_ * y;
    s2_ = -b0_ * x - a2_ * y;
    return y;
  }

 private:
  float b0_ = 0, a1_ = 0, a2_ = 0;
  float s1_ = 0, s2_ = 0;
};

/// Flattens the spectrum of a stream: splits it into octaves, brings each to the same loudness by a
/// BatchNorm that has learned how loud each usually is, and adds them up again. Everything lives in
/// the object: `process` may run in an audio callback, where asking for memory is forbidden.
class BandEqualiser {
 public:
  static constexpr int bands = 8;
  static constexpr int block = 64;  ///< samples

  using Samples = Eigen::Array<float, block, 1>;
  using Bands = Eigen::Array<float, block, bands, Eigen::RowMajor>;
  using Norm = eigen_norm::BatchNorm1d<float, bands>;

  explicit BandEqualiser(double sample_rate_hz) : norm_(options()) {
    for (int b = 0; b < bands; ++b) {
      filters_[static_cast<std::size_t>(b)] = BandPass(centre_hz(b), 1.41, sample_rate_hz);
    }
  }

  /// 60 Hz, 120 Hz, ... 7680 Hz
  static double centre_hz(int band) { return 60 * std::pow(2.0, band); }

  Bands split(const Samples& x) {
    Bands result;
    for (int i = 0; i < block; ++i) {
      for (int b = 0; b < bands; ++b) {
        result(i, b) = filters_[static_cast<std::size_t>(b)](x(i));
      }
    }
    return result;
  }

  /// Before the stream: takes a block of what it will be like into the statistics.
  void learn(const Samples& x) { heard_.merge(norm_.batch_statistics(split(x))); }
  void finish_learning() { norm_.set_running_stats(heard_); }

  /// In the stream: a block in, a block out. infer is const and takes no memory.
  Samples process(const Samples& x) {
    Bands each = split(x);
    norm_.infer(each, each);
    return each.rowwise().mean();
  }

  const Norm& norm() const { return norm_; }

 private:
  static eigen_norm::BatchNormOptions options() {
    eigen_norm::BatchNormOptions options;
    options.eps = 1e-12;  // the variance of an octave of quiet sound is below the usual 1e-5
    options.gamma = options.beta = false;
    return options;
  }

  std::array<BandPass, bands> filters_;
  Norm norm_;
  Norm::Statistics heard_;
};

}  // namespace nn
