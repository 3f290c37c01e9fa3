// SPDX-License-Identifier: MIT
//
// BatchNorm1d in forty lines of Eigen, as a tutorial writes it, beside the library's on the same
// input: outputs, running statistics and gradients; then the two places where they differ.
#include <CLI/CLI.hpp>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <eigen_norm/eigen_norm.hpp>
#include <exception>
#include <string>

#include "nn/datasets.hpp"
#include "nn/flags.hpp"
#include "nn/random.hpp"
#include "nn/training.hpp"

namespace {

using Eigen::MatrixXd;
using Eigen::MatrixXf;
using Eigen::RowVectorXf;
using nn::Index;
using BatchNorm1d = eigen_norm::BatchNorm1d<float>;

/// x is (N, features). After Ioffe and Szegedy, 2015.
struct FromScratch {
  explicit FromScratch(Index features)
      : gamma(RowVectorXf::Ones(features)),
        beta(RowVectorXf::Zero(features)),
        running_mean(beta),
        running_var(gamma) {}

  MatrixXf forward(const MatrixXf& x) {
    const RowVectorXf mean = x.colwise().mean();
    const RowVectorXf var = (x.rowwise() - mean).array().square().colwise().mean();
    running_mean = (1 - momentum) * running_mean + momentum * mean;
    running_var = (1 - momentum) * running_var + momentum * var;
    inv_std = (var.array() + eps).rsqrt();
    xhat = ((x.rowwise() - mean).array().rowwise() * inv_std.array()).matrix();
    return scale_and_shift(xhat);
  }

  MatrixXf infer(const MatrixXf& x) const {
    const RowVectorXf running_inv_std = (running_var.array() + eps).rsqrt();
    return scale_and_shift(
        ((x.rowwise() - running_mean).array().rowwise() * running_inv_std.array()).matrix());
  }

  /// dx = inv_std * (g - mean(g) - xhat * mean(g * xhat)) with g = gamma * dy.
  MatrixXf backward(const MatrixXf& dy) {
    gamma_grad = dy.cwiseProduct(xhat).colwise().sum();
    beta_grad = dy.colwise().sum();
    const MatrixXf g = (dy.array().rowwise() * gamma.array()).matrix();
    const RowVectorXf mean_g = g.colwise().mean();
    const RowVectorXf mean_g_xhat = g.cwiseProduct(xhat).colwise().mean();
    const auto through_var = xhat.array().rowwise() * mean_g_xhat.array();
    return (((g.rowwise() - mean_g).array() - through_var).rowwise() * inv_std.array()).matrix();
  }

  MatrixXf scale_and_shift(const MatrixXf& z) const {
    return ((z.array().rowwise() * gamma.array()).rowwise() + beta.array()).matrix();
  }

  float eps = 1e-5f, momentum = 0.1f;
  RowVectorXf gamma, beta, gamma_grad, beta_grad, running_mean, running_var, inv_std;
  MatrixXf xhat;  // kept for backward
};

double difference(const MatrixXf& a, const MatrixXf& b) {
  return static_cast<double>((a - b).cwiseAbs().maxCoeff());
}

/// "mean +- standard deviation" of one feature.
std::string moments(const MatrixXf& x, Index feature) {
  const Eigen::ArrayXd column = x.col(feature).cast<double>();
  const double mean = column.mean();
  char text[64];
  std::snprintf(text, sizeof text, "%10.4f +- %-9.4f", mean,
                std::sqrt((column - mean).square().mean()));
  return text;
}

/// As a row of a matrix, as FromScratch has it.
template <typename Array>
RowVectorXf row(const Array& parameters) {
  return parameters.matrix().transpose();
}

constexpr const char* feature_names[] = {"radius", "texture", "perimeter", "area"};
constexpr Index features = 4;

void compare_on_a_batch(const MatrixXf& x, nn::Random& random) {
  FromScratch scratch(features);
  BatchNorm1d norm(features);
  scratch.gamma << 1.5f, 0.5f, 2.0f, 1.0f;
  scratch.beta << 0.0f, 1.0f, -1.0f, 0.5f;
  norm.gamma() = scratch.gamma.transpose();
  norm.beta() = scratch.beta.transpose();
  MatrixXf dy(x.rows(), features);
  random.fill_normal(dy, 1.0);

  const MatrixXf y = norm.forward(x), y_scratch = scratch.forward(x);
  const MatrixXf dx = norm.backward(x, dy), dx_scratch = scratch.backward(dy);

  std::printf(
      "A batch of %d patients, 4 features; gamma is 1.5, 0.5, 2, 1 and beta 0, 1, -1, 0.5.\n"
      "Mean +- standard deviation over the batch:\n\n"
      "| feature   | x                       | y from scratch          | y of the library        "
      "|\n"
      "|-----------|-------------------------|-------------------------|-------------------------|"
      "\n",
      static_cast<int>(x.rows()));
  for (Index f = 0; f < features; ++f) {
    std::printf("| %-9s | %s | %s | %s |\n", feature_names[f], moments(x, f).c_str(),
                moments(y_scratch, f).c_str(), moments(y, f).c_str());
  }
  std::printf(
      "\n| the same of both          | from scratch (first) | library (first) | largest difference "
      "|\n"
      "|---------------------------|----------------------|-----------------|--------------------|"
      "\n");
  const auto compare = [](const char* what, const MatrixXf& a, const MatrixXf& b) {
    std::printf("| %-25s | %20.6f | %15.6f | %18.1e |\n", what, static_cast<double>(a(0, 0)),
                static_cast<double>(b(0, 0)), difference(a, b));
  };
  compare("y", y_scratch, y);
  compare("dx", dx_scratch, dx);
  compare("dgamma", scratch.gamma_grad, row(norm.gamma_grad()));
  compare("dbeta", scratch.beta_grad, row(norm.beta_grad()));
  compare("running_mean", scratch.running_mean, row(norm.running_mean()));
  compare("running_var", scratch.running_var, row(norm.running_var()));
}

/// The running variance after batches of n values: with the batch's own (biased) variance it is too
/// small by (n - 1) / n, which small batches feel. The library's default is PyTorch's, unbiased.
void compare_running_variance(const MatrixXf& all) {
  const Eigen::ArrayXd column = all.col(0).cast<double>();
  const double n = static_cast<double>(column.size());
  const double population = (column - column.mean()).square().sum() / (n - 1);
  std::printf(
      "\nDifference 1: the running variance of radius, all patients in batches, each with the\n"
      "same weight (variance of them all: %.3f):\n\n"
      "| batch size | from scratch | library | library, RunningVariance::biased |\n"
      "|------------|--------------|---------|----------------------------------|\n",
      population);
  for (const Index size : {2, 4, 8, 64}) {
    FromScratch scratch(features);
    eigen_norm::BatchNormOptions options;
    options.momentum = std::nullopt;  // the average over all batches
    BatchNorm1d norm(features, options);
    options.running_variance = eigen_norm::RunningVariance::biased;
    BatchNorm1d biased(features, options);
    const Index batches = all.rows() / size;
    for (Index b = 0; b < batches; ++b) {
      const MatrixXf x = all.middleRows(b * size, size);
      scratch.momentum = 1.0f / static_cast<float>(b + 1);
      scratch.forward(x);
      norm.forward(x);
      biased.forward(x);
    }
    std::printf("| %10d | %12.3f | %7.3f | %32.3f |\n", static_cast<int>(size),
                static_cast<double>(scratch.running_var(0)),
                static_cast<double>(norm.running_var()(0)),
                static_cast<double>(biased.running_var()(0)));
  }
}

/// The largest error of y against the definition in double, of normal data far from zero.
void compare_large_means(nn::Random& random) {
  std::printf(
      "\nDifference 2: data far from zero. The largest error of y, and what both make of a "
      "constant\n"
      "feature, where y is beta, 0, whatever the constant:\n\n"
      "| mean / deviation | from scratch | library | constant, from scratch | constant, library |\n"
      "|------------------|--------------|---------|------------------------|-------------------|"
      "\n");
  for (const double mean : {0.0, 1e2, 1e4, 1e6}) {
    MatrixXf x(1000, 1);
    random.fill_normal(x, 1.0);
    x.array() += static_cast<float>(mean);
    const MatrixXd exact = eigen_norm::BatchNorm1d<double>(1).forward(x.cast<double>().eval());
    const auto error = [&](const MatrixXf& y) {
      return (y.cast<double>() - exact).cwiseAbs().maxCoeff();
    };
    const MatrixXf constant = MatrixXf::Constant(1000, 1, static_cast<float>(mean + 0.1));
    const auto largest = [](const MatrixXf& y) {
      return static_cast<double>(y.cwiseAbs().maxCoeff());
    };
    std::printf("| %16.0e | %12.1e | %7.1e | %22.1e | %17.1e |\n", mean,
                error(FromScratch(1).forward(x)), error(BatchNorm1d(1).forward(x)),
                largest(FromScratch(1).forward(constant)),
                largest(BatchNorm1d(1).forward(constant)));
  }
}

void run(const std::string& folder, std::uint64_t seed) {
  nn::Random random(seed);
  const nn::Patients patients = nn::read_breast_cancer(folder);
  const auto order = random.permutation(patients.features.rows());
  const MatrixXf all = nn::gather(patients.features, order).leftCols(features).cast<float>();
  compare_on_a_batch(all.topRows(64), random);
  compare_running_variance(all);
  compare_large_means(random);
}

}  // namespace

int main(int argc, char** argv) {
  std::string folder = EIGEN_NORM_EXAMPLES_DATA_DIR;
  std::uint64_t seed = 1;
  CLI::App app{"BatchNorm1d written in forty lines, beside the library's"};
  app.add_option("--seed", seed, "Seed of all random numbers")->capture_default_str();
  app.add_option("--data", folder, "Folder that holds the data files")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  try {
    run(folder, seed);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "batchnorm_from_scratch: %s\n", error.what());
    return 1;
  }
}
