#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the .npy and .npz files beside this script, as NumPy writes them.

Run with NumPy 1.24 (Debian: apt-get install python3-numpy; /usr/bin/python3 make_files.py).

The element at the i-th index in row-major order is (i - 3) / 4, or i - 3 where it is an integer.
keras.npz and flax.npz are states as those frameworks name them, and *_answers.npz what they say to
x, by their formulas in float64. Every other number is representable in float32.
"""

import io
import pathlib
import zipfile

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
RANDOM = np.random.default_rng(7)


def counted(dtype, *shape):
    values = np.arange(np.prod(shape, dtype=int)).reshape(shape) - 3
    return (values if "i" in dtype else values / 4).astype(dtype)


def save_arrays():
    for dtype in ["<f8", "<f4", "<f2", "<i8", "<i4"]:
        np.save(HERE / f"{dtype[1:]}.npy", counted(dtype, 2, 3))
        np.save(HERE / f"{dtype[1:]}_big_endian.npy", counted(dtype.replace("<", ">"), 2, 3))
    np.save(HERE / "scalar.npy", counted("<f8"))
    np.save(HERE / "vector.npy", counted("<f4", 5))
    np.save(HERE / "empty.npy", counted("<f4", 0, 3))
    np.save(HERE / "eight_dimensions.npy", counted("<f4", 1, 2, 1, 3, 1, 2, 1, 1))
    np.save(HERE / "nine_dimensions.npy", counted("<f4", *[1] * 9))
    np.save(HERE / "fortran_order.npy", np.asfortranarray(counted("<f4", 2, 3, 4)))
    for version in [(2, 0), (3, 0)]:
        with open(HERE / f"version_{version[0]}.npy", "wb") as file:
            np.lib.format.write_array(file, counted("<f4", 2, 3), version)


def save_arrays_of_other_types():
    np.save(HERE / "bool.npy", np.array([True, False]))
    np.save(HERE / "uint8.npy", np.array([1, 2], "u1"))
    np.save(HERE / "complex.npy", np.array([1, 2j], "<c8"))
    np.save(HERE / "string.npy", np.array(["a", "bc"]))
    np.save(HERE / "object.npy", np.array([None, {}]), allow_pickle=True)
    np.save(HERE / "structured.npy", np.zeros(2, [("a", "<f4"), ("b", "<i4")]))


def save_archives():
    arrays = {"a": counted("<f4", 2, 3), "b": counted("<f8", 4), "layer.count": counted("<i8")}
    np.savez(HERE / "stored.npz", **arrays)
    np.savez_compressed(HERE / "deflated.npz", **arrays)
    zipfile.ZIP64_LIMIT = 0  # so that every size and offset is written in 64 bits
    np.savez(HERE / "zip64.npz", **arrays)
    zipfile.ZIP64_LIMIT = (1 << 31) - 1
    np.savez(HERE / "empty.npz")
    zeros = io.BytesIO()
    np.save(zeros, np.zeros(100000, "<f4"))  # of which deflate leaves a thousandth
    with zipfile.ZipFile(HERE / "zeros.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.writestr(zipfile.ZipInfo("zeros.npy"), zeros.getvalue(), zipfile.ZIP_DEFLATED, 9)


def normal(*shape, mean=0.0, sigma=1.0):
    """In multiples of 1/64: exact in float32."""
    return np.round((mean + sigma * RANDOM.standard_normal(shape)) * 64) / 64


def positive(*shape):
    return np.abs(normal(*shape)) + 0.25


def normalised(x, mean, var, epsilon, scale, offset):
    return (x - mean) / np.sqrt(var + epsilon) * scale + offset


def by_own(x, axes, epsilon, scale, offset):
    return normalised(x, x.mean(axes, keepdims=True), x.var(axes, keepdims=True), epsilon, scale,
                      offset)


def by_groups(x, groups, epsilon, scale, offset):
    """x is (N, H, W, C), and C / groups channels share their statistics."""
    split = x.reshape(*x.shape[:3], groups, -1)
    return by_own(split, (1, 2, 4), epsilon, 1, 0).reshape(x.shape) * scale + offset


def save_state(name, answers, state):
    np.savez(HERE / f"{name}.npz", **{key: value.astype("<f4") for key, value in state.items()})
    np.savez(HERE / f"{name}_answers.npz", **answers)


def save_keras():
    """keras.layers.BatchNormalization, LayerNormalization, GroupNormalization(groups=2), Dense, with
    Keras's own epsilon of 1e-3, on (N, H, W, C)."""
    x, epsilon = normal(2, 3, 2, 4, mean=0.5), 1e-3
    gamma, beta = normal(3, 4), normal(3, 4)
    mean, variance = normal(4), positive(4)
    save_state("keras", {
        "x": x,
        "batch": normalised(x, mean, variance, epsilon, gamma[0], beta[0]),
        "layer": by_own(x, 3, epsilon, gamma[1], beta[1]),
        "group": by_groups(x, 2, epsilon, gamma[2], beta[2]),
    }, {
        "model/batch_normalization/gamma:0": gamma[0],
        "model/batch_normalization/beta:0": beta[0],
        "model/batch_normalization/moving_mean:0": mean,
        "model/batch_normalization/moving_variance:0": variance,
        "model/layer_normalization/gamma:0": gamma[1],
        "model/layer_normalization/beta:0": beta[1],
        "model/group_normalization/gamma:0": gamma[2],
        "model/group_normalization/beta:0": beta[2],
        "model/dense/kernel:0": normal(4, 3),
        "model/dense/bias:0": normal(3),
    })


def save_flax():
    """flax.linen.BatchNorm, LayerNorm, GroupNorm(num_groups=2), RMSNorm, Dense, with Flax's own
    epsilon of 1e-5 and 1e-6, on (N, H, W, C)."""
    x = normal(2, 3, 2, 4, mean=0.5)
    scale, bias = normal(4, 4), normal(3, 4)
    mean, var = normal(4), positive(4)
    save_state("flax", {
        "x": x,
        "batch": normalised(x, mean, var, 1e-5, scale[0], bias[0]),
        "layer": by_own(x, 3, 1e-6, scale[1], bias[1]),
        "group": by_groups(x, 2, 1e-6, scale[2], bias[2]),
        "rms": x / np.sqrt((x * x).mean(3, keepdims=True) + 1e-6) * scale[3],
    }, {
        "params/BatchNorm_0/scale": scale[0],
        "params/BatchNorm_0/bias": bias[0],
        "batch_stats/BatchNorm_0/mean": mean,
        "batch_stats/BatchNorm_0/var": var,
        "params/LayerNorm_0/scale": scale[1],
        "params/LayerNorm_0/bias": bias[1],
        "params/GroupNorm_0/scale": scale[2],
        "params/GroupNorm_0/bias": bias[2],
        "params/RMSNorm_0/scale": scale[3],
        "params/Dense_0/kernel": normal(4, 3),
        "params/Dense_0/bias": normal(3),
    })


if __name__ == "__main__":
    save_arrays()
    save_arrays_of_other_types()
    save_archives()
    save_keras()
    save_flax()
