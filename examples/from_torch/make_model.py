#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Trains a small ResNet on the digits of examples/data and writes it for from_torch.cpp:

    digits_resnet.safetensors          its state dict
    digits_resnet_batch.safetensors    64 images it has not seen with their digits, and the logits that
                                       PyTorch gives for them in eval mode, in float32 and float64

Needs PyTorch and NumPy (Debian: python3-torch). Usage: make_model.py [FOLDER]
"""
import json
import pathlib
import struct
import sys

import numpy as np
import torch
from torch import nn

data = pathlib.Path(__file__).parent.parent / "data"


class BasicBlock(nn.Module):
    """As torchvision's: y = relu(bn2(conv2(relu(bn1(conv1(x))))) + shortcut)."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        return torch.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    """(N, 1, 8, 8) -> (N, 8, 8, 8) -> (N, 16, 4, 4) -> (N, 32, 2, 2) -> (N, 10) logits."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(8)
        self.layer1 = nn.Sequential(BasicBlock(8, 8, 1))
        self.layer2 = nn.Sequential(BasicBlock(8, 16, 2), BasicBlock(16, 16, 1))
        self.layer3 = nn.Sequential(BasicBlock(16, 32, 2))
        self.fc = nn.Linear(32, 10)

    def forward(self, x):
        x = torch.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.fc(x.mean(dim=(2, 3)))


def save_safetensors(path, tensors):
    """What safetensors.torch.save_file writes: int64 before float64 before float32, then by name."""
    dtypes = {torch.int64: "I64", torch.float64: "F64", torch.float32: "F32"}
    rank = list(dtypes)
    ordered = sorted(tensors.items(), key=lambda item: (rank.index(item[1].dtype), item[0]))
    header, body = {}, b""
    for name, tensor in ordered:
        bytes_ = tensor.detach().contiguous().numpy().tobytes()
        header[name] = {"dtype": dtypes[tensor.dtype], "shape": list(tensor.shape),
                        "data_offsets": [len(body), len(body) + len(bytes_)]}
        body += bytes_
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)


def train(model, images, digits, epochs=30, batch_size=64):
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    model.train()
    for _ in range(epochs):
        for rows in torch.randperm(len(images)).split(batch_size):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(images[rows]), digits[rows]).backward()
            optimizer.step()


def main():
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else data
    torch.manual_seed(1)
    torch.set_num_threads(1)
    table = np.loadtxt(data / "digits.csv.gz", delimiter=",", dtype=np.float32)
    images = torch.tensor(table[:, :64] / 16).reshape(-1, 1, 8, 8)
    digits = torch.tensor(table[:, 64]).long()
    held_out = 64
    model = ResNet()
    train(model, images[:-held_out], digits[:-held_out])

    model.eval()
    x, labels = images[-held_out:], digits[-held_out:]
    with torch.no_grad():
        logits = model(x)
        save_safetensors(folder / "digits_resnet.safetensors", model.state_dict())
        exact = model.double()(x.double())
    save_safetensors(folder / "digits_resnet_batch.safetensors",
                     {"x": x, "digits": labels, "logits": logits, "logits_float64": exact})
    accuracy = (logits.argmax(1) == labels).float().mean().item()
    print(f"{sum(p.numel() for p in model.parameters())} parameters, accuracy {accuracy:.4f} on "
          f"{held_out} held-out digits, PyTorch's float32 off by "
          f"{(logits - exact).abs().max().item():.1e} of logits up to {exact.abs().max().item():.1f}")


if __name__ == "__main__":
    main()
