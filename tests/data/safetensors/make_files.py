#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the files beside it, from the description of the format in the README of
github.com/huggingface/safetensors, with struct, json and NumPy alone:

    same/*.safetensors       byte for byte what the original implementation writes
    good/*.safetensors       what it reads, but writes in another way
    malformed/*.safetensors  one fault each, which the name of the file says

Run: python3 tests/data/safetensors/make_files.py
"""

import json
import struct
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
# The original sorts tensors by the alignment of their type, the coarsest first, then by name.
TYPES = ["I64", "F64", "F32", "I32", "BF16", "F16"]
NUMPY_TYPES = {"I64": "<i8", "F64": "<f8", "F32": "<f4", "I32": "<i4", "F16": "<f2"}


def bytes_of(dtype, values):
    if dtype == "BF16":  # the upper half of float32; the values here need no rounding
        return (np.asarray(values, "<f4").view("<u4") >> 16).astype("<u2").tobytes()
    return np.asarray(values, NUMPY_TYPES[dtype]).tobytes()


def dumped(header):
    return json.dumps(header, ensure_ascii=False, separators=(",", ":"))


def file_of(header, data=b""):
    """header: bytes, text or what json takes"""
    if not isinstance(header, (bytes, str)):
        header = dumped(header)
    if isinstance(header, str):
        header = header.encode()
    return struct.pack("<Q", len(header)) + header + data


def entry(dtype="F32", shape=(4,), offsets=(0, 16)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


def original(tensors, metadata=None):
    """tensors: {name: (dtype, values)}"""
    header, data = {}, b""
    if metadata:
        header["__metadata__"] = dict(sorted(metadata.items()))
    for name in sorted(tensors, key=lambda name: (TYPES.index(tensors[name][0]), name.encode())):
        dtype, values = tensors[name]
        begin = len(data)
        data += bytes_of(dtype, values)
        header[name] = entry(dtype, np.shape(values), (begin, len(data)))
    text = dumped(header).encode()
    return file_of(text + b" " * (-len(text) % 8), data)


def same():
    yield "nothing", original({})
    yield "only metadata", original({}, {"framework": "pt"})
    yield "batch norm", original(
        {
            "bn.weight": ("F32", [1.5, 2.5, 3.5]),
            "bn.bias": ("F32", [-1, -2, -3]),
            "bn.running_mean": ("F32", [10, 20, 30]),
            "bn.running_var": ("F32", [0.25, 1, 4]),
            "bn.num_batches_tracked": ("I64", 1234567890),
        },
        {"format": "pt"},
    )
    yield "types", original({name: (name, [[-2, -1, 0], [1, 2, 3]]) for name in TYPES})
    yield "shapes", original(
        {
            "scalar": ("F32", 7),
            "none": ("F32", np.zeros(0)),
            "none of two": ("F32", np.zeros((2, 0, 3))),
            "none of doubles": ("F64", np.zeros((0, 4))),
            "eight dimensions": ("I32", np.arange(24).reshape(1, 2, 1, 3, 1, 2, 1, 2)),
        }
    )
    names = ["", " ", 'a "quote"', "back\\slash", "/", "\b\f\n\r\t", "\0", "\x01", "\x1f", "\x7f"]
    names += ["é", "層.重み", "🙂", "\ud7ff\ue000\uffff", "\U00010000\U0010ffff"]
    yield "names", original({name: ("I32", i) for i, name in enumerate(names)})
    yield "metadata", original(
        {"x": ("F16", [1, 2])},
        {"format": "pt", "": "no name", "note": "two\nlines", "grüße": "層", "dtype": ""},
    )


def good():
    # Spaces, tensors and keys in another order, escapes, and data at odd addresses.
    yield "free", file_of(
        '{"b": {"shape": [2], "data_offsets": [2,\t18], "dtype": "F64"},\r\n'
        '"\\u0061\\ud83d\\ude42\\/": {"data_offsets": [0,2], "dtype": "BF16", "shape": []},\n'
        '"__metadata__": {"z": "\\u00e9", "a": ""},'
        '"c": {"dtype": "I64", "shape": [0, 9], "data_offsets": [18,18]} }  ',
        bytes_of("BF16", 3) + bytes_of("F64", [0.5, -0.25]),
    )
    yield "no elements between", file_of(
        {"a": entry(), "b": entry(shape=[0], offsets=[16, 16]), "c": entry(offsets=[16, 32])},
        bytes_of("F32", range(8)),
    )
    yield "empty metadata", file_of({"__metadata__": {}, "a": entry()}, bytes(16))


def malformed():
    data = bytes(16)

    def one(**changes):  # the fault is in the entry of "weight"; None takes a key away
        fields = {**entry(), **changes}
        return file_of({"weight": {k: v for k, v in fields.items() if v is not None}}, data)

    def raw(fields):
        return file_of('{"weight":{' + fields + "}}", data)

    valid = file_of({"weight": entry()}, data)
    yield "empty file", b""
    yield "shorter than 8 bytes", valid[:7]
    yield "header of no bytes", file_of("")
    yield "header cut off", valid[:40]
    yield "header size of 64 bits", struct.pack("<Q", 2**63) + valid[8:]
    yield "header size of ones", struct.pack("<Q", 2**64 - 1) + valid[8:]
    yield "header beyond 100 MB", struct.pack("<Q", 100_000_001) + valid[8:]
    yield "header of no object", file_of([entry()], data)
    yield "header after a space", file_of(" {}")
    yield "header after a byte order mark", file_of(b"\xef\xbb\xbf{}")

    yield "stray byte", file_of(b'{"weight\xff":{}}')
    yield "overlong UTF-8", file_of(b'{"\xc0\xaf":{}}')
    yield "surrogate in UTF-8", file_of(b'{"\xed\xa0\x80":{}}')
    yield "UTF-8 cut off", file_of(b'{"\xf0\x9f\x99')
    yield "JSON syntax", file_of('{"weight" {}}')
    yield "JSON cut off", file_of('{"weight":{"dtype":"F32"')
    yield "bytes behind the JSON", file_of("{}{}")
    yield "zeros behind the JSON", file_of(b"{}\0\0")
    yield "comment", file_of("{/* none */}")
    yield "zero in a name", file_of(b'{"a\0b":{}}')
    yield "half a surrogate pair", file_of('{"\\ud800":{}}')

    yield "entry of no object", file_of({"weight": [0, 16]}, data)
    yield "no dtype", one(dtype=None)
    yield "no shape", one(shape=None)
    yield "no data_offsets", one(data_offsets=None)
    yield "unknown key", one(strides=[1])
    yield "key twice", raw('"shape":[4],"dtype":"F32","shape":[4],"data_offsets":[0,16]')
    yield "name twice", file_of(
        '{"weight":' + dumped(entry()) + ',"weight":' + dumped(entry(offsets=[16, 32])) + "}",
        bytes(32),
    )
    yield "name twice by an escape", file_of(
        '{"weight":' + dumped(entry()) + ',"\\u0077eight":' + dumped(entry()) + "}", data
    )

    yield "dtype of no text", one(dtype=32)
    yield "dtype not supported", one(dtype="F8_E4M3", shape=[16])
    yield "dtype in small letters", one(dtype="f32")
    yield "shape of no list", one(shape=4)
    yield "shape in a shape", one(shape=[[4]])
    yield "negative dimension", one(shape=[-4])
    yield "fractional dimension", one(shape=[4.0])
    yield "dimension as text", one(shape=["4"])
    yield "dimension of null", one(shape=[None])
    yield "dimension of 64 bits", one(shape=[2**63])
    yield "dimension of 65 bits", one(shape=[2**64])
    yield "dimension beyond double", raw('"shape":[1e999],"dtype":"F32","data_offsets":[0,16]')
    yield "nine dimensions", one(shape=[1] * 8 + [4])
    yield "number of elements overflows", one(shape=[2**32, 2**32])
    yield "number of elements wraps to 4", one(shape=[2**62 + 1, 4])
    yield "number of bytes overflows", one(shape=[2**61])

    yield "data_offsets of no list", one(data_offsets={"begin": 0, "end": 16})
    yield "one offset", one(data_offsets=[16])
    yield "no offsets", one(data_offsets=[])
    yield "three offsets", one(data_offsets=[0, 8, 16])
    yield "negative offset", one(data_offsets=[-16, 0])
    yield "end before begin", one(data_offsets=[16, 0])
    yield "end beyond the data", one(shape=[5], data_offsets=[0, 20])
    yield "offsets beyond the data", one(data_offsets=[2**62, 2**62 + 16])
    yield "too few bytes for the shape", one(shape=[5])
    yield "too many bytes for the shape", one(shape=[3])
    yield "data cut off", valid[:-1]
    yield "bytes behind the data", valid + b"\0"
    yield "no tensor for the data", file_of({}, data)
    yield "gap before the data", one(shape=[3], data_offsets=[4, 16])
    yield "gap between tensors", file_of(
        {"a": entry(shape=[1], offsets=[0, 4]), "b": entry(shape=[2], offsets=[8, 16])}, data
    )
    yield "tensors overlap", file_of(
        {"a": entry(shape=[3], offsets=[0, 12]), "b": entry(shape=[2], offsets=[8, 16])}, data
    )
    yield "tensors share their data", file_of({"a": entry(), "b": entry()}, data)
    yield "no elements inside a tensor", file_of(
        {"a": entry(), "b": entry(shape=[0], offsets=[8, 8])}, data
    )

    yield "metadata of no object", file_of({"__metadata__": "pt"})
    yield "metadata of no text", file_of({"__metadata__": {"epoch": 3}})
    yield "metadata in metadata", file_of({"__metadata__": {"more": {}}})
    yield "metadata key twice", file_of('{"__metadata__":{"a":"1","a":"1"}}')
    yield "fault in a strange name", file_of({"a\0\n": entry(dtype="U8\0")}, data)
    yield "metadata twice", file_of('{"__metadata__":{},"__metadata__":{}}')


for folder in (same, good, malformed):
    files = dict(folder())
    (HERE / folder.__name__).mkdir(exist_ok=True)
    for old in (HERE / folder.__name__).glob("*.safetensors"):
        old.unlink()
    for name, contents in files.items():
        path = HERE / folder.__name__ / (name.replace(" ", "_") + ".safetensors")
        path.write_bytes(contents)
    print(f"{folder.__name__}: {len(files)} files")
