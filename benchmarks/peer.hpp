// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "problem.hpp"

namespace bench {

/// The statistics of a forward, in the order of Problem::visit: inv_std is 1 / sqrt(var + eps).
/// RMSNorm's mean is 0 and its var the mean square.
struct Moments {
  Eigen::ArrayXd mean, inv_std;
};

/// A library at work on one problem. Each verb reads data.x (and data.dy) and writes as near to
/// data.out as the library's API allows.
template <typename Scalar>
class Peer {
 public:
  explicit Peer(const Data<Scalar>& data) : out_(data.out.data()) {}
  virtual ~Peer() = default;

  virtual void forward() = 0;   ///< in training: by the batch, running statistics updated
  virtual void infer() = 0;     ///< BatchNorm by the running statistics, others by their own
  virtual void backward() = 0;  ///< of the last forward, with dgamma and dbeta

  virtual void use_threads(int) {}

  /// What the last verb wrote, and how it and data.x are read.
  virtual const Scalar* result() const { return out_; }
  virtual Layout layout(const Problem& problem) const { return problem.layout; }
  virtual Moments moments() const = 0;  ///< of the last forward
  virtual const Parameter<Scalar>* gamma_grad() const = 0;
  virtual const Parameter<Scalar>* beta_grad() const = 0;

 private:
  const Scalar* out_;
};

template <typename Scalar>
using PeerPtr = std::unique_ptr<Peer<Scalar>>;

/// Null where the library has no such layer.
template <typename Scalar>
using Make = PeerPtr<Scalar> (*)(const Problem&, const Data<Scalar>&);

template <typename Scalar>
PeerPtr<Scalar> make_eigen_norm(const Problem& problem, const Data<Scalar>& data);
template <typename Scalar>
PeerPtr<Scalar> make_plain_eigen(const Problem& problem, const Data<Scalar>& data);
template <typename Scalar>
PeerPtr<Scalar> make_plain_eigen_of_squares(const Problem& problem, const Data<Scalar>& data);
template <typename Scalar>
PeerPtr<Scalar> make_libtorch(const Problem& problem, const Data<Scalar>& data);
PeerPtr<float> make_onednn(const Problem& problem, const Data<float>& data);
PeerPtr<float> make_onednn_blocked(const Problem& problem, const Data<float>& data);
PeerPtr<float> make_dlib(const Problem& problem, const Data<float>& data);

template <typename Scalar>
struct Entry {
  const char* name;
  const char* version;
  Make<Scalar> make;
  bool threaded;
};

/// Those that CMake found, ours first, by the versions that it found.
template <typename Scalar>
std::vector<Entry<Scalar>> peers() {
  std::vector<Entry<Scalar>> result{{"eigen-norm", "", make_eigen_norm<Scalar>, true}};
  if constexpr (std::is_arithmetic_v<Scalar>) {
#ifdef PEER_PLAIN_EIGEN
    result.push_back({"plain Eigen", PEER_PLAIN_EIGEN, make_plain_eigen<Scalar>, false});
#endif
#ifdef PEER_LIBTORCH
    result.push_back({"libtorch", PEER_LIBTORCH, make_libtorch<Scalar>, true});
#endif
  }
  if constexpr (std::is_same_v<Scalar, float>) {
#ifdef PEER_ONEDNN
    result.push_back({"oneDNN", PEER_ONEDNN, make_onednn, true});
    result.push_back({"oneDNN nChw16c", PEER_ONEDNN, make_onednn_blocked, true});
#endif
#ifdef PEER_DLIB
    result.push_back({"dlib", PEER_DLIB, make_dlib, false});
#endif
  }
  return result;
}

}  // namespace bench
