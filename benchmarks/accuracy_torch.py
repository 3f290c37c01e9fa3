#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The tables of accuracy.cpp for PyTorch's CPU layers, measured on the same numbers."""
import numpy as np
import torch

SHAPE = (8, 16, 32, 32)
CHANNELS, GROUPS, WIDTH = 16, 4, 32
MEANS = (0, 1e2, 1e4, 1e6)
EPS = 1e-5


def normal(mean, seed):
    """mean + N(0, 1) by Box and Muller, from the generator that C++ calls std::mt19937."""
    bits = np.random.RandomState(seed).randint(0, 2**32, 2 * np.prod(SHAPE), dtype=np.uint32)
    u = (bits[0::2].astype(np.float64) + 1) / 2**32
    v = bits[1::2].astype(np.float64) / 2**32
    z = np.sqrt(-2 * np.log(u)) * np.cos(2 * np.pi * v)
    return torch.from_numpy((mean + z).astype(np.float32).reshape(SHAPE))


def reference(x, dy, split, axes):
    """xhat and dx by definition in float64; a statistic runs over `axes` of x reshaped to `split`."""
    x = x.double().numpy().reshape(split)
    dy = dy.double().numpy().reshape(split)
    mean_of = lambda values: values.mean(axis=axes, keepdims=True)
    centred = x - mean_of(x)
    inv_std = 1 / np.sqrt(mean_of(centred**2) + EPS)
    xhat = centred * inv_std
    dx = inv_std * (dy - mean_of(dy) - xhat * mean_of(dy * xhat))
    return xhat.reshape(SHAPE), dx.reshape(SHAPE)


def max_error(result, expected):
    return np.abs(result.detach().double().numpy() - expected).max()


def row(layer, memory_format, split, axes):
    """Errors of y and of dx, by the mean of the data."""
    errors = []
    for mean in MEANS:
        x, dy = normal(mean, 1), normal(0, 2)
        xhat, dx = reference(x, dy, split, axes)
        x = x.contiguous(memory_format=memory_format).requires_grad_()
        y = layer(x)
        y.backward(dy.contiguous(memory_format=memory_format))
        errors.append((max_error(y, xhat), max_error(x.grad, dx)))
    return zip(*errors)


def print_table(title, rows):
    print(f"| {title:<26} |" + "".join(f" mean {mean:<7.0g} |" for mean in MEANS))
    print("|---|---|---|---|---|")
    for name, errors in rows:
        print(f"| {name:<26} |" + "".join(f" {error:<12.1e} |" for error in errors))


torch.set_num_threads(1)
first, last = torch.contiguous_format, torch.channels_last
batch = torch.nn.BatchNorm2d(CHANNELS)
group = torch.nn.GroupNorm(GROUPS, CHANNELS)
layer = torch.nn.LayerNorm(WIDTH)
in_groups = (SHAPE[0], GROUPS, CHANNELS // GROUPS, *SHAPE[2:])
rows = [
    ("BatchNorm2d", *row(batch, first, SHAPE, (0, 2, 3))),
    ("BatchNorm2d, channels last", *row(batch, last, SHAPE, (0, 2, 3))),
    ("GroupNorm", *row(group, first, in_groups, (2, 3, 4))),
    ("GroupNorm, channels last", *row(group, last, in_groups, (2, 3, 4))),
    ("LayerNorm", *row(layer, first, SHAPE, 3)),
]
print_table("max error of y", [(name, y) for name, y, _ in rows])
print()
print_table("max error of dx", [(name, dx) for name, _, dx in rows])
