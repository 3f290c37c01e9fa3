// SPDX-License-Identifier: MIT
#include <eigen_norm/distributed/sync_batch_norm.hpp>
#include <eigen_norm/distributed/thread_ranks.hpp>
#include <eigen_norm/eigen_norm.hpp>
#include <exception>
#include <iostream>
#include <limits>
#include <memory>
#include <thread>
#include <type_traits>
#include <utility>
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

/// With a mask of another shape, without the mask of the forward, with a scale and shift per sample
/// where there is a gamma, and with too many scales.
template <typename Layer, typename X>
void say_of_conditions(Layer norm, Layer plain, const X& x, const Mask& mask, const Mask& other) {
  X y;
  const Index channels = norm.gamma().size();
  PerSample<float> affine;
  affine.scale.setOnes(3, channels);
  say([&] { norm.forward(x, y, other); });
  norm.forward(x, y, mask);
  say([&] { norm.backward(x, x); });
  say([&] { norm.forward(x, y, affine); });
  say([&] { plain.forward(x, y, affine); });
}

template <typename Options>
Options without_affine() {
  Options options;
  options.gamma = options.beta = false;
  return options;
}

void say_of_batch_norm_conditions() {
  BatchNormOptions options = without_affine<BatchNormOptions>();
  BatchNorm1d<float> norm(4), plain(4, options);
  const Tensor3 x = ones(2, 4, 5);
  Tensor3 y = x, dx = x;
  const Mask mask = Mask::of_lengths({5, 2}, 5);
  say([] { Mask::of_lengths({6}, 5); });
  say_of_conditions(norm, plain, x, mask, Mask::of_lengths({5, 2}, 6));
  say([&] { norm.forward(x, y, Mask::of_lengths({1, 0}, 5)); });
  norm.forward(x, y, mask);
  say([&] { norm.backward_from_output(y, x); });
  norm.forward(x, y);
  say([&] { norm.backward(x, x, dx, mask); });

  PerSample<float> affine;
  affine.shift.setZero(2, 5);
  say([&] { plain.forward(x, y, affine); });
  affine.shift.setZero(2, 4);
  plain.forward(x, y, affine);
  say([&] { plain.backward(x, x, dx, affine); });
  say([&] { plain.backward(x, x); });
  plain.forward(x, y);
  say([&] { plain.backward(x, x, dx, affine); });
  options.virtual_batch_size = 1;
  say([&] { BatchNorm1d<float>(4, options).forward(x, y, mask); });
}

void say_of_a_batch_in_parts() {
  const BatchNorm1d<float> narrow(3);
  BatchNorm1d<float> norm(4);
  const MatrixXf x = ones(2, 4);
  auto statistics = norm.batch_statistics(x), of_three = narrow.batch_statistics(ones(2, 3));
  auto gradients = norm.gradient_sums(statistics, x, x);
  const auto gradients_of_three = narrow.gradient_sums(of_three, ones(2, 3), ones(2, 3));
  say([&] { norm.forward_by(of_three, x); });
  say([&] { norm.forward_by(norm.batch_statistics(ones(1, 4)), x); });
  say([&] { norm.backward_by(statistics, gradients_of_three, x, x); });
  say([&] { statistics.merge(of_three); });
  say([&] { gradients.merge(gradients_of_three); });

  const float infinity = std::numeric_limits<float>::infinity();
  say([&] { norm.set_running_stats(norm.batch_statistics(infinity * x)); });

  BatchNormOptions options;
  options.renorm = BatchRenorm{};
  say([&] { BatchNorm1d<float>(4, options).forward_by(statistics, x); });
  options.track_running_stats = false;
  say([&] { BatchNorm1d<float>(4, options); });
  options.renorm = BatchRenorm{0.5, 3};
  say([&] { BatchNorm1d<float>(4, options); });

  BatchNormOptions virtual_batches;
  virtual_batches.virtual_batch_size = 4;
  say([&] { BatchNorm1d<float>(4, virtual_batches).forward(ones(6, 4)); });
  virtual_batches.virtual_batch_size = 0;
  say([&] { BatchNorm1d<float>(4, virtual_batches); });
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
  say([&] { BatchNorm1d<float>(10, untracked).update_running_stats({}); });
  say([&] { BatchNorm1d<float>(10, untracked).set_running_stats({}); });
  say([&] { BatchNorm1d<float>(10, untracked).inference_affine(); });
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
  say([] { InstanceNorm2d<float>(4).inference_affine(); });
  InstanceNormOptions options;
  options.gamma = options.track_running_stats = true;
  say_of_backward_and_gamma(InstanceNorm2d<float>(4, options), ones(2, 4, 3, 3), ones(2, 4, 3, 2));
  say_of_conditions(InstanceNorm2d<float>(4, options), InstanceNorm2d<float>(4), ones(2, 4, 3, 3),
                    Mask(ones(2, 3, 3)), Mask(ones(2, 3, 2)));
  InstanceNorm1d<float> norm(4, options);
  norm.running_mean() = Eigen::ArrayXf::Ones(1);
  say([&] { norm.infer(ones(2, 4, 5)); });
}

using Ranks = std::shared_ptr<distributed::Communicator>;

/// What rank 0 of two is told.
template <typename Misuse>
void say_of_two_ranks(const Misuse& misuse) {
  const std::vector<Ranks> ranks = distributed::thread_ranks(2);
  std::thread other([&] {
    try {
      misuse(ranks[1]);
    } catch (const std::exception&) {
    }
  });
  say([&] { misuse(ranks[0]); });
  other.join();
}

void say_of_sync_batch_norm() {
  const Ranks alone = distributed::thread_ranks(1)[0];
  BatchNormOptions options;
  options.renorm = BatchRenorm{};
  say([] { SyncBatchNorm2d<float>(64, nullptr); });
  say([&] { SyncBatchNorm2d<float>(64, alone, options); });
  say_of_two_ranks([](const Ranks& ranks) { SyncBatchNorm2d<float>(64 >> ranks->rank(), ranks); });
  say_of_two_ranks(
      [](const Ranks& ranks) { SyncBatchNorm1d<float>(4, ranks).forward(ones(ranks->rank(), 4)); });
  for (const int refusing : {0, 1}) {
    say_of_two_ranks([&](const Ranks& ranks) {
      SyncBatchNorm1d<float>(4, ranks).forward(ones(2, ranks->rank() == refusing ? 3 : 4));
    });
  }
  say_of_two_ranks([](const Ranks& ranks) {
    SyncBatchNorm1d<float> norm(4, ranks);
    norm.forward(ones(2, 4));
    norm.backward(ones(2, 4), ones(2 + ranks->rank(), 4));
  });
  SyncBatchNorm1d<float> norm(4, alone);
  const MatrixXf x = ones(2, 4);
  say([&] { norm.forward(x, Mask(Eigen::Array<bool, 2, 1>(true, false))); });
  say([&] { norm.start_backward(x, x); });
  norm.forward(x);
  norm.start_backward(x, x);
  say([&] { norm.forward(x); });
  say([&] { norm.start_backward(x, x); });
  say([&] { alone->finish(7); });
  SyncBatchNorm1d<float> moved = std::move(norm);
  moved.cancel_backward();
  say([&] { norm.forward(x); });  // NOLINT(bugprone-use-after-move)
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
  Options plain;
  plain.gamma = false;
  if constexpr (std::is_same_v<Options, LayerNormOptions>) plain.beta = false;
  say_of_conditions(Layer<float, Eigen::Dynamic>(4), Layer<float, Eigen::Dynamic>(4, plain),
                    ones(2, 4), Mask(ones(2, 4)), Mask(ones(2, 3)));
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
  say_of_conditions(GroupNorm<float>(2, 4),
                    GroupNorm<float>(2, 4, without_affine<GroupNormOptions>()), ones(2, 4, 5),
                    Mask(ones(2, 5)), Mask(ones(2, 6)));
}

}  // namespace

int main() {
  say_of_batch_norm();
  say_of_batch_norm_conditions();
  say_of_a_batch_in_parts();
  say_of_sync_batch_norm();
  say_of_instance_norm();
  say_of_trailing<LayerNorm, LayerNormOptions>();
  say_of_trailing<RMSNorm, RMSNormOptions>();
  say_of_group_norm();
}
