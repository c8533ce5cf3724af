"""What `analyze` accepts, finds and refuses."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import nis_core
import numpy as np
import pytest
from numpy.typing import NDArray

Array = NDArray[np.float64]


def pole(report: nis_core.Report, column: int = 0) -> complex:
    p = report.modes[column].modes.modes[0].pole
    return complex(p[0], p[1])


def close(a: complex, b: complex, tolerance: float = 1e-6) -> bool:
    return abs(a - b) < tolerance


TRUE = complex(-0.1, 2.0)


def test_columns_array_and_frame_give_the_same(t: Array, y: Array) -> None:
    pandas = pytest.importorskip("pandas")
    of_dict = nis_core.analyze({"t": t, "y": y})
    assert close(pole(of_dict), TRUE)
    of_array = nis_core.analyze(y, dt=0.05)
    assert close(pole(of_array), TRUE)
    assert close(pole(nis_core.analyze(y, fs=20.0)), TRUE)
    assert close(pole(nis_core.analyze(pandas.DataFrame({"t": t, "y": y}))), TRUE)
    assert close(pole(nis_core.analyze({"t": list(t), "y": list(y)})), TRUE)
    np.testing.assert_array_equal(of_dict.series[0].y, y)
    np.testing.assert_array_equal(of_dict.series[0].t, t)


def test_without_an_interval_the_row_number_is_the_time(y: Array) -> None:
    assert close(pole(nis_core.analyze(y)), 0.05 * TRUE)


def test_a_matrix_holds_signals_in_its_columns(t: Array, y: Array) -> None:
    other = np.exp(-0.3 * t) * np.sin(5.0 * t)
    report = nis_core.analyze(np.column_stack([y, other]), dt=0.05, names=["a", "b"])
    assert [stage.column for stage in report.modes] == ["a", "b"]
    assert close(pole(report, 0), TRUE)
    assert close(pole(report, 1), complex(-0.3, 5.0))


@pytest.mark.parametrize("kind", ["float32", ">f8", "strided", "fortran", "readonly"])
def test_layouts_and_types(t: Array, y: Array, kind: str) -> None:
    tolerance = 1e-6
    x: NDArray[Any] = y
    if kind == "strided":
        x = np.repeat(y, 3)[::3]
    elif kind == "fortran":
        x = np.asfortranarray(np.column_stack([y, 2 * y]))[:, 0]
    elif kind == "readonly":
        x = y.copy()
        x.flags.writeable = False
    else:
        x = y.astype(kind)
        tolerance = 1e-4 if kind == "float32" else tolerance
    assert close(pole(nis_core.analyze(x, dt=0.05)), TRUE, tolerance)


def test_sunspots_from_a_path(sunspots: Path) -> None:
    for path in (sunspots, str(sunspots)):
        mode = nis_core.analyze(path).modes[0].modes.modes[0]
        assert 10.5 < mode.period < 11.2
        assert 0 < mode.period_se < 1


def test_planets_as_a_law_with_names_of_rows() -> None:
    au = np.array([57.909, 108.21, 149.598, 227.956, 778.479, 1432.041, 2867.043, 4514.953, 5869.656])
    body = ["Mercury", "Venus", "Earth", "Mars", "Jupiter", "Saturn", "Uranus", "Neptune", "Pluto"]
    days = 365.256 * (au / 149.598) ** 1.5
    report = nis_core.analyze({"body": body, "axis": au, "period": days}, law=True, target="period")
    assert report.mode == "law"
    assert report.data.labels == body
    law = report.laws[0].law
    assert law is not None, report.laws[0].skipped


def test_equation(t: Array, y: Array) -> None:
    report = nis_core.analyze({"t": t, "y": y}, equation="y'' = -w2*y - g*y'")
    found = {p.name: p.value for p in report.fit.parameters}
    # y'' + 0.2 y' + (0.01 + 4) y = 0
    assert abs(found["g"] - 0.2) < 0.01
    assert abs(found["w2"] - 4.01) < 0.02


def test_the_same_call_gives_the_same_numbers(t: Array, y: Array) -> None:
    noisy = y + 0.01 * np.random.default_rng(7).standard_normal(len(y))
    a, b = (nis_core.analyze({"t": t, "y": noisy}).to_dict() for _ in range(2))
    for r in (a, b):
        del r["run"]["timings"]
    assert a == b


def test_missing_values_are_seen(t: Array, y: Array) -> None:
    holes: list[float | None] = list(y)
    holes[10] = None
    columns: list[Any] = [holes, np.where(np.arange(len(y)) == 10, np.nan, y)]
    for column in columns:
        report = nis_core.analyze({"t": t, "y": column})
        summary = next(c for c in report.data.columns if c.name == "y")
        assert summary.missing == 1


BAD: list[tuple[Any, dict[str, Any], str]] = [
    (np.ones((2, 2, 2)), {}, "data"),
    (np.ones(9) * 1j, {}, "data"),
    (np.array(["a", "b"]), {}, "data"),
    ([[1.0, 2.0], [3.0]], {}, "data"),
    (np.array(1.0), {}, "data"),
    (np.ones(9), {"dt": 0.0}, "dt"),
    (np.ones(9), {"dt": float("nan")}, "dt"),
    (np.ones(9), {"fs": -1.0}, "fs"),
    (np.ones(9), {"fs": 1.0, "dt": 1.0}, "fs"),
    (np.ones((9, 2)), {"names": ["a"]}, "names"),
    (np.ones((9, 2)), {"names": "ab"}, "names"),
    ({"t": [1.0, 2.0], "y": [1.0]}, {}, "y"),
    ({"t": [1.0, 2.0]}, {"dt": 1.0}, "dt"),
    ({"t": np.array(["2020-01-01"], dtype="datetime64[D]")}, {}, "t"),
    ({"t": np.ones((2, 2))}, {}, "t"),
    ("data.csv", {"fs": 1.0}, "fs"),
    (np.ones(9), {"options": {"nonsense": 1}}, "options.nonsense"),
    (np.ones(9), {"options": {"modes": {"order": "x"}}}, "options.modes.order"),
    (np.ones(9), {"options": {"modes": object()}}, "options"),
    (np.ones(9), {"options": {"target": "a"}, "target": "b"}, "target"),
    (np.ones(9), {"options": {"law": 3}}, "options.law"),
]


@pytest.mark.parametrize(("data", "arguments", "field"), BAD, ids=range(len(BAD)))
def test_bad_values_are_named(data: Any, arguments: dict[str, Any], field: str) -> None:
    with pytest.raises(nis_core.InvalidInput) as e:
        nis_core.analyze(data, **arguments)
    assert e.value.field == field
    assert e.value.code == 1
    assert isinstance(e.value, ValueError)
    assert field in str(e.value)
    assert e.value.details["kind"] == "invalid_input"
    assert e.value.details["field"] == field


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(nis_core.IoError, match="no/such") as e:
        nis_core.analyze("/no/such.csv")
    assert isinstance(e.value, OSError)
    assert e.value.code == 8


def test_an_equation_that_cannot_be_read(t: Array, y: Array) -> None:
    with pytest.raises(nis_core.ParseError) as e:
        nis_core.analyze({"t": t, "y": y}, equation="y'' = -w2*(y")
    assert e.value.details["column"] >= 1
    assert isinstance(e.value, ValueError)


def test_progress_is_reported_on_the_calling_thread(sunspots: Path) -> None:
    import threading

    seen: list[tuple[str, int, int, str]] = []
    threads = set()

    def progress(stage: str, done: int, total: int, message: str) -> None:
        threads.add(threading.get_ident())
        seen.append((stage, done, total, message))

    nis_core.analyze(sunspots, progress=progress)
    assert seen
    assert threads == {threading.get_ident()}
    assert all(stage and (total == 0 or done <= total) for stage, done, total, _ in seen)


def test_progress_can_stop_the_work(sunspots: Path) -> None:
    with pytest.raises(nis_core.Cancelled) as e:
        nis_core.analyze(sunspots, progress=lambda *_: False)
    assert e.value.code == 5


def test_what_progress_raises_comes_out(sunspots: Path) -> None:
    def progress(*_: object) -> None:
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        nis_core.analyze(sunspots, progress=progress)


def test_other_threads_run_meanwhile(sunspots: Path) -> None:
    """Without the GIL released, the counting thread would stand still during an analysis."""
    import threading

    stop = threading.Event()
    gaps: list[float] = []

    def count() -> None:
        last = time.perf_counter()
        while not stop.is_set():
            time.sleep(0.001)
            now = time.perf_counter()
            gaps.append(now - last)
            last = now

    counter = threading.Thread(target=count)
    counter.start()
    start = time.perf_counter()
    for _ in range(3):
        nis_core.analyze(sunspots)
    took = time.perf_counter() - start
    stop.set()
    counter.join()
    assert len(gaps) > 10
    assert max(gaps) < max(0.5 * took, 0.1)
