// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <array>
#include <csignal>

#include "checks.hpp"
#include "nn/confusion_matrix.hpp"
#include "nn/evaluation.hpp"
#include "nn/interrupt.hpp"
#include "nn/linear.hpp"
#include "nn/progress_bar.hpp"

namespace {

using nn::Labels;

TEST(ConfusionMatrix, counts_what_each_class_was_taken_for) {
  nn::Matrix<float> logits(4, 2);
  logits << 1, 2, 2, 1, 0, 5, 5, 0;
  nn::ConfusionMatrix matrix(2);
  matrix.add(logits, (Labels(4) << 1, 0, 0, 0).finished());
  matrix.add(logits, (Labels(4) << 0, 0, 1, 0).finished());
  EXPECT_EQ(matrix.count(0, 0), 4);
  EXPECT_EQ(matrix.count(0, 1), 2);
  EXPECT_EQ(matrix.count(1, 0), 0);
  EXPECT_EQ(matrix.count(1, 1), 2);
  EXPECT_EQ(matrix.accuracy(), 0.75);
  EXPECT_EQ(matrix.recall(0), 4.0 / 6.0);
  EXPECT_EQ(matrix.text(std::array<const char*, 2>{"coat", "bag"}),
            "                 0     1   found\n"
            "0 coat           4     2   66.7%\n"
            "1 bag            0     2  100.0%\n");
}

TEST(Evaluation, a_few_at_a_time_is_that_of_all_at_once) {
  nn::Random random(1);
  const nn::Linear<double> model(3, 2, nn::Bias::learned, random);
  const nn::Matrix<double> x = random_matrix(11, 3);
  const Labels labels = (x.col(0).array() > x.col(1).array()).cast<int>();
  const nn::Evaluation evaluation = nn::evaluate(model, x, labels, 2, 4);
  const nn::Matrix<double> logits = model.infer(x);
  EXPECT_NEAR(evaluation.loss, nn::softmax_cross_entropy(logits, labels).loss, 1e-14);
  EXPECT_EQ(evaluation.confusion.accuracy(), nn::accuracy(logits, labels));
}

TEST(ProgressBar, shows_share_rate_and_time_left) {
  const nn::ProgressBar bar("images", 200, 0);
  EXPECT_EQ(bar.text("epoch 1/2", 0, 0.0),
            "epoch 1/2 [>                       ]   0%  0 images/s  0:00 left");
  EXPECT_EQ(bar.text("epoch 1/2", 50, 2.0),
            "epoch 1/2 [======>                 ]  25%  2 images/s  1:15 left");
  EXPECT_EQ(bar.text("epoch 2/2", 200, 1000.0),
            "epoch 2/2 [========================] 100%  1000 images/s  0:00 left");
}

TEST(Interrupt, is_noted_once_and_then_left_to_the_system) {
  using Handler = void (*)(int);
  const Handler before = std::signal(SIGINT, SIG_IGN);
  {
    const nn::Interrupt interrupt;
    EXPECT_FALSE(interrupt.requested());
    std::raise(SIGINT);
    EXPECT_TRUE(interrupt.requested());
    const Handler second = std::signal(SIGINT, SIG_IGN);
    EXPECT_EQ(second, Handler{SIG_DFL});
  }
  EXPECT_FALSE(nn::Interrupt().requested());
  const Handler restored = std::signal(SIGINT, before);
  EXPECT_EQ(restored, Handler{SIG_IGN});
}

}  // namespace
