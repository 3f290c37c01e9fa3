// SPDX-License-Identifier: MIT
// How far float32 layers are from the definition in float64, as tables in Markdown: one of y, one
// of dx, by the mean of the data. x ~ N(mean, 1) and dy ~ N(0, 1) of shape (8, 16, 32, 32), gamma 1
// and beta 0, in training mode. accuracy_torch.py measures PyTorch on the same numbers.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <eigen_norm/eigen_norm.hpp>
#include <random>
#include <unsupported/Eigen/CXX11/Tensor>
#include <vector>

namespace {

using eigen_norm::Index;
using Images = Eigen::Tensor<float, 4, Eigen::RowMajor>;

constexpr Index channels = 16, groups = 4, width = 32;
const Images::Dimensions shape(8, channels, 32, width);
constexpr double means[] = {0, 1e2, 1e4, 1e6};
constexpr double eps = 1e-5;
constexpr double two_pi = 6.283185307179586;

/// mean + N(0, 1) by Box and Muller: the standard library's own distribution differs by platform.
Images normal(double mean, std::uint32_t seed) {
  std::mt19937 random(seed);
  Images x(shape);
  std::generate_n(x.data(), x.size(), [&] {
    const double u = (static_cast<double>(random()) + 1) / 4294967296.0;
    const double v = static_cast<double>(random()) / 4294967296.0;
    return static_cast<float>(mean + std::sqrt(-2 * std::log(u)) * std::cos(two_pi * v));
  });
  return x;
}

Images channels_last(const Images& x) { return x.shuffle(Eigen::array<int, 4>{0, 2, 3, 1}); }

/// By element, in memory order: the statistic it takes part in.
template <typename StatisticOf>
std::vector<std::size_t> statistics(bool last, const StatisticOf& statistic_of) {
  std::vector<std::size_t> result;
  const Index positions = shape[2] * width;
  for (Index n = 0; n < shape[0]; ++n) {
    for (Index i = 0; i < channels * positions; ++i) {
      const Index c = last ? i % channels : i / positions;
      const Index s = last ? i / channels : i % positions;
      result.push_back(static_cast<std::size_t>(statistic_of(n, c, s)));
    }
  }
  return result;
}

/// xhat and dx by definition: dx = inv_std * (dy - mean(dy) - xhat * mean(dy * xhat)).
struct Reference {
  std::vector<double> xhat, dx;

  Reference(const Images& x, const Images& dy, const std::vector<std::size_t>& statistic) {
    const std::size_t size = statistic.size();
    const std::size_t count = *std::max_element(statistic.begin(), statistic.end()) + 1;
    const double m = static_cast<double>(size / count);
    const auto mean_of = [&](const auto& term) {
      std::vector<double> result(count);
      for (std::size_t i = 0; i < size; ++i) result[statistic[i]] += term(i) / m;
      return result;
    };
    const auto at = [](const Images& images, std::size_t i) { return double{images.data()[i]}; };

    const auto mean = mean_of([&](std::size_t i) { return at(x, i); });
    const auto centred = [&](std::size_t i) { return at(x, i) - mean[statistic[i]]; };
    const auto var = mean_of([&](std::size_t i) { return centred(i) * centred(i); });
    const auto inv_std = [&](std::size_t i) { return 1 / std::sqrt(var[statistic[i]] + eps); };
    for (std::size_t i = 0; i < size; ++i) xhat.push_back(centred(i) * inv_std(i));

    const auto dy_mean = mean_of([&](std::size_t i) { return at(dy, i); });
    const auto dy_xhat_mean = mean_of([&](std::size_t i) { return at(dy, i) * xhat[i]; });
    for (std::size_t i = 0; i < size; ++i) {
      const std::size_t s = statistic[i];
      dx.push_back(inv_std(i) * (at(dy, i) - dy_mean[s] - xhat[i] * dy_xhat_mean[s]));
    }
  }
};

double max_error(const Images& result, const std::vector<double>& reference) {
  double worst = 0;
  for (std::size_t i = 0; i < reference.size(); ++i) {
    worst = std::max(worst, std::abs(double{result.data()[i]} - reference[i]));
  }
  return worst;
}

/// One row of each table.
struct Row {
  const char* name;
  std::vector<double> y, dx;

  template <typename Layer>
  Row(const char* layer_name, Layer layer, bool last, const std::vector<std::size_t>& statistic)
      : name(layer_name) {
    for (const double mean : means) {
      const Images x = last ? channels_last(normal(mean, 1)) : normal(mean, 1);
      const Images dy = last ? channels_last(normal(0, 2)) : normal(0, 2);
      const Reference reference(x, dy, statistic);
      y.push_back(max_error(layer.forward(x), reference.xhat));
      dx.push_back(max_error(layer.backward(x, dy), reference.dx));
    }
  }
};

void print(const char* title, const std::vector<Row>& rows, std::vector<double> Row::*errors) {
  std::printf("| %-26s |", title);
  for (const double mean : means) std::printf(" mean %-7.0g |", mean);
  std::printf("\n|---|---|---|---|---|\n");
  for (const Row& row : rows) {
    std::printf("| %-26s |", row.name);
    for (const double error : row.*errors) std::printf(" %-12.1e |", error);
    std::printf("\n");
  }
}

}  // namespace

int main() {
  eigen_norm::BatchNormOptions batch_last;
  batch_last.channels = eigen_norm::ChannelAxis::last;
  eigen_norm::GroupNormOptions group_last;
  group_last.channels = eigen_norm::ChannelAxis::last;

  const auto channel = [](Index, Index c, Index) { return c; };
  const auto group = [](Index n, Index c, Index) { return n * groups + c * groups / channels; };
  const auto row = [](Index n, Index c, Index s) { return (n * channels + c) * width + s / width; };

  using Batch = eigen_norm::BatchNorm2d<float>;
  using Group = eigen_norm::GroupNorm<float>;
  using Layer = eigen_norm::LayerNorm<float>;
  const std::vector<Row> rows{
      {"BatchNorm2d", Batch(channels), false, statistics(false, channel)},
      {"BatchNorm2d, channels last", Batch(channels, batch_last), true, statistics(true, channel)},
      {"GroupNorm", Group(groups, channels), false, statistics(false, group)},
      {"GroupNorm, channels last", Group(groups, channels, group_last), true,
       statistics(true, group)},
      {"LayerNorm", Layer(width), false, statistics(false, row)}};
  print("max error of y", rows, &Row::y);
  std::printf("\n");
  print("max error of dx", rows, &Row::dx);
}
