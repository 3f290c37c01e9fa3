// SPDX-License-Identifier: MIT
// oneDNN 2, into the same memory as ours. It has no running statistics to update, and no GroupNorm.
#include <omp.h>

#include <oneapi/dnnl/dnnl.hpp>

#include "../peer.hpp"

namespace bench {

namespace {

using dnnl::memory;
using dnnl::normalization_flags;
using dnnl::prop_kind;
using Arguments = std::unordered_map<int, memory>;

const dnnl::engine& engine() {
  static const dnnl::engine cpu(dnnl::engine::kind::cpu, 0);
  return cpu;
}

const auto affine = normalization_flags::use_scale | normalization_flags::use_shift;

/// Norm is batch or layer normalization: primitives that differ in the descriptor of their data.
template <typename Forward, typename Backward>
class OneDnn : public Peer<float> {
 public:
  OneDnn(const Problem& problem, const Data<float>& data, const memory::desc& desc, Layout layout)
      : Peer<float>(data),
        batch_norm_(problem.layer != Layer::layer_norm),
        layout_(layout),
        eps_(static_cast<float>(problem.eps)) {
    const auto training = typename Forward::desc(prop_kind::forward_training, desc, eps_, affine);
    const auto inference = typename Forward::desc(
        prop_kind::forward_inference, desc, eps_,
        batch_norm_ ? affine | normalization_flags::use_global_stats : affine);
    const auto gradient = typename Backward::desc(prop_kind::backward, desc, desc, eps_, affine);
    const typename Forward::primitive_desc hint(training, engine());
    forward_ = Forward(hint);
    infer_ = Forward(typename Forward::primitive_desc(inference, engine()));
    backward_ = Backward(typename Backward::primitive_desc(gradient, engine(), hint));

    const memory::desc by_channel({problem.c}, memory::data_type::f32, memory::format_tag::a);
    const auto at = [&](const memory::desc& of, const float* values) {
      return memory(of, engine(), const_cast<float*>(values));
    };
    const memory x = at(desc, data.x.data()), out = at(desc, data.out.data());
    mean_ = memory(hint.mean_desc(), engine());
    var_ = memory(hint.variance_desc(), engine());
    const memory scale = at(by_channel, data.gamma.data()),
                 shift = at(by_channel, data.beta.data());
    dgamma_ = memory(by_channel, engine());
    dbeta_ = memory(by_channel, engine());

    training_ = {{DNNL_ARG_SRC, x},         {DNNL_ARG_DST, out},     {DNNL_ARG_MEAN, mean_},
                 {DNNL_ARG_VARIANCE, var_}, {DNNL_ARG_SCALE, scale}, {DNNL_ARG_SHIFT, shift}};
    inference_ = training_;
    inference_.erase(DNNL_ARG_MEAN);
    inference_.erase(DNNL_ARG_VARIANCE);
    if (batch_norm_) {
      inference_.emplace(DNNL_ARG_MEAN, at(hint.mean_desc(), data.running_mean.data()));
      inference_.emplace(DNNL_ARG_VARIANCE, at(hint.variance_desc(), data.running_var.data()));
    }
    gradient_ = {{DNNL_ARG_SRC, x},
                 {DNNL_ARG_DIFF_DST, at(desc, data.dy.data())},
                 {DNNL_ARG_DIFF_SRC, out},
                 {DNNL_ARG_MEAN, mean_},
                 {DNNL_ARG_VARIANCE, var_},
                 {DNNL_ARG_SCALE, scale},
                 {DNNL_ARG_SHIFT, shift},
                 {DNNL_ARG_DIFF_SCALE, dgamma_},
                 {DNNL_ARG_DIFF_SHIFT, dbeta_}};
  }

  void forward() override { run(forward_, training_); }
  void infer() override { run(infer_, inference_); }
  void backward() override { run(backward_, gradient_); }
  void use_threads(int threads) override { omp_set_num_threads(threads); }

  Layout layout(const Problem&) const override { return layout_; }
  Moments moments() const override {
    const auto statistics = [](const memory& of) {
      const auto count = static_cast<Index>(of.get_desc().dims()[0]);
      return Eigen::Map<const Eigen::ArrayXf>(values(of), count).cast<double>();
    };
    return {statistics(mean_), (statistics(var_) + eps_).rsqrt()};
  }
  const float* gamma_grad() const override { return values(dgamma_); }
  const float* beta_grad() const override { return values(dbeta_); }

 private:
  void run(const dnnl::primitive& primitive, const Arguments& arguments) {
    primitive.execute(stream_, arguments);
    stream_.wait();
  }
  static const float* values(const memory& of) {
    return static_cast<const float*>(of.get_data_handle());
  }

  bool batch_norm_;
  Layout layout_;
  float eps_;
  dnnl::stream stream_{engine()};
  dnnl::primitive forward_, infer_, backward_;
  Arguments training_, inference_, gradient_;
  memory mean_, var_, dgamma_, dbeta_;
};

using BatchNorm = OneDnn<dnnl::batch_normalization_forward, dnnl::batch_normalization_backward>;
using LayerNorm = OneDnn<dnnl::layer_normalization_forward, dnnl::layer_normalization_backward>;

memory::desc images(Index n, Index c, Index h, Index w, memory::format_tag order) {
  return memory::desc({n, c, h, w}, memory::data_type::f32, order);
}

}  // namespace

PeerPtr<float> make_onednn(const Problem& problem, const Data<float>& data) {
  using Tag = memory::format_tag;
  const auto& [layer, n, c, h, w, layout, groups, eps] = problem;
  switch (layer) {
    case Layer::batch_norm_1d: {
      // Columns of samples are one image by channel.
      const auto desc =
          layout == Layout::columns ? images(1, c, n, 1, Tag::nchw) : images(n, c, 1, 1, Tag::nhwc);
      return std::make_unique<BatchNorm>(problem, data, desc, layout);
    }
    case Layer::batch_norm_2d: {
      const Tag order = layout == Layout::last ? Tag::nhwc : Tag::nchw;
      return std::make_unique<BatchNorm>(problem, data, images(n, c, h, w, order), layout);
    }
    case Layer::layer_norm: {
      const memory::desc desc({n, c}, memory::data_type::f32, Tag::ab);
      return std::make_unique<LayerNorm>(problem, data, desc, layout);
    }
    default:
      return nullptr;
  }
}

PeerPtr<float> make_onednn_blocked(const Problem& problem, const Data<float>& data) {
  if (problem.layer != Layer::batch_norm_2d || problem.layout != Layout::first) return nullptr;
  const auto& [layer, n, c, h, w, layout, groups, eps] = problem;
  const auto desc = images(n, c, h, w, memory::format_tag::nChw16c);
  return std::make_unique<BatchNorm>(problem, data, desc, Layout::blocked);
}

}  // namespace bench
