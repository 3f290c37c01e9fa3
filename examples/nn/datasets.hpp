// SPDX-License-Identifier: MIT
#pragma once

#include <limits>
#include <string>
#include <vector>

#include "nn/csv.hpp"
#include "nn/types.hpp"

// The two data sets of examples/data; their origin is told in the README there.
namespace nn {

struct Patients {
  Matrix<double> features;  // (569, 30) measurements of cell nuclei, none negative
  Labels malignant;         // (569): 1 malignant, 0 benign
};

struct Digits {
  Images<float> images;  // (1797, 1, 8, 8) ink from 0 to 1
  Labels digits;         // (1797): 0 to 9
};

/// A line `patients,features,malignant,benign`, then one line per patient: the features and 0 for
/// malignant or 1 for benign.
inline Patients read_breast_cancer(const std::string& folder) {
  constexpr Index count = 569;
  constexpr Index features = 30;
  constexpr double no_limit = std::numeric_limits<double>::infinity();
  CsvReader csv(folder + "/breast_cancer.csv",
                "the breast cancer data (569 patients, 30 features)");
  const std::vector<std::string> header = csv.next(4, "the header 569,30,malignant,benign");
  if (header != std::vector<std::string>{"569", "30", "malignant", "benign"}) {
    csv.fail("the header 569,30,malignant,benign",
             '"' + header[0] + ',' + header[1] + ',' + header[2] + ',' + header[3] + '"');
  }
  Patients data{Matrix<double>(count, features), Labels(count)};
  for (Index n = 0; n < count; ++n) {
    const std::string row = "patient " + std::to_string(n + 1) + " of 569";
    const std::vector<std::string> cells = csv.next(features + 1, row);
    for (std::size_t i = 0; i < features; ++i) {
      data.features(n, static_cast<Index>(i)) = csv.number(cells, i, 0.0, no_limit);
    }
    data.malignant(n) = 1 - csv.whole_number(cells, features, 0, 1);
  }
  csv.expect_end();
  return data;
}

/// One line per image: 64 pixels from 0 to 16, row by row, and the digit.
inline Digits read_digits(const std::string& folder) {
  constexpr Index count = 1797;
  constexpr Index pixels = 64;
  CsvReader csv(folder + "/digits.csv.gz", "the handwritten digits (1797 images of 8 x 8)");
  Digits data{Images<float>(count, 1, 8, 8), Labels(count)};
  auto images = as_matrix(data.images.data(), count, pixels);
  for (Index n = 0; n < count; ++n) {
    const std::string row = "image " + std::to_string(n + 1) + " of 1797";
    const std::vector<std::string> cells = csv.next(pixels + 1, row);
    for (std::size_t i = 0; i < pixels; ++i) {
      images(n, static_cast<Index>(i)) = static_cast<float>(csv.number(cells, i, 0.0, 16.0) / 16.0);
    }
    data.digits(n) = csv.whole_number(cells, pixels, 0, 9);
  }
  csv.expect_end();
  return data;
}

}  // namespace nn
