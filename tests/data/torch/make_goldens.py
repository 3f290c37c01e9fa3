#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the golden files beside this script: PyTorch's answers, computed in float64.

Run with PyTorch 1.13 (Debian: apt-get install python3-torch; /usr/bin/python3 make_goldens.py).
The layers, options and shapes are those of PyTorch's own test suite. Every input is representable
in float32, so that a float layer can be held to the same answers.

The format, line by line:
  case NAME              begins a case
  option KEY VALUE       a layer option, in PyTorch's words; "none" where PyTorch says None
  array NAME D1 D2 ...   followed by its values, row-major, one line for each last dimension
"""

import pathlib

import torch
import torch.nn.functional as functional

HERE = pathlib.Path(__file__).resolve().parent
TRAINING_STEPS = 3


class Golden:
    """One golden file; every case draws from a generator seeded by its own name."""

    def __init__(self, name, title):
        self.path = HERE / name
        self.lines = [f"# {title}: PyTorch {torch.__version__}, float64; see make_goldens.py"]

    def case(self, name, **options):
        self.generator = torch.Generator().manual_seed(sum(map(ord, name)))
        self.lines.append(f"case {name}")
        for key, value in options.items():
            self.lines.append(f"option {key} {str(value).lower()}")

    def array(self, name, values):
        values = values.detach()
        self.lines.append(" ".join(["array", name, *map(str, values.shape)]))
        for row in values.reshape(-1, values.shape[-1] if values.dim() else 1).tolist():
            self.lines.append(" ".join(format(v, ".17g") for v in row))

    def normal(self, *shape, mean=0.0, sigma=1.0):
        """Random normal values in multiples of 1/64: exact in float32, short in decimal."""
        values = mean + sigma * torch.randn(*shape, generator=self.generator, dtype=torch.float64)
        return torch.round(values * 64) / 64

    def gamma(self, *shape):
        """Away from 0 and 1, of both signs."""
        values = self.normal(*shape)
        return values + torch.sign(values + 1e-3) * 0.75

    def write(self):
        self.path.write_text("\n".join(self.lines) + "\n")


def gradients(golden, suffix, x, dy, call, parameters):
    """One forward and backward of call(x): writes x, dy, y, dx and the parameters' gradients."""
    x = x.requires_grad_()
    for parameter in parameters.values():
        parameter.grad = None
    y = call(x)
    y.backward(dy)
    for name, values in {"x": x, "dy": dy, "y": y, "dx": x.grad}.items():
        golden.array(name + suffix, values)
    for name, parameter in parameters.items():
        golden.array(name + "_grad" + suffix, parameter.grad)


def tracking_norm(golden, kind, name, shape, channels, eps=1e-5, momentum=0.1, affine=True,
                  track=True, mean=0.5, sigma=1.5):
    """Three training steps on three batches, then one evaluation of a fourth."""
    golden.case(name, eps=eps, momentum=momentum, affine=affine, track_running_stats=track)
    layer = kind(channels, eps, momentum, affine, track).double()
    parameters = {}
    if affine:
        parameters = {"weight": layer.weight, "bias": layer.bias}
        with torch.no_grad():
            layer.weight.copy_(golden.gamma(channels))
            layer.bias.copy_(golden.normal(channels))
    for key, parameter in parameters.items():
        golden.array(key, parameter)
    for step in range(TRAINING_STEPS + 1):
        layer.train(step < TRAINING_STEPS)
        x = golden.normal(*shape, mean=mean + step / 4, sigma=sigma)
        gradients(golden, str(step), x, golden.normal(*shape), layer, parameters)
        if track:
            for key in ("running_mean", "running_var", "num_batches_tracked"):
                golden.array(key + str(step), getattr(layer, key))
    if track:
        assert bool((layer.running_var > 0).all()), name


def batch_norm(golden, name, shape, **options):
    kind = {4: torch.nn.BatchNorm2d, 5: torch.nn.BatchNorm3d}.get(len(shape), torch.nn.BatchNorm1d)
    tracking_norm(golden, kind, name, shape, shape[1], **options)


def instance_norm(golden, name, spatial_rank, shape, affine=False, track=False, **options):
    """`shape` with or without samples in front. PyTorch 1.13 does not count the batches."""
    kind = (torch.nn.InstanceNorm1d, torch.nn.InstanceNorm2d, torch.nn.InstanceNorm3d)
    tracking_norm(golden, kind[spatial_rank - 1], name, shape, shape[-spatial_rank - 1],
                  affine=affine, track=track, **options)


def layer_norm(golden, name, shape, normalized, eps=1e-5, weight=True, bias=True):
    golden.case(name, eps=eps, normalized_rank=len(normalized), weight=weight, bias=bias)
    parameters = {}
    if weight:
        parameters["weight"] = golden.gamma(*normalized).requires_grad_()
    if bias:
        parameters["bias"] = golden.normal(*normalized).requires_grad_()
    for key, parameter in parameters.items():
        golden.array(key, parameter)
    gradients(golden, "", golden.normal(*shape, mean=-0.5, sigma=2.0), golden.normal(*shape),
              lambda x: functional.layer_norm(x, normalized, parameters.get("weight"),
                                              parameters.get("bias"), eps), parameters)


def rms_norm(golden, name, shape, normalized, eps=None, weight=True):
    """By the definition and autograd: torch.nn.RMSNorm came with PyTorch 2.4."""
    golden.case(name, eps=eps, normalized_rank=len(normalized), weight=weight)
    parameters = {"weight": golden.gamma(*normalized).requires_grad_()} if weight else {}
    for key, parameter in parameters.items():
        golden.array(key, parameter)
    axes = tuple(range(-len(normalized), 0))
    epsilon = torch.finfo(torch.float64).eps if eps is None else eps

    def call(x):
        y = x * torch.rsqrt(x.square().mean(axes, keepdim=True) + epsilon)
        return y * parameters["weight"] if weight else y

    gradients(golden, "", golden.normal(*shape, mean=-0.5, sigma=2.0), golden.normal(*shape), call,
              parameters)


def group_norm(golden, name, shape, groups, eps=1e-5, weight=True, bias=True):
    golden.case(name, eps=eps, groups=groups, weight=weight, bias=bias)
    parameters = {}
    if weight:
        parameters["weight"] = golden.gamma(shape[1]).requires_grad_()
    if bias:
        parameters["bias"] = golden.normal(shape[1]).requires_grad_()
    for key, parameter in parameters.items():
        golden.array(key, parameter)
    # PyTorch 1.13 cannot differentiate by the bias alone: a weight of ones stands for none.
    weight = parameters.get("weight", torch.ones(shape[1], dtype=torch.float64))
    gradients(golden, "", golden.normal(*shape, mean=1.0, sigma=1.5), golden.normal(*shape),
              lambda x: functional.group_norm(x, groups, weight, parameters.get("bias"), eps),
              parameters)


def main():
    golden = Golden("batch_norm_1d.txt", "BatchNorm1d")
    batch_norm(golden, "affine", (4, 10))
    batch_norm(golden, "affine_3d_input", (4, 5, 3))
    batch_norm(golden, "affine_simple_average", (4, 10), eps=1e-3, momentum=None)
    batch_norm(golden, "not_affine", (4, 10), eps=1e-3, momentum=0.3, affine=False)
    batch_norm(golden, "not_tracking_stats", (4, 10), eps=1e-3, momentum=0.3, track=False)
    batch_norm(golden, "3d_input_not_affine", (4, 5, 3), eps=1e-3, momentum=0.3, affine=False)
    batch_norm(golden, "large_eps", (5, 5, 5), eps=0.6, momentum=0.5)
    batch_norm(golden, "negative_momentum", (3, 2, 4), momentum=-1.2, mean=0.0, sigma=0.5)
    golden.write()

    golden = Golden("batch_norm_2d.txt", "BatchNorm2d")
    batch_norm(golden, "default", (2, 3, 6, 6))
    batch_norm(golden, "simple_average", (2, 3, 6, 6), eps=1e-3, momentum=None)
    batch_norm(golden, "momentum", (2, 3, 6, 6), eps=1e-3, momentum=0.8)
    batch_norm(golden, "not_tracking_stats", (2, 3, 6, 6), eps=1e-3, momentum=0.8, track=False)
    batch_norm(golden, "momentum_minus_one", (3, 2, 3, 4), eps=0.5, momentum=-1, sigma=0.5)
    golden.write()

    golden = Golden("batch_norm_3d.txt", "BatchNorm3d")
    batch_norm(golden, "default", (2, 3, 3, 2, 4))
    batch_norm(golden, "simple_average", (2, 3, 2, 4, 3), eps=1e-3, momentum=None)
    batch_norm(golden, "not_tracking_stats", (3, 2, 3, 4, 2), eps=1e-3, momentum=0.7, track=False)
    golden.write()

    for rank, (batch, one) in enumerate([((4, 3, 7), (3, 7)), ((3, 2, 5, 4), (2, 5, 4)),
                                         ((2, 3, 2, 4, 3), (3, 2, 4, 3))], start=1):
        golden = Golden(f"instance_norm_{rank}d.txt", f"InstanceNorm{rank}d")
        instance_norm(golden, "default", rank, batch, eps=1e-3)
        instance_norm(golden, "affine", rank, batch, eps=1e-3, affine=True)
        instance_norm(golden, "tracking_stats", rank, batch, eps=1e-3, momentum=0.3, track=True)
        instance_norm(golden, "affine_tracking_stats", rank, batch, affine=True, track=True)
        instance_norm(golden, "no_batch_dim", rank, one, eps=1e-3, affine=True)
        instance_norm(golden, "tracking_stats_no_batch_dim", rank, one, momentum=0.3, track=True)
        golden.write()

    golden = Golden("layer_norm.txt", "LayerNorm")
    layer_norm(golden, "1d_elementwise_affine", (4, 5, 5), (5,), eps=1e-3)
    layer_norm(golden, "1d_many_rows", (8, 5, 5), (5,), eps=1e-3)
    layer_norm(golden, "1d_no_affine", (4, 5, 5), (5,), eps=1e-3, weight=False, bias=False)
    layer_norm(golden, "1d_no_bias", (4, 5, 5), (5,), eps=1e-3, bias=False)
    layer_norm(golden, "1d_no_weight", (4, 5, 5), (5,), eps=1e-3, weight=False)
    layer_norm(golden, "3d_elementwise_affine", (4, 2, 2, 5), (2, 2, 5), eps=1e-3)
    layer_norm(golden, "3d_no_affine", (4, 2, 2, 5), (2, 2, 5), eps=1e-3, weight=False, bias=False)
    layer_norm(golden, "2d_planes", (2, 14, 14), (14, 14))
    layer_norm(golden, "whole_input_large_eps", (1, 2, 3), (1, 2, 3), eps=0.5)
    layer_norm(golden, "one_row", (7,), (7,))
    golden.write()

    golden = Golden("rms_norm.txt", "RMSNorm")
    rms_norm(golden, "default", (4, 5, 5), (5,))
    rms_norm(golden, "no_weight", (4, 5, 5), (5,), eps=1e-3, weight=False)
    rms_norm(golden, "planes", (2, 14, 9), (14, 9), eps=0.5)
    rms_norm(golden, "boxes", (4, 2, 2, 5), (2, 2, 5), eps=1e-3)
    rms_norm(golden, "one_row", (7,), (7,))
    golden.write()

    golden = Golden("group_norm.txt", "GroupNorm")
    group_norm(golden, "1d_affine", (4, 6, 5), 3, eps=1e-3)
    group_norm(golden, "1d_affine_GN", (4, 12), 3, eps=1e-3)
    group_norm(golden, "1d_affine_large_batch", (15, 6), 1, eps=1e-3)
    group_norm(golden, "1d_no_affine_IN", (4, 5, 5), 5, eps=1e-3, weight=False, bias=False)
    group_norm(golden, "1d_no_affine_LN", (4, 10), 1, eps=1e-3, weight=False, bias=False)
    group_norm(golden, "1d_no_bias", (4, 6, 5), 3, eps=1e-3, bias=False)
    group_norm(golden, "1d_no_weight", (4, 6, 5), 3, eps=1e-3, weight=False)
    group_norm(golden, "2d_affine", (4, 6, 2, 3), 3, eps=1e-3)
    group_norm(golden, "2d_affine_large_feature", (2, 256, 1, 1), 32)
    group_norm(golden, "two_groups", (1, 6, 3), 2, eps=0.5)
    group_norm(golden, "two_groups_two_samples", (2, 6, 3), 2, eps=0.5)
    group_norm(golden, "one_group", (1, 2), 1)
    group_norm(golden, "three_groups_odd_length", (2, 3, 10), 3)
    golden.write()


if __name__ == "__main__":
    main()
