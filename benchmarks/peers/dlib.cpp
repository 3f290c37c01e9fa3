// SPDX-License-Identifier: MIT
// dlib's tensor functions, on tensors of its own. It adds to the gradient by x instead of writing
// it. Its layer_normalize has one gamma by sample, which is another function, and it has no
// GroupNorm; channels last are samples of its batch_normalize.
#include <dlib/cuda/tensor_tools.h>

#include "../peer.hpp"

namespace speed {

namespace {

using dlib::resizable_tensor;

constexpr double averaging_factor = 0.1;

/// As large as the largest problem; each problem uses the beginning.
struct Tensors {
  explicit Tensors(const Data<float>& data)
      : x(copy(data.x)), dy(copy(data.dy)), dx(copy(data.x)), y(data.x.size()) {}

  static resizable_tensor copy(const Data<float>::Array& values) {
    resizable_tensor result(values.size());
    std::copy_n(values.data(), values.size(), result.host_write_only());
    return result;
  }

  resizable_tensor x, dy, dx, y;
};

Tensors& tensors(const Data<float>& data) {
  static Tensors all(data);
  return all;
}

class Dlib : public Peer<float> {
 public:
  Dlib(const Problem& problem, const Data<float>& data)
      : Peer<float>(data),
        images_(problem.layout == Layout::first),
        all_(tensors(data)),
        shape_(images_ ? problem.n : problem.n * problem.spatial(), problem.c,
               images_ ? problem.h : 1, images_ ? problem.w : 1),
        x_(shape_(all_.x)),
        dy_(shape_(all_.dy)),
        dx_(shape_(all_.dx)),
        gamma_(by_channel(data.gamma, problem.c)),
        beta_(by_channel(data.beta, problem.c)),
        running_mean_(by_channel(data.running_mean, problem.c)),
        running_var_(by_channel(data.running_var, problem.c)),
        dgamma_(gamma_),
        dbeta_(gamma_),
        mean_(gamma_),
        inv_std_(gamma_) {
    dx_ = 0;
  }

  void forward() override {
    (images_ ? dlib::tt::batch_normalize_conv : dlib::tt::batch_normalize)(
        eps, all_.y, mean_, inv_std_, averaging_factor, running_mean_, running_var_, x_, gamma_,
        beta_);
    result_ = all_.y.host();
  }
  void infer() override {
    (images_ ? dlib::tt::batch_normalize_conv_inference : dlib::tt::batch_normalize_inference)(
        eps, all_.y, x_, gamma_, beta_, running_mean_, running_var_);
    result_ = all_.y.host();
  }
  void backward() override {
    (images_ ? dlib::tt::batch_normalize_conv_gradient : dlib::tt::batch_normalize_gradient)(
        eps, dy_, mean_, inv_std_, x_, gamma_, dx_, dgamma_, dbeta_);
    result_ = all_.dx.host();
  }

  const float* result() const override { return result_; }
  const float* gamma_grad() const override { return dgamma_.host(); }
  const float* beta_grad() const override { return dbeta_.host(); }

 private:
  static resizable_tensor by_channel(const Data<float>::Array& values, Index channels) {
    resizable_tensor result(1, channels, 1, 1);
    std::copy_n(values.data(), channels, result.host_write_only());
    return result;
  }

  bool images_;
  Tensors& all_;
  dlib::alias_tensor shape_;
  dlib::alias_tensor_instance x_, dy_, dx_;
  resizable_tensor gamma_, beta_, running_mean_, running_var_, dgamma_, dbeta_, mean_, inv_std_;
  const float* result_ = nullptr;
};

}  // namespace

PeerPtr<float> make_dlib(const Problem& problem, const Data<float>& data) {
  const bool batch_norm =
      problem.layer == Layer::batch_norm_1d || problem.layer == Layer::batch_norm_2d;
  if (!batch_norm || problem.layout == Layout::columns) return nullptr;
  return std::make_unique<Dlib>(problem, data);
}

}  // namespace speed
