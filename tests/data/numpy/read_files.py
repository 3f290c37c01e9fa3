#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Reads the .npz file named first with numpy.load, prints each array's name, dtype, shape and order,
and fails unless it equals the one of the file named second."""

import sys

import numpy as np

with np.load(sys.argv[1]) as got, np.load(sys.argv[2]) as expected:
    assert got.files == expected.files, (got.files, expected.files)
    for name in got.files:
        a, b = got[name], expected[name]
        print(name, a.dtype.str, a.shape, "fortran" if a.flags.fnc else "C")
        assert a.dtype == b.dtype and a.shape == b.shape, (b.dtype, b.shape)
        assert a.tobytes() == b.tobytes(), name
