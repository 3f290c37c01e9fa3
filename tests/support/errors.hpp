// SPDX-License-Identifier: MIT
#pragma once

#include <gtest/gtest.h>

#include <csignal>
#include <exception>
#include <string>
#include <typeinfo>

#include "support/layer_check.hpp"

namespace eigen_norm::test {

// `call` throws exactly an Error with exactly this message; compiled without exceptions, it prints
// the message and aborts.
template <typename Error, typename Call>
void expect_error(const std::string& message, Call call) {
#if defined(__cpp_exceptions)
  try {
    call();
  } catch (const std::exception& error) {
    EXPECT_EQ(std::string(error.what()), message);
    EXPECT_TRUE(typeid(error) == typeid(Error)) << "of another type: " << message;
    return;
  }
  ADD_FAILURE() << "nothing was thrown instead of: " << message;
#else
  EXPECT_EXIT(call(), testing::KilledBySignal(SIGABRT), testing::Eq(message + "\n"));
#endif
}

// The same, and nothing about the layer has changed.
template <typename Error = std::invalid_argument, typename Layer, typename Call>
void expect_refused(const Layer& layer, const std::string& message, Call call) {
  const Values before = visible_state(layer);
  expect_error<Error>(message, call);
  EXPECT_EQ(visible_state(layer), before) << "the layer has changed after: " << message;
}

}  // namespace eigen_norm::test
