// SPDX-License-Identifier: MIT
#include "nn/band_equaliser.hpp"

#include <gtest/gtest.h>

#include "nn/random.hpp"
#include "support/heap.hpp"

namespace {

using nn::BandEqualiser;

BandEqualiser::Samples noise(nn::Random& random) {
  BandEqualiser::Samples x;
  random.fill_normal(x, 0.1);
  return x;
}

BandEqualiser after_rehearsal(int blocks) {
  BandEqualiser equaliser(48000);
  nn::Random random(1);
  for (int block = 0; block < blocks; ++block) equaliser.learn(noise(random));
  equaliser.finish_learning();
  return equaliser;
}

TEST(BandEqualiser, asks_for_no_memory_in_the_callback) {
  if (eigen_norm::test::HeapCounter::reason() != nullptr) {
    GTEST_SKIP() << eigen_norm::test::HeapCounter::reason();
  }
  BandEqualiser equaliser = after_rehearsal(10);
  nn::Random random(2);
  const BandEqualiser::Samples x = noise(random);
  BandEqualiser::Samples y;
  EXPECT_EQ(eigen_norm::test::heap_requests([&] {
              for (int block = 0; block < 100; ++block) y = equaliser.process(x);
            }),
            0U);
  EXPECT_TRUE(y.isFinite().all());
}

TEST(BandEqualiser, asks_for_no_memory_at_all) {
  if (eigen_norm::test::HeapCounter::reason() != nullptr) {
    GTEST_SKIP() << eigen_norm::test::HeapCounter::reason();
  }
  nn::Random random(3);
  EXPECT_EQ(eigen_norm::test::heap_requests([&] {
              BandEqualiser equaliser(48000);
              for (int block = 0; block < 10; ++block) equaliser.learn(noise(random));
              equaliser.finish_learning();
              equaliser.process(noise(random));
            }),
            0U);
}

TEST(BandEqualiser, brings_every_octave_to_the_same_loudness) {
  BandEqualiser equaliser = after_rehearsal(10000);
  nn::Random random(4);
  BandEqualiser::Norm::Statistics heard;
  for (int block = 0; block < 10000; ++block) {
    BandEqualiser::Bands bands = equaliser.split(noise(random));
    equaliser.norm().infer(bands, bands);
    heard.merge(equaliser.norm().batch_statistics(bands));
  }
  for (int band = 0; band < BandEqualiser::bands; ++band) {
    EXPECT_NEAR(std::sqrt(heard.var()(band)), 1, 0.1) << band;
    EXPECT_NEAR(heard.mean(band), 0, 0.05) << band;
  }
}

}  // namespace
