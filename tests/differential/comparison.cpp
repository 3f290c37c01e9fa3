// SPDX-License-Identifier: MIT
#include "differential/comparison.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <limits>
#include <sstream>
#include <utility>

#include "differential/data.hpp"
#include "differential/truth.hpp"

namespace eigen_norm::test {

namespace {

// Of the scale: 17 units in the last place, in either precision.
constexpr Real tolerance_of(Precision precision) {
  return precision == Precision::float32 ? 2e-6L : 2e-6L * 0x1p-29L;
}
// Of the doubt: 4500 of double's.
constexpr Real torch_tolerance = 1e-12L;

// Infinite where they differ and one is not finite.
Real distance(Real a, Real b) {
  if (a == b) return 0;
  const Real difference = std::abs(a - b);
  return std::isfinite(difference) ? difference : std::numeric_limits<Real>::infinity();
}

bool refuses(Peer& peer, Mode mode, const Logical& x, const Logical& dy) {
  try {
    peer.step(mode, x, dy);
    return false;
  } catch (const std::exception&) {
    return true;
  }
}

class Comparison {
 public:
  explicit Comparison(const Configuration& configuration)
      : configuration_(configuration),
        affine_(draw_affine(configuration)),
        ours_(is_float() ? make_eigen_norm<float>(configuration, affine_)
                         : make_eigen_norm<double>(configuration, affine_)),
        torch_(make_torch(configuration, affine_, configuration.layout.precision)),
        torch_in_double_(make_torch(configuration, affine_, Precision::float64)) {}

  Tally run() {
    Random random(configuration_.seed);
    for (const Mode mode : configuration_.steps) {
      ++step_;
      const Logical x = draw_x(configuration_, random), dy = draw_dy(configuration_, random);
      if (has_one_value(mode)) {
        expect_refusal(mode, x, dy);
      } else {
        take(mode, x, dy);
      }
      torch_->set_running(ours_->running());
      torch_in_double_->set_running(ours_->running());
    }
    tally_.configurations = 1;
    tally_.failed = failure_.empty() ? 0 : 1;
    if (!failure_.empty()) ADD_FAILURE() << line_of(configuration_) << "\n  " << failure_;
    return tally_;
  }

 private:
  bool is_float() const { return configuration_.layout.precision == Precision::float32; }

  bool has_one_value(Mode mode) const {
    return is_batch_norm(configuration_.layer) && uses_own_statistics(configuration_, mode) &&
           values_per_statistic(configuration_) == 1;
  }

  void expect_refusal(Mode mode, const Logical& x, const Logical& dy) {
    ++tally_.refused;
    if (!refuses(*ours_, mode, x, dy)) fail("one value per channel is not refused by us");
    if (!refuses(*torch_, mode, x, dy)) fail("one value per channel is not refused by PyTorch");
  }

  void take(Mode mode, const Logical& x, const Logical& dy) {
    const Running before = ours_->running();
    Truth truth = truth_of(configuration_, affine_, mode, x, dy, before);
    add_gradients(truth, until_now_);
    const Answer ours = ours_->step(mode, x, dy), torch = torch_->step(mode, x, dy);
    const Answer torch_in_double = is_float() ? torch_in_double_->step(mode, x, dy) : torch;
    for (const Quantity& quantity : quantities) {
      const auto of = quantity.values;
      compare(quantity.name, ours.*of, torch.*of, truth.want.*of, truth.scale.*of);
      confirm(quantity.name, torch_in_double.*of, truth.want.*of, truth.scale.*of, truth.doubt.*of);
    }
    expect_counted(mode, before);
    until_now_ = std::move(truth);
  }

  void compare(const char* name, const Values& ours, const Values& torch, const Values& want,
               const Values& scale) {
    if (ours.size() != want.size() || torch.size() != want.size()) {
      return fail(std::string(name) + " has " + std::to_string(ours.size()) +
                  " values, PyTorch's " + std::to_string(torch.size()) + ", by definition " +
                  std::to_string(want.size()));
    }
    tally_.values += static_cast<Index>(want.size());
    for (std::size_t i = 0; i < want.size(); ++i) {
      const Real tolerated = tolerance_of(configuration_.layout.precision) * scale[i];
      const Real our_error = distance(ours[i], want[i]), its_error = distance(torch[i], want[i]);
      const bool differs = distance(ours[i], torch[i]) > tolerated, is_off = our_error > tolerated;
      tally_.differing += differs;
      tally_.explained += differs && !is_off;
      if (our_error > 0) tally_.worst_ours = std::max(tally_.worst_ours, our_error / scale[i]);
      if (its_error > 0) tally_.worst_torch = std::max(tally_.worst_torch, its_error / scale[i]);
      if (is_off) {
        fail(text(name, i, ours[i], want[i], tolerated) + "; PyTorch's " + number(torch[i]));
      }
    }
  }

  void confirm(const char* name, const Values& torch, const Values& want, const Values& scale,
               const Values& doubt) {
    for (std::size_t i = 0; i < want.size(); ++i) {
      const Real tolerated = torch_tolerance * doubt[i];
      tally_.confirmed += tolerated <= 1e-3L * scale[i];
      if (distance(torch[i], want[i]) > tolerated) {
        fail("PyTorch's " + text(name, i, torch[i], want[i], tolerated));
      }
    }
  }

  // PyTorch's InstanceNorm never counts its batches.
  void expect_counted(Mode mode, const Running& before) {
    const Running now = ours_->running();
    if (mode != Mode::train && (now.mean != before.mean || now.var != before.var)) {
      fail("the running statistics have changed");
    }
    if (is_batch_norm(configuration_.layer) && now.tracked != torch_->running().tracked) {
      fail("num_batches_tracked is " + std::to_string(now.tracked));
    }
  }

  static std::string number(Real value) {
    std::ostringstream out;
    out.precision(std::numeric_limits<double>::max_digits10);
    out << value;
    return out.str();
  }
  static std::string text(const char* name, std::size_t i, Real got, Real want, Real tolerated) {
    return std::string(name) + "[" + std::to_string(i) + "] is " + number(got) +
           ", by definition " + number(want) + " within " + number(tolerated);
  }
  // The first one is told: the others mostly follow.
  void fail(const std::string& what) {
    if (failure_.empty()) failure_ = "step " + std::to_string(step_) + ": " + what;
  }

  Configuration configuration_;
  Affine affine_;
  std::unique_ptr<Peer> ours_, torch_, torch_in_double_;
  Truth until_now_;
  int step_ = 0;
  Tally tally_;
  std::string failure_;
};

}  // namespace

Tally& Tally::operator+=(const Tally& other) {
  for (const auto count : {&Tally::configurations, &Tally::values, &Tally::confirmed,
                           &Tally::differing, &Tally::explained, &Tally::refused, &Tally::failed}) {
    this->*count += other.*count;
  }
  worst_ours = std::max(worst_ours, other.worst_ours);
  worst_torch = std::max(worst_torch, other.worst_torch);
  return *this;
}

Tally compare(const Configuration& configuration) { return Comparison(configuration).run(); }

}  // namespace eigen_norm::test
