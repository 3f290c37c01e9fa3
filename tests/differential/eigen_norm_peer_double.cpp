// SPDX-License-Identifier: MIT
#include "differential/eigen_norm_peer.hpp"

namespace eigen_norm::test {

template std::unique_ptr<Peer> make_eigen_norm<double>(const Configuration&, const Affine&);

}  // namespace eigen_norm::test
