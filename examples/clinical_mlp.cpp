// SPDX-License-Identifier: MIT
//
// Is a breast mass malignant? A small network on 30 measurements of 569 patients, with and without
// BatchNorm, judged on patients it has not seen: stratified 5-fold cross-validation over seeds.
#include <CLI/CLI.hpp>
#include <cstdint>
#include <cstdio>
#include <eigen_norm/eigen_norm.hpp>
#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

#include "nn/adam.hpp"
#include "nn/chain.hpp"
#include "nn/channel_bias.hpp"
#include "nn/datasets.hpp"
#include "nn/flags.hpp"
#include "nn/forgotten_eval.hpp"
#include "nn/linear.hpp"
#include "nn/metrics.hpp"
#include "nn/relu.hpp"
#include "nn/standardizer.hpp"
#include "nn/stratified_folds.hpp"
#include "nn/training.hpp"

namespace {

using eigen_norm::BatchNorm1d;
using nn::Index;
using nn::Labels;
using Matrix = nn::Matrix<float>;
using Linear = nn::Linear<float>;

template <typename Norm>
using Block = nn::Chain<Matrix, Linear, Norm, nn::Relu>;

/// 30 features -> 32 -> 16 -> 2 logits.
template <typename Norm>
using ClinicalMlp = nn::Chain<Matrix, Block<Norm>, Block<Norm>, Linear>;

template <typename Norm>
Block<Norm> make_block(Index inputs, Index outputs, nn::Random& random) {
  return {Linear(inputs, outputs, nn::Bias::none, random), Norm(outputs), nn::Relu()};
}

template <typename Norm>
ClinicalMlp<Norm> make_model(nn::Random& random) {
  return {make_block<Norm>(30, 32, random), make_block<Norm>(32, 16, random),
          Linear(16, 2, nn::Bias::learned, random)};
}

/// One split of the patients, standardised with what its training patients alone tell.
struct Fold {
  Matrix train_x, held_out_x;
  Labels train_y, held_out_y;
  std::uint64_t seed;

  Fold(const nn::Patients& patients, const nn::Split& split, std::uint64_t fold_seed)
      : train_y(nn::gather(patients.malignant, split.train)),
        held_out_y(nn::gather(patients.malignant, split.held_out)),
        seed(fold_seed) {
    const auto train = nn::gather(patients.features, split.train);
    const nn::Standardizer standardizer(train);
    train_x = standardizer.apply(train);
    held_out_x = standardizer.apply(nn::gather(patients.features, split.held_out));
  }
};

std::vector<Fold> make_folds(const nn::Patients& patients, std::uint64_t first_seed, int seeds) {
  std::vector<Fold> folds;
  for (int s = 0; s < seeds; ++s) {
    const std::uint64_t seed = first_seed + static_cast<std::uint64_t>(s);
    nn::Random random(seed);
    for (const auto& split : nn::stratified_folds(patients.malignant, 5, random)) {
      folds.emplace_back(patients, split, seed * 1000 + folds.size());
    }
  }
  return folds;
}

struct Evaluation {
  double loss, accuracy, auc;
};

Evaluation judge(const Matrix& logits, const Labels& labels) {
  const Eigen::ArrayXd scores = (logits.col(1) - logits.col(0)).cast<double>();
  return {nn::softmax_cross_entropy(logits, labels).loss, nn::accuracy(logits, labels),
          nn::area_under_roc(scores, labels)};
}

/// The right way. The model is const, so it cannot learn from the patients it is judged on:
/// model.forward(x) would not compile here.
template <typename Model>
Evaluation evaluate(const Model& model, const Fold& fold) {
  return judge(model.infer(fold.held_out_x), fold.held_out_y);
}

/// The bug that const prevents. On a copy, because forward also moves the running statistics.
template <typename Model>
Evaluation evaluate_left_in_training(Model model, const Fold& fold, Index patients_at_a_time) {
  return judge(nn::forward_without_eval(model, fold.held_out_x, patients_at_a_time),
               fold.held_out_y);
}

template <typename Norm>
struct Run {
  const Fold& fold;
  nn::Random random;
  ClinicalMlp<Norm> model;
  nn::Adam<float> optimizer;

  Run(const Fold& f, double learning_rate)
      : fold(f), random(f.seed), model(make_model<Norm>(random)), optimizer(learning_rate) {}
};

/// Trains one model per fold, all of them epoch by epoch, for a fixed number of epochs. The
/// held-out patients are only looked at: nothing is chosen by them.
template <typename Norm>
std::vector<Run<Norm>> train(const char* name, const std::vector<Fold>& folds,
                             const nn::Flags& flags) {
  std::vector<Run<Norm>> runs;
  for (const Fold& fold : folds) {
    runs.emplace_back(fold, flags.learning_rate);
  }
  const auto count = static_cast<double>(runs.size());
  for (int epoch = 1; epoch <= flags.epochs; ++epoch) {
    double train_loss = 0.0;
    double held_out_loss = 0.0;
    double accuracy = 0.0;
    for (Run<Norm>& run : runs) {
      train_loss += nn::train_epoch(run.model, run.optimizer, run.fold.train_x, run.fold.train_y,
                                    flags.batch_size, run.random);
      const Evaluation held_out = evaluate(run.model, run.fold);
      held_out_loss += held_out.loss;
      accuracy += held_out.accuracy;
    }
    std::printf("%-11s  epoch %2d/%d  train loss %.4f  held-out loss %.4f  accuracy %.4f\n", name,
                epoch, flags.epochs, train_loss / count, held_out_loss / count, accuracy / count);
    std::fflush(stdout);
  }
  return runs;
}

template <typename Norm>
void print_row(const char* name, const std::vector<Run<Norm>>& runs) {
  std::vector<double> accuracy, auc, eight_at_a_time, two_at_a_time;
  for (const Run<Norm>& run : runs) {
    const Evaluation held_out = evaluate(run.model, run.fold);
    accuracy.push_back(held_out.accuracy);
    auc.push_back(held_out.auc);
    eight_at_a_time.push_back(evaluate_left_in_training(run.model, run.fold, 8).accuracy);
    two_at_a_time.push_back(evaluate_left_in_training(run.model, run.fold, 2).accuracy);
  }
  std::printf("| %-11s |", name);
  for (const auto& column : {accuracy, auc, eight_at_a_time, two_at_a_time}) {
    const nn::Summary summary(column);
    std::printf(" %.4f +- %.4f |", summary.mean, summary.sd);
  }
  std::printf("\n");
}

void run(const nn::Flags& flags, int seeds) {
  const nn::Patients patients = nn::read_breast_cancer(flags.data);
  std::printf("%d patients, %d of them with a malignant mass; 5 folds, %d times over\n",
              static_cast<int>(patients.malignant.size()), patients.malignant.sum(), seeds);
  const std::vector<Fold> folds = make_folds(patients, flags.seed, seeds);
  const auto with_norm = train<BatchNorm1d<float>>("BatchNorm1d", folds, flags);
  const auto without = train<nn::ChannelBias<float>>("none", folds, flags);

  std::printf(
      "\nHeld-out patients, mean and standard deviation over %d models; on the right, accuracy of\n"
      "the same models wrongly left in training mode, asked about 8 or 2 patients at a time:\n\n"
      "|             | accuracy         | AUC              | 8 at a time      | 2 at a time      "
      "|\n"
      "|-------------|------------------|------------------|------------------|------------------|"
      "\n",
      static_cast<int>(folds.size()));
  print_row("BatchNorm1d", with_norm);
  print_row("none", without);

  try {
    evaluate_left_in_training(with_norm.front().model, folds.front(), 1);
  } catch (const std::invalid_argument& error) {
    std::printf("\nLeft in training mode and asked about 1 patient at a time:\n%s\n", error.what());
  }
}

}  // namespace

int main(int argc, char** argv) {
  nn::Flags flags{40, 32, 1e-3, 1, EIGEN_NORM_EXAMPLES_DATA_DIR};
  int seeds = 5;
  CLI::App app{"Trains a network on the Wisconsin breast cancer data with and without BatchNorm1d"};
  nn::add_flags(app, flags);
  app.add_option("--seeds", seeds, "Repetitions of the cross-validation, with seeds from --seed on")
      ->check(CLI::Range(1, 100))
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  try {
    run(flags, seeds);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "clinical_mlp: %s\n", error.what());
    return 1;
  }
}
