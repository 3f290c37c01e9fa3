// SPDX-License-Identifier: MIT
#include "support/onnx.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string_view>

#include "support/protobuf.hpp"

namespace eigen_norm::test::onnx {

namespace {

namespace fs = std::filesystem;

using protobuf::as_float;
using protobuf::Field;
using protobuf::fields_of;
using protobuf::Wire;

struct NamedTensor {
  std::string name;
  Logical tensor;
};

// TensorProto: dims = 1, data_type = 2, name = 8, raw_data = 9.
NamedTensor tensor_of(std::string_view message) {
  constexpr std::uint64_t float32 = 1;
  NamedTensor result;
  Dims dims;
  Values values;
  std::uint64_t type = 0;
  for (const Field& field : fields_of(message)) {
    if (field.id == 1) dims.push_back(static_cast<Index>(field.number));
    if (field.id == 2) type = field.number;
    if (field.id == 8) result.name = field.text();
    if (field.id != 9) continue;
    for (Wire raw(field.bytes); !raw.done();) values.push_back(raw.fixed<float>());
  }
  if (type != float32) throw std::runtime_error("ONNX: expected a tensor of floats");
  result.tensor = Logical(std::move(dims), std::move(values));
  return result;
}

// NodeProto: input = 1, output = 2, op_type = 4, attribute = 5. AttributeProto: name = 1, f = 2,
// i = 3.
Node node_of(std::string_view message) {
  Node result;
  for (const Field& field : fields_of(message)) {
    if (field.id == 1) result.inputs.push_back(field.text());
    if (field.id == 2) result.outputs.push_back(field.text());
    if (field.id == 4) result.op_type = field.text();
    if (field.id != 5) continue;
    std::string name;
    for (const Field& part : fields_of(field.bytes)) {
      if (part.id == 1) name = part.text();
      if (part.id == 2) result.floats[name] = as_float(part.number);
      if (part.id == 3) result.integers[name] = static_cast<std::int64_t>(part.number);
    }
  }
  return result;
}

// ValueInfoProto: name = 1.
std::string name_of(std::string_view message) {
  for (const Field& field : fields_of(message)) {
    if (field.id == 1) return field.text();
  }
  return {};
}

// ModelProto: graph = 7, opset_import = 8 {domain = 1, version = 2}. GraphProto: node = 1,
// initializer = 5, input = 11, output = 12. Calls visit(field) for every field of the graph.
template <typename Visit>
void for_each_graph_field(std::string_view model, Visit visit) {
  for (const Field& field : fields_of(model)) {
    if (field.id != 7) continue;
    for (const Field& part : fields_of(field.bytes)) visit(part);
  }
}

std::int64_t opset_of(std::string_view model) {
  std::int64_t result = 0;
  for (const Field& field : fields_of(model)) {
    if (field.id != 8) continue;
    std::string domain;
    std::int64_t version = 0;
    for (const Field& part : fields_of(field.bytes)) {
      if (part.id == 1) domain = part.text();
      if (part.id == 2) version = static_cast<std::int64_t>(part.number);
    }
    if (domain.empty()) result = version;
  }
  return result;
}

Model model_of(std::string_view message) {
  Model result;
  result.opset = opset_of(message);
  for_each_graph_field(message, [&](const Field& field) {
    if (field.id == 1) result.nodes.push_back(node_of(field.bytes));
    if (field.id == 5) {
      NamedTensor initializer = tensor_of(field.bytes);
      result.initializers[initializer.name] = std::move(initializer.tensor);
    }
    if (field.id == 11) result.inputs.push_back(name_of(field.bytes));
    if (field.id == 12) result.outputs.push_back(name_of(field.bytes));
  });
  return result;
}

std::string bytes_of(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) throw std::runtime_error("cannot open " + path.string());
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

// input_K.pb is the graph's K-th input, among those that are not initializers.
Case read_case(const fs::path& folder) {
  Case result;
  result.name = folder.filename().string();
  result.model = model_of(bytes_of(folder / "model.onnx"));
  result.tensors = result.model.initializers;
  const fs::path data = folder / "test_data_set_0";
  int k = 0;
  for (const std::string& input : result.model.inputs) {
    if (result.model.initializers.count(input) > 0) continue;
    const std::string bytes = bytes_of(data / ("input_" + std::to_string(k++) + ".pb"));
    result.tensors[input] = tensor_of(bytes).tensor;
  }
  k = 0;
  for (const std::string& output : result.model.outputs) {
    const std::string bytes = bytes_of(data / ("output_" + std::to_string(k++) + ".pb"));
    result.expected[output] = tensor_of(bytes).tensor;
  }
  return result;
}

// Looks at the nodes alone: other models hold tensors of types that are not read here.
bool is_single(const fs::path& model_file, const std::string& op_type) {
  const std::string bytes = bytes_of(model_file);
  std::vector<Node> nodes;
  for_each_graph_field(bytes, [&](const Field& field) {
    if (field.id == 1) nodes.push_back(node_of(field.bytes));
  });
  return nodes.size() == 1 && nodes[0].op_type == op_type;
}

}  // namespace

float Node::number(const std::string& attribute, float otherwise) const {
  const auto found = floats.find(attribute);
  return found == floats.end() ? otherwise : found->second;
}

std::int64_t Node::integer(const std::string& attribute, std::int64_t otherwise) const {
  const auto found = integers.find(attribute);
  return found == integers.end() ? otherwise : found->second;
}

std::string data_folder() {
  const fs::path folder = "/usr/share/libonnx-testdata/data";
  return fs::is_directory(folder) ? folder.string() : std::string();
}

std::vector<Case> cases_of(const std::string& folder, const std::string& op_type) {
  std::vector<Case> result;
  for (const auto& entry : fs::directory_iterator(fs::path(data_folder()) / folder)) {
    const fs::path model = entry.path() / "model.onnx";
    if (fs::exists(model) && is_single(model, op_type)) result.push_back(read_case(entry.path()));
  }
  std::sort(result.begin(), result.end(),
            [](const Case& a, const Case& b) { return a.name < b.name; });
  return result;
}

}  // namespace eigen_norm::test::onnx
