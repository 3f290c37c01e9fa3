// SPDX-License-Identifier: MIT
#include <chrono>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "distributed/resnet50.hpp"
#include "mpi/scaling/delayed.hpp"
#include "mpi/scaling/merging.hpp"
#include "mpi/scaling/overlap.hpp"
#include "mpi/scaling/timing.hpp"
#include "mpi/world.hpp"

// Measures what docs/scaling.md shows. Each line begins with its kind and the number of ranks;
// times are in microseconds: the least, the lower quartile and the median.
namespace eigen_norm::test {
namespace {

void say(const std::string& what, const Ranks& ranks, const std::vector<double>& times) {
  if (ranks->rank() != 0) return;
  std::printf("%s %d %.1f %.1f %.1f\n", what.c_str(), ranks->size(), quantile(times, 0),
              quantile(times, 0.25), quantile(times, 0.5));
  std::fflush(stdout);
}

// An all-gather by its size.
void measure_collectives(const Ranks& ranks) {
  for (const Index count : {1, 130, 514, 1026, 4098, 16386, 65538}) {
    const std::vector<double> mine(static_cast<std::size_t>(count), 1);
    const auto gather = [&] { ranks->all_gather(mine.data(), count, "a measurement"); };
    say("gather_" + std::to_string(8 * count), ranks, slowest_ranks(300, {gather}).front());
  }
}

// All messages of a step of ResNet-50, one after the other.
void measure_resnet50(const Ranks& ranks) {
  const std::vector<double> mine(2 + 2 * 2048, 1);
  const auto step = [&] {
    for (int way = 0; way < 2; ++way) {
      for (const Index channels : resnet50_channels()) {
        ranks->all_gather(mine.data(), 2 + 2 * channels, "a measurement");
      }
    }
  };
  say("resnet50", ranks, slowest_ranks(100, {step}).front());
}

void measure_overlap(const Ranks& ranks, const std::string& name) {
  using Overlap = OverlapStep::Overlap;
  OverlapStep step(ranks, 4, 256, 14);
  const auto times =
      slowest_ranks(200, {[&] { step(Overlap::none); }, [&] { step(Overlap::started); },
                          [&] { step(Overlap::poked); }});
  say(name + "_without_overlap", ranks, times[0]);
  say(name + "_started", ranks, times[1]);
  say(name + "_started_and_poked", ranks, times[2]);
}

void measure_merging() {
  for (const int ranks : {1, 10, 100, 1000}) {
    std::printf("merging_512_channels %d %.1f\n", ranks, merging(ranks, 512));
  }
}

}  // namespace
}  // namespace eigen_norm::test

int main(int argc, char** argv) {
  using namespace eigen_norm::test;
  MPI_Init(&argc, &argv);
  {
    const Ranks ranks = world();
    if (ranks->size() == 1) measure_merging();
    measure_collectives(ranks);
    measure_resnet50(ranks);
    measure_overlap(ranks, "step");
    const auto slow = std::chrono::milliseconds(1);
    measure_overlap(std::make_shared<Delayed>(ranks, slow), "step_of_1_ms_messages");
  }
  MPI_Finalize();
  return 0;
}
