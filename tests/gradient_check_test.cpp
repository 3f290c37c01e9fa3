// SPDX-License-Identifier: MIT
#include "eigen_norm/gradient_check.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace eigen_norm {
namespace {

using Eigen::ArrayXXd;

// y(n, j) = tanh(x(n, j) * weight(j)) + bias(j): the smallest layer with every kind of gradient.
// A derived layer breaks one promise.
class TanhLayer {
 public:
  explicit TanhLayer(Eigen::Index size)
      : weight_(Eigen::ArrayXd::LinSpaced(size, 0.5, 1.5)),
        bias_(Eigen::ArrayXd::LinSpaced(size, -1, 1)),
        weight_grad_(Eigen::ArrayXd::Zero(size)),
        bias_grad_(Eigen::ArrayXd::Zero(size)) {}

  ArrayXXd forward(const ArrayXXd& x) {
    ++forwards_;
    return tanh_of(x).rowwise() + bias_.transpose();
  }
  void forward(const ArrayXXd& x, ArrayXXd& y) { y = forward(x); }

  ArrayXXd backward(const ArrayXXd& x, const ArrayXXd& dy) {
    const ArrayXXd inner = dy * (1 - tanh_of(x).square());
    weight_grad_ += (inner * x).colwise().sum().transpose();
    bias_grad_ += dy.colwise().sum().transpose();
    return inner.rowwise() * weight_.transpose();
  }
  void backward(const ArrayXXd& x, const ArrayXXd& dy, ArrayXXd& dx) { dx = backward(x, dy); }

  void zero_grad() {
    weight_grad_.setZero();
    bias_grad_.setZero();
  }

  template <typename Visit>
  void for_each_parameter(Visit visit) {
    visit("weight", weight_, weight_grad_);
    visit("bias", bias_, bias_grad_);
  }

  int forwards() const { return forwards_; }

 protected:
  ArrayXXd tanh_of(const ArrayXXd& x) const { return (x.rowwise() * weight_.transpose()).tanh(); }

  Eigen::ArrayXd weight_, bias_, weight_grad_, bias_grad_;
  int forwards_ = 0;
};

// The same layer with a fault of the name's kind in its backward.
enum class Fault {
  dx,
  dgamma,
  dbeta,
  unwritten,
  overwrites,
  second_differs,
  not_cleared,
  y_unwritten
};

template <Fault Kind>
class Faulty : public TanhLayer {
 public:
  using TanhLayer::TanhLayer;

  ArrayXXd forward(const ArrayXXd& x) { return TanhLayer::forward(x); }

  void forward(const ArrayXXd& x, ArrayXXd& y) {
    const double kept = y(4, 0);
    y = forward(x);
    if (Kind == Fault::y_unwritten) y(4, 0) = kept;
  }

  ArrayXXd backward(const ArrayXXd& x, const ArrayXXd& dy) {
    if (Kind == Fault::overwrites) TanhLayer::zero_grad();
    ArrayXXd dx = TanhLayer::backward(x, dy);
    if (Kind == Fault::dx) dx(2, 1) *= 1.0001;
    if (Kind == Fault::dgamma) weight_grad_(1) += 1e-4;
    if (Kind == Fault::dbeta) bias_grad_ *= 0.8;
    if (Kind == Fault::second_differs && calls_++ > 0) dx *= 1 + 1e-9;
    return dx;
  }

  void backward(const ArrayXXd& x, const ArrayXXd& dy, ArrayXXd& dx) {
    const double kept = dx(3, 2);
    dx = backward(x, dy);
    if (Kind == Fault::unwritten) dx(3, 2) = kept;
  }

  void zero_grad() {
    if (Kind != Fault::not_cleared) TanhLayer::zero_grad();
  }

 private:
  int calls_ = 0;
};

// The least that is asked of a layer.
class ReturningLayer {
 public:
  Eigen::MatrixXd forward(const Eigen::MatrixXd& x) const { return x.array().square(); }
  Eigen::MatrixXd backward(const Eigen::MatrixXd& x, const Eigen::MatrixXd& dy) const {
    return 2 * x.cwiseProduct(dy);
  }
  void zero_grad() {}
  template <typename Visit>
  void for_each_parameter(Visit) {}
};

ArrayXXd sample(Eigen::Index rows, Eigen::Index cols) {
  ArrayXXd x(rows, cols);
  for (Eigen::Index i = 0; i < x.size(); ++i) x(i) = std::sin(1.7 * static_cast<double>(i) + 0.3);
  return x;
}

template <Fault Kind>
GradientReport report_of() {
  return check_gradients(Faulty<Kind>(3), sample(5, 3));
}

TEST(GradientCheck, passes_a_right_layer) {
  const GradientReport report = check_gradients(TanhLayer(3), sample(5, 3));
  ASSERT_EQ(report.entries.size(), 3U);
  EXPECT_EQ(report.entries[0].name, "x");
  EXPECT_EQ(report.entries[1].name, "weight");
  EXPECT_EQ(report.entries[2].name, "bias");
  EXPECT_EQ(report.entries[0].checked, 15);
  EXPECT_LE(report.worst(), 1e-10) << report.to_string();
}

TEST(GradientCheck, leaves_the_layer_alone) {
  const TanhLayer layer(3);
  check_gradients(layer, sample(5, 3));
  EXPECT_EQ(layer.forwards(), 0);
}

TEST(GradientCheck, finds_a_wrong_dx_and_says_where) {
  const GradientReport report = report_of<Fault::dx>();
  EXPECT_GT(report.entries[0].error, 1e-6) << report.to_string();
  EXPECT_EQ(report.entries[0].where, 7);  // (2, 1) of a column-major (5, 3)
  EXPECT_LE(report.entries[1].error, 1e-10);
  EXPECT_LE(report.entries[2].error, 1e-10);
}

TEST(GradientCheck, finds_a_wrong_dgamma) {
  const GradientReport report = report_of<Fault::dgamma>();
  EXPECT_NEAR(report.entries[1].error, 1e-4, 9e-5) << report.to_string();
  EXPECT_EQ(report.entries[1].where, 1);
  EXPECT_LE(report.entries[0].error, 1e-10);
}

TEST(GradientCheck, finds_a_wrong_dbeta) {
  const GradientReport report = report_of<Fault::dbeta>();
  EXPECT_GT(report.entries[2].error, 1e-2) << report.to_string();
  EXPECT_LE(report.entries[1].error, 1e-10);
}

TEST(GradientCheck, finds_an_element_left_unwritten) {
  const GradientReport report = report_of<Fault::unwritten>();
  EXPECT_TRUE(std::isinf(report.entries[0].error)) << report.to_string();
  EXPECT_EQ(report.entries[0].where, 13);
}

TEST(GradientCheck, finds_an_output_left_unwritten) {
  const GradientReport report = report_of<Fault::y_unwritten>();
  ASSERT_EQ(report.faults.size(), 1U);
  EXPECT_EQ(report.faults[0], "y: forward(x, y) does not write what forward(x) returns");
}

TEST(GradientCheck, finds_gradients_that_are_overwritten) {
  const GradientReport report = report_of<Fault::overwrites>();
  EXPECT_TRUE(std::isinf(report.worst()));
  ASSERT_EQ(report.faults.size(), 2U);
  EXPECT_EQ(report.faults[0], "weight: a second backward does not add to the gradient");
  EXPECT_NE(report.to_string().find(report.faults[1]), std::string::npos);
}

TEST(GradientCheck, finds_a_backward_that_disturbs_the_next) {
  const GradientReport report = report_of<Fault::second_differs>();
  ASSERT_EQ(report.faults.size(), 1U);
  EXPECT_EQ(report.faults[0], "x: a second backward gives another dx");
}

TEST(GradientCheck, finds_gradients_that_zero_grad_does_not_clear) {
  EXPECT_TRUE(std::isinf(report_of<Fault::not_cleared>().worst()));
}

TEST(GradientCheck, needs_only_the_returning_functions) {
  const Eigen::MatrixXd x = sample(4, 2).matrix();
  const GradientReport report = check_gradients(ReturningLayer(), x);
  EXPECT_EQ(report.entries.size(), 1U);
  EXPECT_LE(report.worst(), 1e-10) << report.to_string();
}

TEST(GradientCheck, samples_a_large_tensor) {
  GradientCheckOptions options;
  options.most = 20;
  const GradientReport report = check_gradients(TanhLayer(50), sample(30, 50), options);
  EXPECT_EQ(report.entries[0].checked, 20);
  EXPECT_EQ(report.entries[1].checked, 20);
  EXPECT_LE(report.worst(), 1e-10) << report.to_string();
}

}  // namespace
}  // namespace eigen_norm
