// SPDX-License-Identifier: MIT
#include <eigen_norm/distributed/convert.hpp>
#include <eigen_norm/distributed/thread_ranks.hpp>
#include <eigen_norm/eigen_norm.hpp>
#include <eigen_norm/fold/fold.hpp>
#include <eigen_norm/gradient_check.hpp>
#include <eigen_norm/threads/parallel_scope.hpp>
#include <eigen_norm/version.hpp>

// What clang-tidy reads: each layer in both storage orders and each kind of scalar, so that the
// templates are analysed as they are used.
namespace eigen_norm {
namespace {

template <typename Layer, typename X>
void use(Layer norm, const X& x) {
  X y = norm.forward(x);
  X dx = norm.backward(x, y);
  norm.backward_from_output(y, dx, dx);
  norm.eval();
  norm.infer(x, y);
  norm.for_each_parameter([](std::string_view, auto& value, auto& grad) { value -= grad; });
  norm.zero_grad();
}

template <typename Layer, typename X>
void use_under_conditions(Layer norm, const X& x, const Mask& mask,
                          PerSample<Param<typename X::Scalar>> affine) {
  const X y = norm.forward(x, mask, affine);
  X dx = norm.backward(x, y, mask, affine);
  norm.infer(x, dx, mask);
}

template <typename Layer, typename X>
void use_in_steps(Layer norm, const X& x, X& y) {
  const auto statistics = norm.batch_statistics(x);
  norm.update_running_stats(statistics);
  norm.forward_by(statistics, x, y);
  const auto gradients = norm.gradient_sums(statistics, x, y);
  norm.accumulate(gradients);
  norm.backward_by(statistics, gradients, x, y, y);
  norm.set_running_stats(statistics);
  norm.inference_affine();
}

template <typename Scalar, int Order>
void use_folds() {
  const Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Order> rows(4, 4);
  const Eigen::Tensor<Scalar, 4, Order> kernels(4, 2, 3, 3);
  const auto before = fold::into_preceding(BatchNorm2d<Scalar>(4), kernels);
  fold::into_preceding(BatchNorm2d<Scalar>(4), kernels, before.bias);
  const auto after = fold::into_following(BatchNorm1d<Scalar, 4>(), rows);
  fold::into_following(LayerNorm<Scalar>(4), rows, after.bias);
  fold::without_affine(LayerNorm<Scalar>(4));
  fold::without_affine(RMSNorm<Scalar>(4));
}

template <typename Scalar, int Order>
void use_each() {
  const Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Order> rows(6, 4);
  const Eigen::Tensor<Scalar, 4, Order> images(2, 4, 3, 3);
  use(BatchNorm1d<Scalar>(4), rows);
  use(BatchNorm2d<Scalar, 4>(), images);
  use(LayerNorm<Scalar>(4), rows);
  use(RMSNorm<Scalar>(4), rows);
  use(GroupNorm<Scalar>(2, 4), images);
  use(InstanceNorm2d<Scalar>(4), images);
  use_folds<Scalar, Order>();
}

void use_ranks() {
  const auto ranks = distributed::thread_ranks(1).front();
  Eigen::MatrixXd rows(6, 4);
  auto norm = convert_sync_batch_norm(BatchNorm1d<double>(4), ranks);
  norm.forward(rows);
  norm.start_backward(rows, rows);
  norm.backward(rows, rows, rows);
  use(SyncBatchNorm2d<float>(4, ranks), Eigen::Tensor<float, 4, Eigen::RowMajor>(2, 4, 3, 3));
}

}  // namespace

void use_every_layer() {
  use_each<float, Eigen::RowMajor>();
  use_each<float, Eigen::ColMajor>();
  use_each<Eigen::half, Eigen::RowMajor>();
  use_each<long double, Eigen::RowMajor>();

  Eigen::MatrixXd rows(6, 4);
  const Mask mask = Mask::of_lengths({6}, 6);
  use_under_conditions(BatchNorm1d<double>(4), rows, mask, {});
  use_in_steps(BatchNorm1d<double>(4), rows, rows);
  check_gradients(LayerNorm<double>(4), rows);
  use_ranks();

  Eigen::ThreadPool pool(2);
  const Eigen::ThreadPoolDevice device(&pool, 2);
  const ParallelScope scope(device);
  use(BatchNorm1d<double>(4), rows);
}

}  // namespace eigen_norm
