// SPDX-License-Identifier: MIT
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>

#include "distributed/shares.hpp"

namespace eigen_norm::test {

// One rank of a synchronised layer, beside BatchNorm on the whole batch, in training steps of calls
// that chance picks, the same on every rank: shares of any size, a call that one rank refuses, a
// backward in halves, cancelled, or from the output.
class RandomCalls {
 public:
  RandomCalls(const Ranks& ranks, unsigned seed)
      : ranks_(ranks), chance_(seed), whole_(draw_layer()), norm_(whole_, ranks) {}

  void step() {
    const Shares shares = draw_batch();
    if (shares.samples() == 1) return;  // all refuse it
    refuser_ = draw(ranks_->size());
    if (draw(2) == 0) forward_that_is_refused();
    y_ = norm_.forward(x_);
    expect_mine("y", y_, whole_.forward(all_x_), shares);
    if (draw(2) == 0) backward_that_is_refused();
    if (draw(3) == 0) cancelled_backward();
    norm_.zero_grad();
    whole_.zero_grad();
    expect_mine("dx", backward(), whole_.backward(all_x_, all_dy_), shares);
    expect_sum("dgamma", norm_.gamma_grad(), whole_.gamma_grad());
    expect_sum("dbeta", norm_.beta_grad(), whole_.beta_grad());
    EXPECT_EQ(norm_.num_batches_tracked(), whole_.num_batches_tracked());
    expect_close("running_mean", from_parameters(norm_.running_mean()),
                 from_parameters(whole_.running_mean()), 1e-12L);
    expect_close("running_var", from_parameters(norm_.running_var()),
                 from_parameters(whole_.running_var()), 1e-12L);
  }

 private:
  using Matrix = Eigen::MatrixXd;
  static constexpr Index channels = 3;

  int draw(int count) {
    return static_cast<int>(chance_() % static_cast<std::mt19937::result_type>(count));
  }
  BatchNorm1d<double> draw_layer() {
    BatchNormOptions options;
    if (draw(3) == 0) options.gamma = false;
    if (draw(3) == 0) options.momentum = std::nullopt;
    if (draw(4) == 0) options.track_running_stats = false;
    BatchNorm1d<double> layer(channels, options);
    set_affine(layer,
               {options.gamma ? random_gamma(channels, 3) : Values(), random_beta(channels, 4)});
    return layer;
  }
  Matrix draw_matrix(Index rows) {
    std::normal_distribution<double> normal(3, 2);
    return Matrix::NullaryExpr(rows, channels, [&] { return normal(chance_); });
  }
  Shares draw_batch() {
    Shares shares;
    for (int rank = 0; rank < ranks_->size(); ++rank) {
      shares.sizes.push_back(std::max(0, draw(6) - 1));
    }
    all_x_ = draw_matrix(shares.samples());
    all_dy_ = draw_matrix(shares.samples());
    x_ = mine_of(all_x_, shares);
    dy_ = mine_of(all_dy_, shares);
    return shares;
  }
  Matrix mine_of(const Matrix& all, const Shares& shares) const {
    const Index begin = shares.begin(ranks_->rank());
    return all.middleRows(begin, shares.end(ranks_->rank()) - begin);
  }
  void expect_mine(const char* what, const Matrix& got, const Matrix& all, const Shares& shares) {
    const Matrix want = mine_of(all, shares);
    ASSERT_EQ(got.rows(), want.rows()) << what;
    if (want.size() > 0) {
      EXPECT_LE((got - want).cwiseAbs().maxCoeff(),
                1e-12 * std::max(1.0, want.cwiseAbs().maxCoeff()))
          << what;
    }
  }

  template <typename Gradient>
  void expect_sum(const char* what, const Gradient& share, const Gradient& all) {
    expect_close(what, sum_over(ranks_, share), from_parameters(all), sum_tolerance<double>,
                 std::sqrt(static_cast<Real>(1 + all_x_.rows())));
  }

  // The refuser makes a wrong call, which it refuses; the others a right one, which names it; and
  // nothing has changed.
  template <typename Wrong, typename Right>
  void refused(const Wrong& wrong, const Right& right) {
    const Values before = visible_state(norm_);
    if (ranks_->rank() == refuser_) {
      EXPECT_THROW(wrong(), std::logic_error);
    } else {
      try {
        right();
        ADD_FAILURE() << "was not told";
      } catch (const std::runtime_error& error) {
        EXPECT_NE(std::string(error.what()).find("an error on rank " + std::to_string(refuser_)),
                  std::string::npos)
            << error.what();
      }
    }
    EXPECT_EQ(visible_state(norm_), before);
  }
  void forward_that_is_refused() {
    const auto right = [&] { norm_.forward(x_); };
    Matrix small(x_.rows() + 1, channels);
    Eigen::Map<Matrix> other(small.data(), small.rows(), small.cols());
    const int way = draw(3);
    if (way == 0) refused([&] { norm_.forward(wrong_); }, right);
    if (way == 1) refused([&] { norm_.forward(x_, other); }, right);
    if (way == 2) refused([&] { norm_.forward(x_, Mask(all_of(x_.rows()))); }, right);
  }
  void backward_that_is_refused() {
    const auto right = [&] { norm_.backward(x_, dy_); };
    const int way = draw(4);
    if (way == 0) refused([&] { norm_.backward(x_, wrong_); }, right);
    if (way == 1) refused([&] { norm_.backward(x_, dy_, Mask(all_of(x_.rows()))); }, right);
    if (way == 2) {
      refused([&] { norm_.start_backward(x_, wrong_); },
              [&] {
                norm_.start_backward(x_, dy_);
                right();
              });
    }
    if (way == 3) {  // a forward in the middle of a backward
      const bool refuses = ranks_->rank() == refuser_;
      const auto forward = [&] { norm_.forward(x_); };
      norm_.start_backward(x_, dy_);
      if (!refuses) right();
      refused(forward, forward);
      if (refuses) right();
    }
  }
  void cancelled_backward() {
    norm_.start_backward(x_, dy_);
    if (ranks_->rank() == refuser_) {
      norm_.cancel_backward();
    } else {
      norm_.backward(x_, dy_);
    }
  }
  Matrix backward() {
    const int way = draw(4);
    if (way >= 2) norm_.start_backward(x_, dy_);
    if (way == 3) {
      EXPECT_THROW(norm_.backward(x_, wrong_), std::invalid_argument);
      SyncBatchNorm1d<double> moved = std::move(norm_);
      norm_ = std::move(moved);
    }
    return way % 2 == 0 ? norm_.backward(x_, dy_) : norm_.backward_from_output(y_, dy_);
  }
  static Eigen::Array<bool, Eigen::Dynamic, 1> all_of(Index samples) {
    return Eigen::Array<bool, Eigen::Dynamic, 1>::Constant(samples, true);
  }

  Ranks ranks_;
  std::mt19937 chance_;
  BatchNorm1d<double> whole_;
  SyncBatchNorm1d<double> norm_;
  int refuser_ = 0;
  Matrix all_x_, all_dy_, x_, dy_, y_;
  const Matrix wrong_ = Matrix::Zero(3, channels + 1);
};

inline void expect_random_calls(const Ranks& ranks, unsigned seed, int steps) {
  RandomCalls calls(ranks, seed);
  for (int step = 0; step < steps; ++step) {
    SCOPED_TRACE("seed " + std::to_string(seed) + ", step " + std::to_string(step) + ", rank " +
                 std::to_string(ranks->rank()));
    calls.step();
  }
}

}  // namespace eigen_norm::test
