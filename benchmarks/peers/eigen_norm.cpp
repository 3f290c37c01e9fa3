// SPDX-License-Identifier: MIT
#include <eigen_norm/eigen_norm.hpp>
#include <unsupported/Eigen/CXX11/Tensor>

#include "../peer.hpp"

namespace bench {

namespace {

template <typename Norm, typename ConstView, typename View>
class EigenNorm : public Peer<typename Norm::Scalar> {
  using Scalar = typename Norm::Scalar;

 public:
  EigenNorm(const Problem& problem, const Data<Scalar>& data, Norm norm, ConstView x, ConstView dy,
            View out)
      : Peer<Scalar>(data), norm_(std::move(norm)), x_(x), dy_(dy), out_(out) {
    norm_.gamma() = data.gamma.head(problem.c);
    if (norm_.beta().size() > 0) norm_.beta() = data.beta.head(problem.c);
    if constexpr (is_batch_norm) {
      norm_.running_mean() = data.running_mean.head(problem.c);
      norm_.running_var() = data.running_var.head(problem.c);
    }
  }

  void forward() override { norm_.forward(x_, out_); }
  void infer() override { norm_.infer(x_, out_); }
  void backward() override {
    norm_.zero_grad();
    norm_.backward(x_, dy_, out_);
  }
  void use_threads(int threads) override { Eigen::setNbThreads(threads); }

  Moments moments() const override { return {norm_.batch_mean(), norm_.batch_inv_std()}; }
  const Parameter<Scalar>* gamma_grad() const override { return norm_.gamma_grad().data(); }
  const Parameter<Scalar>* beta_grad() const override { return norm_.beta_grad().data(); }

 private:
  static constexpr bool is_batch_norm = std::is_same_v<Norm, eigen_norm::BatchNorm1d<Scalar>> ||
                                        std::is_same_v<Norm, eigen_norm::BatchNorm2d<Scalar>>;
  Norm norm_;
  ConstView x_, dy_;
  View out_;
};

template <int Order, typename Scalar, typename Norm>
PeerPtr<Scalar> on_matrix(const Problem& problem, const Data<Scalar>& data, Norm norm) {
  using Matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Order>;
  const auto map = [&](const Scalar* from) {
    return Eigen::Map<const Matrix>(from, problem.n, problem.c);
  };
  const Eigen::Map<Matrix> out(data.out.data(), problem.n, problem.c);
  return std::make_unique<EigenNorm<Norm, Eigen::Map<const Matrix>, Eigen::Map<Matrix>>>(
      problem, data, std::move(norm), map(data.x.data()), map(data.dy.data()), out);
}

template <typename Scalar, typename Norm>
PeerPtr<Scalar> on_images(const Problem& problem, const Data<Scalar>& data, Norm norm) {
  using Images = Eigen::Tensor<Scalar, 4, Eigen::RowMajor>;
  using ConstImages = Eigen::Tensor<const Scalar, 4, Eigen::RowMajor>;
  const auto& [layer, n, c, h, w, layout, groups, eps] = problem;
  const auto shape = layout == Layout::first ? Eigen::array<Index, 4>{n, c, h, w}
                                             : Eigen::array<Index, 4>{n, h, w, c};
  return std::make_unique<EigenNorm<Norm, Eigen::TensorMap<ConstImages>, Eigen::TensorMap<Images>>>(
      problem, data, std::move(norm), Eigen::TensorMap<ConstImages>(data.x.data(), shape),
      Eigen::TensorMap<ConstImages>(data.dy.data(), shape),
      Eigen::TensorMap<Images>(data.out.data(), shape));
}

}  // namespace

template <typename Scalar>
PeerPtr<Scalar> make_eigen_norm(const Problem& problem, const Data<Scalar>& data) {
  using namespace eigen_norm;
  const auto channels = problem.layout == Layout::last ? ChannelAxis::last : ChannelAxis::first;
  BatchNormOptions batch;
  LayerNormOptions layer;
  GroupNormOptions group;
  RMSNormOptions rms;
  batch.channels = group.channels = channels;
  batch.eps = layer.eps = group.eps = problem.eps;
  rms.eps = problem.eps;
  switch (problem.layer) {
    case Layer::batch_norm_1d:
      if (problem.layout == Layout::columns) {
        return on_matrix<Eigen::ColMajor>(problem, data, BatchNorm1d<Scalar>(problem.c, batch));
      }
      return on_matrix<Eigen::RowMajor>(problem, data, BatchNorm1d<Scalar>(problem.c, batch));
    case Layer::batch_norm_2d:
      return on_images(problem, data, BatchNorm2d<Scalar>(problem.c, batch));
    case Layer::layer_norm:
      return on_matrix<Eigen::RowMajor>(problem, data, LayerNorm<Scalar>(problem.c, layer));
    case Layer::rms_norm:
      return on_matrix<Eigen::RowMajor>(problem, data, RMSNorm<Scalar>(problem.c, rms));
    case Layer::group_norm:
      return on_images(problem, data, GroupNorm<Scalar>(problem.groups, problem.c, group));
  }
  return nullptr;
}

template PeerPtr<float> make_eigen_norm(const Problem&, const Data<float>&);
template PeerPtr<double> make_eigen_norm(const Problem&, const Data<double>&);
template PeerPtr<Eigen::half> make_eigen_norm(const Problem&, const Data<Eigen::half>&);
template PeerPtr<Eigen::bfloat16> make_eigen_norm(const Problem&, const Data<Eigen::bfloat16>&);

}  // namespace bench
