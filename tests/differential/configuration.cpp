// SPDX-License-Identifier: MIT
#include "differential/configuration.hpp"

#include <charconv>
#include <iterator>

namespace eigen_norm::test {

namespace {

// The least digits that read back as the same number.
std::string text(double value) {
  char digits[32];
  const auto end = std::to_chars(std::begin(digits), std::end(digits), value).ptr;
  return std::string(std::begin(digits), end);
}
std::string text(const std::optional<double>& value) {
  return value ? text(*value) : "std::nullopt";
}
std::string text(bool value) { return value ? "true" : "false"; }
std::string text(Index value) { return std::to_string(value); }

std::string text(Layer layer) {
  static const char* const names[] = {"batch_norm_1d",    "batch_norm_2d",    "batch_norm_3d",
                                      "instance_norm_1d", "instance_norm_2d", "instance_norm_3d",
                                      "layer_norm",       "group_norm"};
  return std::string("Layer::") + names[static_cast<int>(layer)];
}
std::string text(Precision precision) {
  return precision == Precision::float32 ? "Precision::float32" : "Precision::float64";
}
std::string text(ChannelAxis axis) {
  return axis == ChannelAxis::first ? "ChannelAxis::first" : "ChannelAxis::last";
}
std::string text(Order order) {
  return order == Order::row_major ? "Order::row_major" : "Order::col_major";
}
std::string text(Memory memory) {
  static const char* const names[] = {"contiguous", "channels_last", "reversed"};
  return std::string("Memory::") + names[static_cast<int>(memory)];
}
std::string text(Mode mode) {
  static const char* const names[] = {"train", "eval", "frozen"};
  return std::string("Mode::") + names[static_cast<int>(mode)];
}
std::string text(DataKind kind) {
  static const char* const names[] = {"normal", "constant", "outlier", "two_values"};
  return std::string("DataKind::") + names[static_cast<int>(kind)];
}

std::string in_braces(const std::vector<std::string>& members) {
  std::string list;
  for (const std::string& member : members) list += (list.empty() ? "" : ", ") + member;
  return "{" + list + "}";
}
template <typename T>
std::string list_of(const std::vector<T>& values) {
  std::vector<std::string> members;
  for (const T& value : values) members.push_back(text(value));
  return in_braces(members);
}

}  // namespace

std::string line_of(const Configuration& configuration) {
  const auto& [layer, dims, layout, settings, steps, data, seed] = configuration;
  return "compare(Configuration" +
         in_braces({text(layer), list_of(dims),
                    in_braces({text(layout.precision), text(layout.channels), text(layout.order),
                               text(layout.torch_memory)}),
                    in_braces({text(settings.parts), text(settings.eps), text(settings.momentum),
                               text(settings.gamma), text(settings.beta),
                               text(settings.track_running_stats)}),
                    list_of(steps),
                    in_braces({text(data.kind), text(data.mean), text(data.sigma), text(data.dy)}),
                    std::to_string(seed)}) +
         ");";
}

std::string name_of(Layer layer) {
  static const char* const names[] = {"BatchNorm1d",    "BatchNorm2d",    "BatchNorm3d",
                                      "InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d",
                                      "LayerNorm",      "GroupNorm"};
  return names[static_cast<int>(layer)];
}

bool is_batch_norm(Layer layer) { return layer <= Layer::batch_norm_3d; }

bool is_instance_norm(Layer layer) {
  return !is_batch_norm(layer) && layer <= Layer::instance_norm_3d;
}

bool uses_own_statistics(const Configuration& configuration, Mode mode) {
  return mode == Mode::train || !configuration.settings.track_running_stats;
}

Sharing sharing_of(const Configuration& configuration) {
  const Dims& dims = configuration.dims;
  const Index parts = configuration.settings.parts;
  if (configuration.layer == Layer::layer_norm) return by_row(dims, parts);
  if (is_batch_norm(configuration.layer)) return by_channel(dims);
  return by_group(dims, is_instance_norm(configuration.layer) ? dims[1] : parts);
}

Index values_per_statistic(const Configuration& configuration) {
  return count(configuration.dims) / static_cast<Index>(sharing_of(configuration).statistics);
}

}  // namespace eigen_norm::test
