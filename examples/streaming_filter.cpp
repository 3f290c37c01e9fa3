// SPDX-License-Identifier: MIT
//
// BatchNorm in an audio callback: an equaliser that learns how loud each octave of a signal is, and
// then levels them block by block, 64 samples at a time, without ever asking for memory.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <vector>

#include "nn/band_equaliser.hpp"
#include "nn/random.hpp"

namespace {

using nn::BandEqualiser;
using Samples = BandEqualiser::Samples;
using Bands = BandEqualiser::Bands;

constexpr double sample_rate_hz = 48000;

/// Something like music: noise whose octaves become quieter upwards, and a slow beat.
class DullNoise {
 public:
  explicit DullNoise(std::uint64_t seed) : random_(seed) {}

  Samples next() {
    Samples x;
    for (int i = 0; i < BandEqualiser::block; ++i, ++time_) {
      const double white = random_.normal();
      level_ += 0.02 * (white - level_);  // a low pass at 150 Hz
      const double beat = 1 + 0.5 * std::sin(2 * 3.141592653589793 * 2 * time_ / sample_rate_hz);
      x(i) = static_cast<float>(beat * (level_ + 0.002 * white));
    }
    return x;
  }

 private:
  nn::Random random_;
  double level_ = 0;
  double time_ = 0;
};

/// How loud each octave is, over many blocks.
class Loudness {
 public:
  void hear(const Samples& x) { heard_.merge(norm_.batch_statistics(analyser_.split(x))); }
  /// Against the lowest.
  double db(int band) const { return 10 * std::log10(heard_.m2(band) / heard_.m2(0)); }

 private:
  BandEqualiser analyser_{sample_rate_hz};
  BandEqualiser::Norm norm_;
  BandEqualiser::Norm::Statistics heard_;
};

void run(int seconds, std::uint64_t seed) {
  const int blocks = static_cast<int>(seconds * sample_rate_hz / BandEqualiser::block);
  BandEqualiser equaliser(sample_rate_hz);
  DullNoise rehearsal(seed);
  for (int block = 0; block < blocks; ++block) equaliser.learn(rehearsal.next());
  equaliser.finish_learning();

  DullNoise concert(seed + 1);
  Loudness before, after;
  std::vector<double> microseconds;
  for (int block = 0; block < blocks; ++block) {
    const Samples x = concert.next();
    const auto start = std::chrono::steady_clock::now();
    const Samples y = equaliser.process(x);
    const std::chrono::duration<double, std::micro> time = std::chrono::steady_clock::now() - start;
    microseconds.push_back(time.count());
    before.hear(x);
    after.hear(y);
  }

  std::printf(
      "| octave around | loudness before | after equalising |\n"
      "|---------------|-----------------|------------------|\n");
  for (int b = 0; b < BandEqualiser::bands; ++b) {
    std::printf("| %10.0f Hz | %12.1f dB | %13.1f dB |\n", BandEqualiser::centre_hz(b),
                before.db(b), after.db(b));
  }
  std::sort(microseconds.begin(), microseconds.end());
  std::printf(
      "\n%d blocks of %d samples; a block must be done in %.0f us and takes %.1f us "
      "(median), %.1f us (99 of 100)\n",
      blocks, BandEqualiser::block, 1e6 * BandEqualiser::block / sample_rate_hz,
      microseconds[microseconds.size() / 2], microseconds[microseconds.size() * 99 / 100]);
  std::printf("the equaliser is %zu bytes, all of them in the object\n", sizeof(BandEqualiser));
}

}  // namespace

int main(int argc, char** argv) {
  int seconds = 10;
  std::uint64_t seed = 1;
  CLI::App app("Levels the octaves of a stream by BatchNorm, block by block");
  app.add_option("--seconds", seconds, "Length of the rehearsal and of the concert")
      ->check(CLI::Range(1, 3600))
      ->capture_default_str();
  app.add_option("--seed", seed, "Seed of the signal")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  run(seconds, seed);
}
