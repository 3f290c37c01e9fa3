// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "support/logical.hpp"

namespace eigen_norm::test::onnx {

// The little of ONNX that its node tests need, decoded from the protobuf wire format by hand.
struct Node {
  std::string op_type;
  std::vector<std::string> inputs;
  std::vector<std::string> outputs;
  std::map<std::string, float> floats;  // attributes, by kind
  std::map<std::string, std::int64_t> integers;

  float number(const std::string& attribute, float otherwise) const;
  std::int64_t integer(const std::string& attribute, std::int64_t otherwise) const;
};

struct Model {
  std::int64_t opset = 0;  // of the default domain
  std::vector<Node> nodes;
  std::map<std::string, Logical> initializers;
  std::vector<std::string> inputs;  // of the graph; old models list the initializers too
  std::vector<std::string> outputs;
};

// One case of the node tests: a model, its first data set, and where each tensor goes.
struct Case {
  std::string name;
  Model model;
  std::map<std::string, Logical> tensors;  // inputs and initializers, by name
  std::map<std::string, Logical> expected;

  const Node& node() const { return model.nodes.at(0); }
  // The k-th input of the node; the k-th expected output.
  const Logical& input(std::size_t k) const { return tensors.at(node().inputs.at(k)); }
  const Logical& output(std::size_t k) const { return expected.at(node().outputs.at(k)); }
};

// Where Debian's libonnx-testdata puts the cases; empty where it is not installed.
std::string data_folder();

// Every case in a sub-folder of the data ("node", "pytorch-converted") whose model is one single
// node of that type, sorted by name. A file that cannot be decoded throws std::runtime_error.
std::vector<Case> cases_of(const std::string& folder, const std::string& op_type);

}  // namespace eigen_norm::test::onnx
