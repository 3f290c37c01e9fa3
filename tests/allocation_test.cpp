// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <type_traits>
#include <vector>

#include "eigen_norm/eigen_norm.hpp"
#include "support/heap.hpp"
#include "support/places.hpp"
#include "support/random.hpp"

// What is said about heap memory: none in a warm forward, infer or backward into given memory, none
// in the first infer, and none at all in a layer whose size is fixed.
namespace eigen_norm::test {
namespace {

class Allocation : public testing::Test {
 protected:
  void SetUp() override {
    if (HeapCounter::reason() != nullptr) GTEST_SKIP() << HeapCounter::reason();
  }
};

// Another way to ask for memory each; volatile keeps the compiler from leaving any of them out.
TEST_F(Allocation, IsCountedWhicheverWayItIsAskedFor) {
  EXPECT_EQ(heap_requests([] {}), 0U);
  int* volatile number = nullptr;
  EXPECT_EQ(heap_requests([&] { number = new int(1); }), 1U);
  delete number;
  void* volatile memory = nullptr;
  EXPECT_EQ(heap_requests([&] { memory = std::malloc(100); }), 1U);
  std::free(memory);
  EXPECT_EQ(heap_requests([&] { memory = std::aligned_alloc(64, 128); }), 1U);
  std::free(memory);
  Eigen::MatrixXf matrix;
  EXPECT_EQ(heap_requests([&] { matrix.resize(50, 50); }), 1U);
  std::unique_ptr<Eigen::Tensor<float, 2>> tensor;
  EXPECT_EQ(heap_requests([&] { tensor = std::make_unique<Eigen::Tensor<float, 2>>(9, 9); }), 2U);
}

// x, y, dy and dx in places of one kind, larger and then smaller.
template <typename Place, typename Layer>
void expect_none(Layer layer, const Dims& dims) {
  const auto use = [&layer](Place& x, Place& y, Place& dy, Place& dx) {
    layer.forward(x.view(), y.view());
    layer.infer(x.view(), y.view());
    layer.backward(x.view(), dy.view(), dx.view());
    layer.backward_from_output(y.view(), dy.view(), dx.view());
  };
  const auto place = [](Dims of, Index samples) {
    of[0] = samples;
    return Place(random_normal(of, 1));
  };
  Place x = place(dims, dims[0]), y = x, dy = x, dx = x;
  Place few = place(dims, 2), few_y = few, few_dx = few;

  EXPECT_EQ(heap_requests([&] { layer.infer(x.view(), y.view()); }), 0U) << "first infer";
  use(x, y, dy, dx);
  EXPECT_EQ(heap_requests([&] { layer.forward(x.view(), y.view()); }), 0U) << "forward";
  EXPECT_EQ(heap_requests([&] { layer.infer(x.view(), y.view()); }), 0U) << "infer";
  EXPECT_EQ(heap_requests([&] { layer.backward(x.view(), dy.view(), dx.view()); }), 0U)
      << "backward";
  EXPECT_EQ(heap_requests([&] { layer.backward_from_output(y.view(), dy.view(), dx.view()); }), 0U)
      << "backward from the output";
  EXPECT_EQ(heap_requests([&] { use(few, few_y, few, few_dx); }), 0U) << "a smaller batch";
  EXPECT_EQ(heap_requests([&] { use(x, y, dy, dx); }), 0U) << "the larger batch again";
  EXPECT_EQ(heap_requests([&] { use(x, x, x, x); }), 0U) << "in place";
  layer.eval();
  EXPECT_EQ(heap_requests([&] { use(x, y, dy, dx); }), 0U) << "eval";
}

template <int Rank, typename Layer>
void expect_none_in_tensors(const Layer& layer, const Dims& dims) {
  using RowTensor = Eigen::Tensor<float, Rank, Eigen::RowMajor>;
  using ColTensor = Eigen::Tensor<float, Rank, Eigen::ColMajor>;
  expect_none<Owned<RowTensor>>(layer, dims);
  expect_none<Owned<ColTensor>>(layer, dims);
  expect_none<Mapped<RowTensor>>(layer, dims);
  expect_none<Mapped<ColTensor>>(layer, dims);
}

template <typename Layer>
void expect_none_in_matrices(const Layer& layer, const Dims& dims) {
  const auto each = [&](auto* place) {
    expect_none<std::remove_pointer_t<decltype(place)>>(layer, dims);
  };
  using Row = RowMatrix<float>;
  using Col = ColMatrix<float>;
  for_each_place(Places<Owned<Row>, Owned<Col>, Owned<RowArray<float>>, Within<Row, AsBlock>,
                        Within<Col, AsRef>, Within<Col, AsTransposed>>(),
                 each);
}

TEST_F(Allocation, NeverHappensInAWarmBatchNorm) {
  for (const ChannelAxis channels : {ChannelAxis::first, ChannelAxis::last}) {
    BatchNormOptions options;
    options.channels = channels;
    expect_none_in_matrices(BatchNorm1d<float>(300, options), {40, 300});
    expect_none_in_tensors<3>(BatchNorm1d<float>(6, options), {5, 6, 6});
    expect_none_in_tensors<4>(BatchNorm2d<float>(7, options), {3, 7, 2, 7});
    options.track_running_stats = false;
    expect_none_in_tensors<4>(BatchNorm2d<float>(7, options), {3, 7, 2, 7});
  }
}

TEST_F(Allocation, NeverHappensInAWarmLayerNorm) {
  expect_none_in_matrices(LayerNorm<float>(300), {40, 300});
  expect_none_in_tensors<3>(LayerNorm<float>(6), {300, 5, 6});
  expect_none_in_tensors<3>(LayerNorm<float>({5, 6}), {300, 5, 6});
}

TEST_F(Allocation, NeverHappensInAWarmRmsNorm) {
  RMSNormOptions options;
  for (const bool zero_centered : {false, true}) {
    options.zero_centered_gamma = zero_centered;
    expect_none_in_matrices(RMSNorm<float>(300, options), {40, 300});
    expect_none_in_tensors<3>(RMSNorm<float>({5, 6}, options), {300, 5, 6});
  }
}

TEST_F(Allocation, NeverHappensInAWarmGroupNorm) {
  for (const ChannelAxis channels : {ChannelAxis::first, ChannelAxis::last}) {
    GroupNormOptions options;
    options.channels = channels;
    expect_none_in_matrices(GroupNorm<float>(3, 300, options), {40, 300});
    expect_none_in_tensors<4>(GroupNorm<float>(2, 6, options), {3, 6, 4, 6});
  }
}

TEST_F(Allocation, NeverHappensInAWarmInstanceNorm) {
  for (const ChannelAxis channels : {ChannelAxis::first, ChannelAxis::last}) {
    InstanceNormOptions options;
    options.channels = channels;
    expect_none_in_tensors<3>(InstanceNorm1d<float>(6, options), {5, 6, 6});
    expect_none_in_matrices(InstanceNorm1d<float>(2, options), {2, 2});
    options.gamma = options.beta = options.track_running_stats = true;
    expect_none_in_tensors<4>(InstanceNorm2d<float>(6, options), {3, 6, 4, 6});
    expect_none_in_tensors<5>(InstanceNorm3d<float>(3, options), {3, 3, 4, 2, 3});
  }
}

TEST_F(Allocation, NeverHappensInWarmLayersOf16Bits) {
  using Images = Eigen::Tensor<Eigen::half, 4, Eigen::RowMajor>;
  expect_none<Owned<Images>>(BatchNorm2d<Eigen::half>(7), {3, 7, 2, 7});
  using Rows = RowMatrix<Eigen::bfloat16>;
  expect_none<Owned<Rows>>(LayerNorm<Eigen::bfloat16>(300), {40, 300});
}

TEST_F(Allocation, HappensOnceForACopyThatIsReturned) {
  BatchNorm1d<float> norm(4);
  const Eigen::MatrixXf x = Eigen::MatrixXf::Random(6, 4);
  norm.forward(x);
  norm.backward(x, x);
  EXPECT_EQ(heap_requests([&] { norm.forward(x); }), 1U);
  EXPECT_EQ(heap_requests([&] { norm.infer(x); }), 1U);
  EXPECT_EQ(heap_requests([&] { norm.backward(x, x); }), 1U);
}

// An expression, an inner stride, a dy of the other order: one copy each and no more.
TEST_F(Allocation, HappensOnceForAnInputThatMustBeCopied) {
  BatchNorm1d<float> norm(4);
  const Eigen::MatrixXf x = Eigen::MatrixXf::Random(6, 4);
  const RowMatrix<float> dy = x;
  Eigen::MatrixXf y = x, dx = x;
  InnerStrided<ColMatrix<float>> strided(from_eigen(x));
  norm.forward(x, y);
  norm.backward(x, x, dx);
  EXPECT_EQ(heap_requests([&] { norm.forward(2 * x, y); }), 1U);
  EXPECT_EQ(heap_requests([&] { norm.infer(strided.view(), y); }), 1U);
  EXPECT_EQ(heap_requests([&] { norm.backward(x, dy, dx); }), 1U);
}

// Construction, forward, infer, backward and copies of a layer of fixed size, with more rows or
// samples than it has features: nothing is kept by row on the heap.
template <typename Layer, typename X>
std::size_t requests_of_a_life(const X& x) {
  return heap_requests([&] {
    Layer norm;
    X y = norm.forward(x);
    X dx = norm.backward(x, y);
    norm.forward(2 * x, y);
    norm.backward(2 * x, y, dx);
    norm.forward(x, x.rows() > 1 ? dx : y);
    norm.eval();
    norm.forward(x, y);
    norm.backward(x, x, y);
    const Layer copy = norm;
    copy.infer(x + y, dx);
  });
}

TEST_F(Allocation, NeverHappensInTheLifeOfALayerOfFixedSize) {
  using Block = Eigen::Matrix<float, 24, 4>;
  using Lines = Eigen::Matrix<float, 24, 4, Eigen::RowMajor>;
  const Block block = Block::Random();
  const Lines lines = block;
  EXPECT_EQ((requests_of_a_life<BatchNorm1d<float, 4>>(block)), 0U);
  EXPECT_EQ((requests_of_a_life<BatchNorm1d<float, 4>>(lines)), 0U);
  EXPECT_EQ((requests_of_a_life<LayerNorm<float, 4>>(block)), 0U);
  EXPECT_EQ((requests_of_a_life<LayerNorm<float, 4>>(lines)), 0U);
  EXPECT_EQ((requests_of_a_life<RMSNorm<float, 4>>(block)), 0U);
  EXPECT_EQ((requests_of_a_life<RMSNorm<float, 4>>(lines)), 0U);
  EXPECT_EQ((requests_of_a_life<GroupNorm<float, 4>>(block)), 0U);
  EXPECT_EQ((requests_of_a_life<GroupNorm<float, 4>>(lines)), 0U);
  const Eigen::Matrix<float, 1, 64> row = Eigen::Matrix<float, 1, 64>::Random();
  EXPECT_EQ((requests_of_a_life<LayerNorm<float, 64>>(row)), 0U);

  InstanceNormOptions options;
  options.gamma = options.beta = options.track_running_stats = true;
  Owned<Eigen::Tensor<float, 3, Eigen::RowMajor>> x(random_normal({5, 3, 7}, 1)), y = x, dx = x;
  EXPECT_EQ(heap_requests([&] {
              InstanceNorm1d<float, 3> norm(options);
              norm.forward(x.view(), y.view());
              norm.backward(x.view(), y.view(), dx.view());
              norm.infer(x.view(), y.view());
            }),
            0U);
}

TEST_F(Allocation, NeverHappensInALayerOfFixedSize) {
  EXPECT_EQ(heap_requests([] { BatchNorm1d<float, 16>(); }), 0U);
  EXPECT_EQ(heap_requests([] { BatchNorm2d<double, 3>(); }), 0U);
  EXPECT_EQ(heap_requests([] { LayerNorm<float, 16>(); }), 0U);
  EXPECT_EQ(heap_requests([] { GroupNorm<float, 16>(4); }), 0U);
  EXPECT_EQ(heap_requests([] { BatchNorm3d<float, 16>(); }), 0U);
  EXPECT_EQ(heap_requests([] { InstanceNorm1d<float, 16>(); }), 0U);
  EXPECT_EQ(heap_requests([] { RMSNorm<float, 16>(); }), 0U);

  Eigen::Matrix<float, 5, 4> x;
  x.setRandom();
  EXPECT_EQ(heap_requests([&] {
              BatchNorm1d<float, 4> norm;
              const auto y = norm.forward(x);
              auto dx = norm.backward(x, y);
              norm.backward_from_output(y, dx, dx);
              const BatchNorm1d<float, 4> copy = norm;
              x = copy.infer(dx);
            }),
            0U);
}

}  // namespace
}  // namespace eigen_norm::test
