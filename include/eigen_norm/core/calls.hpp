// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <type_traits>

#include "eigen_norm/memory/input.hpp"
#include "eigen_norm/memory/operand.hpp"
#include "eigen_norm/memory/output.hpp"

namespace eigen_norm {
inline namespace EIGEN_NORM_ABI {

/// How a layer takes the Eigen objects of a call: asks whether they will do, before anything is
/// changed, and hands their memory to the one who computes. A layer says of itself:
///
///     std::string name() const              for error messages
///     check_rank<Rank>()                    static_assert
///     wants_packed()                        true where gaps between lines are in the way
template <typename Derived, typename Scalar>
class Calls {
 protected:
  using ConstBuffer = memory::Buffer<const Scalar>;
  using MutableBuffer = memory::Buffer<Scalar>;

  /// What goes before the output is touched, by default.
  struct Nothing {
    template <typename... Buffers>
    void operator()(const Buffers&...) const {}
  };

  /// compute(x, y) on the memory of x and of y, both in the given order, after check(shape of x); y
  /// has that shape then. prepare(x) goes before y is touched, when all else is in order.
  template <bool RowMajor, typename X, typename Y, typename Check, typename Compute,
            typename Prepare = Nothing>
  void transform(const X& x, Y& y, const Check& check, const Compute& compute,
                 const Prepare& prepare = {}) const {
    check_types<X, Y>();
    check_countable("input", x);
    const bool packed = self().wants_packed();
    const memory::Input<X, RowMajor> in(x, packed);
    check(in.shape());
    memory::Output<Y, RowMajor> out(y);
    check_output(out, "output", in.shape(), in.buffer());
    prepare(in.buffer());
    const MutableBuffer result = out.open(in.shape(), packed);
    compute(in.buffer(), result);
    out.close();
  }

  /// compute(x) on the memory of x.
  template <typename X, typename Check, typename Compute>
  void read(const X& x, const Check& check, const Compute& compute) const {
    check_types<X, X>();
    check_countable("input", x);
    const memory::Input<X> in(x, self().wants_packed());
    check(in.shape());
    compute(in.buffer());
  }

  /// compute(x, dy) on the memory of both.
  template <bool RowMajor, typename X, typename Dy, typename Check, typename Compute>
  void read_gradient(const X& x, const Dy& dy, const Check& check, const Compute& compute) const {
    check_types<X, Dy, false>();
    check_countable("input", x);
    check_countable("dy", dy);
    const bool packed = self().wants_packed();
    const memory::Input<X, RowMajor> in(x, packed);
    const memory::Input<Dy, RowMajor> gradient(dy, packed);
    check(in.shape());
    check_shape("dy", in.shape(), gradient.shape());
    compute(in.buffer(), gradient.buffer());
  }

  /// compute(x, dy, dx) on the memory of all three, prepare(x, dy) before dx is touched.
  template <bool RowMajor, typename X, typename Dy, typename Dx, typename Check, typename Compute,
            typename Prepare = Nothing>
  void differentiate(const X& x, const Dy& dy, Dx& dx, const Check& check, const Compute& compute,
                     const Prepare& prepare = {}) const {
    check_types<X, Dx>();
    read_gradient<RowMajor>(x, dy, check, [&](const ConstBuffer& in, const ConstBuffer& gradient) {
      memory::Output<Dx, RowMajor> out(dx);
      check_output(out, "dx", in.layout.shape, in);
      check_output(out, "dx", in.layout.shape, gradient);
      prepare(in, gradient);
      const MutableBuffer result = out.open(in.layout.shape, self().wants_packed());
      compute(in, gradient, result);
      out.close();
    });
  }

  [[noreturn]] void raise_shape(const std::string& what, const std::string& expected,
                                const memory::Shape& got, const std::string& hint = "") const {
    memory::raise_invalid(self().name() + ": expected " + what + " " + expected + ", got " +
                          got.text() + hint);
  }

  void check_shape(const char* what, const memory::Shape& expected,
                   const memory::Shape& got) const {
    if (got != expected) raise_shape(what, expected.text(), got);
  }

 private:
  const Derived& self() const { return static_cast<const Derived&>(*this); }

  template <typename X, typename Y, bool SameOrder = true>
  static void check_types() {
    using From = memory::EigenObject<X>;
    using To = memory::EigenObject<Y>;
    static_assert(std::is_same_v<typename From::Scalar, Scalar>,
                  "eigen_norm: the input's scalar must be the layer's");
    static_assert(std::is_same_v<typename To::Scalar, Scalar>,
                  "eigen_norm: the scalar of the output and of gradients must be the layer's");
    static_assert(From::rank == To::rank,
                  "eigen_norm: the output and gradients must have the input's rank");
    static_assert(!SameOrder || From::row_major == To::row_major,
                  "eigen_norm: the output must have the input's storage order: both RowMajor or "
                  "both ColMajor");
    Derived::template check_rank<From::rank>();
  }

  /// Of what lies in memory; the value of an expression is made by Eigen.
  template <typename X>
  void check_countable(const char* what, const X& x) const {
    if constexpr (memory::EigenObject<X>::has_memory) {
      const memory::Shape shape = memory::EigenObject<X>::shape(x);
      if (!shape.is_countable()) raise_shape(what, "of a size within Index", shape);
    }
  }

  template <typename Out, typename In>
  void check_output(const Out& out, const char* what, const memory::Shape& shape,
                    const In& input) const {
    if (!out.fits(shape)) raise_shape(what, shape.text(), out.shape());
    if (!out.is_adjacent()) {
      memory::raise_invalid(self().name() + ": expected " + what +
                            " with adjacent elements, got a view with an inner stride");
    }
    if (!out.is_safe_beside(input)) {
      memory::raise_invalid(self().name() + ": expected " + what +
                            " that is exactly an input or apart from it, got a partial overlap");
    }
  }
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm
