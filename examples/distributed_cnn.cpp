// SPDX-License-Identifier: MIT
//
// The network of fashion_cnn on several processes, each of which sees a share of every batch: what
// is lost when BatchNorm takes the statistics of the share, and what SyncBatchNorm gives back.
//
//     mpirun -n 4 distributed_cnn --norm sync

#include <CLI/CLI.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <eigen_norm/eigen_norm.hpp>
#include <eigen_norm/mpi/sync_batch_norm.hpp>
#include <exception>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "nn/checkpoint.hpp"
#include "nn/evaluation.hpp"
#include "nn/fashion_cnn.hpp"
#include "nn/fashion_mnist.hpp"
#include "nn/flags.hpp"
#include "nn/interrupt.hpp"
#include "nn/one_of.hpp"
#include "nn/progress_bar.hpp"
#include "nn/rank_parallel.hpp"
#include "nn/state.hpp"
#include "nn/training_run.hpp"

namespace {

using nn::FashionMnist;
using nn::Index;
using Communicator = eigen_norm::mpi::Communicator;
using Norm = nn::OneOf<eigen_norm::BatchNorm2d<float>, eigen_norm::SyncBatchNorm2d<float>>;
using Cnn = nn::FashionCnn<Norm>;
using Run = nn::TrainingRun<Cnn::Model>;

struct Flags : nn::Flags {
  std::string norm = "sync";
  Index images = 6000;
  std::string checkpoint = "distributed_cnn.checkpoint";
  bool resume = false;
  std::string program = "distributed_cnn";  ///< as it was called

  std::string flags() const {
    std::ostringstream text;
    text << "--norm " << norm << " --epochs " << epochs << " --batch-size " << batch_size
         << " --lr " << learning_rate << " --seed " << seed << " --images " << images;
    return text.str();
  }
  /// All that the numbers of a run depend on.
  std::string plan(int ranks) const {
    return "distributed_cnn on " + std::to_string(ranks) + " ranks " + flags();
  }
};

/// One rank of the training. Rank 0 alone speaks and writes; with --norm batch the running
/// statistics are its own, and the model is judged with them.
class Rank {
 public:
  Rank(const Flags& flags, std::shared_ptr<Communicator> ranks)
      : flags_(flags),
        ranks_(std::move(ranks)),
        plan_(flags.plan(ranks_->size())),
        parallel_(ranks_),
        data_(nn::read_fashion_mnist(flags.data)),
        run_(make_run()) {}

  int train() {
    const auto start = std::chrono::steady_clock::now();
    // All of them read what rank 0 has written.
    if (flags_.resume) nn::load_checkpoint(run_, flags_.checkpoint, plan_);
    if (speaks()) {
      say("%s: %d parameters\n", plan_.c_str(), static_cast<int>(parameters_));
      // Begun and dropped: where nothing can be written, that is said now and not after an epoch.
      nn::CheckpointWriter(flags_.checkpoint, plan_);
    }
    if (!learn()) {
      save();
      say("Interrupted in epoch %d after %d images. To go on:\n"
          "mpirun -n %d '%s' %s --data '%s' --checkpoint '%s' --resume\n",
          static_cast<int>(run_.epoch()), static_cast<int>(run_.seen()), ranks_->size(),
          flags_.program.c_str(), flags_.flags().c_str(), flags_.data.c_str(),
          flags_.checkpoint.c_str());
      return 130;  // as a shell says of Ctrl-C
    }
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    say("%.0f s. Saved in %s\n", taken.count(), flags_.checkpoint.c_str());
    return 0;
  }

 private:
  bool speaks() const { return ranks_->rank() == 0; }

  template <typename... Values>
  void say(const char* format, const Values&... values) const {
    if (!speaks()) return;
    std::printf(format, values...);
    std::fflush(stdout);
  }

  Run make_run() {
    nn::Random random(flags_.seed);  // the same on every rank
    Cnn::Model model = Cnn::make(
        [&](Index channels, Index) -> Norm {
          if (flags_.norm == "batch") return eigen_norm::BatchNorm2d<float>(channels);
          return eigen_norm::SyncBatchNorm2d<float>(channels, ranks_);
        },
        random);
    parameters_ = nn::parameter_count(model);
    return {std::move(model),
            {flags_.epochs, flags_.batch_size, flags_.learning_rate},
            flags_.images,
            std::move(random)};
  }

  /// Returns false when Ctrl-C came first: mpirun makes SIGTERM of it. All ranks stop after the
  /// same batch, whichever of them hears of it. Nothing is chosen by the test images.
  bool learn() {
    const nn::Interrupt interrupt({SIGINT, SIGTERM});
    nn::ProgressBar bar("images", run_.to_be_seen(), run_.seen_in_all());
    while (!run_.is_complete()) {
      if (parallel_.any(interrupt.requested())) return false;
      run_.step([&](Cnn::Model& model, const std::vector<Index>& rows) {
        return parallel_.gradients(model, data_.train_images, data_.train_labels, rows);
      });
      const std::string label =
          "epoch " + std::to_string(run_.epoch()) + '/' + std::to_string(flags_.epochs);
      if (speaks()) bar.show(label, run_.seen_in_all());
      if (!run_.is_epoch_complete()) continue;
      if (speaks()) bar.clear();
      judge(label);
      save();
    }
    return true;
  }

  void judge(const std::string& label) const {
    if (!speaks()) return;
    const nn::Evaluation test =
        nn::evaluate(run_.model(), data_.test_images, data_.test_labels, FashionMnist::classes);
    say("%s  train loss %.4f  test loss %.4f  test accuracy %.4f\n", label.c_str(),
        run_.mean_loss(), test.loss, test.confusion.accuracy());
  }

  void save() {
    if (speaks()) nn::save_checkpoint(run_, flags_.checkpoint, plan_);
  }

  Flags flags_;
  std::shared_ptr<Communicator> ranks_;
  std::string plan_;
  nn::RankParallel parallel_;
  FashionMnist data_;
  Index parameters_ = 0;
  Run run_;
};

/// An error of one rank is the end of all: the others would wait for it.
int run(const Flags& flags) {
  const auto ranks = std::make_shared<Communicator>(MPI_COMM_WORLD);
  try {
    return Rank(flags, ranks).train();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "distributed_cnn: rank %d: %s\n", ranks->rank(), error.what());
    return MPI_Abort(MPI_COMM_WORLD, 1);
  }
}

int start(int argc, char** argv) {
  Flags flags{{6, 16, 1e-3, 1, nn::fashion_mnist_folder}};
  CLI::App app{"Trains a residual network on Fashion-MNIST on all ranks of mpirun"};
  nn::add_flags(app, flags);
  app.add_option("--norm", flags.norm,
                 "Statistics of each rank's share of a batch, or of the whole batch")
      ->check(CLI::IsMember({"batch", "sync"}))
      ->capture_default_str();
  app.add_option("--images", flags.images, "How many images to learn from, the first ones")
      ->check(CLI::Range(2, 60000))
      ->capture_default_str();
  app.add_option("--checkpoint", flags.checkpoint,
                 "File that the training is saved in after each epoch and on Ctrl-C")
      ->capture_default_str();
  app.add_flag("--resume", flags.resume, "Go on where the checkpoint stopped");
  flags.program = argv[0];
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    int rank = 0;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    return rank == 0 ? app.exit(error) : error.get_exit_code();
  }
  return run(flags);
}

}  // namespace

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  const int result = start(argc, argv);
  MPI_Finalize();
  return result;
}
