// SPDX-License-Identifier: MIT
//
// Which digit is it? One small convolutional network on 1,797 handwritten digits of 8 x 8 pixels,
// three times: with BatchNorm2d, with GroupNorm, and with no normalization.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <eigen_norm/eigen_norm.hpp>
#include <exception>
#include <string>

#include "nn/adam.hpp"
#include "nn/chain.hpp"
#include "nn/channel_bias.hpp"
#include "nn/conv2d.hpp"
#include "nn/datasets.hpp"
#include "nn/flags.hpp"
#include "nn/linear.hpp"
#include "nn/metrics.hpp"
#include "nn/pooling.hpp"
#include "nn/relu.hpp"
#include "nn/state.hpp"
#include "nn/stratified_folds.hpp"
#include "nn/training.hpp"

namespace {

using eigen_norm::BatchNorm2d;
using eigen_norm::GroupNorm;
using nn::Index;
using nn::Labels;
using Images = nn::Images<float>;
using Matrix = nn::Matrix<float>;
using Conv2d = nn::Conv2d<float>;
using Linear = nn::Linear<float>;

template <typename Norm>
using Block = nn::Chain<Images, Conv2d, Norm, nn::Relu>;

/// (N, 1, 8, 8) -> (N, 16, 8, 8) -> (N, 32, 8, 8) -> (N, 32, 4, 4) -> (N, 64, 4, 4) -> (N, 64) ->
/// (N, 10) logits.
template <typename Norm>
using DigitsCnn = nn::Chain<Images, Block<Norm>, Block<Norm>, nn::MaxPool2d, Block<Norm>,
                            nn::GlobalAveragePool, Linear>;

/// make_norm(channels) returns the normalization to put after a convolution of so many channels.
template <typename MakeNorm>
auto make_model(const MakeNorm& make_norm, nn::Random& random) {
  using Norm = decltype(make_norm(Index{1}));
  const auto block = [&](Index inputs, Index outputs) {
    return Block<Norm>{Conv2d(inputs, outputs, 3, random), make_norm(outputs), nn::Relu()};
  };
  return DigitsCnn<Norm>{
      block(1, 16),  block(16, 32),           nn::MaxPool2d(2),
      block(32, 64), nn::GlobalAveragePool(), Linear(64, 10, nn::Bias::learned, random)};
}

struct Data {
  Images train_x, held_out_x;
  Labels train_y, held_out_y;
};

/// Four fifths to learn from, one fifth held out, the same whatever --seed says.
Data split(const nn::Digits& digits) {
  nn::Random random(0);
  const nn::Split rows = nn::stratified_folds(digits.digits, 5, random).front();
  return {nn::gather(digits.images, rows.train), nn::gather(digits.images, rows.held_out),
          nn::gather(digits.digits, rows.train), nn::gather(digits.digits, rows.held_out)};
}

struct Result {
  std::string name;
  Index parameters;
  double train_loss, held_out_loss, accuracy;
};

/// The model is const, so it cannot learn from the images it is judged on: model.forward(x) would
/// not compile here.
template <typename Model>
void evaluate(const Model& model, const Data& data, Result& result) {
  const Matrix logits = model.infer(data.held_out_x);
  result.held_out_loss = nn::softmax_cross_entropy(logits, data.held_out_y).loss;
  result.accuracy = nn::accuracy(logits, data.held_out_y);
}

template <typename MakeNorm>
Result train(const std::string& name, const MakeNorm& make_norm, const Data& data,
             const nn::Flags& flags) {
  nn::Random random(flags.seed);
  auto model = make_model(make_norm, random);
  nn::Adam<float> optimizer(flags.learning_rate);
  Result result{name, nn::parameter_count(model), 0.0, 0.0, 0.0};
  for (int epoch = 1; epoch <= flags.epochs; ++epoch) {
    result.train_loss =
        nn::train_epoch(model, optimizer, data.train_x, data.train_y, flags.batch_size, random);
    evaluate(model, data, result);
    std::printf("%-11s  epoch %2d/%d  train loss %.4f  held-out loss %.4f  accuracy %.4f\n",
                name.c_str(), epoch, flags.epochs, result.train_loss, result.held_out_loss,
                result.accuracy);
    std::fflush(stdout);
  }
  return result;
}

void run(const nn::Flags& flags) {
  const Data data = split(nn::read_digits(flags.data));
  std::printf("%d images to learn from, %d held out\n", static_cast<int>(data.train_y.size()),
              static_cast<int>(data.held_out_y.size()));
  const Result results[] = {
      train(
          "BatchNorm2d", [](Index channels) { return BatchNorm2d<float>(channels); }, data, flags),
      train(
          "GroupNorm", [](Index channels) { return GroupNorm<float>(8, channels); }, data, flags),
      train(
          "none", [](Index channels) { return nn::ChannelBias<float>(channels); }, data, flags),
  };
  std::printf(
      "\nAfter %d epochs (\"none\" has a bias per channel in place of the normalization):\n\n"
      "|             | parameters | train loss | held-out loss | held-out accuracy |\n"
      "|-------------|------------|------------|---------------|-------------------|\n",
      flags.epochs);
  for (const Result& result : results) {
    std::printf("| %-11s | %10d | %10.4f | %13.4f | %17.4f |\n", result.name.c_str(),
                static_cast<int>(result.parameters), result.train_loss, result.held_out_loss,
                result.accuracy);
  }
}

}  // namespace

int main(int argc, char** argv) {
  nn::Flags flags{10, 32, 2e-3, 1, EIGEN_NORM_EXAMPLES_DATA_DIR};
  CLI::App app{"Trains a network on handwritten digits with BatchNorm2d, GroupNorm and neither"};
  nn::add_flags(app, flags);
  CLI11_PARSE(app, argc, argv);
  try {
    run(flags);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "digits_cnn: %s\n", error.what());
    return 1;
  }
}
