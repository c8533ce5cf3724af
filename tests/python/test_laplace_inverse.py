"""`laplace.invert`: formulas, functions, samples, systems, and what is refused."""

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

import nis_core
from nis_core.laplace import Inversion, invert
from nis_core.laplace._inverse import Method

Points = NDArray[np.complex128]

GOLDEN = json.loads((Path(__file__).parents[2] / "nis-core/tests/golden/laplace_inverse.json").read_text())


@pytest.mark.parametrize("pair", GOLDEN["pairs"], ids=lambda p: p["name"])
def test_golden_pairs_as_formulas(pair: dict[str, Any]) -> None:
    found = invert(pair["F"], GOLDEN["t"])
    assert np.abs(found.value - pair["f"]).max() <= 5e-12
    assert found.value.shape == found.error.shape == found.method.shape == (100,)


def test_functions_are_called_with_arrays() -> None:
    sizes: list[tuple[int, ...]] = []

    def f(s: Points) -> Points:
        assert s.dtype == np.complex128
        sizes.append(s.shape)
        return np.asarray(1 / np.sqrt(s))

    t = np.linspace(0.1, 10, 37)
    found = invert(f, t)
    assert np.abs(found.value - 1 / np.sqrt(np.pi * t)).max() <= 1e-12
    assert len(sizes) < 30 and all(len(shape) == 1 for shape in sizes)
    assert invert(lambda s: 1 / (s + 1), [1]).value[0] == pytest.approx(np.exp(-1), abs=1e-12)
    unseen = invert(lambda s: np.exp(-2 * s) / s, [1.9, 2.1])
    assert unseen.value == pytest.approx([0, 1], abs=1e-11)
    assert list(unseen.method) == ["fourier"] * 2 and unseen.error.max() <= 1e-9
    late = invert(lambda s: np.exp(-2 * s) / s, [1.0, 3.0], delay=2.0)
    assert late.value == pytest.approx([0, 1], abs=1e-12)


def test_samples_and_systems() -> None:
    s = 1j * np.linspace(0, 12, 50)
    found = invert((s, 1 / ((s + 0.5) ** 2 + 4)), [1.0])
    assert found.value[0] == pytest.approx(0.5 * np.exp(-0.5) * np.sin(2), abs=1e-11)
    system = {"outputs": 1, "inputs": 1, "terms": [{"pole": [-1.0, 2.0], "residue": [[0.0, -0.5]]}]}
    exact = invert(system, [0.7])
    assert exact.value[0] == pytest.approx(np.exp(-0.7) * np.sin(1.4), abs=1e-15)
    assert list(exact.method) == ["exact"]


def test_single_methods() -> None:
    t = np.linspace(0.1, 5, 20)
    methods: list[tuple[Method, float]] = [
        ("talbot", 1e-12),
        ("euler", 1e-8),
        ("de_hoog", 1e-11),
        ("weeks", 1e-10),
        ("cme", 1e-4),
        ("fourier", 1e-11),
        ("rational", 1e-12),
    ]
    for method, tolerance in methods:
        found = invert("1/(s + 1)", t, method=method)
        assert np.abs(found.value - np.exp(-t)).max() <= tolerance
        assert set(found.method) == {method}


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda: invert("1/s", [1.0, -1.0]), "t[1]"),
        (lambda: invert("1/s", [np.nan]), "t[0]"),
        (lambda: invert("1/s", []), "t"),
        (lambda: invert("1/s", ["a"]), "t"),
        (lambda: invert("1/s", [[1.0]]), "t"),
        (lambda: invert("abs(s)", [1.0]), "formula"),
        (lambda: invert("1/s", [1.0], delay=1.0), "delay"),
        (lambda: invert("1/s", [1.0], abscissa=float("nan")), "abscissa"),
        (lambda: invert("1/s", [1.0], method=cast(Any, "best")), "method"),
        (lambda: invert("1/s", [1.0], method=cast(Any, "exact")), "method"),
        (lambda: invert("1/s", [1.0], nodes=-1), "nodes"),
        (lambda: invert("1/s", [1.0], nodes=10**30), "nodes"),
        (lambda: invert(lambda s: s[:1], [1.0]), "F"),
        (lambda: invert(lambda s: "x", [1.0]), "F"),
        (lambda: invert(cast(Any, 7), [1.0]), "F"),
        (lambda: invert(([1j] * 3, [1] * 3), [1.0]), "s"),
    ],
)
def test_what_is_refused_is_named(call: Callable[[], object], field: str) -> None:
    with pytest.raises(nis_core.InvalidInput) as caught:
        call()
    assert caught.value.field == field
    assert isinstance(caught.value, ValueError)


def test_other_errors() -> None:
    with pytest.raises(nis_core.ParseError):
        invert("1/(s", [1.0])
    with pytest.raises(nis_core.NotFound):
        invert("1/(s + a)", [1.0])
    with pytest.raises(nis_core.NumericalError):
        invert(lambda s: np.full(s.shape, np.nan), [1.0])

    def f(s: Points) -> Points:
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        invert(f, [1.0])


def test_results_pickle_and_compare() -> None:
    found = invert("exp(-s)/s", [1.0, 2.0])
    again = pickle.loads(pickle.dumps(found))
    assert isinstance(again, Inversion) and again == found
    assert invert("exp(-s)/s", [1.0, 2.5]) != found
    assert "Inversion(n=2" in repr(found)


def test_plot() -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    axes = invert("1/(s + 1)", [1.0, 2.0]).plot()
    assert axes.get_xlabel() == "t"
