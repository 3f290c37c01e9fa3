// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include "eigen_norm/eigen_norm.hpp"
#include "support/errors.hpp"
#include "support/layer_check.hpp"
#include "support/shapes.hpp"

// backward_from_output(y, dy) beside backward(x, dy), for every layer, mode and layout.
namespace eigen_norm::test {
namespace {

using Eigen::MatrixXd;
using Eigen::MatrixXf;

// gamma of both signs and away from 0, beta random, running statistics that no batch has.
template <typename Layer>
Layer with_parameters(Layer layer) {
  const Index size = std::max(layer.gamma().size(), layer.beta().size());
  set_affine(layer, {layer.gamma().size() > 0 ? random_gamma(size, 21) : Values(),
                     layer.beta().size() > 0 ? random_beta(size, 22) : Values()});
  if constexpr (has_running_statistics<Layer>) {
    const Index tracked = layer.running_mean().size();
    copy_to_parameters(random_beta(tracked, 23), layer.running_mean());
    copy_to_parameters(random_uniform({tracked}, 24, 0.5L, 2).values, layer.running_var());
  }
  return layer;
}

// The size of dx's largest term.
template <typename Layer>
Real term_size(const Layer& layer, const Logical& dy) {
  return largest(from_parameters(layer.batch_inv_std()), 0) * largest(dy.values, 1) *
         largest(from_parameters(layer.gamma()), 1);
}

// Both ways from the same state, with x, y, dy and dx in places of one kind; then in one place,
// y = x, and dx = y or dx = dy.
template <typename Place, typename Layer>
void expect_as_backward(const Layer& plain, const Dims& dims) {
  SCOPED_TRACE(testing::PrintToString(dims));
  const Layer before = with_parameters(plain);
  const Logical input = random_normal(dims, 1, 0.5L, 1.5L), gradient = random_normal(dims, 2);
  Place x(input), dy(gradient), y(all_nan(dims)), dx(all_nan(dims)), from_y(all_nan(dims));

  Layer layer = before, from_output = before;
  layer.forward(x.view(), y.view());
  layer.backward(x.view(), dy.view(), dx.view());
  from_output.forward(x.view(), y.view());
  const Logical output = from_eigen(y.view());
  from_output.backward_from_output(y.view(), dy.view(), from_y.view());

  constexpr Real tolerance = 1e-12L;
  expect_close("dx", from_eigen(from_y.view()), from_eigen(dx.view()), tolerance,
               term_size(layer, gradient));
  const Values dgamma = from_parameters(from_output.gamma_grad());
  const Real terms = static_cast<Real>(input.size());
  expect_close("dgamma", dgamma, from_parameters(layer.gamma_grad()), tolerance, std::sqrt(terms));
  EXPECT_EQ(from_parameters(from_output.beta_grad()), from_parameters(layer.beta_grad()));
  EXPECT_EQ(from_eigen(y.view()).values, output.values) << "y has changed";
  EXPECT_EQ(from_eigen(dy.view()).values, gradient.values) << "dy has changed";

  for (const bool onto_y : {true, false}) {
    Layer in_place = before;
    Place on(input), dy_too(gradient);
    in_place.forward(on.view(), on.view());
    in_place.backward_from_output(on.view(), dy_too.view(), onto_y ? on.view() : dy_too.view());
    const Logical result = from_eigen(onto_y ? on.view() : dy_too.view());
    EXPECT_EQ(result.values, from_eigen(from_y.view()).values) << (onto_y ? "dx = y" : "dx = dy");
    EXPECT_EQ(from_parameters(in_place.gamma_grad()), dgamma);
    EXPECT_TRUE(on.is_alone() && dy_too.is_alone());
  }
  EXPECT_TRUE(y.is_alone() && dy.is_alone() && from_y.is_alone());
}

template <int Rank, typename Layer>
void expect_in_tensors(const Layer& layer, const Dims& dims) {
  expect_as_backward<Owned<Eigen::Tensor<double, Rank, Eigen::RowMajor>>>(layer, dims);
  expect_as_backward<Owned<Eigen::Tensor<double, Rank, Eigen::ColMajor>>>(layer, dims);
  expect_as_backward<Mapped<Eigen::Tensor<double, Rank, Eigen::RowMajor>>>(layer, dims);
}

template <typename Layer>
void expect_in_matrices(const Layer& layer, const Dims& dims) {
  using Row = RowMatrix<double>;
  using Col = ColMatrix<double>;
  for_each_place(Places<Owned<Row>, Owned<Col>, Owned<RowArray<double>>, Within<Row, AsBlock>,
                        Within<Col, AsBlock>, Within<Col, AsMap, 2>, Within<Col, AsTransposed>>(),
                 [&](auto* place) {
                   expect_as_backward<std::remove_pointer_t<decltype(place)>>(layer, dims);
                 });
}

// f(options) with channels first and last, and without gamma, without beta, without both.
template <typename Options, typename F>
void for_each_options(const F& f) {
  Options options;
  options.gamma = options.beta = true;
  f(options);
  options.gamma = false;
  f(options);
  options.channels = ChannelAxis::last;
  options.beta = false;
  f(options);
  options.gamma = true;
  f(options);
  options.beta = true;
  f(options);
}

Dims placed(const Dims& channels_first, ChannelAxis axis) {
  if (axis == ChannelAxis::first) return channels_first;
  Dims dims;
  for (const Index from : order_with_channels_last(static_cast<Index>(channels_first.size()))) {
    dims.push_back(channels_first[static_cast<std::size_t>(from)]);
  }
  return dims;
}

// What a layer with running statistics is asked: in training, in eval, frozen.
template <typename Layer, typename Run>
void for_each_mode(Layer layer, const Run& run) {
  run(layer);
  if (layer.running_mean().size() == 0) return;
  layer.eval();
  run(layer);
  layer.train();
  layer.freeze();
  run(layer);
}

TEST(BackwardFromOutput, IsBackwardForBatchNorm) {
  for_each_options<BatchNormOptions>([](const BatchNormOptions& options) {
    for (const NamedShape& shape : channel_shapes()) {
      SCOPED_TRACE(shape.name);
      const Dims dims = placed(shape.dims, options.channels);
      const Index channels = shape.dims[1];
      if (dims.size() == 2) {
        for_each_mode(BatchNorm1d<double>(channels, options),
                      [&](const auto& norm) { expect_in_matrices(norm, dims); });
      } else if (dims.size() == 3) {
        for_each_mode(BatchNorm1d<double>(channels, options),
                      [&](const auto& norm) { expect_in_tensors<3>(norm, dims); });
      } else if (dims.size() == 4) {
        for_each_mode(BatchNorm2d<double>(channels, options),
                      [&](const auto& norm) { expect_in_tensors<4>(norm, dims); });
      } else {
        for_each_mode(BatchNorm3d<double>(channels, options),
                      [&](const auto& norm) { expect_in_tensors<5>(norm, dims); });
      }
    }
  });
}

TEST(BackwardFromOutput, IsBackwardWithoutRunningStatistics) {
  BatchNormOptions options;
  options.track_running_stats = false;
  BatchNorm1d<double> norm(5, options);
  expect_in_matrices(norm, {9, 5});
  norm.eval();
  expect_in_matrices(norm, {9, 5});
}

TEST(BackwardFromOutput, IsBackwardForVirtualBatchesAndRenormalisedOnes) {
  for_each_options<BatchNormOptions>([](BatchNormOptions options) {
    options.virtual_batch_size = 3;
    for_each_mode(BatchNorm1d<double>(5, options), [&](const auto& norm) {
      expect_in_matrices(norm, {12, 5});
    });
    const Dims dims = placed({6, 5, 3, 7}, options.channels);
    expect_in_tensors<4>(BatchNorm2d<double>(5, options), dims);
    options.virtual_batch_size.reset();
    for (const BatchRenorm limits : {BatchRenorm{1.25, 0.1}, BatchRenorm{100, 100}}) {
      options.renorm = limits;
      for_each_mode(BatchNorm1d<double>(5, options), [&](const auto& norm) {
        expect_in_matrices(norm, {12, 5});
      });
      expect_in_tensors<4>(BatchNorm2d<double>(5, options), dims);
    }
  });
}

TEST(BackwardFromOutput, IsBackwardForInstanceNorm) {
  for_each_options<InstanceNormOptions>([](InstanceNormOptions options) {
    for (const bool tracking : {true, false}) {
      options.track_running_stats = tracking;
      for_each_mode(InstanceNorm1d<double>(5, options), [&](const auto& norm) {
        expect_in_tensors<3>(norm, placed({4, 5, 37}, norm.options().channels));
        expect_in_matrices(norm,
                           norm.options().channels == ChannelAxis::last ? Dims{9, 5} : Dims{5, 9});
      });
      for_each_mode(InstanceNorm2d<double>(3, options), [&](const auto& norm) {
        expect_in_tensors<4>(norm, placed({2, 3, 5, 7}, norm.options().channels));
      });
      for_each_mode(InstanceNorm3d<double>(3, options), [&](const auto& norm) {
        expect_in_tensors<5>(norm, placed({2, 3, 3, 2, 5}, norm.options().channels));
      });
    }
  });
}

TEST(BackwardFromOutput, IsBackwardForGroupNorm) {
  for_each_options<GroupNormOptions>([](const GroupNormOptions& options) {
    for (const Index groups : {1, 2, 6}) {
      const GroupNorm<double> norm(groups, 6, options);
      expect_in_matrices(norm, {7, 6});
      expect_in_tensors<3>(norm, placed({5, 6, 11}, options.channels));
      expect_in_tensors<4>(norm, placed({3, 6, 5, 7}, options.channels));
      expect_in_tensors<5>(norm, placed({2, 6, 3, 2, 5}, options.channels));
    }
    expect_in_tensors<3>(GroupNorm<double>(2, 2060, options),
                         placed({2, 2060, 3}, options.channels));
    expect_in_matrices(GroupNorm<double>(4, 1200, options), {17, 1200});
  });
}

template <typename Make>
void expect_for_trailing(const Make& make) {
  for (const NamedShape& shape : trailing_shapes()) {
    SCOPED_TRACE(shape.name);
    const Dims& dims = shape.dims;
    for (std::size_t rank = 1; rank <= dims.size(); ++rank) {
      const std::vector<Index> normalized(dims.end() - static_cast<std::ptrdiff_t>(rank),
                                          dims.end());
      const auto norm = make(normalized);
      if (dims.size() == 2) {
        expect_in_matrices(norm, dims);
      } else if (dims.size() == 3) {
        expect_in_tensors<3>(norm, dims);
      } else {
        expect_in_tensors<4>(norm, dims);
      }
    }
  }
}

TEST(BackwardFromOutput, IsBackwardForLayerNorm) {
  for (const bool gamma : {true, false}) {
    for (const bool beta : {true, false}) {
      LayerNormOptions options;
      options.gamma = gamma;
      options.beta = beta;
      expect_for_trailing([&](const std::vector<Index>& normalized) {
        return LayerNorm<double>(normalized, options);
      });
    }
  }
}

TEST(BackwardFromOutput, IsBackwardForRmsNorm) {
  RMSNormOptions options;
  expect_for_trailing(
      [&](const std::vector<Index>& normalized) { return RMSNorm<double>(normalized, options); });
  options.zero_centered_gamma = true;  // 1 + gamma, of which none is 0
  expect_for_trailing(
      [&](const std::vector<Index>& normalized) { return RMSNorm<double>(normalized, options); });
}

TEST(BackwardFromOutput, IsBackwardForLayersOfFixedSize) {
  const Dims dims{4, 4};  // as many statistics as it keeps
  expect_in_matrices(BatchNorm1d<double, 4>(), {9, 4});
  expect_in_matrices(LayerNorm<double, 4>(), dims);
  expect_in_matrices(RMSNorm<double, 4>(), dims);
  expect_in_matrices(GroupNorm<double, 4>(1), dims);
}

TEST(BackwardFromOutput, ReturnsWhatItWritesAndAddsUp) {
  const MatrixXd x = to_eigen<MatrixXd>(random_normal({9, 5}, 1));
  const RowMatrix<double> dy = to_eigen<RowMatrix<double>>(random_normal({9, 5}, 2));
  LayerNorm<double> norm = with_parameters(LayerNorm<double>(5));
  const MatrixXd y = norm.forward(x);
  MatrixXd dx;
  norm.backward_from_output(y, dy, dx);
  const Eigen::ArrayXd once = norm.gamma_grad();
  EXPECT_EQ(norm.backward_from_output(y, dy), dx);      // dy in the other order
  EXPECT_EQ(norm.backward_from_output(1 * y, dy), dx);  // an expression
  EXPECT_TRUE(norm.gamma_grad().isApprox(3 * once, 1e-15));
}

// The forward that is answered is the last one, whatever came since.
TEST(BackwardFromOutput, AnswersTheLastForward) {
  auto norm = with_parameters(BatchNorm1d<double>(5));
  const MatrixXd x = to_eigen<MatrixXd>(random_normal({9, 5}, 1));
  const MatrixXd y = norm.forward(x), dx = norm.backward_from_output(y, x);
  norm.eval();
  norm.infer(2 * x);
  norm.reset_running_stats();
  EXPECT_EQ(norm.backward_from_output(y, x), dx);
  const MatrixXd empty(0, 5);
  norm.forward(empty);
  norm.gamma().setZero();
  EXPECT_EQ(norm.backward_from_output(empty, empty).rows(), 0);
}

// A constant channel has xhat = 0 and, without eps, inv_std = 0.
TEST(BackwardFromOutput, OfAConstantIsZeroWithoutEps) {
  LayerNormOptions options;
  options.eps = 0;
  auto norm = with_parameters(LayerNorm<float>(5, options));
  const MatrixXf x = MatrixXf::Constant(3, 5, 0.1F);
  EXPECT_EQ(norm.backward_from_output(norm.forward(x), MatrixXf::Random(3, 5)),
            MatrixXf::Zero(3, 5));
}

// Sums beyond float are done again in double, from y as from x.
TEST(BackwardFromOutput, HoldsSumsThatFloatDoesNot) {
  const auto expect = [](auto norm) {
    using X = RowMatrix<float>;
    norm = with_parameters(norm);
    const X x = to_eigen<X>(random_normal({300, 24}, 1));
    const X dy = X::Constant(300, 24, 2e37F) + 1e36F * to_eigen<X>(random_normal({300, 24}, 2));
    const X y = norm.forward(x), dx = norm.backward(x, dy);
    const X difference = norm.backward_from_output(y, dy) - dx;
    EXPECT_TRUE(dx.allFinite());
    EXPECT_LE(difference.cwiseAbs().maxCoeff(), 1e32F);
  };
  expect(BatchNorm1d<float>(24));
  expect(GroupNorm<float>(2, 24));
  expect(LayerNorm<float>(24));
}

// The gradients in float against the definition, in eps * (1 + |beta / gamma|) of the largest term
// (dx) and of the size of the sum (dgamma).
template <typename Layer, typename Definition>
void expect_accuracy(const char* name, Layer layer, const Dims& dims,
                     const Definition& definition) {
  using X = RowMatrix<float>;
  const Logical x = random_normal(dims, 1, 3, 2), dy = random_normal(dims, 2);
  for (const float ratio : {0.0F, 1.0F, 10.0F, 100.0F, 1e3F, 1e4F}) {
    layer.gamma().setConstant(-0.75F);
    layer.beta().setConstant(0.75F * ratio);
    layer.zero_grad();
    const X y = layer.forward(to_eigen<X>(x));
    const Logical dx = from_eigen(layer.backward_from_output(y, to_eigen<X>(dy)));
    const Reference want =
        definition(x, dy, Affine{from_parameters(layer.gamma()), from_parameters(layer.beta())});
    const Real unit = std::numeric_limits<float>::epsilon() * (1 + ratio);
    const Real terms = static_cast<Real>(x.size()) / static_cast<Real>(want.dgamma.size());
    Real worst = 0, worst_sum = 0;
    for (std::size_t i = 0; i < dx.values.size(); ++i) {
      const Real error = std::abs(dx.values[i] - want.dx.values[i]);
      worst = std::max(worst, error / (term_size(layer, dy) * unit));
    }
    for (std::size_t i = 0; i < want.dgamma.size(); ++i) {
      const Real error = std::abs(static_cast<Real>(layer.gamma_grad()(Index(i))) - want.dgamma[i]);
      worst_sum = std::max(worst_sum, error / (std::sqrt(terms) * unit));
    }
    EXPECT_LE(worst, 2) << name << ' ' << ratio;
    EXPECT_LE(worst_sum, 8) << name << ' ' << ratio;
    std::printf("  %-12s |beta / gamma| %-6g dx %.3f dgamma %.3f\n", name,
                static_cast<double>(ratio), static_cast<double>(worst),
                static_cast<double>(worst_sum));
  }
}

TEST(BackwardFromOutput, LosesAsManyDigitsAsBetaIsLarger) {
  const Dims dims{50, 24};
  const Real eps = 1e-5L;
  expect_accuracy("BatchNorm", BatchNorm1d<float>(24), dims,
                  [=](const Logical& x, const Logical& dy, const Affine& affine) {
                    return batch_norm(x, dy, affine, eps);
                  });
  expect_accuracy("LayerNorm", LayerNorm<float>(24), dims,
                  [=](const Logical& x, const Logical& dy, const Affine& affine) {
                    return layer_norm(x, dy, affine, eps);
                  });
  expect_accuracy("GroupNorm", GroupNorm<float>(4, 24), dims,
                  [=](const Logical& x, const Logical& dy, const Affine& affine) {
                    return group_norm(x, dy, affine, eps, 4);
                  });
}

TEST(BackwardFromOutput, RefusesAGammaThatIsTooSmall) {
  const MatrixXf x = to_eigen<MatrixXf>(random_normal({6, 4}, 1));
  MatrixXf dx(2, 3);
  dx.setConstant(-77);
  const MatrixXf unchanged = dx;
  BatchNorm1d<float> batch(4);
  batch.beta()(2) = -0.5F;
  const MatrixXf y = batch.forward(x);
  batch.gamma()(2) = 1e-30F;
  for (int mode = 0; mode < 2; ++mode) {
    expect_refused(batch,
                   "BatchNorm1d(4): expected a gamma of at least 9.53674e-07 in size to recover "
                   "xhat from y beside beta -0.5, got 1e-30 in channel 2",
                   [&] { batch.backward_from_output(y, y, dx); });
    EXPECT_EQ(dx, unchanged);
    batch.eval();
    batch.forward(x);
  }
  LayerNorm<float> layer({6, 4});
  layer.forward(x);
  layer.gamma()(23) = 0;
  expect_refused(layer,
                 "LayerNorm({6, 4}): expected a gamma of at least 1.17549e-38 in size to recover "
                 "xhat from y beside beta 0, got 0 in feature 23",
                 [&] { layer.backward_from_output(x, x); });
  RMSNormOptions options;
  options.zero_centered_gamma = true;
  RMSNorm<float> rms(4, options);
  rms.forward(x);
  rms.gamma()(1) = -1;
  expect_refused(rms,
                 "RMSNorm(4): expected a gamma of at least 1.17549e-38 in size to recover xhat "
                 "from y beside beta 0, got 0 in feature 1",
                 [&] { rms.backward_from_output(x, x); });
  EXPECT_NO_THROW(rms.backward(x, x));
}

// Of y = x * gamma * inv_std + shift nothing is left there.
TEST(BackwardFromOutput, RefusesAScaleThatIsNoNormalNumber) {
  const MatrixXf x = 1e30F * to_eigen<MatrixXf>(random_normal({6, 2}, 1));
  BatchNorm1d<float> norm(2);
  norm.gamma()(1) = 1e-30F;
  const MatrixXf y = norm.forward(x);
  try {
    norm.backward_from_output(y, y);
    FAIL();
  } catch (const std::invalid_argument& error) {
    const std::string message = error.what();
    EXPECT_EQ(message.find("BatchNorm1d(2): expected a gamma * inv_std that is a normal number, to "
                           "recover xhat from y, got gamma 1e-30 and inv_std "),
              0u);
    EXPECT_NE(message.find(" in channel 1"), std::string::npos);
  }
}

TEST(BackwardFromOutput, RefusesWhatBackwardRefuses) {
  const MatrixXf x = MatrixXf::Random(6, 4), other = MatrixXf::Random(5, 4);
  GroupNorm<float> norm(2, 4);
  expect_refused<std::logic_error>(
      norm, "GroupNorm(2, 4): backward_from_output needs a forward before it",
      [&] { norm.backward_from_output(x, x); });
  norm.forward(x);
  expect_refused(norm, "GroupNorm(2, 4): expected y of the last forward (6, 4), got (5, 4)",
                 [&] { norm.backward_from_output(other, x); });
  expect_refused(norm, "GroupNorm(2, 4): expected dy (6, 4), got (5, 4)",
                 [&] { norm.backward_from_output(x, other); });
  MatrixXf all = MatrixXf::Random(8, 4);
  expect_refused(norm,
                 "GroupNorm(2, 4): expected dx that is exactly an input or apart from it, got a "
                 "partial overlap",
                 [&] { norm.backward_from_output(all.topRows(6), x, all.bottomRows(6)); });
  norm.beta().resize(3);
  expect_refused(norm,
                 "GroupNorm(2, 4): expected gamma, beta and their gradients of 4 values each, got "
                 "one of another size",
                 [&] { norm.backward_from_output(x, x); });
}

TEST(BackwardFromOutput, NeedsTheStatisticsThatAFixedSizeHasNoRoomFor) {
  const MatrixXf x = MatrixXf::Random(5, 4);
  LayerNorm<float, 4> norm;
  norm.forward(x);
  expect_refused<std::logic_error>(
      norm,
      "LayerNorm(4): backward_from_output needs the statistics of the last forward, but a layer of "
      "fixed size keeps 4 of them at most",
      [&] { norm.backward_from_output(x, x); });
  EXPECT_NO_THROW(norm.backward(x, x));
}

// Four stages of a mixing, a normalization and an activation. One network keeps all that it has
// computed; the other keeps one array for each stage, in which both work in place.
class Network {
 public:
  static constexpr Index width = 6;

  MatrixXd forward_in_place(const MatrixXd& x) {
    for_each_stage([&](auto& norm, std::size_t i) {
      kept_[i] = mixed(i == 0 ? x : kept_[i - 1]);
      norm.forward(kept_[i], kept_[i]);
      kept_[i] = activated(kept_[i]);
    });
    return kept_.back();
  }
  MatrixXd backward_in_place(MatrixXd d) {
    for_each_stage_backwards([&](auto& norm, std::size_t i) {
      d = d.cwiseProduct(slope(kept_[i]));
      kept_[i] = kept_[i].cwiseQuotient(slope(kept_[i]));  // the activation undone
      norm.backward_from_output(kept_[i], d, d);
      d = mixed(d);
    });
    return d;
  }

  MatrixXd forward(const MatrixXd& x) {
    for_each_stage([&](auto& norm, std::size_t i) {
      inputs_[i] = mixed(i == 0 ? x : activated(kept_[i - 1]));
      norm.forward(inputs_[i], kept_[i]);
    });
    return activated(kept_.back());
  }
  MatrixXd backward(MatrixXd d) {
    for_each_stage_backwards([&](auto& norm, std::size_t i) {
      d = d.cwiseProduct(slope(kept_[i]));
      norm.backward(inputs_[i], d, d);
      d = mixed(d);
    });
    return d;
  }

  Values gradients() {
    Values all;
    for_each_stage([&](auto& norm, std::size_t) {
      for (const auto* each : {&norm.gamma_grad(), &norm.beta_grad()}) {
        for (const double value : *each) all.push_back(value);
      }
    });
    return all;
  }

 private:
  static MatrixXd mixed(const MatrixXd& a) { return a + a.rowwise().reverse() / 2; }  // symmetric
  static MatrixXd slope(const MatrixXd& a) {
    return a.unaryExpr([](double value) { return value > 0 ? 1.0 : 0.25; });
  }
  static MatrixXd activated(const MatrixXd& a) { return a.cwiseProduct(slope(a)); }

  template <typename F>
  void for_each_stage(const F& f) {
    f(batch_, 0), f(layer_, 1), f(group_, 2), f(rms_, 3);
  }
  template <typename F>
  void for_each_stage_backwards(const F& f) {
    f(rms_, 3), f(group_, 2), f(layer_, 1), f(batch_, 0);
  }

  BatchNorm1d<double> batch_ = with_parameters(BatchNorm1d<double>(width));
  LayerNorm<double> layer_ = with_parameters(LayerNorm<double>(width));
  GroupNorm<double> group_ = with_parameters(GroupNorm<double>(2, width));
  RMSNorm<double> rms_ = with_parameters(RMSNorm<double>(width));
  std::array<MatrixXd, 4> inputs_, kept_;
};

TEST(BackwardFromOutput, TrainsANetworkInPlaceAsOneThatKeepsItsInputs) {
  const MatrixXd x = to_eigen<MatrixXd>(random_normal({20, Network::width}, 1));
  const MatrixXd d = to_eigen<MatrixXd>(random_normal({20, Network::width}, 2));
  Network in_place, keeping;
  for (int step = 0; step < 2; ++step) {
    EXPECT_EQ(in_place.forward_in_place(x), keeping.forward(x));
    EXPECT_TRUE(in_place.backward_in_place(d).isApprox(keeping.backward(d), 1e-12));
    expect_close("gradients", in_place.gradients(), keeping.gradients(), 1e-12L, 10);
  }
}

}  // namespace
}  // namespace eigen_norm::test
