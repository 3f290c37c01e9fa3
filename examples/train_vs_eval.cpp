// SPDX-License-Identifier: MIT
//
// What training and eval mode of BatchNorm are for, and the bugs that come of mixing them up: a
// batch of one, a forgotten eval, and how a const model makes the second impossible.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <eigen_norm/eigen_norm.hpp>
#include <exception>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

#include "nn/adam.hpp"
#include "nn/chain.hpp"
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

/// 30 features -> 32 -> 2 logits, benign and malignant.
using Model = nn::Chain<Matrix, Linear, BatchNorm1d<float>, nn::Relu, Linear>;

struct Data {
  Matrix train_x, held_out_x;
  Labels train_y, held_out_y;
};

/// The held-out patients stand in the order of their diagnosis, as records often do.
Data split(const nn::Patients& patients, nn::Random& random) {
  const nn::Split rows = nn::stratified_folds(patients.malignant, 5, random).front();
  std::vector<Index> held_out = rows.held_out;
  std::stable_sort(held_out.begin(), held_out.end(),
                   [&](Index a, Index b) { return patients.malignant(a) < patients.malignant(b); });
  const auto train = nn::gather(patients.features, rows.train);
  const nn::Standardizer standardizer(train);
  return {standardizer.apply(train), standardizer.apply(nn::gather(patients.features, held_out)),
          nn::gather(patients.malignant, rows.train), nn::gather(patients.malignant, held_out)};
}

Model train(const Data& data, const nn::Flags& flags, nn::Random& random) {
  Model model{Linear(30, 32, nn::Bias::none, random), BatchNorm1d<float>(32), nn::Relu(),
              Linear(32, 2, nn::Bias::learned, random)};
  nn::Adam<float> optimizer(flags.learning_rate);
  double loss = 0.0;
  for (int epoch = 0; epoch < flags.epochs; ++epoch) {
    loss = nn::train_epoch(model, optimizer, data.train_x, data.train_y, flags.batch_size, random);
  }
  std::printf("Trained on %d patients in batches of %d, %d epochs: loss %.4f\n",
              static_cast<int>(data.train_y.size()), static_cast<int>(flags.batch_size),
              flags.epochs, loss);
  return model;
}

double probability(const Matrix& logits, Index row) {
  return 1.0 / (1.0 + std::exp(static_cast<double>(logits(row, 0) - logits(row, 1))));
}

/// The held-out patient of whom the model is least sure.
Index doubtful_patient(const Model& model, const Data& data) {
  const Matrix logits = model.infer(data.held_out_x);
  Index patient = 0;
  (logits.col(0) - logits.col(1)).cwiseAbs().minCoeff(&patient);
  return patient;
}

/// In training mode a patient's answer depends on who else is in the batch.
void show_who_is_in_the_batch(const Model& model, const Data& data) {
  std::printf(
      "\n1. One patient, P(malignant), beside 63 others of different kinds:\n\n"
      "| the others     | forward in training mode | infer  |\n"
      "|----------------|--------------------------|--------|\n");
  const Index patient = doubtful_patient(model, data);
  for (const int kind : {-1, 0, 1}) {
    std::vector<Index> others;
    for (Index n = 0; n < data.train_y.size() && others.size() < 63; ++n) {
      if (kind < 0 || data.train_y(n) == kind) others.push_back(n);
    }
    Matrix batch(static_cast<Index>(others.size()) + 1, data.train_x.cols());
    batch << data.held_out_x.row(patient), nn::gather(data.train_x, others);
    Model copy = model;
    std::printf("| %-14s | %24.3f | %6.3f |\n",
                kind < 0    ? "as they come"
                : kind == 0 ? "all benign"
                            : "all malignant",
                probability(copy.forward(batch), 0), probability(model.infer(batch), 0));
  }
}

/// One value has no variance: nothing could be learned, and y would be beta whatever x is.
void show_a_batch_of_one(const Model& model, const Data& data) {
  const Matrix one = data.held_out_x.topRows(1);
  std::printf(
      "\n2. A single patient in training mode is an error, and nothing has changed:\n\n   ");
  Model copy = model;
  try {
    copy.forward(one);
  } catch (const std::invalid_argument& error) {
    std::printf("%s\n", error.what());
  }
  std::printf("\n   In inference it is fine: P(malignant) = %.3f\n",
              probability(model.infer(one), 0));
}

struct Evaluation {
  double loss, accuracy;
};

Evaluation judge(const Matrix& logits, const Labels& labels) {
  return {nn::softmax_cross_entropy(logits, labels).loss, nn::accuracy(logits, labels)};
}

/// The right way. For a const model only infer compiles.
Evaluation validate(const Model& model, const Data& data) {
  return judge(model.infer(data.held_out_x), data.held_out_y);
}

void show_the_forgotten_eval(const Model& model, const Data& data) {
  const Evaluation right = validate(model, data);
  std::printf(
      "\n3. Validation on %d held-out patients, sorted by diagnosis:\n\n"
      "| loop                               | loss   | accuracy | loss by infer afterwards |\n"
      "|------------------------------------|--------|----------|--------------------------|\n"
      "| infer                              | %6.4f | %8.4f | %24.4f |\n",
      static_cast<int>(data.held_out_y.size()), right.loss, right.accuracy, right.loss);
  for (const Index size : {64, 16, 4, 2}) {
    Model copy = model;
    const Evaluation wrong =
        judge(nn::forward_without_eval(copy, data.held_out_x, size), data.held_out_y);
    std::printf("| forgotten eval, batches of %-2d      | %6.4f | %8.4f | %24.4f |\n",
                static_cast<int>(size), wrong.loss, wrong.accuracy, validate(copy, data).loss);
  }
  std::printf(
      "\n   The last column: the loop has moved the running statistics, too. After small batches\n"
      "   the model stays worse when eval is remembered.\n");
}

template <typename M, typename = void>
constexpr bool can_forward = false;
template <typename M>
constexpr bool can_forward<M, std::void_t<decltype(std::declval<M&>().forward(Matrix()))>> = true;

/// forward is not const. Code that validates takes const Model&, as validate above does.
static_assert(can_forward<BatchNorm1d<float>> && !can_forward<const BatchNorm1d<float>>);

#ifdef SHOW_WHAT_DOES_NOT_COMPILE
Matrix validate_wrongly(const Model& model, const Matrix& x) {
  return model.forward(x);  // does not compile: forward is not const
}
#endif

void run(const nn::Flags& flags) {
  nn::Random random(flags.seed);
  const Data data = split(nn::read_breast_cancer(flags.data), random);
  const Model model = train(data, flags, random);
  show_who_is_in_the_batch(model, data);
  show_a_batch_of_one(model, data);
  show_the_forgotten_eval(model, data);
  std::printf(
      "\n4. None of this compiles for a const model: forward is not const. Try it:\n"
      "   -DSHOW_WHAT_DOES_NOT_COMPILE\n");
}

}  // namespace

int main(int argc, char** argv) {
  nn::Flags flags{30, 64, 2e-3, 1, EIGEN_NORM_EXAMPLES_DATA_DIR};
  CLI::App app{"Shows what training and eval mode of BatchNorm do, and the bugs of mixing them up"};
  nn::add_flags(app, flags);
  CLI11_PARSE(app, argc, argv);
  try {
    run(flags);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "train_vs_eval: %s\n", error.what());
    return 1;
  }
}
