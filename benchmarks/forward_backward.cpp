// SPDX-License-Identifier: MIT
// Forward and backward against the copy that is their floor, over the same buffers. Every case
// reports the bytes that it must move: x and y forward, x, dy and dx backward.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstring>
#include <eigen_norm/eigen_norm.hpp>
#include <unsupported/Eigen/CXX11/Tensor>

namespace {

using Images = Eigen::Tensor<float, 4, Eigen::RowMajor>;
using Rows = Eigen::Tensor<float, 2, Eigen::RowMajor>;

template <typename Tensor>
struct Buffers {
  explicit Buffers(const typename Tensor::Dimensions& shape) : x(shape), dy(shape), out(shape) {
    x.setRandom();
    dy.setRandom();
    out.setZero();
  }
  Tensor x, dy, out;
};

// The arguments of a case are its shape: (N, C, H, W).
Buffers<Images> images(const benchmark::State& state) {
  return Buffers<Images>(
      Images::Dimensions(state.range(0), state.range(1), state.range(2), state.range(3)));
}

// (rows, features).
Buffers<Rows> rows(const benchmark::State& state) {
  return Buffers<Rows>(Rows::Dimensions(state.range(0), state.range(1)));
}

template <typename Tensor>
void count_bytes(benchmark::State& state, const Tensor& tensor, std::int64_t visits) {
  const auto size = static_cast<std::int64_t>(tensor.size());
  state.SetBytesProcessed(state.iterations() * visits * size *
                          static_cast<std::int64_t>(sizeof(float)));
}

template <typename Tensor>
void run_copy(benchmark::State& state, Buffers<Tensor> buffers) {
  const auto bytes = static_cast<std::size_t>(buffers.x.size()) * sizeof(float);
  for (auto _ : state) {
    std::memcpy(buffers.out.data(), buffers.x.data(), bytes);
    benchmark::ClobberMemory();
  }
  count_bytes(state, buffers.x, 2);
}

template <typename Layer, typename Tensor>
void run_forward(benchmark::State& state, Layer layer, Buffers<Tensor> buffers) {
  for (auto _ : state) {
    layer.forward(buffers.x, buffers.out);
    benchmark::ClobberMemory();
  }
  count_bytes(state, buffers.x, 2);
}

template <typename Layer, typename Tensor>
void run_backward(benchmark::State& state, Layer layer, Buffers<Tensor> buffers) {
  layer.forward(buffers.x, buffers.out);
  for (auto _ : state) {
    layer.backward(buffers.x, buffers.dy, buffers.out);
    benchmark::ClobberMemory();
  }
  count_bytes(state, buffers.x, 3);
}

void images_copy(benchmark::State& state) { run_copy(state, images(state)); }

void batch_norm_2d_forward(benchmark::State& state) {
  run_forward(state, eigen_norm::BatchNorm2d<float>(state.range(1)), images(state));
}

void batch_norm_2d_backward(benchmark::State& state) {
  run_backward(state, eigen_norm::BatchNorm2d<float>(state.range(1)), images(state));
}

void rows_copy(benchmark::State& state) { run_copy(state, rows(state)); }

void layer_norm_forward(benchmark::State& state) {
  run_forward(state, eigen_norm::LayerNorm<float>(state.range(1)), rows(state));
}

void layer_norm_backward(benchmark::State& state) {
  run_backward(state, eigen_norm::LayerNorm<float>(state.range(1)), rows(state));
}

void image_shapes(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"N", "C", "H", "W"})
      ->Args({32, 64, 56, 56})
      ->Args({32, 512, 7, 7})
      ->Args({1, 64, 56, 56});
}

void row_shapes(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"rows", "features"})->Args({4096, 768})->Args({64, 768})->Args({4096, 64});
}

BENCHMARK(images_copy)->Apply(image_shapes);
BENCHMARK(batch_norm_2d_forward)->Apply(image_shapes);
BENCHMARK(batch_norm_2d_backward)->Apply(image_shapes);
BENCHMARK(rows_copy)->Apply(row_shapes);
BENCHMARK(layer_norm_forward)->Apply(row_shapes);
BENCHMARK(layer_norm_backward)->Apply(row_shapes);

}  // namespace
