// SPDX-License-Identifier: MIT
// libtorch's native functions, below autograd and modules. On the CPU they return fresh tensors;
// their _out forms do the same and copy.
#include <ATen/Parallel.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/native_batch_norm.h>
#include <ATen/ops/native_batch_norm_backward.h>
#include <ATen/ops/native_group_norm.h>
#include <ATen/ops/native_group_norm_backward.h>
#include <ATen/ops/native_layer_norm.h>
#include <ATen/ops/native_layer_norm_backward.h>
#include <c10/core/InferenceMode.h>

#include "../peer.hpp"

namespace bench {

namespace {

constexpr double momentum = 0.1;
constexpr std::array<bool, 3> all_gradients{true, true, true};

template <typename Scalar>
class Torch : public Peer<Scalar> {
 public:
  Torch(const Problem& problem, const Data<Scalar>& data)
      : Peer<Scalar>(data),
        problem_(problem),
        x(tensor(data.x.data())),
        dy(tensor(data.dy.data())),
        gamma(vector(data.gamma)),
        beta(vector(data.beta)) {}

  void use_threads(int threads) override { at::set_num_threads(threads); }

  const Scalar* result() const override {
    in_order_ = out.contiguous(problem_.layout == Layout::last ? at::MemoryFormat::ChannelsLast
                                                               : at::MemoryFormat::Contiguous);
    return in_order_.template data_ptr<Scalar>();
  }
  Moments moments() const override { return {values(mean), values(inv_std)}; }
  const Scalar* gamma_grad() const override { return dgamma.template data_ptr<Scalar>(); }
  const Scalar* beta_grad() const override { return dbeta.template data_ptr<Scalar>(); }

 protected:
  at::Tensor vector(const typename Data<Scalar>::Array& values) const {
    return at::from_blob(const_cast<Scalar*>(values.data()), {problem_.c}, options());
  }

  const Problem problem_;
  const at::Tensor x, dy, gamma, beta;
  at::Tensor mean, inv_std, dgamma, dbeta;

  /// One result lives at a time, and the next takes its memory.
  static inline at::Tensor out;

 private:
  static Eigen::ArrayXd values(const at::Tensor& statistic) {
    using Values = Eigen::Map<const Eigen::Array<Scalar, Eigen::Dynamic, 1>>;
    return Values(statistic.template data_ptr<Scalar>(), statistic.numel()).template cast<double>();
  }
  static at::TensorOptions options() { return c10::CppTypeToScalarType<Scalar>::value; }

  /// Columns of samples are a batch of one (1, C, N): as fast as it goes.
  at::Tensor tensor(const Scalar* values) const {
    auto* memory = const_cast<Scalar*>(values);
    const auto& [layer, n, c, h, w, layout, groups, eps] = problem_;
    switch (layout) {
      case Layout::rows:
        return at::from_blob(memory, {n, c}, options());
      case Layout::columns:
        return at::from_blob(memory, {1, c, n}, options());
      case Layout::last:
        return at::from_blob(memory, {n, c, h, w}, {h * w * c, 1, w * c, c}, options());
      default:
        return at::from_blob(memory, {n, c, h, w}, options());
    }
  }

  mutable at::Tensor in_order_;
};

template <typename Scalar>
class TorchBatchNorm : public Torch<Scalar> {
  using Base = Torch<Scalar>;
  using Base::beta, Base::dbeta, Base::dgamma, Base::dy, Base::gamma, Base::inv_std, Base::mean,
      Base::out, Base::x;

 public:
  TorchBatchNorm(const Problem& problem, const Data<Scalar>& data)
      : Base(problem, data),
        running_mean_(this->vector(data.running_mean).clone()),
        running_var_(this->vector(data.running_var).clone()) {}

  void forward() override {
    out.reset();
    std::tie(out, mean, inv_std) = at::native_batch_norm(
        x, gamma, beta, running_mean_, running_var_, true, momentum, this->problem_.eps);
  }
  void infer() override {
    out.reset();
    out = std::get<0>(at::native_batch_norm(x, gamma, beta, running_mean_, running_var_, false,
                                            momentum, this->problem_.eps));
  }
  void backward() override {
    out.reset();
    std::tie(out, dgamma, dbeta) =
        at::native_batch_norm_backward(dy, x, gamma, running_mean_, running_var_, mean, inv_std,
                                       true, this->problem_.eps, all_gradients);
  }

 private:
  at::Tensor running_mean_, running_var_;
};

template <typename Scalar>
class TorchLayerNorm : public Torch<Scalar> {
  using Base = Torch<Scalar>;
  using Base::beta, Base::dbeta, Base::dgamma, Base::dy, Base::gamma, Base::inv_std, Base::mean,
      Base::out, Base::x;

 public:
  using Base::Base;

  void forward() override {
    out.reset();
    std::tie(out, mean, inv_std) =
        at::native_layer_norm(x, this->problem_.c, gamma, beta, this->problem_.eps);
  }
  void infer() override { forward(); }
  void backward() override {
    out.reset();
    std::tie(out, dgamma, dbeta) = at::native_layer_norm_backward(
        dy, x, this->problem_.c, mean, inv_std, gamma, beta, all_gradients);
  }
};

template <typename Scalar>
class TorchGroupNorm : public Torch<Scalar> {
  using Base = Torch<Scalar>;
  using Base::beta, Base::dbeta, Base::dgamma, Base::dy, Base::gamma, Base::inv_std, Base::mean,
      Base::out, Base::x;

 public:
  using Base::Base;

  void forward() override {
    const Problem& p = this->problem_;
    out.reset();
    std::tie(out, mean, inv_std) =
        at::native_group_norm(x, gamma, beta, p.n, p.c, p.spatial(), p.groups, p.eps);
  }
  void infer() override { forward(); }

  /// As autograd calls it: channels last are copied to channels first.
  void backward() override {
    const Problem& p = this->problem_;
    out.reset();
    std::tie(out, dgamma, dbeta) =
        at::native_group_norm_backward(dy.contiguous(), x.contiguous(), mean, inv_std, gamma, p.n,
                                       p.c, p.spatial(), p.groups, all_gradients);
  }
};

}  // namespace

template <typename Scalar>
PeerPtr<Scalar> make_libtorch(const Problem& problem, const Data<Scalar>& data) {
  static const c10::InferenceMode without_autograd;
  switch (problem.layer) {
    case Layer::layer_norm:
      return std::make_unique<TorchLayerNorm<Scalar>>(problem, data);
    case Layer::rms_norm:  // not in version 1.13
      return nullptr;
    case Layer::group_norm:
      return std::make_unique<TorchGroupNorm<Scalar>>(problem, data);
    default:
      return std::make_unique<TorchBatchNorm<Scalar>>(problem, data);
  }
}

template PeerPtr<float> make_libtorch(const Problem&, const Data<float>&);
template PeerPtr<double> make_libtorch(const Problem&, const Data<double>&);

}  // namespace bench
