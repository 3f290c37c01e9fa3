// SPDX-License-Identifier: MIT
#include "problem.hpp"

namespace bench {

namespace {

// (N, C, H, W), after ResNet-50 and small images.
constexpr Index batch_norm_2d[][4] = {
    {32, 64, 112, 112}, {32, 256, 56, 56}, {32, 512, 28, 28}, {32, 2048, 7, 7}, {8, 64, 32, 32}};

// (N, C)
constexpr Index batch_norm_1d[][2] = {{256, 1024}, {4096, 256}, {64, 64}};

// (rows, features)
constexpr Index layer_norm[][2] = {{4096, 768}, {8192, 4096}, {32768, 128},
                                   {512, 1024}, {64, 64},     {1, 768}};

// (N, C, H, W, groups)
constexpr Index group_norm[][5] = {{8, 512, 32, 32, 32}, {2, 320, 64, 64, 32}, {16, 64, 56, 56, 8}};

std::string layer_name(Layer layer) {
  static const char* const names[] = {"BatchNorm1d", "BatchNorm2d", "LayerNorm", "RMSNorm",
                                      "GroupNorm"};
  return names[static_cast<int>(layer)];
}

std::string layout_name(Layout layout) {
  static const char* const names[] = {"rows", "columns", "first", "last", "blocked"};
  return names[static_cast<int>(layout)];
}

}  // namespace

const char* name(Pass pass) {
  static const char* const names[] = {"forward", "infer", "backward"};
  return names[static_cast<int>(pass)];
}

std::string Problem::name() const {
  const bool matrix = layout == Layout::rows || layout == Layout::columns;
  std::string shape = std::to_string(n) + "x" + std::to_string(c);
  if (!matrix) shape += "x" + std::to_string(h) + "x" + std::to_string(w);
  if (layer == Layer::group_norm) shape += " in " + std::to_string(groups);
  return layer_name(layer) + "/" + shape + "/" + layout_name(layout);
}

std::vector<Problem> problems() {
  std::vector<Problem> result;
  for (const Layout layout : {Layout::first, Layout::last}) {
    for (const auto& [n, c, h, w] : batch_norm_2d) {
      result.push_back({Layer::batch_norm_2d, n, c, h, w, layout});
    }
  }
  for (const Layout layout : {Layout::rows, Layout::columns}) {
    for (const auto& [n, c] : batch_norm_1d) {
      result.push_back({Layer::batch_norm_1d, n, c, 1, 1, layout});
    }
  }
  for (const Layer layer : {Layer::layer_norm, Layer::rms_norm}) {
    for (const auto& [n, c] : layer_norm) result.push_back({layer, n, c, 1, 1, Layout::rows});
  }
  for (const Layout layout : {Layout::first, Layout::last}) {
    for (const auto& [n, c, h, w, groups] : group_norm) {
      result.push_back({Layer::group_norm, n, c, h, w, layout, groups});
    }
  }
  return result;
}

std::vector<Problem> double_problems() {
  return {{Layer::batch_norm_2d, 32, 512, 28, 28, Layout::first},
          {Layer::batch_norm_2d, 32, 512, 28, 28, Layout::last},
          {Layer::batch_norm_1d, 4096, 256, 1, 1, Layout::rows},
          {Layer::layer_norm, 4096, 768, 1, 1, Layout::rows},
          {Layer::group_norm, 8, 512, 32, 32, Layout::first, 32}};
}

std::vector<Problem> half_problems() {
  return {{Layer::batch_norm_2d, 32, 64, 112, 112, Layout::first},
          {Layer::batch_norm_2d, 32, 256, 56, 56, Layout::first},
          {Layer::layer_norm, 4096, 768, 1, 1, Layout::rows},
          {Layer::layer_norm, 8192, 4096, 1, 1, Layout::rows}};
}

}  // namespace bench
