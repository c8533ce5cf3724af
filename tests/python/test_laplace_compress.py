"""Compression: round trips, targets, damage, and an independent decoder written from docs/compression.md."""

from __future__ import annotations

import math
import pickle
import struct
import zlib
from fractions import Fraction

import numpy as np
import pytest
from numpy.typing import NDArray

import nis_core
from nis_core.laplace._compress import (
    Compressed,
    Decoder,
    compress,
    decompress,
    decompress_stream,
)

# --- the format, read from its documentation alone; exponentials by exact fractions instead of double-double ---


class Range:
    def __init__(self, data: bytes) -> None:
        self.data, self.at, self.range, self.code = data, 0, 2**32 - 1, 0
        for _ in range(4):
            self.shift()

    def shift(self) -> None:
        byte = self.data[self.at] if self.at < len(self.data) else 0
        self.at += 1
        self.code = (self.code << 8 | byte) & 0xFFFFFFFF

    def normalise(self) -> None:
        while self.range < 1 << 24:
            self.range = self.range << 8 & 0xFFFFFFFF
            self.shift()

    def plain(self, count: int) -> int:
        value = 0
        for _ in range(count):
            self.range >>= 1
            one = self.code >= self.range
            if one:
                self.code -= self.range
            value = value << 1 | one
            self.normalise()
        return value

    def bit(self, state: list[int]) -> int:
        bound = (self.range >> 16) * state[0]
        one = self.code >= bound
        if one:
            self.code -= bound
            self.range -= bound
        else:
            self.range = bound
        step = ((24 if one else 65512) - state[0]) * 2
        divisor = 2 * state[1] + 3
        state[0] += step // divisor if step >= 0 else -(-step // divisor)
        state[1] = min(state[1] + 1, 100)
        self.normalise()
        return int(one)

    def unsigned(self) -> int:
        length = self.plain(6)
        return 0 if length == 0 else 1 << (length - 1) | self.plain(length - 1)

    def signed(self) -> int:
        size = self.unsigned()
        return -size if size and self.plain(1) else size


def read_modes(r: Range, n: int) -> NDArray[np.float64]:
    count = r.plain(6)
    unit = 2.0 ** (r.plain(11) - 1022)
    offset, slope = r.signed() * unit, r.signed() * unit
    k = np.arange(n)
    rise = 1
    while rise < n:
        rise *= 2
    model = offset + slope * (k / rise)
    for _ in range(count):
        pair, backward, bits = r.plain(1), r.plain(1), r.plain(6)
        decay, re = Fraction(r.unsigned(), 2**bits), r.signed() * unit
        angle, im = (Fraction(r.unsigned(), 2**bits), r.signed() * unit) if pair else (Fraction(0), 0.0)
        steps = n - 1 - k if backward else k
        # Phases are reduced exactly, by a value of pi that is good for them.
        turn = Fraction(
            "6.283185307179586476925286766559005768394338798750211641949889"
        )
        phase = np.array([float(angle * int(j) % turn) for j in steps])
        size = np.array([math.exp(-float(decay * int(j))) for j in steps])
        model = model + size * (re * np.cos(phase) - im * np.sin(phase))
    return np.asarray(model, dtype=np.float64)


def read_integers(r: Range, n: int) -> list[int]:
    first = r.signed()
    coefficients: list[int] | None = None
    order = shift = 0
    if r.plain(1) == 0:
        order = r.plain(3)
    else:
        order = r.plain(5) + 1
        shift = r.plain(5)
        coefficients = [r.plain(15) - 2**14 for _ in range(order)]
    start = r.plain(7)
    w = 2 ** min(start // 2, 61)
    mean = w + ((w >> 2) + (w >> 3) + (w >> 5) if start % 2 else 0)
    contexts = []
    for c in range(20):
        m = 2 ** (c // 2) * (168 if c % 2 else 119) // 100
        p = min(max(65535 * 256 // (256 + m), 24), 65511)
        contexts.append([[p, 3] for _ in range(18)])
    d = [0]
    for i in range(1, n):
        top = max(mean, 1)
        o = top.bit_length() - 1
        h = top >> (o - 1) & 1 if o else 0
        t = max(o - 9, 0)
        q = 0
        for state in contexts[2 * min(o, 9) + h]:
            if not r.bit(state):
                break
            q += 1
        if q == 18:
            q += r.unsigned()
        size = q << t | r.plain(t)
        e = -size if size and r.plain(1) else size
        change = 256 * size - mean
        mean += change // 32 if change >= 0 else -(-change // 32)
        if coefficients is not None:
            if i < order:
                guess = d[i - 1]
            else:
                total = sum(c * d[i - 1 - j] for j, c in enumerate(coefficients))
                guess = (total + (1 << shift) // 2) >> shift
        else:
            past = [d[i - 1 - j] if i - 1 - j >= 0 else 0 for j in range(4)]
            guess = [
                0,
                past[0],
                2 * past[0] - past[1],
                3 * (past[0] - past[1]) + past[2],
                4 * (past[0] + past[2]) - 6 * past[1] - past[3],
            ][min(order, i)]
        d.append(guess + e)
    return [first + v for v in d]


def varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def independent(data: bytes) -> tuple[NDArray[np.float64], list[int]]:
    assert data[:4] == b"NLC\x01"
    flags = data[4]
    at = 14
    step = math.nan
    if flags & 3:
        at += 8
    if flags & 4:
        (step,) = struct.unpack_from("<d", data, at)
        at += 8
    assert zlib.crc32(data[:at]) == struct.unpack_from("<I", data, at)[0]
    at += 4
    parts: list[NDArray[np.float64]] = []
    tags: list[int] = []
    while True:
        begin = at
        tag = data[at]
        n, at = varint(data, at + 1)
        if tag == 4:
            assert zlib.crc32(data[begin : at + 8]) == struct.unpack_from("<I", data, at + 8)[0]
            assert at + 12 == len(data)
            out = np.concatenate([*parts, np.empty(0)])
            assert len(out) == n
            return out, tags
        size, at = varint(data, at)
        payload = data[at : at + size]
        at += size
        assert zlib.crc32(data[begin:at]) == struct.unpack_from("<I", data, at)[0]
        at += 4
        tags.append(tag)
        if tag == 0:
            parts.append(np.frombuffer(payload, dtype="<f8"))
            continue
        r = Range(payload)
        model = read_modes(r, n) if tag in (1, 2) else np.zeros(n)
        if tag == 1:
            parts.append(model)
            continue
        own = r.plain(1)
        width = struct.unpack("<d", struct.pack("<Q", r.plain(27) << 36))[0] if own else step
        k = np.array(read_integers(r, n), dtype=np.float64)
        if flags & 8 and not own and tag == 2:
            parts.append((k + np.floor(model / width + 0.5)) * width)
        else:
            parts.append(model + k * width)


def ringing(n: int = 1500) -> NDArray[np.float64]:
    t = np.arange(n) / 1000
    return np.asarray(np.exp(-t) * np.cos(300 * t) + 0.5 * np.exp(-3 * t) * np.sin(711 * t + 0.4))


def signals() -> dict[str, NDArray[np.float64]]:
    rng = np.random.default_rng(3)
    t = np.arange(1500)
    growing = np.exp(0.002 * (t - 1500)) * np.cos(0.2 * t) + 3 * np.exp(-0.01 * t) + 1
    smooth = np.cumsum(np.cumsum(rng.normal(size=1500)))
    return {
        "ringing": ringing(),
        "growing": growing,
        "noisy": ringing() + 0.01 * rng.normal(size=1500),
        "smooth": smooth,
        "noise": rng.normal(size=1500),
        "whole": np.round(1000 * ringing()),
        "wild": np.where(t % 2 == 0, 1e300, 1e-5),
        "step": np.where(t < 750, 0.0, 1.0) + 1e-3 * rng.normal(size=1500),
        "one": np.array([math.pi]),
        "none": np.empty(0),
    }


@pytest.mark.parametrize("name", list(signals()))
@pytest.mark.parametrize("target", [{"max_error": 1e-3}, {"relative_rms": 1e-4}])
def test_the_documentation_is_enough_to_decode(name: str, target: dict[str, float]) -> None:
    x = signals()[name]
    c = compress(x, **target)  # type: ignore[arg-type]
    ours = c.decompress()
    theirs, _ = independent(c.bytes())
    size = max(1.0, float(np.abs(x).max())) if len(x) else 1.0
    assert ours.shape == theirs.shape == x.shape
    assert np.all(np.abs(ours - theirs) <= 1e-13 * size)
    if "max_error" in target:
        assert np.all(np.abs(ours - x) <= 1e-3)
        assert c.error <= 1e-3


def test_every_kind_of_segment_was_met() -> None:
    met: set[int] = set()
    for x in signals().values():
        met |= set(independent(compress(x, max_error=1e-3).bytes())[1])
    assert met == {0, 1, 2, 3}


# --- the interface ---


def test_targets_reach_what_they_say() -> None:
    x = signals()["noisy"]
    c = compress(x, fs=1000, max_error=1e-3)
    assert np.abs(c.decompress() - x).max() == c.error <= 1e-3
    assert c.report.max_error_bound == 1e-3
    c = compress(x, fs=1000, ratio=12)
    assert c.ratio >= 12 and len(c.bytes()) * 12 <= 8 * len(x)
    c = compress(x, fs=1000, bits_per_sample=3)
    assert c.report.bits_per_sample <= 3
    c = compress(x, dt=0.001)
    assert c.report.relative_rms <= 1e-3
    back = c.decompress()
    assert np.sqrt(np.mean((back - x) ** 2)) == pytest.approx(c.report.rms_error, rel=1e-12)
    assert not c.report.not_modal and c.report.modes == 2


def test_poles_are_in_time_units() -> None:
    c = compress(ringing(), fs=1000, max_error=1e-6)
    (segment,) = c.describe()["segments"]
    poles = sorted(complex(*m["pole"]).imag for m in segment["modal"]["modes"])
    assert poles == pytest.approx([300, 711], rel=1e-6)
    assert c.describe()["info"]["dt"] == 0.001


def test_noise_says_that_it_is_not_modal() -> None:
    c = compress(signals()["noise"], max_error=0.01)
    assert c.report.not_modal
    assert "not modal" in repr(c)


def test_value_semantics() -> None:
    c = compress(ringing(), max_error=1e-4)
    again = pickle.loads(pickle.dumps(c))
    assert isinstance(again, Compressed)
    assert again == c and hash(again) == hash(c) and again.report == c.report
    assert bytes(c) == c.bytes() and len(c) == len(c.bytes())
    assert c != compress(ringing(), max_error=1e-3)
    with pytest.raises(TypeError):
        Compressed()


def test_pieces() -> None:
    x = signals()["noisy"]
    c = compress(x, max_error=1e-3, max_segment=256, min_segment=64)
    data = c.bytes()
    for size in (1, 7, 100, len(data)):
        pieces = [data[i : i + size] for i in range(0, len(data), size)]
        assert np.array_equal(np.concatenate(list(decompress_stream(pieces))), c.decompress())
    decoder = Decoder()
    decoder.push(data[:-1])
    with pytest.raises(nis_core.InvalidInput):
        decoder.finish()
    with pytest.raises(nis_core.InvalidInput):
        list(decompress_stream([data[:200]]))


def test_damage_is_an_error() -> None:
    data = compress(ringing(), max_error=1e-4).bytes()
    for at in range(len(data)):
        damaged = data[:at] + bytes([data[at] ^ 16]) + data[at + 1 :]
        with pytest.raises(nis_core.InvalidInput):
            decompress(damaged)
        with pytest.raises(nis_core.InvalidInput):
            decompress(data[:at])
    with pytest.raises(nis_core.LimitError):
        decompress(data, max_samples=100)


@pytest.mark.parametrize(
    ("x", "options", "field"),
    [
        ([1.0, math.nan], {}, "signal[1]"),
        ([1.0, 2.0, math.inf], {}, "signal[2]"),
        ([1.0], {"fs": 0.0}, "fs"),
        ([1.0], {"dt": -1.0}, "dt"),
        ([1.0], {"dt": 1.0, "fs": 1.0}, "dt"),
        ([1.0], {"max_error": -1.0}, "target.max_error"),
        ([1.0], {"max_error": math.nan}, "target.max_error"),
        ([1.0], {"max_error": 1.0, "ratio": 2.0}, "target"),
        (np.sin(np.arange(50.0)), {"ratio": 1e5}, "target.ratio"),
        ([[1.0]], {}, "signal"),
        (["a"], {}, "signal"),
        ([1j], {}, "signal"),
        ([1.0], {"max_order": 0}, "max_order"),
    ],
)
def test_what_is_refused_is_named(x: object, options: dict[str, float], field: str) -> None:
    with pytest.raises(nis_core.InvalidInput) as caught:
        compress(x, **options)  # type: ignore[arg-type]
    assert caught.value.field == field
    assert isinstance(caught.value, ValueError)


def test_progress_stops_the_work() -> None:
    with pytest.raises(nis_core.Cancelled):
        compress(ringing(), max_error=1e-9, progress=lambda *_: False)


def test_other_arrays() -> None:
    x = np.arange(40)
    assert compress(x, max_error=0.0).decompress().tolist() == x.tolist()
    strided = ringing()[::2]
    assert np.abs(compress(strided, max_error=1e-3).decompress() - strided).max() <= 1e-3
    single = ringing().astype(np.float32)
    assert np.abs(compress(single, max_error=1e-3).decompress() - single).max() <= 1e-3
