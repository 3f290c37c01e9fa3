// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "eigen_norm/memory/abi.hpp"

namespace eigen_norm {
inline namespace EIGEN_NORM_ABI {

/// Of which layers a model is made: `map` returns the model with f(layer) for each layer, from the
/// first to the last. It looks into vectors, arrays, optionals, pairs and tuples; all else is one
/// layer. For a model of your own, specialise it:
///
///     template <>
///     struct LayersOf<Block> {
///       template <typename F>
///       static auto map(const Block& block, const F& f) {
///         return SyncBlock{block.conv, LayersOf<BatchNorm2d<float>>::map(block.norm, f)};
///       }
///     };
template <typename Model>
struct LayersOf {
  template <typename F>
  static auto map(const Model& layer, const F& f) {
    return f(layer);
  }
};

template <typename Layer, typename Allocator>
struct LayersOf<std::vector<Layer, Allocator>> {
  template <typename F>
  static auto map(const std::vector<Layer, Allocator>& layers, const F& f) {
    std::vector<decltype(LayersOf<Layer>::map(layers.front(), f))> result;
    result.reserve(layers.size());
    for (const Layer& layer : layers) result.push_back(LayersOf<Layer>::map(layer, f));
    return result;
  }
};

template <typename Layer>
struct LayersOf<std::optional<Layer>> {
  template <typename F>
  static auto map(const std::optional<Layer>& layer, const F& f) {
    std::optional<decltype(LayersOf<Layer>::map(*layer, f))> result;
    if (layer) result.emplace(LayersOf<Layer>::map(*layer, f));
    return result;
  }
};

// In braces they are called from left to right, on every rank alike.

template <typename Layer, std::size_t Size>
struct LayersOf<std::array<Layer, Size>> {
  template <typename F>
  static auto map(const std::array<Layer, Size>& layers, const F& f) {
    return std::apply(
        [&](const auto&... each) {
          return std::array<decltype(LayersOf<Layer>::map(layers.front(), f)), Size>{
              LayersOf<Layer>::map(each, f)...};
        },
        layers);
  }
};

template <typename... Layers>
struct LayersOf<std::tuple<Layers...>> {
  template <typename F>
  static auto map(const std::tuple<Layers...>& layers, const F& f) {
    return std::apply(
        [&](const Layers&... each) {
          return std::tuple<decltype(LayersOf<Layers>::map(each, f))...>{
              LayersOf<Layers>::map(each, f)...};
        },
        layers);
  }
};

template <typename First, typename Second>
struct LayersOf<std::pair<First, Second>> {
  template <typename F>
  static auto map(const std::pair<First, Second>& layers, const F& f) {
    return std::pair<decltype(LayersOf<First>::map(layers.first, f)),
                     decltype(LayersOf<Second>::map(layers.second, f))>{
        LayersOf<First>::map(layers.first, f), LayersOf<Second>::map(layers.second, f)};
  }
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm
