// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <iterator>

#include "differential/configuration.hpp"
#include "support/random.hpp"

namespace eigen_norm::test {

namespace {

class Draw {
 public:
  explicit Draw(std::uint64_t seed) : random_(seed) {}

  bool chance(Real probability) { return random_.uniform(0, 1) < probability; }
  Index below(Index end) {
    const auto index = static_cast<Index>(random_.uniform(0, static_cast<Real>(end)));
    return std::min(index, end - 1);
  }
  Index between(Index low, Index high) { return low + below(high - low + 1); }
  double power_of_ten(Index low, Index high) {
    return std::pow(10.0, static_cast<double>(between(low, high)));
  }
  /// Small ones as often as large ones.
  Index size_up_to(Index most) {
    const Real size = std::pow(static_cast<Real>(most), random_.uniform(0, 1));
    return std::clamp(static_cast<Index>(size), Index(1), most);
  }
  template <typename T>
  T one_of(std::initializer_list<T> list) {
    return *std::next(list.begin(), below(static_cast<Index>(list.size())));
  }

 private:
  Random random_;
};

Index draw_rank(Draw& draw, Layer layer) {
  switch (layer) {
    case Layer::batch_norm_1d:
      return draw.between(2, 3);
    case Layer::instance_norm_1d:
      return 3;
    case Layer::batch_norm_2d:
    case Layer::instance_norm_2d:
      return 4;
    case Layer::batch_norm_3d:
    case Layer::instance_norm_3d:
      return 5;
    case Layer::layer_norm:
      return draw.between(2, 4);
    default:
      return draw.between(2, 5);
  }
}

// Few elements mostly, and now and then more than the kernels take at once. Any dimension may be
// the long one.
Dims draw_dims(Draw& draw, Index rank) {
  const Real digits = draw.chance(0.04L) ? 4.2L : draw.chance(0.2L) ? 3 : 2;
  auto most = static_cast<Index>(std::pow(Real(10), digits));
  Dims dims(static_cast<std::size_t>(rank), 0);
  for (Index left = rank; left > 0; --left) {
    Index skip = draw.below(left);
    const auto axis = std::find_if(dims.begin(), dims.end(),
                                   [&skip](Index dim) { return dim == 0 && skip-- == 0; });
    *axis = draw.size_up_to(most);
    most /= *axis;
  }
  return dims;
}

Index draw_parts(Draw& draw, Layer layer, const Dims& dims) {
  if (layer == Layer::layer_norm) {
    return draw.between(1, std::min<Index>(3, static_cast<Index>(dims.size())));
  }
  if (layer != Layer::group_norm) return 1;
  Index groups = draw.between(1, dims[1]);
  while (dims[1] % groups != 0) --groups;
  return groups;
}

Settings draw_settings(Draw& draw, Layer layer, const Dims& dims) {
  Settings settings{draw_parts(draw, layer, dims),
                    draw.one_of({1e-5, 1e-5, 1e-3, 0.1, 1e-8, 1e-12, 0.0}),
                    0.1,
                    draw.chance(0.75L),
                    draw.chance(0.75L),
                    false};
  if (!is_batch_norm(layer) && !is_instance_norm(layer)) return settings;
  settings.track_running_stats = draw.chance(0.8L);
  settings.momentum = draw.one_of({0.1, 0.1, 0.01, 0.5, 1.0, 0.0});
  // torch::nn::InstanceNorm must be given one.
  if (is_batch_norm(layer) && draw.chance(0.25L)) settings.momentum = std::nullopt;
  return settings;
}

std::vector<Mode> draw_steps(Draw& draw, const Settings& settings) {
  std::vector<Mode> steps(static_cast<std::size_t>(draw.between(1, 4)));
  for (Mode& mode : steps) {
    mode = draw.chance(0.6L)                                   ? Mode::train
           : settings.track_running_stats && draw.chance(0.5L) ? Mode::frozen
                                                               : Mode::eval;
  }
  return steps;
}

Data draw_data(Draw& draw) {
  const double sign = draw.one_of({1.0, -1.0});
  return {draw.chance(0.7L)
              ? DataKind::normal
              : draw.one_of({DataKind::constant, DataKind::outlier, DataKind::two_values}),
          draw.chance(0.2L) ? 0 : sign * draw.power_of_ten(0, 6),
          draw.chance(0.5L) ? 1 : draw.power_of_ten(-12, 12),
          draw.chance(0.7L) ? 1 : draw.power_of_ten(-6, 6)};
}

// What documented_differences_test.cpp shows of PyTorch.
void leave_out_differences(Configuration& configuration) {
  const auto& [kind, mean, sigma, dy] = configuration.data;
  Dims& dims = configuration.dims;
  if (is_instance_norm(configuration.layer)) dims.back() += 1;
  if (configuration.layer == Layer::instance_norm_2d && std::min(dims[0], dims[1]) == 1) {
    configuration.layout.torch_memory = Memory::contiguous;
  }
  const bool may_be_constant =
      kind != DataKind::normal || std::abs(mean) > 100 || values_per_statistic(configuration) <= 2;
  if (may_be_constant && configuration.settings.eps == 0) configuration.settings.eps = 1e-5;
}

}  // namespace

Configuration random_configuration(std::uint64_t seed) {
  Draw draw(~seed);  // the seed itself draws the numbers
  Configuration result{};
  result.seed = seed;
  result.layer = static_cast<Layer>(draw.below(layers));
  result.dims = draw_dims(draw, draw_rank(draw, result.layer));
  const bool has_channels = result.layer != Layer::layer_norm;
  result.layout = {
      draw.one_of({Precision::float32, Precision::float64}),
      has_channels ? draw.one_of({ChannelAxis::first, ChannelAxis::last}) : ChannelAxis::first,
      draw.one_of({Order::row_major, Order::col_major}),
      draw.one_of({Memory::contiguous, Memory::channels_last, Memory::reversed})};
  result.settings = draw_settings(draw, result.layer, result.dims);
  result.steps = draw_steps(draw, result.settings);
  result.data = draw_data(draw);
  leave_out_differences(result);
  return result;
}

}  // namespace eigen_norm::test
