"""The report as a Python value."""

from __future__ import annotations

import copy
import json
import multiprocessing
import pickle

import nis_core
import numpy as np
import pytest
from numpy.typing import NDArray


def test_fields_are_attributes_and_keys(report: nis_core.Report) -> None:
    assert report.source == report["source"] == "oscillation"
    assert report.mode == "series"
    assert "findings" in report
    assert set(report.keys()) <= set(dir(report))
    assert all(isinstance(finding, str) for finding in report.findings)
    assert report.version == nis_core.__version__
    with pytest.raises(AttributeError, match="no field 'nonsense'"):
        _ = report.nonsense
    with pytest.raises(KeyError):
        _ = report["nonsense"]


def test_json_is_the_same_as_the_fields(report: nis_core.Report) -> None:
    data = json.loads(report.to_json())
    assert data == report.to_dict()
    assert set(data) == set(report.keys())
    assert data["series"][0]["y"] == list(report.series[0].y)


def test_text_and_page(report: nis_core.Report) -> None:
    assert "oscillation" in report.to_text()
    assert str(report) == report.to_text()
    page = report.to_html()
    assert page.lower().startswith("<!doctype html>")
    assert "<svg" in page
    notebook = report._repr_html_()
    assert notebook.startswith("<iframe")
    assert notebook.count('"') == 4  # nothing of the page ends the attribute
    assert "oscillation" in repr(report)


def test_copies_and_pickles_are_equal(report: nis_core.Report) -> None:
    for other in (pickle.loads(pickle.dumps(report)), copy.deepcopy(report), copy.copy(report)):
        assert other == report
        assert other.to_json() == report.to_json()
        assert other.modes == report.modes
    assert report != 3
    with pytest.raises(TypeError):
        hash(report)
    with pytest.raises(TypeError):
        nis_core.Report()


def test_a_pickle_keeps_missing_values(t: NDArray[np.float64], y: NDArray[np.float64]) -> None:
    holes = np.where(np.arange(len(y)) == 10, np.nan, y)
    report = nis_core.analyze({"t": t, "y": holes})
    again = pickle.loads(pickle.dumps(report))
    assert again == report
    assert again.series == report.series


def test_a_broken_pickle_is_refused() -> None:
    from nis_core import _report

    with pytest.raises(nis_core.ParseError):
        _report._unpickle(b"\x00garbage")


def _analyze(y: NDArray[np.float64]) -> nis_core.Report:
    return nis_core.analyze(y, dt=0.05)


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_other_processes(y: NDArray[np.float64], method: str) -> None:
    with multiprocessing.get_context(method).Pool(1) as pool:
        far = pool.apply(_analyze, (y,))
    near = _analyze(y)
    assert far.modes == near.modes


def test_records_are_read_only_and_compare(report: nis_core.Report) -> None:
    mode = report.modes[0].modes.modes[0]
    assert isinstance(mode, nis_core.Record)
    assert mode == pickle.loads(pickle.dumps(mode))
    assert mode != nis_core.Record({})
    assert mode.frequency == mode["frequency"]
    with pytest.raises(AttributeError, match="read-only"):
        mode.frequency = 3.0
    with pytest.raises(AttributeError, match="frequency"):
        _ = mode.nonsense


def test_record_arrays() -> None:
    r = nis_core.Record({"a": [1.0, None, 2], "n": [1, 2], "s": ["x"], "b": [True], "e": [], "d": {"x": 1}})
    assert r.a.dtype == np.float64
    assert np.isnan(r.a[1])
    assert r.n == [1, 2]
    assert (r.s, r.b, r.e, r.d.x) == (["x"], [True], [], 1)
    assert r == nis_core.Record({"a": [1.0, float("nan"), 2.0], "n": [1, 2], "s": ["x"], "b": [True], "e": [], "d": {"x": 1}})
