// SPDX-License-Identifier: MIT
//
// Six channels of an inertial sensor, each in a unit of its own, made comparable: calibrated on a
// recording, then normalised sample by sample, on the stack and without heap memory.
#include <cmath>
#include <cstdio>
#include <eigen_norm/batch_norm.hpp>
#include <optional>

using Sample = Eigen::Matrix<float, 1, 6>;
using Recording = Eigen::Matrix<float, Eigen::Dynamic, 6, Eigen::RowMajor>;
using Calibration = eigen_norm::BatchNorm1d<float, 6>;

// Acceleration in m/s^2 (gravity along z) and angular rate in degrees per second.
Sample sensor(int t) {
  const float phase = 0.1f * static_cast<float>(t);
  Sample sample;
  sample << 0.3f * std::sin(phase), 0.2f * std::cos(phase), 9.81f + 0.05f * std::sin(3 * phase),
      20 * std::cos(phase), 35 * std::sin(2 * phase), 4.0f + std::cos(5 * phase);
  return sample;
}

Calibration calibrate(const Recording& recording) {
  eigen_norm::BatchNormOptions options;
  options.momentum = std::nullopt;  // the average over all that is recorded
  options.gamma = options.beta = false;
  Calibration calibration(6, options);
  calibration.forward(recording);
  return calibration;
}

int main() {
  Recording recording(628, 6);  // ten turns
  for (int t = 0; t < recording.rows(); ++t) recording.row(t) = sensor(t);
  const Calibration calibration = calibrate(recording);

  std::printf("channel       ax      ay      az      gx      gy      gz\nmean    ");
  for (const float mean : calibration.running_mean()) std::printf("%8.3f", mean);
  std::printf("\n");
  for (const int t : {1000, 1010, 1020}) {
    const Sample normalised = calibration.infer(sensor(t));
    std::printf("t = %d", t);
    for (int channel = 0; channel < 6; ++channel) std::printf("%8.3f", normalised(channel));
    std::printf("\n");
  }
}
