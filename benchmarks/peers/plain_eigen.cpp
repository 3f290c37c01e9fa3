// SPDX-License-Identifier: MIT
// What one writes with Eigen alone: Array expressions for matrices, Tensor expressions for images.
// The variance is that of the deviations, or E[x^2] - E[x]^2.
#include <unsupported/Eigen/CXX11/Tensor>

#include "../peer.hpp"

namespace bench {

namespace {

constexpr double momentum = 0.1;

enum class Variance { of_deviations, of_squares };

template <typename Scalar>
class PlainEigen : public Peer<Scalar> {
 public:
  using Row = Eigen::Array<Scalar, 1, Eigen::Dynamic>;

  PlainEigen(const Problem& problem, const Data<Scalar>& data, Variance variance)
      : Peer<Scalar>(data),
        eps(static_cast<Scalar>(problem.eps)),
        of_squares(variance == Variance::of_squares),
        gamma(data.gamma.head(problem.c)),
        beta(data.beta.head(problem.c)),
        running_mean(data.running_mean.head(problem.c)),
        running_var(data.running_var.head(problem.c)),
        dgamma(problem.c),
        dbeta(problem.c) {}

  const Scalar* gamma_grad() const override { return dgamma.data(); }
  const Scalar* beta_grad() const override { return dbeta.data(); }

 protected:
  template <typename Mean, typename Var>
  void track(const Mean& mean, const Var& var, Index m) {
    const Scalar unbiased = static_cast<Scalar>(m) / static_cast<Scalar>(m - 1);
    running_mean += Scalar(momentum) * (mean - running_mean);
    running_var += Scalar(momentum) * (var * unbiased - running_var);
  }

  template <typename Statistic>
  static Moments cast(const Statistic& mean, const Statistic& inv_std) {
    return {mean.template cast<double>(), inv_std.template cast<double>()};
  }

  Scalar eps;
  bool of_squares;
  Row gamma, beta, running_mean, running_var, dgamma, dbeta;
};

template <typename Scalar, int Order>
class PlainMatrix : public PlainEigen<Scalar> {
  using Array = Eigen::Array<Scalar, Eigen::Dynamic, Eigen::Dynamic, Order>;

 public:
  PlainMatrix(const Problem& problem, const Data<Scalar>& data, Variance variance)
      : PlainEigen<Scalar>(problem, data, variance),
        x(data.x.data(), problem.n, problem.c),
        dy(data.dy.data(), problem.n, problem.c),
        out(data.out.data(), problem.n, problem.c) {}

 protected:
  Eigen::Map<const Array> x, dy;
  Eigen::Map<Array> out;
};

template <typename Scalar, int Order>
class PlainBatchNorm : public PlainMatrix<Scalar, Order> {
  using Base = PlainMatrix<Scalar, Order>;
  using Base::beta, Base::dbeta, Base::dgamma, Base::dy, Base::eps, Base::gamma, Base::of_squares,
      Base::out, Base::x;

 public:
  using Base::Base;

  void forward() override {
    mean = x.colwise().mean();
    typename Base::Row var = (x.rowwise() - mean).square().colwise().mean();
    if (of_squares) var = x.square().colwise().mean() - mean.square();
    inv_std = (var + eps).rsqrt();
    out = ((x.rowwise() - mean).rowwise() * (inv_std * gamma)).rowwise() + beta;
    this->track(mean, var, x.rows());
  }
  void infer() override {
    const typename Base::Row scale = gamma * (this->running_var + eps).rsqrt();
    out = ((x.rowwise() - this->running_mean).rowwise() * scale).rowwise() + beta;
  }
  void backward() override {
    const auto xhat = (x.rowwise() - mean).rowwise() * inv_std;
    const Scalar m = static_cast<Scalar>(x.rows());
    dbeta = dy.colwise().sum();
    dgamma = (dy * xhat).colwise().sum();
    out =
        ((dy - xhat.rowwise() * (dgamma / m)).rowwise() - dbeta / m).rowwise() * (gamma * inv_std);
  }
  Moments moments() const override { return Base::cast(mean, inv_std); }

 private:
  typename Base::Row mean, inv_std;
};

template <typename Scalar>
class PlainLayerNorm : public PlainMatrix<Scalar, Eigen::RowMajor> {
  using Base = PlainMatrix<Scalar, Eigen::RowMajor>;
  using Base::beta, Base::dbeta, Base::dgamma, Base::dy, Base::eps, Base::gamma, Base::of_squares,
      Base::out, Base::x;
  using Column = Eigen::Array<Scalar, Eigen::Dynamic, 1>;

 public:
  using Base::Base;

  void forward() override {
    mean = x.rowwise().mean();
    Column var = (x.colwise() - mean).square().rowwise().mean();
    if (of_squares) var = x.square().rowwise().mean() - mean.square();
    inv_std = (var + eps).rsqrt();
    out = (((x.colwise() - mean).colwise() * inv_std).rowwise() * gamma).rowwise() + beta;
  }
  void infer() override { forward(); }
  void backward() override {
    const auto xhat = (x.colwise() - mean).colwise() * inv_std;
    const auto dxhat = dy.rowwise() * gamma;
    dbeta = dy.colwise().sum();
    dgamma = (dy * xhat).colwise().sum();
    const Column first = dxhat.rowwise().mean(), second = (dxhat * xhat).rowwise().mean();
    out = ((dxhat - xhat.colwise() * second).colwise() - first).colwise() * inv_std;
  }
  Moments moments() const override { return Base::cast(mean, inv_std); }

 private:
  Column mean, inv_std;
};

template <typename Scalar>
class PlainRmsNorm : public PlainMatrix<Scalar, Eigen::RowMajor> {
  using Base = PlainMatrix<Scalar, Eigen::RowMajor>;
  using Base::dgamma, Base::dy, Base::eps, Base::gamma, Base::out, Base::x;
  using Column = Eigen::Array<Scalar, Eigen::Dynamic, 1>;

 public:
  using Base::Base;

  void forward() override {
    inv_std = (x.square().rowwise().mean() + eps).rsqrt();
    out = (x.colwise() * inv_std).rowwise() * gamma;
  }
  void infer() override { forward(); }
  void backward() override {
    const auto xhat = x.colwise() * inv_std;
    const auto dxhat = dy.rowwise() * gamma;
    dgamma = (dy * xhat).colwise().sum();
    const Column second = (dxhat * xhat).rowwise().mean();
    out = (dxhat - xhat.colwise() * second).colwise() * inv_std;
  }
  Moments moments() const override {
    return Base::cast(Column(Column::Zero(inv_std.size())), inv_std);
  }

 private:
  Column inv_std;
};

/// x as a tensor of rank 4. A statistic runs over `Axes` of its dimensions, gamma and beta are
/// constant along `Fixed` of them.
template <typename Scalar, std::size_t Axes, std::size_t Fixed>
class PlainTensor : public PlainEigen<Scalar> {
  using Base = PlainEigen<Scalar>;
  using Base::beta, Base::dbeta, Base::dgamma, Base::eps, Base::gamma, Base::of_squares;
  using Dimensions = Eigen::array<Index, 4>;
  template <typename T>
  using Tensor4 = Eigen::TensorMap<Eigen::Tensor<T, 4, Eigen::RowMajor>>;
  template <int Rank>
  using Tensor = Eigen::Tensor<Scalar, Rank, Eigen::RowMajor>;

 public:
  PlainTensor(const Problem& problem, const Data<Scalar>& data, Variance variance, Dimensions shape,
              Eigen::array<int, Axes> axes, Eigen::array<int, Fixed> fixed)
      : Base(problem, data, variance),
        batch_norm_(problem.layer == Layer::batch_norm_2d),
        count_(problem.size() / problem.statistics()),
        axes_(axes),
        fixed_(fixed),
        x_(data.x.data(), shape),
        dy_(data.dy.data(), shape),
        out_(data.out.data(), shape),
        by_statistic_(one_along(shape, axes)),
        by_channel_(one_along(shape, fixed)),
        repeat_statistic_(ratio(shape, by_statistic_)),
        repeat_channel_(ratio(shape, by_channel_)) {}

  void forward() override {
    mean_ = x_.mean(axes_);
    const Tensor<4> centred = x_ - spread(mean_);
    Tensor<rank> var = centred.square().mean(axes_);
    if (of_squares) var = x_.square().mean(axes_) - mean_.square();
    inv_std_ = (var + eps).rsqrt();
    out_ = centred * spread(inv_std_) * channels(gamma) + channels(beta);
    if (batch_norm_) {
      using Statistic = Eigen::Map<const typename Base::Row>;
      this->track(Statistic(mean_.data(), gamma.size()), Statistic(var.data(), gamma.size()),
                  count_);
    }
  }

  void infer() override {
    if (!batch_norm_) return forward();
    const typename Base::Row scale = gamma * (this->running_var + eps).rsqrt();
    out_ = (x_ - channels(this->running_mean)) * channels(scale) + channels(beta);
  }

  void backward() override {
    const Tensor<4> xhat = (x_ - spread(mean_)) * spread(inv_std_);
    const Tensor<4> dxhat = dy_ * channels(gamma);
    sum_into(dbeta, dy_);
    sum_into(dgamma, dy_ * xhat);
    const Tensor<rank> first = dxhat.mean(axes_), second = (dxhat * xhat).mean(axes_);
    out_ = (dxhat - spread(first) - xhat * spread(second)) * spread(inv_std_);
  }
  Moments moments() const override {
    using Values = Eigen::Map<const Eigen::Array<Scalar, Eigen::Dynamic, 1>>;
    return Base::cast(Values(mean_.data(), mean_.size()), Values(inv_std_.data(), inv_std_.size()));
  }

 private:
  static constexpr int rank = 4 - static_cast<int>(Axes);

  template <typename Indices>
  static Dimensions one_along(Dimensions shape, const Indices& axes) {
    for (const int axis : axes) shape[static_cast<std::size_t>(axis)] = 1;
    return shape;
  }
  static Dimensions ratio(const Dimensions& whole, const Dimensions& part) {
    Dimensions result;
    for (std::size_t i = 0; i < 4; ++i) result[i] = whole[i] / part[i];
    return result;
  }

  auto spread(const Tensor<rank>& statistic) const {
    return statistic.reshape(by_statistic_).broadcast(repeat_statistic_);
  }
  auto channels(const typename Base::Row& row) const {
    return Tensor4<const Scalar>(row.data(), by_channel_).broadcast(repeat_channel_);
  }
  template <typename Terms>
  void sum_into(typename Base::Row& result, const Terms& terms) const {
    const Tensor<4 - static_cast<int>(Fixed)> sums = terms.sum(fixed_);
    result = Eigen::Map<const typename Base::Row>(sums.data(), result.size());
  }

  bool batch_norm_;
  Index count_;
  Eigen::array<int, Axes> axes_;
  Eigen::array<int, Fixed> fixed_;
  Tensor4<const Scalar> x_, dy_;
  Tensor4<Scalar> out_;
  Dimensions by_statistic_, by_channel_, repeat_statistic_, repeat_channel_;
  Tensor<rank> mean_, inv_std_;
};

template <typename Scalar>
PeerPtr<Scalar> make(const Problem& problem, const Data<Scalar>& data, Variance variance) {
  const auto& [layer, n, c, h, w, layout, groups, eps] = problem;
  const Index s = problem.spatial();
  if (layer == Layer::layer_norm) {
    return std::make_unique<PlainLayerNorm<Scalar>>(problem, data, variance);
  }
  if (layer == Layer::rms_norm) {
    return std::make_unique<PlainRmsNorm<Scalar>>(problem, data, variance);
  }
  if (layout == Layout::rows) {
    return std::make_unique<PlainBatchNorm<Scalar, Eigen::RowMajor>>(problem, data, variance);
  }
  if (layout == Layout::columns) {
    return std::make_unique<PlainBatchNorm<Scalar, Eigen::ColMajor>>(problem, data, variance);
  }

  using Shape = Eigen::array<Index, 4>;
  using Two = Eigen::array<int, 2>;
  using Three = Eigen::array<int, 3>;
  const bool first = layout == Layout::first;
  if (layer == Layer::batch_norm_2d) {
    const Three axes = first ? Three{0, 2, 3} : Three{0, 1, 2};
    return std::make_unique<PlainTensor<Scalar, 3, 3>>(
        problem, data, variance, first ? Shape{n, c, h, w} : Shape{n, h, w, c}, axes, axes);
  }
  if (first) {
    return std::make_unique<PlainTensor<Scalar, 2, 2>>(
        problem, data, variance, Shape{n, groups, c / groups, s}, Two{2, 3}, Two{0, 3});
  }
  return std::make_unique<PlainTensor<Scalar, 2, 2>>(
      problem, data, variance, Shape{n, s, groups, c / groups}, Two{1, 3}, Two{0, 1});
}

}  // namespace

template <typename Scalar>
PeerPtr<Scalar> make_plain_eigen(const Problem& problem, const Data<Scalar>& data) {
  return make(problem, data, Variance::of_deviations);
}

template <typename Scalar>
PeerPtr<Scalar> make_plain_eigen_of_squares(const Problem& problem, const Data<Scalar>& data) {
  if (problem.layer == Layer::rms_norm) return nullptr;  // takes no mean away
  return make(problem, data, Variance::of_squares);
}

template PeerPtr<float> make_plain_eigen(const Problem&, const Data<float>&);
template PeerPtr<double> make_plain_eigen(const Problem&, const Data<double>&);
template PeerPtr<float> make_plain_eigen_of_squares(const Problem&, const Data<float>&);

}  // namespace bench
