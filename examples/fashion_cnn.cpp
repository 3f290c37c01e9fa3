// SPDX-License-Identifier: MIT
//
// What kind of clothing is it? A residual network on the 60,000 photographs of Fashion-MNIST, with
// the normalization of your choice, on all processor cores; Ctrl-C saves it, --resume goes on.
#define EIGEN_USE_THREADS  // Eigen wants it before its first include

#include "nn/fashion_cnn.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <eigen_norm/eigen_norm.hpp>
#include <exception>
#include <sstream>
#include <string>
#include <thread>
#include <utility>

#include "nn/channel_bias.hpp"
#include "nn/checkpoint.hpp"
#include "nn/evaluation.hpp"
#include "nn/fashion_mnist.hpp"
#include "nn/flags.hpp"
#include "nn/interrupt.hpp"
#include "nn/one_of.hpp"
#include "nn/progress_bar.hpp"
#include "nn/state.hpp"
#include "nn/threads.hpp"
#include "nn/training_run.hpp"

namespace {

using nn::FashionMnist;
using nn::Index;

using Norm = nn::OneOf<eigen_norm::BatchNorm2d<float>, eigen_norm::GroupNorm<float>,
                       eigen_norm::LayerNorm<float>, eigen_norm::InstanceNorm2d<float>,
                       nn::ChannelBias<float>>;
using FashionCnn = nn::FashionCnn<Norm>::Model;

struct Flags : nn::Flags {
  std::string norm = "batch";
  int threads = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  std::string checkpoint = "fashion_cnn.checkpoint";
  bool resume = false;
  std::string program = "fashion_cnn";  ///< as it was called

  /// All that the numbers of a run depend on.
  std::string plan() const {
    std::ostringstream text;
    text << "fashion_cnn --norm " << norm << " --epochs " << epochs << " --batch-size "
         << batch_size << " --lr " << learning_rate << " --seed " << seed;
    return text.str();
  }
};

/// For images (N, channels, side, side). InstanceNorm learns gamma and beta as the others do.
Norm make_norm(const std::string& name, Index channels, Index side) {
  if (name == "batch") return eigen_norm::BatchNorm2d<float>(channels);
  if (name == "group") return eigen_norm::GroupNorm<float>(8, channels);
  if (name == "layer") return eigen_norm::LayerNorm<float>({channels, side, side});
  if (name == "none") return nn::ChannelBias<float>(channels);
  eigen_norm::InstanceNormOptions options;
  options.gamma = options.beta = true;
  return eigen_norm::InstanceNorm2d<float>(channels, options);
}

/// The model is const, so it cannot learn from the images it is judged on.
nn::Evaluation evaluate(const FashionCnn& model, const FashionMnist& data) {
  return nn::evaluate(model, data.test_images, data.test_labels, FashionMnist::classes);
}

using Run = nn::TrainingRun<FashionCnn>;

/// Returns false when Ctrl-C came first. Nothing is chosen by the test images.
bool train(Run& run, const FashionMnist& data, const Flags& flags) {
  const nn::Interrupt interrupt;
  nn::ProgressBar bar("images", run.to_be_seen(), run.seen_in_all());
  while (!run.is_complete() && !interrupt.requested()) {
    run.step(data.train_images, data.train_labels);
    const std::string label =
        "epoch " + std::to_string(run.epoch()) + '/' + std::to_string(flags.epochs);
    bar.show(label, run.seen_in_all());
    if (!run.is_epoch_complete()) continue;
    const nn::Evaluation test = evaluate(run.model(), data);
    bar.clear();
    std::printf("%s  train loss %.4f  test loss %.4f  test accuracy %.4f\n", label.c_str(),
                run.mean_loss(), test.loss, test.confusion.accuracy());
    std::fflush(stdout);
    nn::save_checkpoint(run, flags.checkpoint, flags.plan());
  }
  bar.clear();
  return run.is_complete();
}

void print_result(const nn::Evaluation& test, double seconds) {
  std::printf("\nTest accuracy %.4f, test loss %.4f, %.0f s\n\n", test.confusion.accuracy(),
              test.loss, seconds);
  std::printf("Each line is a kind of clothing, each column what it was taken for:\n\n%s",
              test.confusion.text(FashionMnist::class_names).c_str());
}

int run(const Flags& flags) {
  const auto start = std::chrono::steady_clock::now();
  const FashionMnist data = nn::read_fashion_mnist(flags.data);
  const nn::Threads threads(flags.threads);
  nn::Random random(flags.seed);
  FashionCnn model = nn::FashionCnn<Norm>::make(
      [&](Index channels, Index side) { return make_norm(flags.norm, channels, side); }, random);
  std::printf("%s: %d parameters, %d images, %d threads\n", flags.plan().c_str(),
              static_cast<int>(nn::parameter_count(model)),
              static_cast<int>(data.train_labels.size()), flags.threads);
  std::fflush(stdout);

  Run run(std::move(model), {flags.epochs, flags.batch_size, flags.learning_rate},
          data.train_labels.size(), std::move(random));
  if (flags.resume) nn::load_checkpoint(run, flags.checkpoint, flags.plan());
  // Begun and dropped: where nothing can be written, that is said now and not after an epoch.
  nn::CheckpointWriter(flags.checkpoint, flags.plan());
  if (!train(run, data, flags)) {
    nn::save_checkpoint(run, flags.checkpoint, flags.plan());
    std::printf(
        "Interrupted in epoch %d after %d images. To go on:\n"
        "'%s'%s --threads %d --data '%s' --checkpoint '%s' --resume\n",
        static_cast<int>(run.epoch()), static_cast<int>(run.seen()), flags.program.c_str(),
        flags.plan().substr(std::string("fashion_cnn").size()).c_str(), flags.threads,
        flags.data.c_str(), flags.checkpoint.c_str());
    return 130;  // as a shell says of Ctrl-C
  }
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
  print_result(evaluate(run.model(), data), taken.count());
  std::printf("\nSaved in %s\n", flags.checkpoint.c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Flags flags{{6, 128, 4e-3, 1, nn::fashion_mnist_folder}};
  CLI::App app{"Trains a residual network on Fashion-MNIST"};
  nn::add_flags(app, flags);
  app.add_option("--norm", flags.norm, "Normalization after each convolution")
      ->check(CLI::IsMember({"batch", "group", "layer", "instance", "none"}))
      ->capture_default_str();
  app.add_option("--threads", flags.threads, "Threads; the results do not depend on them")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  app.add_option("--checkpoint", flags.checkpoint,
                 "File that the training is saved in after each epoch and on Ctrl-C")
      ->capture_default_str();
  app.add_flag("--resume", flags.resume, "Go on where the checkpoint stopped");
  CLI11_PARSE(app, argc, argv);
  flags.program = argv[0];
  try {
    return run(flags);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "fashion_cnn: %s\n", error.what());
    return 1;
  }
}
