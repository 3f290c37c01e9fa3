// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <eigen_norm/layer_norm.hpp>
#include <eigen_norm/rms_norm.hpp>
#include <utility>
#include <vector>

#include "nn/causal_self_attention.hpp"
#include "nn/chain.hpp"
#include "nn/embedding.hpp"
#include "nn/gelu.hpp"
#include "nn/identity.hpp"
#include "nn/linear.hpp"
#include "nn/one_of.hpp"
#include "nn/residual.hpp"
#include "nn/stack.hpp"

namespace nn {

struct TransformerOptions {
  enum class Norm { layer, rms, none };
  enum class Placement { pre, post };

  Index vocabulary;
  Index context = 64;  ///< T, the positions of a sequence
  Index width = 96;    ///< numbers per position
  Index heads = 4;
  Index layers = 3;
  Norm norm = Norm::layer;
  Placement placement = Placement::pre;
};

/// A decoder-only transformer: tokens (N, T) in, and for each position the logits of the token that
/// follows out, (N*T, vocabulary). Each of its blocks has two sublayers f, attention and then a
/// feed-forward network four times as wide, with the normalization before or after:
///
///     pre    y = x + f(norm(x)), and one more norm in front of the head (GPT-2)
///     post   y = norm(x + f(x)) (Vaswani and others, 2017)
template <typename ScalarType>
class Transformer {
 public:
  using Scalar = ScalarType;
  using Options = TransformerOptions;

  Transformer(const Options& options, Random& random)
      : embedding_(options.vocabulary, options.context, options.width, random),
        body_(make_body(options, random)) {}

  Matrix<Scalar> forward(const Tokens& x) {
    embedded_ = embedding_.forward(x);
    return body_.forward(embedded_);
  }

  Matrix<Scalar> infer(const Tokens& x) const { return body_.infer(embedding_.infer(x)); }

  void backward(const Tokens& x, const Matrix<Scalar>& dy) {
    embedding_.backward(x, body_.backward(embedded_, dy));
  }

  void zero_grad() {
    embedding_.zero_grad();
    body_.zero_grad();
  }

  template <typename Visit>
  void for_each_parameter(Visit&& visit) {
    embedding_.for_each_parameter(visit);
    body_.for_each_parameter(visit);
  }

 private:
  using M = Matrix<Scalar>;
  using Linear = nn::Linear<Scalar>;
  using Norm = OneOf<eigen_norm::LayerNorm<Scalar>, eigen_norm::RMSNorm<Scalar>, Identity>;
  using Attention = Chain<M, Linear, CausalSelfAttention, Linear>;
  using FeedForward = Chain<M, Linear, Gelu, Linear>;

  /// One of its two norms is the identity: the second of a pre-norm, the first of a post-norm.
  template <typename Function>
  using Sublayer = Chain<M, Residual<Chain<M, Norm, Function>>, Norm>;
  using Block = Chain<M, Sublayer<Attention>, Sublayer<FeedForward>>;
  using Body = Chain<M, Stack<M, Block>, Norm, Linear>;

  static Norm make_norm(const Options& options, Options::Placement where) {
    if (options.placement == where) {
      switch (options.norm) {
        case Options::Norm::layer:
          return eigen_norm::LayerNorm<Scalar>(options.width);
        case Options::Norm::rms:
          return eigen_norm::RMSNorm<Scalar>(options.width);
        case Options::Norm::none:
          break;
      }
    }
    return Identity();
  }

  template <typename Function>
  static Sublayer<Function> make_sublayer(const Options& options, Function function) {
    using Inner = Chain<M, Norm, Function>;
    return {
        Residual<Inner>(Inner{make_norm(options, Options::Placement::pre), std::move(function)}),
        make_norm(options, Options::Placement::post)};
  }

  static Body make_body(const Options& options, Random& random) {
    const Index width = options.width;
    const auto linear = [&](Index inputs, Index outputs, double gain = 1.0) {
      return Linear(inputs, outputs, Bias::learned, random, gain);
    };
    // As in GPT-2, so that the sum of all sublayers begins no larger than what it is added to.
    const double last = 1.0 / std::sqrt(2.0 * static_cast<double>(options.layers));
    std::vector<Block> blocks;
    for (Index layer = 0; layer < options.layers; ++layer) {
      Attention attention{linear(width, 3 * width),
                          CausalSelfAttention(options.context, width, options.heads),
                          linear(width, width, last)};
      FeedForward feed_forward{linear(width, 4 * width), Gelu(), linear(4 * width, width, last)};
      blocks.push_back({make_sublayer(options, std::move(attention)),
                        make_sublayer(options, std::move(feed_forward))});
    }
    return {Stack<M, Block>(std::move(blocks)), make_norm(options, Options::Placement::pre),
            linear(width, options.vocabulary)};
  }

  Embedding<Scalar> embedding_;
  M embedded_;
  Body body_;
};

}  // namespace nn
