// SPDX-License-Identifier: MIT
#pragma once

#include <utility>
#include <vector>

#include "nn/adam.hpp"
#include "nn/learning_rate.hpp"
#include "nn/random.hpp"
#include "nn/state.hpp"
#include "nn/training.hpp"

namespace nn {

/// A training that can be saved after any batch, and goes on from there with the very numbers of
/// one that was never interrupted: for_each_state names all that its future depends on.
template <typename Model>
class TrainingRun {
 public:
  struct Plan {
    int epochs;
    Index batch_size;
    double peak_learning_rate;
  };

  TrainingRun(Model model, const Plan& plan, Index samples, Random random)
      : plan_(plan),
        model_(std::move(model)),
        optimizer_(plan.peak_learning_rate),
        random_(std::move(random)),
        order_(static_cast<std::size_t>(samples)),
        seen_(samples) {}

  const Model& model() const { return model_; }
  Index epoch() const { return epoch_; }  ///< the one under way or just complete, counted from 1
  Index seen() const { return seen_; }    ///< samples of this epoch
  Index seen_in_all() const { return (epoch_ - 1) * samples() + seen_; }
  Index to_be_seen() const { return plan_.epochs * samples(); }                ///< in all
  double mean_loss() const { return loss_sum_ / static_cast<double>(seen_); }  ///< of this epoch

  bool is_epoch_complete() const { return seen_ == samples(); }
  bool is_complete() const { return is_epoch_complete() && epoch_ == plan_.epochs; }

  /// Learns from the next batch of x and labels, which are the same in every call.
  template <typename Samples>
  void step(const Samples& x, const Labels& labels) {
    step([&](Model& model, const std::vector<Index>& rows) {
      return batch_gradients(model, gather(x, rows), gather(labels, rows));
    });
  }

  /// The same where gradients(model, rows) leaves in the model those of the mean loss of these
  /// samples, and returns that loss.
  template <typename Gradients>
  void step(const Gradients& gradients) {
    if (is_epoch_complete()) begin_epoch();
    const Index size = next_batch_size(samples() - seen_, plan_.batch_size);
    const std::vector<Index> rows(order_.begin() + seen_, order_.begin() + seen_ + size);
    seen_ += size;
    const double middle = static_cast<double>(seen_in_all()) - static_cast<double>(size) / 2;
    optimizer_.set_learning_rate(
        warm_up_and_cosine(plan_.peak_learning_rate, middle / static_cast<double>(to_be_seen())));
    loss_sum_ += gradients(model_, rows) * static_cast<double>(size);
    optimizer_.step(model_);
  }

  template <typename Visit>
  void for_each_state(Visit&& visit) {
    visit("peak_learning_rate", plan_.peak_learning_rate);
    nn::for_each_state(model_, visit);
    optimizer_.for_each_state(model_, visit);
    random_.for_each_state(visit);
    visit("epoch", epoch_);
    visit("seen", seen_);
    visit("loss_sum", loss_sum_);
    visit("order", order_);
  }

 private:
  Index samples() const { return static_cast<Index>(order_.size()); }

  void begin_epoch() {
    ++epoch_;
    seen_ = 0;
    loss_sum_ = 0.0;
    order_ = random_.permutation(samples());
  }

  Plan plan_;
  Model model_;
  Adam<float> optimizer_;
  Random random_;
  std::vector<Index> order_;  // of the samples in this epoch
  Index epoch_ = 0;
  Index seen_;
  double loss_sum_ = 0.0;  // over the samples seen
};

}  // namespace nn
