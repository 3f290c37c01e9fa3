// SPDX-License-Identifier: MIT
//
// A small transformer that learns to write licences: from a window of characters it predicts each
// next one. With LayerNorm, RMSNorm or no normalization, before or after each sublayer.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <map>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "nn/adam.hpp"
#include "nn/data_parallel.hpp"
#include "nn/learning_rate.hpp"
#include "nn/random.hpp"
#include "nn/softmax.hpp"
#include "nn/softmax_cross_entropy.hpp"
#include "nn/state.hpp"
#include "nn/text.hpp"
#include "nn/transformer.hpp"
#include "nn/vocabulary.hpp"
#include "nn/windows.hpp"

namespace {

using nn::Index;
using nn::Labels;
using Matrix = nn::Matrix<float>;
using Model = nn::Transformer<float>;

const std::map<std::string, nn::TransformerOptions::Norm> norms{
    {"layer", nn::TransformerOptions::Norm::layer},
    {"rms", nn::TransformerOptions::Norm::rms},
    {"none", nn::TransformerOptions::Norm::none}};
const std::map<std::string, nn::TransformerOptions::Placement> placements{
    {"pre", nn::TransformerOptions::Placement::pre},
    {"post", nn::TransformerOptions::Placement::post}};

struct Flags {
  std::string norm = "layer", placement = "pre";
  nn::TransformerOptions model;
  std::string data = "/usr/share/common-licenses";
  Index batch_size = 8;
  double learning_rate = 4e-3;
  int steps = 3000;
  std::uint64_t seed = 1;
  int sample_length = 600;
  double temperature = 0.7;
  int threads = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
};

/// The last tenth of the text is held out: licences, or ends of them, that are not learned from.
struct Data {
  Labels train, held_out;

  Data(const Labels& text, Index context)
      : train(text.head(text.size() - text.size() / 10)), held_out(text.tail(text.size() / 10)) {
    if (held_out.size() <= context) {
      throw std::runtime_error("expected a text of at least " + std::to_string(10 * (context + 1)) +
                               " characters, for its last tenth must be longer than the context " +
                               "of " + std::to_string(context) + ", got " +
                               std::to_string(text.size()));
    }
  }
};

/// In nats per character. The model is const, so it cannot learn from the text it is judged on:
/// model.forward(x) would not compile here.
double mean_loss(const Model& model, const Labels& text, const Flags& flags) {
  const std::vector<Index> starts = nn::all_starts(text, flags.model.context);
  double total = 0.0;
  for (auto first = starts.begin(); first != starts.end();) {
    const auto count = std::min<Index>(flags.batch_size, starts.end() - first);
    const auto [tokens, next] = nn::windows(text, {first, first + count}, flags.model.context);
    total += nn::softmax_cross_entropy(model.infer(tokens), next).loss * static_cast<double>(count);
    first += count;
  }
  return total / static_cast<double>(starts.size());
}

/// Forward and backward of one batch, its windows shared out among the threads.
double learn(Model& model, nn::DataParallel<Model>& parallel, const Labels& text,
             const std::vector<Index>& starts, Index context) {
  const auto count = static_cast<int>(starts.size());
  return parallel.gradients(model, [&](Model& one, int share) {
    const auto first = starts.begin() + count * share / parallel.shares();
    const auto last = starts.begin() + count * (share + 1) / parallel.shares();
    const auto [tokens, next] = nn::windows(text, {first, last}, context);
    auto [loss, dlogits] = nn::softmax_cross_entropy(one.forward(tokens), next);
    const double weight = static_cast<double>(last - first) / count;
    dlogits *= static_cast<float>(weight);
    one.zero_grad();
    one.backward(tokens, dlogits);
    return weight * loss;
  });
}

void print_losses(int step, const Flags& flags, double train, double held_out) {
  std::printf("step %5d/%d  train loss %.3f  held-out loss %.3f nats (%.3f bits) per character\n",
              step, flags.steps, train, held_out, held_out / std::log(2.0));
  std::fflush(stdout);
}

void train(Model& model, const Data& data, const Flags& flags, nn::Random& random) {
  const int threads = static_cast<int>(std::min<Index>(flags.threads, flags.batch_size));
  nn::DataParallel<Model> parallel(model, threads);
  nn::Adam<float> optimizer(flags.learning_rate);
  const int steps_per_line = std::max(1, flags.steps / 10);
  double train_loss = 0.0;  // the sum since the last line
  int steps = 0;
  for (int step = 1; step <= flags.steps; ++step) {
    const auto starts =
        nn::random_starts(data.train, flags.model.context, flags.batch_size, random);
    train_loss += learn(model, parallel, data.train, starts, flags.model.context);
    ++steps;
    if (!std::isfinite(train_loss)) {
      throw std::runtime_error("step " + std::to_string(step) +
                               ": the loss is not finite; a lower --lr may help");
    }
    optimizer.set_learning_rate(
        nn::warm_up_and_cosine(flags.learning_rate, (step - 0.5) / flags.steps));
    optimizer.step(model);
    if (step % steps_per_line == 0 || step == flags.steps) {
      print_losses(step, flags, train_loss / steps, mean_loss(model, data.held_out, flags));
      train_loss = 0.0;
      steps = 0;
    }
  }
}

/// Draws k with probability p(k).
int draw(const Eigen::RowVectorXf& p, nn::Random& random) {
  double left = random.uniform();
  int k = 0;
  while (k + 1 < static_cast<int>(p.size()) && (left -= static_cast<double>(p(k))) > 0) {
    ++k;
  }
  return k;
}

/// Continues the beginning of `text`, a window of it: the window moves on over what was drawn.
std::string sample(const Model& model, const nn::Vocabulary& vocabulary, const Labels& text,
                   const Flags& flags, nn::Random& random) {
  nn::Tokens window = text.head(flags.model.context).transpose();
  std::string written;
  for (int i = 0; i < flags.sample_length; ++i) {
    Eigen::RowVectorXf p =
        model.infer(window).bottomRows(1) / static_cast<float>(flags.temperature);
    nn::softmax(p);
    const int next = draw(p, random);
    written += vocabulary.decode(next);
    std::rotate(window.data(), window.data() + 1, window.data() + window.size());
    window(0, window.cols() - 1) = next;
  }
  return written;
}

void run(Flags& flags) {
  const std::string text = nn::read_text(flags.data);
  const nn::Vocabulary vocabulary(text);
  const Data data(vocabulary.encode(text), flags.model.context);
  nn::Random random(flags.seed);
  flags.model.vocabulary = vocabulary.size();
  flags.model.norm = norms.at(flags.norm);
  flags.model.placement = placements.at(flags.placement);
  Model model(flags.model, random);
  std::printf("%d characters to learn from, %d held out, %d different ones; %d parameters\n",
              static_cast<int>(data.train.size()), static_cast<int>(data.held_out.size()),
              static_cast<int>(vocabulary.size()), static_cast<int>(nn::parameter_count(model)));

  const double at_start = mean_loss(model, data.held_out, flags);
  print_losses(0, flags, at_start, at_start);
  const auto start = std::chrono::steady_clock::now();
  train(model, data, flags, random);
  const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
  std::printf(
      "%.0f seconds, %.0f characters per second\n", time.count(),
      static_cast<double>(flags.steps * flags.batch_size * flags.model.context) / time.count());

  const auto context = static_cast<std::size_t>(flags.model.context);
  const auto prompt_start = text.size() - static_cast<std::size_t>(data.held_out.size());
  std::printf("\nThe held-out text begins:\n\n%s\n\nThe model goes on:\n\n%s\n",
              text.substr(prompt_start, context).c_str(),
              sample(model, vocabulary, data.held_out, flags, random).c_str());
}

void add_flags(CLI::App& app, Flags& flags) {
  const auto add = [&app](const char* name, auto& value, const char* what, const auto& check) {
    app.add_option(name, value, what)->check(check)->capture_default_str();
  };
  add("--norm", flags.norm, "Normalization: layer, rms or none", CLI::IsMember(norms));
  add("--placement", flags.placement, "Before the sublayer (pre) or after the sum (post)",
      CLI::IsMember(placements));
  add("--layers", flags.model.layers, "Blocks of attention and feed-forward", CLI::Range(1, 100));
  add("--width", flags.model.width, "Numbers per position", CLI::Range(1, 4096));
  add("--heads", flags.model.heads, "Heads of attention; must divide the width",
      CLI::Range(1, 4096));
  add("--context", flags.model.context, "Characters that the model sees", CLI::Range(1, 4096));
  add("--batch-size", flags.batch_size, "Windows of text per step", CLI::Range(1, 4096));
  add("--lr", flags.learning_rate, "Highest learning rate of Adam", CLI::Range(1e-6, 10.0));
  add("--steps", flags.steps, "Batches to learn from", CLI::Range(1, 10000000));
  add("--sample-length", flags.sample_length, "Characters to write at the end",
      CLI::Range(0, 1000000));
  add("--temperature", flags.temperature,
      "Of the sample: below 1 the likely characters become likelier", CLI::Range(0.01, 100.0));
  add("--threads", flags.threads, "Threads that share each batch; rounding depends on their number",
      CLI::Range(1, 1024));
  app.add_option("--seed", flags.seed, "Seed of all random numbers")->capture_default_str();
  app.add_option("--data", flags.data, "Text file, or folder of text files")->capture_default_str();
}

}  // namespace

int main(int argc, char** argv) {
  Flags flags;
  CLI::App app{"Trains a small transformer on the characters of a text, then writes a sample"};
  add_flags(app, flags);
  CLI11_PARSE(app, argc, argv);
  try {
    run(flags);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "char_transformer: %s\n", error.what());
    return 1;
  }
}
