// SPDX-License-Identifier: MIT
//
// What tutorials say about normalization, measured: learning rates, batch sizes, depth, scales of
// the first weights and the momentum of running statistics, on photographs of clothing.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "claims/batch.hpp"
#include "claims/depth.hpp"
#include "claims/init.hpp"
#include "claims/lr.hpp"
#include "claims/momentum.hpp"

namespace {

struct Flags {
  std::string study = "all";
  int seeds = 5;
  int threads = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  std::string out;
  std::string data = nn::fashion_mnist_folder;
  bool quick = false;
};

const std::vector<std::pair<std::string, void (*)(const claims::Settings&)>> studies = {
    {"lr", claims::study_lr},
    {"batch", claims::study_batch},
    {"depth", claims::study_depth},
    {"init", claims::study_init},
    {"momentum", claims::study_momentum},
};

void run(Flags flags) {
  if (flags.out.empty()) flags.out = flags.quick ? "build/claims_quick" : "build/claims";
  std::filesystem::create_directories(flags.out);
  const claims::Data data = flags.quick ? claims::small_fashion(flags.data, 1000, 1000)
                                        : claims::small_fashion(flags.data, 20000, 10000);
  const claims::Settings settings{data, flags.seeds, flags.threads, flags.quick ? 1 : 2, flags.out};
  for (const auto& [name, study] : studies) {
    if (flags.study == name || flags.study == "all") study(settings);
  }
  std::printf("Wrote %s; examples/claims/draw.sh draws it\n", flags.out.c_str());
}

}  // namespace

int main(int argc, char** argv) {
  Flags flags;
  CLI::App app{"Measures what tutorials say about normalization, on Fashion-MNIST"};
  app.add_option("--study", flags.study, "Which study to carry out")
      ->check(CLI::IsMember({"lr", "batch", "depth", "init", "momentum", "all"}))
      ->capture_default_str();
  app.add_option("--seeds", flags.seeds, "Trainings of each network, with the seeds 1, 2, ...")
      ->check(CLI::Range(1, 100))
      ->capture_default_str();
  app.add_option("--threads", flags.threads, "Trainings at a time; the results are the same")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  app.add_option("--out", flags.out, "Folder for the results; build/claims or build/claims_quick");
  app.add_option("--data", flags.data, "Folder of Fashion-MNIST")->capture_default_str();
  app.add_flag("--quick", flags.quick, "One visit of 1,000 images, for a first look");
  CLI11_PARSE(app, argc, argv);
  try {
    run(flags);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "claims: %s\n", error.what());
    return 1;
  }
}
