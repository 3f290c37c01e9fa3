// SPDX-License-Identifier: MIT
#include "eigen_norm/io/safetensors.hpp"

#include <gtest/gtest.h>

#include <Eigen/Core>
#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <unsupported/Eigen/CXX11/Tensor>
#include <vector>

#include "eigen_norm/batch_norm.hpp"
#include "eigen_norm/io/model_state.hpp"
#include "support/errors.hpp"
#include "support/temporary_folder.hpp"

// The files are written by tests/data/safetensors/make_files.py, which shares nothing with this
// library.
namespace eigen_norm {
namespace {

using io::load_safetensors;
using io::Safetensors;
using io::save_safetensors;
using io::serialize_safetensors;
using io::StateDict;
using Metadata = io::SafetensorsMetadata;

const std::string data_folder = EIGEN_NORM_TEST_DATA_DIR "/safetensors/";

std::vector<std::string> files_in(const std::string& folder) {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator(data_folder + folder)) {
    paths.push_back(entry.path().string());
  }
  EXPECT_FALSE(paths.empty());
  return paths;
}

template <typename Scalar>
Scalar scalar_in(const io::TensorView& view) {
  return io::read_element<Scalar>(static_cast<const char*>(view.data), view.swapped);
}

TEST(Safetensors, ReadsEveryType) {
  const StateDict state = load_safetensors(data_folder + "same/types.safetensors");
  Eigen::Matrix<double, 2, 3> expected;
  expected << -2, -1, 0, 1, 2, 3;
  EXPECT_EQ(state.size(), 6U);
  for (const char* const type : {"F64", "F32", "F16", "BF16"}) {
    EXPECT_EQ(io::name_of(state.at(type).type), std::string(type));
    EXPECT_EQ(state.get<Eigen::MatrixXd>(type), expected) << type;
  }
  using Integers = Eigen::Matrix<std::int64_t, Eigen::Dynamic, Eigen::Dynamic>;
  for (const char* const type : {"I64", "I32"}) {
    EXPECT_EQ(io::name_of(state.at(type).type), std::string(type));
    EXPECT_EQ(state.get<Integers>(type).cast<double>(), expected) << type;
  }
}

TEST(Safetensors, ReadsEveryShape) {
  const StateDict state = load_safetensors(data_folder + "same/shapes.safetensors");
  EXPECT_EQ(state.at("scalar").shape, memory::Shape());
  EXPECT_EQ(scalar_in<float>(state.at("scalar")), 7);
  EXPECT_EQ(state.at("none").shape, memory::Shape({0}));
  EXPECT_EQ(state.at("none of two").shape, memory::Shape({2, 0, 3}));
  const auto eight = state.get<Eigen::Tensor<std::int32_t, 8>>("eight dimensions");
  EXPECT_EQ(eight(0, 1, 0, 2, 0, 1, 0, 0), 22);
}

TEST(Safetensors, LoadsTheStateOfALayer) {
  BatchNorm2d<float> norm(3);
  io::ModelState model;
  model.add("bn", norm);
  model.load(load_safetensors(data_folder + "same/batch_norm.safetensors"));
  EXPECT_EQ(norm.gamma()[1], 2.5F);
  EXPECT_EQ(norm.beta()[2], -3);
  EXPECT_EQ(norm.running_mean()[0], 10);
  EXPECT_EQ(norm.running_var()[0], 0.25F);
  EXPECT_EQ(norm.num_batches_tracked(), 1234567890);
}

TEST(Safetensors, WritesTheStateOfALayerAsTheOriginalDoes) {
  if (sizeof(Index) != 8) GTEST_SKIP() << "the counter of batches has another type here";
  BatchNorm2d<float> norm(3);
  norm.gamma() << 1.5F, 2.5F, 3.5F;
  norm.beta() << -1, -2, -3;
  norm.running_mean() << 10, 20, 30;
  norm.running_var() << 0.25F, 1, 4;
  norm.num_batches_tracked() = 1234567890;
  StateDict state;
  state.add("bn", norm);
  const test::TemporaryFolder folder;
  const std::string path = folder.path("model.safetensors");
  save_safetensors(path, state, {{"format", "pt"}});
  EXPECT_EQ(test::read_bytes(path), test::read_bytes(data_folder + "same/batch_norm.safetensors"));
}

TEST(Safetensors, LoadsAndSavesTheFilesOfTheScriptBitForBit) {
  const test::TemporaryFolder folder;
  const std::string copy = folder.path("copy.safetensors");
  for (const std::string& path : files_in("same")) {
    const Safetensors file = io::read_safetensors(path);
    save_safetensors(copy, file.state, file.metadata);
    EXPECT_EQ(test::read_bytes(copy), test::read_bytes(path)) << path;
  }
}

TEST(Safetensors, SavesTheSameAfterEveryLoad) {
  for (const std::string& path : files_in("good")) {
    const Safetensors file = io::read_safetensors(path);
    const std::string saved = serialize_safetensors(file.state, file.metadata);
    const Safetensors again = io::parse_safetensors(saved, nullptr, "saved");
    EXPECT_EQ(serialize_safetensors(again.state, again.metadata), saved) << path;
    EXPECT_EQ(again.state.size(), file.state.size()) << path;
  }
}

TEST(Safetensors, ReadsAnyOrderEscapesAndOddAddresses) {
  const Safetensors file = io::read_safetensors(data_folder + "good/free.safetensors");
  EXPECT_EQ(file.state.size(), 3U);
  EXPECT_EQ(file.state.get<Eigen::VectorXd>("b"), Eigen::Vector2d(0.5, -0.25));
  EXPECT_EQ(scalar_in<Eigen::bfloat16>(file.state.at("a\xF0\x9F\x99\x82/")), Eigen::bfloat16(3.0F));
  EXPECT_EQ(file.state.at("c").shape, memory::Shape({0, 9}));
  EXPECT_EQ(file.metadata, (Metadata{{"a", ""}, {"z", "\xC3\xA9"}}));
}

TEST(Safetensors, KeepsNamesAndMetadataOfEveryCharacter) {
  const StateDict names = load_safetensors(data_folder + "same/names.safetensors");
  for (const std::string& name :
       {std::string(), std::string("\0", 1), std::string("\x7F"), std::string("a \"quote\""),
        std::string("\xE5\xB1\xA4.\xE9\x87\x8D\xE3\x81\xBF")}) {
    EXPECT_TRUE(names.contains(name)) << name;
  }
  const Safetensors file = io::read_safetensors(data_folder + "same/metadata.safetensors");
  EXPECT_EQ(file.metadata.size(), 5U);
  EXPECT_EQ(file.metadata.at("note"), "two\nlines");
  EXPECT_EQ(file.metadata.at(""), "no name");
}

TEST(Safetensors, ViewsTheFileAndKeepsIt) {
  const Eigen::MatrixXf weight = Eigen::MatrixXf::Random(30, 40);
  StateDict state;
  {
    const test::TemporaryFolder folder;
    StateDict saved;
    saved.add("weight", weight);
    save_safetensors(folder.path("gone.safetensors"), saved);
    state = load_safetensors(folder.path("gone.safetensors"));
  }
  EXPECT_EQ(state.get<Eigen::MatrixXf>("weight"), weight);

  const std::string bytes = serialize_safetensors(state);
  const Safetensors parsed = io::parse_safetensors(bytes, nullptr, "memory");
  EXPECT_EQ(static_cast<const char*>(parsed.state.at("weight").data) + 30 * 40 * sizeof(float),
            bytes.data() + bytes.size());
}

TEST(Safetensors, SavesOverTheFileThatItReads) {
  const test::TemporaryFolder folder;
  const std::string path = folder.path("model.safetensors");
  Eigen::ArrayXf values = Eigen::ArrayXf::LinSpaced(100'000, 0, 1);
  StateDict state;
  state.add("x", values);
  save_safetensors(path, state);
  const StateDict loaded = load_safetensors(path);
  const Eigen::Array2d more(1, 2);
  StateDict both = loaded;
  both.add("more", more);
  save_safetensors(path, both);
  EXPECT_TRUE((load_safetensors(path).get<Eigen::ArrayXf>("x") == values).all());
  EXPECT_TRUE((loaded.get<Eigen::ArrayXf>("x") == values).all());
  EXPECT_EQ(folder.files(), 1);
}

TEST(Safetensors, RefusesWhatCannotBeWrittenBeforeItWrites) {
  const test::TemporaryFolder folder;
  const std::string path = folder.path("model.safetensors");
  const Eigen::Array2f values(1, 2);
  const auto refused = [&](const std::string& name, const Metadata& metadata,
                           const std::string& message) {
    StateDict state;
    state.add(name, values);
    test::expect_error<std::invalid_argument>(path + message,
                                              [&] { save_safetensors(path, state, metadata); });
  };
  refused("caf\xE9", {}, ": expected names in UTF-8, got caf\xE9");
  refused("__metadata__", {}, ": expected names of tensors, got __metadata__");
  refused("x", {{"\xFF", ""}}, ": expected metadata in UTF-8, got \xFF");
  refused("x", {{"format", "\xED\xA0\x80"}}, ": expected metadata in UTF-8, got \xED\xA0\x80");
  refused("x", {{"note", std::string(100'000'000, '.')}},
          ": expected a header of at most 100000000 bytes, got 100000088");
  EXPECT_EQ(folder.files(), 0);
}

TEST(Safetensors, SaysWhyItCannotBeOpened) {
  test::expect_error<std::runtime_error>(
      "nowhere.safetensors: expected a file to read, got \"No such file or directory\"",
      [] { load_safetensors("nowhere.safetensors"); });
}

}  // namespace
}  // namespace eigen_norm
