// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <optional>
#include <utility>

#include "fuzz/calls.hpp"
#include "fuzz/judge.hpp"
#include "fuzz/numbers.hpp"
#include "fuzz/place.hpp"

namespace eigen_norm::test::fuzz {

// What a target says of its layer. `inference`: in infer, as opposed to forward in the mode of now.
template <typename Layer>
struct Rules {
  // What is owed for x and dy, and how.
  std::function<Question(const Layer&, const Logical& x, const Logical& dy, bool inference)> ask;
  // Whether an input of this shape is an error.
  std::function<bool(const Layer&, bool inference)> refuses;
  // Looks at what a forward has made of the layer as it was before.
  std::function<void(const Layer& before, const Layer& after, const Question&)> after_forward;
};

// Asks a layer everything on memory of one kind, whatever it has been asked before.
template <typename Layer, int Rank, int Order, typename Calls = PlainCalls>
class Exercise {
  using Scalar = typename Layer::Scalar;
  using Array = Place<Scalar, Rank, Order>;

 public:
  Exercise(Input& in, Layer& layer, const Rules<Layer>& rules, Calls calls = {})
      : in_(in), layer_(layer), rules_(rules), calls_(std::move(calls)) {}

  // One forward on an input of this shape, and all that can follow it.
  void run(const Dims& dims) {
    x_ = Logical(dims, numbers<Scalar>(in_, count(dims)));
    dy_ = Logical(dims, numbers<Scalar>(in_, count(dims)));
    at_x_ = Position::of(in_);
    at_y_ = Position::of(in_);
    infer();
    if (!forward()) return;
    if (in_.one_in(4)) break_rules();
    backward();
    if (in_.one_in(2)) backward_from_output();
  }

 private:
  void infer() {
    const Values before = visible_state(layer_);
    Array x(x_, at_x_), y(all_nan(x_.dims), at_y_);
    const Refusal refusal([&] { calls_.infer(layer_, x.view(), y.view()); });
    require_same(visible_state(layer_), before, "infer has changed the layer");
    refusal.require_to_be(rules_.refuses(layer_, true), "infer");
    if (refusal.is())
      return require_same(y.values().values, all_nan(x_.dims).values, "y is written");
    const Question question = rules_.ask(layer_, x_, dy_, true);
    Judge<Scalar>(question).y("infer", y.values());
    inferred_ = y.values();
    inferred_by_own_ = question.own;
    require_untouched(x, x_);
    require(y.is_alone(), "infer has written beside y");
  }

  bool forward() {
    const Values before = visible_state(layer_);
    const Layer was = layer_;
    Array x(x_, at_x_), y(all_nan(x_.dims), at_y_);
    const Refusal refusal([&] { calls_.forward(layer_, x.view(), y.view()); });
    refusal.require_to_be(rules_.refuses(was, false), "forward");
    if (refusal.is()) {
      require_same(visible_state(layer_), before, "a forward that was refused changed the layer");
      require_same(y.values().values, all_nan(x_.dims).values, "y is written");
      return false;
    }
    question_ = rules_.ask(was, x_, dy_, false);
    judge_.emplace(question_);
    y_ = y.values();
    judge_->y("forward", y_);
    if (question_.own == inferred_by_own_) {
      require_same(y_.values, inferred_.values, "forward has other bits than infer");
    }
    if (x_.size() == 0) require_same(visible_state(layer_), before, "an empty batch counts");
    if (x_.size() > 0) rules_.after_forward(was, layer_, question_);
    require_untouched(x, x_);
    require(y.is_alone(), "forward has written beside y");

    // The same again, onto x.
    Layer twin = was;
    Array over(x_, at_x_);
    calls_.forward(twin, over.view(), over.view());
    if (at_x_.gap == at_y_.gap) {
      require_same(over.values().values, y_.values, "forward in place has other bits");
      require_same(visible_state(twin), visible_state(layer_), "the same forward, another layer");
    }
    require(over.is_alone(), "forward in place has written beside x");
    return true;
  }

  void backward() {
    constexpr Real start = 0.5L;
    calls_.start_gradients(layer_, start);
    Layer twin = layer_;
    Calls twin_calls = calls_;
    disturb();
    Array x(x_, at_x_), dy(dy_, at_y_), dx(all_nan(x_.dims), at_x_);
    calls_.backward(layer_, x.view(), dy.view(), dx.view());
    const Values result = dx.values().values, dgamma = calls_.dgamma(layer_);
    judge_->dx("dx", dx.values());
    judge_->gradients(dgamma, calls_.dbeta(layer_), start);
    require_untouched(x, x_);
    require_untouched(dy, dy_);
    require(dx.is_alone(), "backward has written beside dx");

    const bool onto_x = in_.flag();
    Array x_too(x_, at_x_), dy_too(dy_, at_y_);
    twin_calls.backward(twin, x_too.view(), dy_too.view(), onto_x ? x_too.view() : dy_too.view());
    if (onto_x || at_x_.gap == at_y_.gap) {
      require_same((onto_x ? x_too : dy_too).values().values, result, "dx in place: other bits");
      require_same(twin_calls.dgamma(twin), dgamma, "the same backward, another dgamma");
    }
    require((onto_x ? x_too : dy_too).is_alone(), "backward in place has written beside dx");
  }

  void backward_from_output() {
    layer_.zero_grad();
    Array y(y_, at_y_), dy(dy_, at_x_), dx(all_nan(x_.dims), at_x_);
    const Values before = visible_state(layer_);
    const Refusal refusal([&] { layer_.backward_from_output(y.view(), dy.view(), dx.view()); });
    if (refusal.is()) {
      require_same(visible_state(layer_), before, "a refused call changed the layer");
      const bool forgotten = x_.size() > 0 && layer_.batch_mean().size() == 0;
      const bool expected = Calls::conditioned || forgotten || !is_invertible();
      return refusal.require_to_be(expected, "backward_from_output");
    }
    refusal.require_to_be(Calls::conditioned, "backward_from_output");
    if (sizeof(Scalar) > 2) {  // y of 16 bits is another question
      judge_->dx("dx from y", dx.values(), true);
      judge_->gradients(from_parameters(layer_.gamma_grad()), from_parameters(layer_.beta_grad()),
                        0, true);
    }
    require_untouched(y, y_);
    require(dx.is_alone(), "backward_from_output has written beside dx");
  }

  // Gamma is large enough beside beta, and times inv_std a normal number, everywhere.
  bool is_invertible() const {
    using Limits = std::numeric_limits<Scalar>;
    using ParameterLimits = std::numeric_limits<Param<Scalar>>;
    if (x_.size() == 0) return true;
    for (std::size_t p = 0; p < question_.sharing.parameters; ++p) {
      const Affine& affine = question_.affine;
      const Real gamma = affine.gamma.empty() ? 1 : std::abs(affine.gamma[p]);
      const Real beta = affine.beta.empty() ? 0 : std::abs(affine.beta[p]);
      // At the edge itself rounding decides; renormalised, beta may be beyond all numbers.
      const Real beside_beta = 16 * Precision<Scalar>::epsilon() * beta;
      if (gamma < 1.001L * std::fmax(beside_beta, Real(Limits::min()))) return false;
      if (beta > Real(ParameterLimits::max())) return false;
    }
    bool scales_are_normal = true;
    for_each_index(x_.dims, [&](const Dims& at) {
      const Real inv_std = question_.want.inv_std[question_.sharing.statistic_of(at)];
      const Values& gammas = question_.affine.gamma;
      const Real gamma = gammas.empty() ? 1 : gammas[question_.sharing.parameter_of(at)];
      const Real scale = std::abs(gamma) * inv_std;
      if (scale > 0 && (scale < 1.001L * Real(ParameterLimits::min()) ||
                        scale > 0.999L * Real(ParameterLimits::max())))
        scales_are_normal = false;
    });
    return scales_are_normal;
  }

  // Calls that are errors, whatever came before.
  void break_rules() {
    Dims other = x_.dims;
    other[in_.byte() % other.size()] += 1;
    const Logical wrong(other, 1);
    Array x(x_, at_x_), dy(dy_, at_y_), bad(wrong, at_x_);
    const auto refused = [&](const char* what, const auto& call) {
      require_refused(layer_, what, call);
    };
    refused("y of another shape", [&] { calls_.forward(layer_, x.view(), bad.view()); });
    refused("dy of another shape",
            [&] { calls_.backward(layer_, x.view(), bad.view(), x.view()); });
    refused("x of another shape in backward",
            [&] { calls_.backward(layer_, bad.view(), bad.view(), bad.view()); });
    require_same(bad.values().values, wrong.values, "an array of a refused call has changed");
    if constexpr (Rank > 2 &&
                  (Order == Eigen::RowMajor || !Calls::conditioned)) {  // no copy is made
      if (x_.size() < 2) return;
      std::vector<Scalar> memory(static_cast<std::size_t>(x_.size() + 1), Scalar(1));
      const auto sizes = x.view().dimensions();
      using Map = decltype(x.view());
      refused("a partial overlap", [&] {
        calls_.forward(layer_, Map(memory.data(), sizes), Map(memory.data() + 1, sizes));
      });
    }
  }

  // What must not matter to the backward that answers the last forward.
  void disturb() {
    if (in_.flag()) layer_.train(!layer_.is_training());
    if (!in_.flag() || x_.size() == 0) return;
    Array x(dy_, at_x_), y(all_nan(x_.dims), at_y_);
    Refusal([&] { calls_.infer(layer_, x.view(), y.view()); });
  }

  static void require_untouched(Array& array, const Logical& values) {
    require_same(array.values().values, values.values, "an input has changed");
    require(array.is_alone(), "the memory beside an input has changed");
  }

  Input& in_;
  Layer& layer_;
  const Rules<Layer>& rules_;
  Calls calls_;
  Logical x_, dy_, y_, inferred_;
  bool inferred_by_own_ = false;
  Position at_x_, at_y_;
  Question question_;  // of the last forward
  std::optional<Judge<Scalar>> judge_;
};

}  // namespace eigen_norm::test::fuzz
