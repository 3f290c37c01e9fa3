// SPDX-License-Identifier: MIT
#include <eigen_norm/eigen_norm.hpp>
#include <exception>
#include <iostream>
#include <vector>

// Prints the message of every misuse that docs/layers/ shows, one a line.
namespace {

using namespace eigen_norm;
using Eigen::MatrixXf;
using Tensor3 = Eigen::Tensor<float, 3>;
using Tensor4 = Eigen::Tensor<float, 4>;

template <typename Misuse>
void say(Misuse misuse) {
  try {
    misuse();
    std::cout << "no error\n";
  } catch (const std::exception& error) {
    std::cout << error.what() << '\n';
  }
}

template <typename Options>
Options negative_eps() {
  Options options;
  options.eps = -1;
  return options;
}

template <typename Options>
Options channels_last() {
  Options options;
  options.channels = ChannelAxis::last;
  return options;
}

MatrixXf ones(Index rows, Index cols) { return MatrixXf::Ones(rows, cols); }
Tensor3 ones(Index a, Index b, Index c) { return Tensor3(a, b, c).setConstant(1); }
Tensor4 ones(Index a, Index b, Index c, Index d) { return Tensor4(a, b, c, d).setConstant(1); }

/// Before a forward, after that of `x` with another x and another dy, with a gamma of 0, and with
/// half a gamma.
template <typename Layer, typename X>
void say_of_backward_and_gamma(Layer norm, const X& x, const X& other) {
  say([&] { norm.backward(x, x); });
  norm.forward(x);
  say([&] { norm.backward(other, x); });
  say([&] { norm.backward(x, other); });
  norm.gamma().setZero();
  say([&] { norm.backward_from_output(x, x); });
  norm.gamma() = Eigen::ArrayXf::Ones(norm.gamma().size() + 1);
  say([&] { norm.forward(x); });
}

/// From an output with more statistics than a layer of fixed size keeps.
template <typename Layer, typename X>
void say_of_fixed_size(Layer norm, const X& x) {
  norm.forward(x);
  say([&] { norm.backward_from_output(x, x); });
}

void say_of_batch_norm() {
  BatchNormOptions virtual_batches;
  virtual_batches.virtual_batch_size = 2;
  say_of_fixed_size(BatchNorm1d<float, 4>(virtual_batches), ones(4, 4));
  say([] { BatchNorm2d<float>(0); });
  say([] { BatchNorm2d<float>(64, negative_eps<BatchNormOptions>()); });
  say([] { BatchNorm2d<float, 64>(32); });
  say([] { BatchNorm2d<float>(64).forward(ones(32, 3, 28, 28)); });
  say([] { BatchNorm1d<float>(10).forward(ones(10, 1)); });
  say([] { BatchNorm2d<float>(64).forward(ones(1, 64, 1, 1)); });
  say_of_backward_and_gamma(BatchNorm2d<float>(64), ones(2, 64, 4, 4), ones(2, 64, 4, 5));
  BatchNormOptions untracked;
  untracked.track_running_stats = false;
  say([&] { BatchNorm1d<float>(10, untracked).infer(ones(1, 10)); });
  say([&] { BatchNorm1d<float>(10, untracked).freeze(); });
  BatchNorm1d<float> norm(10);
  norm.running_var() = Eigen::ArrayXf::Ones(2);
  say([&] { norm.infer(ones(5, 10)); });
}

void say_of_instance_norm() {
  say_of_fixed_size(InstanceNorm1d<float, 4>(), ones(2, 4, 5));
  say([] { InstanceNorm2d<float>(0); });
  say([] { InstanceNorm2d<float>(4, negative_eps<InstanceNormOptions>()); });
  say([] { InstanceNorm2d<float, 4>(5); });
  say([] { InstanceNorm2d<float>(4).forward(ones(2, 3, 5, 6)); });
  say([] { InstanceNorm2d<float>(4).forward(ones(3, 5, 6)); });
  say([] { InstanceNorm2d<float>(4).forward(ones(2, 4, 1, 1)); });
  say([] { InstanceNorm2d<float>(4).infer(ones(4, 1, 1)); });
  say([] { InstanceNorm2d<float>(4).freeze(); });
  InstanceNormOptions options;
  options.gamma = options.track_running_stats = true;
  say_of_backward_and_gamma(InstanceNorm2d<float>(4, options), ones(2, 4, 3, 3), ones(2, 4, 3, 2));
  InstanceNorm1d<float> norm(4, options);
  norm.running_mean() = Eigen::ArrayXf::Ones(1);
  say([&] { norm.infer(ones(2, 4, 5)); });
}

template <template <typename, int> class Layer, typename Options>
void say_of_trailing() {
  say_of_fixed_size(Layer<float, 4>(), ones(5, 4));
  say([] { Layer<float, Eigen::Dynamic>({3, 0}); });
  say([] { Layer<float, Eigen::Dynamic>(std::vector<Index>()); });
  say([] { Layer<float, Eigen::Dynamic>(4, negative_eps<Options>()); });
  say([] { Layer<float, 64>(32); });
  say([] { Layer<float, 4>({2, 2}); });
  say([] { Layer<float, Eigen::Dynamic>({5, 6}).forward(ones(2, 6, 5)); });
  say([] { Layer<float, Eigen::Dynamic>(4).forward(ones(4, 1)); });
  say_of_backward_and_gamma(Layer<float, Eigen::Dynamic>(4), ones(2, 4), ones(3, 4));
}

void say_of_group_norm() {
  say_of_fixed_size(GroupNorm<float, 4>(2), ones(3, 4));
  say([] { GroupNorm<float>(4, 10); });
  say([] { GroupNorm<float>(0, 4); });
  say([] { GroupNorm<float>(1, 0); });
  say([] { GroupNorm<float>(2, 4, negative_eps<GroupNormOptions>()); });
  say([] { GroupNorm<float, 8>(2, 4); });
  say([] { GroupNorm<float>(2, 4).forward(ones(2, 3, 5, 6)); });
  say([] { GroupNorm<float>(2, 4, channels_last<GroupNormOptions>()).forward(ones(2, 4, 5, 6)); });
  say([] { GroupNorm<float>(2, 4).forward(ones(4, 1)); });
  say_of_backward_and_gamma(GroupNorm<float>(2, 4), ones(2, 4), ones(3, 4));
}

}  // namespace

int main() {
  say_of_batch_norm();
  say_of_instance_norm();
  say_of_trailing<LayerNorm, LayerNormOptions>();
  say_of_trailing<RMSNorm, RMSNormOptions>();
  say_of_group_norm();
}
