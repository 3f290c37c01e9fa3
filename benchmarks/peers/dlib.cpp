// SPDX-License-Identifier: MIT
// dlib's tensor functions, on tensors of its own. It adds to the gradient by x instead of writing
// it. Channels last are samples of its batch_normalize. It has no GroupNorm.
#include <dlib/cuda/tensor_tools.h>

#include <algorithm>

#include "../peer.hpp"

namespace bench {

namespace {

using dlib::alias_tensor;
using dlib::resizable_tensor;

constexpr double averaging_factor = 0.1;

/// As large as the largest problem; each problem uses the beginning. They are copies of the data,
/// and last as long as somebody uses them.
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

std::shared_ptr<Tensors> tensors(const Data<float>& data) {
  static std::weak_ptr<Tensors> last;
  auto all = last.lock();
  if (!all) last = all = std::make_shared<Tensors>(data);
  return all;
}

resizable_tensor by_channel(const Data<float>::Array& values, Index count) {
  resizable_tensor result(1, count, 1, 1);
  std::copy_n(values.data(), count, result.host_write_only());
  return result;
}

/// On tensors of this shape, a sample of them by row.
class Dlib : public Peer<float> {
 public:
  Dlib(const Problem& problem, const Data<float>& data, const alias_tensor& shape)
      : Peer<float>(data),
        eps_(problem.eps),
        all_(tensors(data)),
        x_(shape(all_->x)),
        dy_(shape(all_->dy)),
        dx_(shape(all_->dx)),
        gamma_(by_channel(data.gamma, problem.c)),
        beta_(by_channel(data.beta, problem.c)),
        dgamma_(gamma_),
        dbeta_(gamma_),
        mean_(gamma_),
        inv_std_(gamma_) {
    dx_ = 0;
  }

  void forward() override {
    normalize();
    result_ = all_->y.host();
  }
  void backward() override {
    add_gradient();
    result_ = all_->dx.host();
  }

  const float* result() const override { return result_; }
  const float* gamma_grad() const override { return dgamma_.host(); }
  const float* beta_grad() const override { return dbeta_.host(); }
  Moments moments() const override { return {values(mean_), values(inv_std_)}; }

 protected:
  virtual void normalize() = 0;
  virtual void add_gradient() = 0;

  double eps_;
  std::shared_ptr<Tensors> all_;
  dlib::alias_tensor_instance x_, dy_, dx_;
  resizable_tensor gamma_, beta_, dgamma_, dbeta_, mean_, inv_std_;
  const float* result_ = nullptr;

 private:
  static Eigen::ArrayXd values(const dlib::tensor& of) {
    return Eigen::Map<const Eigen::ArrayXf>(of.host(), static_cast<Index>(of.size()))
        .cast<double>();
  }
};

class DlibBatchNorm : public Dlib {
 public:
  DlibBatchNorm(const Problem& problem, const Data<float>& data)
      : Dlib(problem, data, shape(problem)),
        images_(problem.layout == Layout::first),
        running_mean_(by_channel(data.running_mean, problem.c)),
        running_var_(by_channel(data.running_var, problem.c)) {}

  void infer() override {
    (images_ ? dlib::tt::batch_normalize_conv_inference : dlib::tt::batch_normalize_inference)(
        eps_, all_->y, x_, gamma_, beta_, running_mean_, running_var_);
    result_ = all_->y.host();
  }

 private:
  static alias_tensor shape(const Problem& p) {
    if (p.layout == Layout::first) return alias_tensor(p.n, p.c, p.h, p.w);
    return alias_tensor(p.n * p.spatial(), p.c);
  }
  void normalize() override {
    (images_ ? dlib::tt::batch_normalize_conv : dlib::tt::batch_normalize)(
        eps_, all_->y, mean_, inv_std_, averaging_factor, running_mean_, running_var_, x_, gamma_,
        beta_);
  }
  void add_gradient() override {
    (images_ ? dlib::tt::batch_normalize_conv_gradient : dlib::tt::batch_normalize_gradient)(
        eps_, dy_, mean_, inv_std_, x_, gamma_, dx_, dgamma_, dbeta_);
  }

  bool images_;
  resizable_tensor running_mean_, running_var_;
};

/// Version 19.24 looks gamma up by sample in the gradient, though it is by feature: what it would
/// read past the end is 1 here.
class DlibLayerNorm : public Dlib {
 public:
  DlibLayerNorm(const Problem& problem, const Data<float>& data)
      : Dlib(problem, data, alias_tensor(problem.n, problem.c)),
        longer_gamma_(1, std::max(problem.n, problem.c)),
        by_feature_(1, problem.c) {
    longer_gamma_ = 1;
    std::copy_n(data.gamma.data(), problem.c, longer_gamma_.host());
  }

  void infer() override { forward(); }

 private:
  void normalize() override {
    dlib::tt::layer_normalize(eps_, all_->y, mean_, inv_std_, x_, gamma_, beta_);
  }
  void add_gradient() override {
    dlib::tt::layer_normalize_gradient(eps_, dy_, mean_, inv_std_, x_, by_feature_(longer_gamma_),
                                       dx_, dgamma_, dbeta_);
  }

  resizable_tensor longer_gamma_;
  alias_tensor by_feature_;
};

}  // namespace

PeerPtr<float> make_dlib(const Problem& problem, const Data<float>& data) {
  switch (problem.layer) {
    case Layer::batch_norm_1d:
    case Layer::batch_norm_2d:
      if (problem.layout == Layout::columns) return nullptr;
      return std::make_unique<DlibBatchNorm>(problem, data);
    case Layer::layer_norm:
      return std::make_unique<DlibLayerNorm>(problem, data);
    default:
      return nullptr;
  }
}

}  // namespace bench
