// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "eigen_norm/core/options.hpp"
#include "support/reference.hpp"

// What is asked of this library and of PyTorch alike.
namespace eigen_norm::test {

enum class Layer {
  batch_norm_1d,
  batch_norm_2d,
  batch_norm_3d,
  instance_norm_1d,
  instance_norm_2d,
  instance_norm_3d,
  layer_norm,
  group_norm
};
inline constexpr int layers = 8;

enum class Precision { float32, float64 };

// How our tensors lie.
enum class Order { row_major, col_major };

// How PyTorch's do: as it makes them, in its channels_last format, or with the first dimension
// fastest, seen through permute().
enum class Memory { contiguous, channels_last, reversed };

// frozen: the layer trains, but by the running statistics; in PyTorch a layer in eval.
enum class Mode { train, eval, frozen };

enum class DataKind { normal, constant, outlier, two_values };

struct Layout {
  Precision precision;
  ChannelAxis channels;  // of our tensors
  Order order;
  Memory torch_memory;
};

struct Settings {
  Index parts;  // GroupNorm: groups; LayerNorm: dimensions that are normalised; else 1
  double eps;
  std::optional<double> momentum;
  bool gamma, beta, track_running_stats;
};

struct Data {
  DataKind kind;
  double mean;   // of x, in units of sigma
  double sigma;  // of x
  double dy;     // sigma of dy
};

struct Configuration {
  Layer layer;
  Dims dims;  // of x, channels first
  Layout layout;
  Settings settings;
  std::vector<Mode> steps;
  Data data;
  std::uint64_t seed;  // of the numbers
};

// The one with this number, of all there are.
Configuration random_configuration(std::uint64_t seed);

// compare(Configuration{...}); as it is pasted into a test.
std::string line_of(const Configuration& configuration);

// "BatchNorm2d"
std::string name_of(Layer layer);

bool is_batch_norm(Layer layer);
bool is_instance_norm(Layer layer);

// Whether this step normalises by statistics of its own.
bool uses_own_statistics(const Configuration& configuration, Mode mode);

// What shares those, and how many values of x share one.
Sharing sharing_of(const Configuration& configuration);
Index values_per_statistic(const Configuration& configuration);

}  // namespace eigen_norm::test
