// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <sstream>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "eigen_norm/memory/abi.hpp"

namespace eigen_norm {
inline namespace EIGEN_NORM_ABI {

struct GradientCheckOptions {
  double step = 1e-3;        ///< h, in the units of x: about a thousandth of the spread of the data
  std::uint64_t seed = 1;    ///< of the cotangent, and of the choice of coordinates
  Eigen::Index most = 1000;  ///< coordinates checked in each tensor; of a larger one, a sample
};

/// The worst coordinate of one tensor: "x", or a parameter by its name ("weight", "bias").
struct GradientCheckEntry {
  std::string name;
  Eigen::Index checked = 0;  ///< coordinates
  Eigen::Index where = 0;    ///< offset into data()
  double analytic = 0;
  double numeric = 0;
  double error = 0;  ///< |analytic - numeric| / max(1, |analytic|, |numeric|); infinite for NaN
};

struct GradientReport {
  std::vector<GradientCheckEntry> entries;
  std::vector<std::string> faults;  ///< broken promises that no single coordinate shows

  /// The worst relative error; infinite when a promise is broken.
  double worst() const {
    double result = faults.empty() ? 0 : std::numeric_limits<double>::infinity();
    for (const auto& entry : entries) result = std::max(result, entry.error);
    return result;
  }

  std::string to_string() const {
    std::ostringstream text;
    for (const auto& [name, checked, where, analytic, numeric, error] : entries) {
      text << name << ": error " << error << " at [" << where << "], analytic " << analytic
           << ", numeric " << numeric << ", " << checked << " coordinates\n";
    }
    for (const auto& fault : faults) text << fault << '\n';
    return text.str();
  }
};

namespace internal {

/// Callable where the layer has the function that writes into its last argument.
inline constexpr auto forward_into = [](auto& layer, const auto& x,
                                        auto& y) -> decltype(layer.forward(x, y)) {
  return layer.forward(x, y);
};
inline constexpr auto backward_into = [](auto& layer, const auto& x, const auto& dy,
                                         auto& dx) -> decltype(layer.backward(x, dy, dx)) {
  return layer.backward(x, dy, dx);
};

template <typename Object>
void poison(Object& object) {
  std::fill_n(object.data(), object.size(), std::numeric_limits<double>::quiet_NaN());
}

inline double relative_error(double a, double b) {
  const double error = std::abs(a - b) / std::max({1.0, std::abs(a), std::abs(b)});
  return std::isfinite(error) ? error : std::numeric_limits<double>::infinity();
}

template <typename A, typename B>
bool agree(const A& a, const B& b) {
  return std::equal(a.data(), a.data() + a.size(), b.data(), b.data() + b.size(),
                    [](double x, double y) { return relative_error(x, y) <= 1e-12; });
}

/// sum(dy * forward(x)) is the loss whose gradients are compared.
template <typename Layer, typename X, typename Y>
class GradientChecker {
 public:
  GradientChecker(const Layer& layer, const X& x, const GradientCheckOptions& options)
      : layer_(layer), x_(x), y_(layer_.forward(x_)), dy_(y_), options_(options) {
    std::uniform_real_distribution<double> uniform(-1, 1);
    std::generate_n(dy_.data(), dy_.size(), [&] { return uniform(random_); });
  }

  GradientReport run() {
    if constexpr (std::is_invocable_v<decltype(forward_into), Layer&, const X&, Y&>) {
      Layer copy = layer_;
      Y written = y_;
      poison(written);
      forward_into(copy, x_, written);
      require(agree(written, y_), "y: forward(x, y) does not write what forward(x) returns");
    }
    layer_.for_each_parameter([](std::string_view, auto&, auto& grad) { poison(grad); });
    layer_.zero_grad();
    const X dx = backward_into_poison();
    const auto once = gradients();
    require(agree(layer_.backward(x_, dy_), dx), "x: a second backward gives another dx");
    const auto twice = gradients();

    compare("x", dx, [](Layer&, X& x, Eigen::Index i, double t) { x.data()[i] += t; });
    for (std::size_t p = 0; p < once.size(); ++p) {
      const auto& [name, gradient] = once[p];
      compare(name, gradient, [p](Layer& layer, X&, Eigen::Index i, double t) {
        std::size_t position = 0;
        layer.for_each_parameter([&](std::string_view, auto& value, auto&) {
          if (position++ == p) value.data()[i] += t;
        });
      });
      require(agree(twice[p].second, Eigen::ArrayXd(2 * gradient)),
              name + ": a second backward does not add to the gradient");
    }
    return report_;
  }

 private:
  void require(bool kept, const std::string& fault) {
    if (!kept) report_.faults.push_back(fault);
  }

  X backward_into_poison() {
    if constexpr (std::is_invocable_v<decltype(backward_into), Layer&, const X&, const Y&, X&>) {
      X dx = x_;
      poison(dx);
      backward_into(layer_, x_, dy_, dx);
      return dx;
    } else {
      return layer_.backward(x_, dy_);
    }
  }

  std::vector<std::pair<std::string, Eigen::ArrayXd>> gradients() {
    std::vector<std::pair<std::string, Eigen::ArrayXd>> result;
    layer_.for_each_parameter([&](std::string_view name, auto&, auto& grad) {
      result.emplace_back(name, Eigen::Map<const Eigen::ArrayXd>(grad.data(), grad.size()));
    });
    return result;
  }

  /// nudge(layer, x, i, t) adds t to coordinate i of the tensor in question. The difference is of
  /// the fourth order: its own error is of size h^4, and rounding costs epsilon / h.
  template <typename Analytic, typename Nudge>
  void compare(const std::string& name, const Analytic& analytic, Nudge nudge) {
    GradientCheckEntry worst{name, std::min(analytic.size(), options_.most)};
    const double h = options_.step;
    std::uniform_int_distribution<Eigen::Index> any(0,
                                                    std::max<Eigen::Index>(1, analytic.size()) - 1);
    for (Eigen::Index k = 0; k < worst.checked; ++k) {
      const Eigen::Index i = analytic.size() == worst.checked ? k : any(random_);
      const auto loss = [&](double t) {
        Layer layer = layer_;
        X x = x_;
        nudge(layer, x, i, t);
        const Y y = layer.forward(x);
        return Eigen::Map<const Eigen::VectorXd>(y.data(), y.size())
            .dot(Eigen::Map<const Eigen::VectorXd>(dy_.data(), dy_.size()));
      };
      const double numeric = (loss(-2 * h) - 8 * loss(-h) + 8 * loss(h) - loss(2 * h)) / (12 * h);
      const double error = relative_error(analytic.data()[i], numeric);
      if (k > 0 && error <= worst.error) continue;
      worst = {name, worst.checked, i, analytic.data()[i], numeric, error};
    }
    report_.entries.push_back(worst);
  }

  Layer layer_;
  X x_;
  Y y_;
  Y dy_;
  GradientCheckOptions options_;
  std::mt19937_64 random_{options_.seed};
  GradientReport report_;
};

}  // namespace internal

/// Compares a layer's gradients with differences of its forward, in the mode the layer is in. The
/// layer is a copyable value in double with forward(x), backward(x, dy), zero_grad() and
/// for_each_parameter(visit(name, value, grad)); x is an owning matrix, array or tensor. dy is
/// random. Also checked: that forward(x, y) and backward(x, dy, dx), where the layer has them,
/// write every element, and that backward adds to the gradients, which zero_grad clears.
template <typename Layer, typename X>
GradientReport check_gradients(const Layer& layer, const X& x,
                               const GradientCheckOptions& options = {}) {
  static_assert(std::is_same_v<typename X::Scalar, double>,
                "check_gradients needs a layer in double: differences in float prove nothing");
  using Y = std::decay_t<decltype(std::declval<Layer&>().forward(x))>;
  return internal::GradientChecker<Layer, X, Y>(layer, x, options).run();
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm
