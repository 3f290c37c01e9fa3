// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <Eigen/Core>
#include <string>

#include "eigen_norm/eigen_norm.hpp"
#include "eigen_norm/io/framework_options.hpp"
#include "eigen_norm/io/model_state.hpp"
#include "eigen_norm/io/name_map.hpp"
#include "eigen_norm/io/npz.hpp"
#include "support/layer_check.hpp"
#include "support/numpy.hpp"

// States as Keras and Flax name them, loaded into layers that then give what those frameworks'
// formulas give: tests/data/numpy/make_files.py has both.
namespace eigen_norm::test {
namespace {

using Images = Eigen::Tensor<double, 4, Eigen::RowMajor>;  // (N, H, W, C)

io::StateDict load(const std::string& name) { return io::load_npz(numpy_file(name + ".npz")); }

template <typename Layer>
void expect_answer(const Layer& layer, const io::StateDict& answers, const std::string& name) {
  expect_close(name, from_eigen(layer.infer(answers.get<Images>("x"))),
               from_eigen(answers.get<Images>(name)), 1e-14L);
}

TEST(Frameworks, KerasSaysTheSame) {
  BatchNorm2d<double> batch(4, io::KerasBatchNormalization().options());
  LayerNorm<double> layer(4, io::KerasLayerNormalization().options());
  GroupNorm<double> group(2, 4, io::KerasGroupNormalization().options());
  Eigen::MatrixXd kernel(4, 3);
  Eigen::VectorXd bias(3);
  io::ModelState model;
  model.add("model.batch_normalization", batch);
  model.add("model.layer_normalization", layer);
  model.add("model.group_normalization", group);
  model.add("model.dense.kernel", kernel);
  model.add("model.dense.bias", bias);
  model.load(io::NameMap::keras().to_torch(load("keras")));

  const io::StateDict answers = load("keras_answers");
  expect_answer(batch, answers, "batch");
  expect_answer(layer, answers, "layer");
  expect_answer(group, answers, "group");
}

TEST(Frameworks, FlaxSaysTheSame) {
  BatchNorm2d<double> batch(4, io::FlaxBatchNorm().options());
  LayerNorm<double> layer(4, io::FlaxLayerNorm().options());
  GroupNorm<double> group(2, 4, io::FlaxGroupNorm().options());
  RMSNorm<double> rms(4, RMSNormOptions::flax());
  Eigen::MatrixXd kernel(4, 3);
  Eigen::VectorXd bias(3);
  io::ModelState model;
  model.add("BatchNorm_0", batch);
  model.add("LayerNorm_0", layer);
  model.add("GroupNorm_0", group);
  model.add("RMSNorm_0", rms);
  model.add("Dense_0.kernel", kernel);
  model.add("Dense_0.bias", bias);
  model.load(io::NameMap::flax().to_torch(load("flax")));

  const io::StateDict answers = load("flax_answers");
  expect_answer(batch, answers, "batch");
  expect_answer(layer, answers, "layer");
  expect_answer(group, answers, "group");
  expect_answer(rms, answers, "rms");
}

}  // namespace
}  // namespace eigen_norm::test
