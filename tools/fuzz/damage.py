# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Intact files damaged: bytes, the structure of JSON, the arrays of .npz."""

from __future__ import annotations

import io
import json
import random
from typing import Any

import numpy as np

SIZE = 4 << 20  # a case grows to this at most
TOKENS = (
    *(b"nan", b"inf", b"-inf", b"1e999", b"-1", b"0", b"99999999999999999999", b"1e30", b"\x00"),
    *(b"[" * 5000, b"{" * 3000, b'{"a":' * 3000, b"]", b"}", b'"', b"\n", b",", b":", b"- " * 900),
    *(
        b"null",
        b"true",
        b"&a [*a]",
        b"!!python/object:os.system",
        b"<a>",
        b"\xff\xfe",
        b"\xef\xbb",
    ),
    *(b"2147483648", b"-9223372036854775809", b"0x10", b"1_0", "²".encode(), b"%s", b"../../x"),
)
WILD: tuple[Any, ...] = (
    *(None, True, -1, 0, 1, 2**31, 2**63, 10**30, 1e308, float("nan"), float("inf"), "", "x" * 99),
    *([], {}, [[]], [None], {"a": 1}, [[1, 2], [3]], "../../etc", "²", [0] * 1000),
)


def mutate(content: bytes, others: tuple[bytes, ...], rng: random.Random) -> bytes:
    """Damage a file: its structure if it is JSON, else its bytes; now and then not at all."""
    if rng.random() < 0.3:
        inside = _mutate_arrays if content[:2] == b"PK" else _mutate_json
        if (changed := inside(content, rng)) is not None:
            return changed[:SIZE]
    data = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        # Readers go wrong in the beginning of a file, where sizes are told.
        end = len(data) if rng.random() < 0.5 else min(len(data), 512)
        at = rng.randrange(end + 1)
        match rng.randrange(7):
            case 0:
                data[at : at + 1] = bytes((rng.randrange(256),))
            case 1:
                del data[at:]
            case 2:
                del data[at : at + rng.randrange(1, 64)]
            case 3:
                data[at:at] = data[at : at + rng.randrange(1, 256)]
            case 4:
                data[at:at] = rng.choice(TOKENS)
            case 5:
                token = rng.choice(TOKENS)
                data[at : at + len(token)] = token
            case 6:
                other = rng.choice(others)
                data[at:] = other[rng.randrange(len(other) + 1) :]
    return bytes(data[:SIZE])


def _mutate_json(content: bytes, rng: random.Random) -> bytes | None:
    """A JSON file, or a safetensors header, with one value replaced; None if it is neither."""
    length = int.from_bytes(content[:8], "little")
    headed = 2 <= length <= len(content) - 8 and content[8:9] == b"{"
    head, rest = (content[8 : 8 + length], content[8 + length :]) if headed else (content, b"")
    try:
        values = json.loads(head)
        if headed and rng.random() < 0.8:
            inner = json.loads(values["__metadata__"]["bharnet"])
            _replace(inner, rng)
            values["__metadata__"]["bharnet"] = json.dumps(inner)
        else:
            _replace(values, rng)
        written = json.dumps(values).encode()
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return len(written).to_bytes(8, "little") + written + rest if headed else written


def _mutate_arrays(content: bytes, rng: random.Random) -> bytes:
    """A .npz file with one array replaced: flipped bytes only ever meet its checksums."""
    with np.load(io.BytesIO(content)) as file:
        arrays = dict(file)
    key = rng.choice(list(arrays))
    array = arrays.pop(key)
    wild = (
        *(np.array(7), np.array("x"), np.array([]), np.array([[1, 2]]), np.array(["a", "b"])),
        *(array[..., None], array.astype(str), array.ravel(), array[:1] if array.ndim else array),
        *(np.zeros((0, 33, 4)), np.array([0, 10**18]), np.array([-1.5, np.nan]), np.array(np.inf)),
        *(
            np.array([0, 2**64 - 1], np.uint64),
            np.array([True, False]),
            np.array(1j),
            array[::-1] if array.ndim else array,
        ),
    )
    if rng.random() < 0.9:
        arrays[key] = rng.choice(wild)
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def _replace(values: Any, rng: random.Random) -> None:
    """Put something wild somewhere into nested lists and dictionaries."""
    while True:
        keys = list(values) if isinstance(values, dict) else list(range(len(values)))
        if not keys:
            return
        key = rng.choice(keys)
        deeper = isinstance(values[key], dict | list) and values[key]
        if not deeper or rng.random() < 0.2:
            if isinstance(values, dict) and rng.random() < 0.2:
                del values[key]
            else:
                values[key] = rng.choice(WILD)
            return
        values = values[key]
