// SPDX-License-Identifier: MIT
#include "support/layer_setup.hpp"

#include <sstream>
#include <stdexcept>

namespace eigen_norm::test {
namespace {

template <typename Layer, typename Tensor>
class LayerOf final : public AnyLayer {
 public:
  explicit LayerOf(const Layer& layer) : layer_(layer) {}

  void train(bool on) override { layer_.train(on); }
  void set_affine(const Affine& affine) override {
    copy_to_parameters(affine.gamma, layer_.gamma());
    if (layer_.beta().size() > 0) copy_to_parameters(affine.beta, layer_.beta());
  }
  Logical forward(const Logical& x) override {
    return from_eigen(layer_.forward(to_eigen<Tensor>(x)));
  }
  Logical infer(const Logical& x) const override {
    return from_eigen(layer_.infer(to_eigen<Tensor>(x)));
  }
  Logical backward(const Logical& x, const Logical& dy) override {
    return from_eigen(layer_.backward(to_eigen<Tensor>(x), to_eigen<Tensor>(dy)));
  }
  Logical backward_from_output(const Logical& y, const Logical& dy) override {
    return from_eigen(layer_.backward_from_output(to_eigen<Tensor>(y), to_eigen<Tensor>(dy)));
  }
  Values dgamma() const override { return from_parameters(layer_.gamma_grad()); }
  Values dbeta() const override { return from_parameters(layer_.beta_grad()); }

 private:
  Layer layer_;
};

template <int Order, typename Layer>
std::unique_ptr<AnyLayer> erased(const Layer& layer) {
  return std::make_unique<LayerOf<Layer, Eigen::Tensor<float, 4, Order>>>(layer);
}

template <typename Options>
Options with_eps(double eps) {
  Options options;
  options.eps = eps;
  return options;
}

template <typename Options>
Options over_channels(const LayerSetup& c) {
  Options options = with_eps<Options>(c.eps);
  options.gamma = options.beta = true;
  options.channels = channel_axis(c.axis);
  return options;
}

template <int Order>
std::unique_ptr<AnyLayer> make(const LayerSetup& c) {
  const Index size = c.parameters();
  switch (c.kind) {
    case Kind::batch_norm:
      return erased<Order>(BatchNorm2d<float>(size, over_channels<BatchNormOptions>(c)));
    case Kind::group_norm:
      return erased<Order>(GroupNorm<float>(c.groups, size, over_channels<GroupNormOptions>(c)));
    case Kind::instance_norm:
      return erased<Order>(InstanceNorm2d<float>(size, over_channels<InstanceNormOptions>(c)));
    case Kind::layer_norm:
      return erased<Order>(LayerNorm<float>(size, with_eps<LayerNormOptions>(c.eps)));
    case Kind::rms_norm:
      return erased<Order>(RMSNorm<float>(size, with_eps<RMSNormOptions>(c.eps)));
  }
  throw std::invalid_argument("make_layer: no such kind");
}

}  // namespace

Sharing LayerSetup::sharing() const {
  switch (kind) {
    case Kind::batch_norm:
      return by_channel(dims, axis);
    case Kind::group_norm:
      return by_group(dims, groups, axis);
    case Kind::instance_norm:
      return by_group(dims, parameters(), axis);
    default:
      break;
  }
  Sharing result = by_row(dims);
  result.centred = kind == Kind::layer_norm;
  return result;
}

Index LayerSetup::values() const { return count(dims) / static_cast<Index>(sharing().statistics); }

std::string LayerSetup::text() const {
  static const char* const names[] = {"BatchNorm2d", "GroupNorm", "InstanceNorm2d", "LayerNorm",
                                      "RMSNorm"};
  std::ostringstream out;
  out << names[static_cast<int>(kind)] << '(';
  if (kind == Kind::group_norm) out << groups << ", ";
  out << parameters() << "), (" << dims[0];
  for (std::size_t i = 1; i < dims.size(); ++i) out << ", " << dims[i];
  out << ')' << (over_channels() && axis != 1 ? ", channels last" : "")
      << (order == Eigen::ColMajor ? ", column-major" : "") << ", eps " << eps;
  return out.str();
}

std::unique_ptr<AnyLayer> make_layer(const LayerSetup& c) {
  return c.order == Eigen::RowMajor ? make<Eigen::RowMajor>(c) : make<Eigen::ColMajor>(c);
}

Answers ask(const LayerSetup& c, const Logical& x, const Logical& dy, const Affine& affine) {
  const auto layer = make_layer(c);
  layer->set_affine(affine);
  const Logical y = layer->forward(x), dx = layer->backward(x, dy);
  return {y, dx, layer->dgamma(), layer->dbeta()};
}

Subject subject_of(const LayerSetup& c) {
  Subject s;
  s.name = c.text();
  s.dims = c.dims;
  s.sharing = c.sharing();
  s.run = [c](const Logical& x, const Logical& dy, const Affine& affine, double eps) {
    LayerSetup with = c;
    with.eps = eps;
    return ask(with, x, dy, affine);
  };
  return s;
}

Errors measure(const LayerSetup& c, const Logical& x, const Logical& dy) {
  return measure(subject_of(c), x, dy, c.eps);
}

}  // namespace eigen_norm::test
