// SPDX-License-Identifier: MIT
// The one file that sees libtorch, whose headers take their time.
#include <ATen/Parallel.h>
#include <torch/nn/functional/instancenorm.h>  // which the next but one forgets
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/instancenorm.h>
#include <torch/nn/modules/normalization.h>

#include <algorithm>
#include <numeric>
#include <type_traits>
#include <utility>

#include "differential/peer.hpp"

namespace eigen_norm::test {

namespace {

using torch::Tensor;

// Doubles hold every float.
Tensor tensor_of(const Values& values, at::IntArrayRef dims, at::ScalarType type) {
  const std::vector<double> doubles(values.begin(), values.end());
  return at::from_blob(const_cast<double*>(doubles.data()), dims, at::kDouble)
      .to(type, /*non_blocking=*/false, /*copy=*/true);
}

Values values_of(const Tensor& tensor) {
  if (!tensor.defined()) return {};
  const Tensor doubles = tensor.detach().to(at::kDouble).contiguous();
  const double* begin = doubles.data_ptr<double>();
  return Values(begin, begin + doubles.numel());
}

// The same tensor, otherwise in memory.
Tensor moved(const Tensor& x, Memory memory) {
  std::vector<std::int64_t> axes(static_cast<std::size_t>(x.dim()));
  std::iota(axes.begin(), axes.end(), 0);
  switch (memory) {
    case Memory::channels_last:
      return x.movedim(1, -1).contiguous().movedim(-1, 1);
    case Memory::reversed:
      std::reverse(axes.begin(), axes.end());
      return x.permute(axes).contiguous().permute(axes);
    default:
      return x;
  }
}

template <typename Module>
class TorchPeer : public Peer {
 public:
  TorchPeer(Module module, const Affine& affine, Memory memory, Precision precision)
      : module_(std::move(module)),
        memory_(memory),
        type_(precision == Precision::float32 ? at::kFloat : at::kDouble),
        has_gamma_(!affine.gamma.empty()) {
    module_->to(type_);
    // Their backward dies of a beta without a gamma; a gamma of 1 says the same.
    const bool needs_gamma = !tracks && !affine.beta.empty();
    if (has_gamma_ || !needs_gamma) set_parameter(module_->weight, affine.gamma);
    set_parameter(module_->bias, affine.beta);
  }

  Answer step(Mode mode, const Logical& x, const Logical& dy) override {
    const Tensor input = moved(tensor_of(x.values, x.dims, type_), memory_).requires_grad_();
    module_->train(mode == Mode::train);
    const Tensor y = module_->forward(input);
    y.backward(moved(tensor_of(dy.values, dy.dims, type_), memory_));
    const Running now = running();
    return {values_of(y),
            values_of(input.grad()),
            has_gamma_ ? gradient_of(module_->weight) : Values(),
            gradient_of(module_->bias),
            now.mean,
            now.var};
  }

  Running running() const override {
    if constexpr (tracks) {
      const Tensor& tracked = module_->num_batches_tracked;
      return {values_of(module_->running_mean), values_of(module_->running_var),
              tracked.defined() ? tracked.template item<std::int64_t>() : 0};
    } else {
      return {};
    }
  }
  void set_running(const Running& running) override {
    if constexpr (tracks) {
      if (running.mean.empty()) return;
      module_->running_mean.copy_(tensor_of(running.mean, module_->running_mean.sizes(), type_));
      module_->running_var.copy_(tensor_of(running.var, module_->running_var.sizes(), type_));
      module_->num_batches_tracked.fill_(running.tracked);
    }
  }

 private:
  static constexpr bool tracks = !std::is_same_v<Module, torch::nn::LayerNorm> &&
                                 !std::is_same_v<Module, torch::nn::GroupNorm>;

  // PyTorch's modules have both parameters or neither; its functions take either.
  void set_parameter(Tensor& parameter, const Values& values) const {
    parameter =
        values.empty() ? Tensor() : tensor_of(values, parameter.sizes(), type_).requires_grad_();
  }
  static Values gradient_of(const Tensor& parameter) {
    return parameter.defined() ? values_of(parameter.grad()) : Values();
  }

  Module module_;
  Memory memory_;
  at::ScalarType type_;
  bool has_gamma_;
};

template <typename Module, typename Options>
std::unique_ptr<Peer> peer(const Options& options, const Configuration& configuration,
                           const Affine& affine, Precision precision) {
  return std::make_unique<TorchPeer<Module>>(Module(options), affine,
                                             configuration.layout.torch_memory, precision);
}

torch::nn::BatchNormOptions batch_norm_options(const Configuration& configuration) {
  const Settings& settings = configuration.settings;
  torch::nn::BatchNormOptions options(configuration.dims[1]);
  options.eps(settings.eps).affine(true).track_running_stats(settings.track_running_stats);
  options.momentum(settings.momentum ? c10::make_optional(*settings.momentum) : c10::nullopt);
  return options;
}

torch::nn::InstanceNormOptions instance_norm_options(const Configuration& configuration) {
  const Settings& settings = configuration.settings;
  return torch::nn::InstanceNormOptions(configuration.dims[1])
      .eps(settings.eps)
      .momentum(settings.momentum.value())
      .affine(true)
      .track_running_stats(settings.track_running_stats);
}

torch::nn::LayerNormOptions layer_norm_options(const Configuration& configuration) {
  const Settings& settings = configuration.settings;
  const auto end = configuration.dims.end();
  return torch::nn::LayerNormOptions(std::vector<std::int64_t>(end - settings.parts, end))
      .eps(settings.eps);
}

torch::nn::GroupNormOptions group_norm_options(const Configuration& configuration) {
  const Settings& settings = configuration.settings;
  return torch::nn::GroupNormOptions(settings.parts, configuration.dims[1]).eps(settings.eps);
}

}  // namespace

std::unique_ptr<Peer> make_torch(const Configuration& configuration, const Affine& affine,
                                 Precision precision) {
  at::set_num_threads(1);  // the same sums on every machine
  using namespace torch::nn;
  const auto make = [&](auto module, const auto& options) {
    return peer<decltype(module)>(options, configuration, affine, precision);
  };
  switch (configuration.layer) {
    case Layer::batch_norm_1d:
      return make(BatchNorm1d(nullptr), batch_norm_options(configuration));
    case Layer::batch_norm_2d:
      return make(BatchNorm2d(nullptr), batch_norm_options(configuration));
    case Layer::batch_norm_3d:
      return make(BatchNorm3d(nullptr), batch_norm_options(configuration));
    case Layer::instance_norm_1d:
      return make(InstanceNorm1d(nullptr), instance_norm_options(configuration));
    case Layer::instance_norm_2d:
      return make(InstanceNorm2d(nullptr), instance_norm_options(configuration));
    case Layer::instance_norm_3d:
      return make(InstanceNorm3d(nullptr), instance_norm_options(configuration));
    case Layer::layer_norm:
      return make(LayerNorm(nullptr), layer_norm_options(configuration));
    default:
      return make(GroupNorm(nullptr), group_norm_options(configuration));
  }
}

}  // namespace eigen_norm::test
