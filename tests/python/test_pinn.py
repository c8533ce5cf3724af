"""`nis_core.pinn`: problems as text, solutions as functions, plots, files, errors, stopping."""

from __future__ import annotations

import copy
import math
import os
import pickle
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import nis_core
import numpy as np
import pytest
from nis_core import pinn
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[2]
PROBLEMS = ROOT / "examples" / "problems"

Real = NDArray[np.float64]

HEAT: dict[str, Any] = {
    "equations": "u_t = a*u_xx",
    "domain": {"x": (0, 1), "t": (0, 0.5)},
    "conditions": ["u(x,0) = sin(pi*x)", "u(0,t) = 0", "u(1,t) = 0"],
    "a": 0.4,
}


def heat_exact(x: Any, t: Any) -> Any:
    return np.exp(-0.4 * np.pi**2 * np.asarray(t)) * np.sin(np.pi * np.asarray(x))


@pytest.fixture(scope="module")
def heat() -> pinn.Solution:
    return pinn.solve(**HEAT)


@pytest.fixture(scope="module")
def swing() -> pinn.Solution:
    return pinn.solve(
        "u'' + 0.4*u' + 16*u = 0", domain={"t": (0, 4)}, conditions=["u(0) = 1", "u'(0) = 0"]
    )


def swing_exact(t: Any) -> Any:
    w = math.sqrt(16.0 - 0.04)
    return np.exp(-0.2 * t) * (np.cos(w * t) + 0.2 / w * np.sin(w * t))


# --- values ---


def test_values_broadcast_as_numpy_does(heat: pinn.Solution) -> None:
    one = heat(x=0.5, t=0.1)
    assert np.shape(one) == () and abs(one - heat_exact(0.5, 0.1)) < 1e-7
    x, t = np.linspace(0, 1, 7), np.linspace(0, 0.5, 4)
    grid = heat(x=x[:, None], t=t[None, :])
    assert grid.shape == (7, 4)
    assert np.abs(grid - heat_exact(x[:, None], t[None, :])).max() < 1e-7
    points = np.stack(np.meshgrid(x, t, indexing="ij"), axis=-1)
    assert points.shape == (7, 4, 2)
    assert np.array_equal(heat(points), grid)
    assert np.array_equal(heat(points[::2, ::-1]), grid[::2, ::-1])
    assert heat(np.empty((0, 2))).shape == (0,)
    assert heat([[0, 0], [1, 0]]).shape == (2,)


def test_one_coordinate_takes_any_shape(swing: pinn.Solution) -> None:
    t = np.linspace(0, 4, 12)
    assert np.abs(swing(t) - swing_exact(t)).max() < 1e-6
    assert swing(t.reshape(3, 4)).shape == (3, 4)
    assert np.shape(swing(1.5)) == ()
    assert np.array_equal(swing(t=t), swing(t))
    assert np.array_equal(swing(t[:, None]), swing(t))


def test_derivatives_obey_the_equation(heat: pinn.Solution, swing: pinn.Solution) -> None:
    x, t = np.linspace(0.1, 0.9, 9), np.full(9, 0.2)
    assert np.abs(heat.derivative("u_t", x=x, t=t) - 0.4 * heat.derivative("u_xx", x=x, t=t)).max() < 1e-5
    exact = np.pi * np.exp(-0.4 * np.pi**2 * 0.2) * np.cos(np.pi * x)
    assert np.abs(heat.derivative("u_x", x=x, t=t) - exact).max() < 1e-5
    s = np.linspace(0, 4, 9)
    residual = swing.derivative("u''", s) + 0.4 * swing.derivative("u'", s) + 16 * swing(s)
    assert np.abs(residual).max() < 1e-4
    assert np.abs(heat.residual(x=x, t=t)).max() < 1e-5


def test_several_fields_stand_on_the_last_axis() -> None:
    spiral = pinn.solve(["x' = y", "y' = -x"], domain={"t": (0, 3)}, conditions=["x(0) = 0", "y(0) = 1"])
    t = np.linspace(0, 3, 10)
    values = spiral(t)
    assert spiral.fields == ["x", "y"] and values.shape == (10, 2)
    assert np.abs(values - np.stack([np.sin(t), np.cos(t)], axis=-1)).max() < 1e-6
    assert spiral(t.reshape(2, 5)).shape == (2, 5, 2)
    grid = spiral.on_grid(5)
    assert set(grid) == {"t", "x", "y"} and grid["x"].shape == (5,)
    found = spiral.compare(lambda t: {"x": np.sin(t), "y": np.cos(t)})
    assert found.fields == ("x", "y") and max(found.relative_l2) < 1e-6


def test_outside_the_domain_only_where_asked(heat: pinn.Solution) -> None:
    with pytest.raises(nis_core.InvalidInput, match="domain"):
        heat(x=0.5, t=0.51)
    assert abs(heat(x=0.5, t=0.51, outside=True) - heat_exact(0.5, 0.51)) < 1e-3
    assert heat.inside(x=[0.5, 0.5], t=[0.5, 0.51]).tolist() == [True, False]
    for bad in (np.nan, np.inf, -np.inf, 1e300):
        with pytest.raises(nis_core.InvalidInput):
            heat(x=0.5, t=bad)


def test_what_does_not_fit_is_named(heat: pinn.Solution) -> None:
    for call, field in (
        (lambda: heat(x=0.5), "t"),
        (lambda: heat(x=0.5, t=0.1, y=1.0), "y"),
        (lambda: heat([0.5, 0.1, 0.2]), "points"),
        (lambda: heat(x=[0.1, 0.2], t=[0.1, 0.2, 0.3]), "coordinates"),
        (lambda: heat(x="a", t=0.1), "x"),
        (lambda: heat(x=1j, t=0.1), "x"),
        (lambda: heat([[0.5, 0.1]], t=0.1), "t"),
        (lambda: heat.on_grid(0), "n"),
        (lambda: heat.on_grid({"z": 3}), "z"),
        (lambda: heat.on_grid(100_000), "n"),
        (lambda: heat.compare({"x": [0.1], "u": [1.0]}), "reference"),
        (lambda: heat.compare({"x": [0.1], "t": [0.1], "w": [1.0]}), "reference"),
        (lambda: heat.compare({"x": [0.1], "t": [0.1], "u": [np.nan]}), "reference.u"),
        (lambda: heat.plot("w"), "field"),
        (lambda: heat.plot_residual(3), "equation"),
    ):
        with pytest.raises(nis_core.InvalidInput) as caught:
            call()
        assert caught.value.field == field, caught.value
    with pytest.raises(nis_core.NotFound):
        heat.derivative("w_x", x=0.5, t=0.1)


# --- grids, comparison, what is known ---


def test_grids(heat: pinn.Solution) -> None:
    grid = heat.on_grid((5, 3))
    assert grid["x"].tolist() == [0, 0.25, 0.5, 0.75, 1] and grid["u"].shape == (5, 3)
    assert np.array_equal(grid["u"], heat(x=grid["x"][:, None], t=grid["t"]))
    row = heat.on_grid(4, t=0.25)
    assert row["u"].shape == (4, 1) and row["t"].tolist() == [0.25]
    with pytest.raises(nis_core.InvalidInput):
        heat.on_grid((5, 3, 2))


def test_xarray_or_a_clear_error(heat: pinn.Solution, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xarray", None)
    with pytest.raises(nis_core.Unavailable, match="xarray"):
        heat.to_xarray()
    monkeypatch.delitem(sys.modules, "xarray")
    pytest.importorskip("xarray")
    data = heat.to_xarray((5, 3))
    assert data["u"].shape == (5, 3)


def test_comparison_with_a_function_and_with_columns(heat: pinn.Solution) -> None:
    found = heat.compare(heat_exact, 17)
    assert found.points == 17 * 17 and found.relative_l2[0] < 1e-7
    off = heat.compare({"x": [0.5, 0.25], "t": [0.1, 0.2], "u": [heat_exact(0.5, 0.1), 1.0]})
    assert off.at[0] == {"x": 0.25, "t": 0.2}
    assert abs(off.max_error[0] - abs(1.0 - heat_exact(0.25, 0.2))) < 1e-6


def test_certificate_and_texts(heat: pinn.Solution) -> None:
    certificate = heat.certificate
    assert heat.valid and heat.converged and not certificate.faults
    assert [e.equation for e in certificate.equations] == ["u_t = a*u_xx"]
    assert len(certificate.conditions) == 3
    assert all(e.residual < 1e-4 for e in certificate.equations)
    assert all(c.error < 1e-4 and set(c.at) == {"x", "t"} for c in certificate.conditions)
    true = heat.compare(heat_exact).relative_l2[0]
    if certificate.error_estimate is not None:
        assert true < 100 * certificate.error_estimate
    assert "valid" in repr(heat) and heat.method in repr(heat)
    assert "u(x,0) = sin(pi*x)" in str(heat)
    page = heat._repr_html_()
    assert "valid" in page and "u_t = a*u_xx" in page
    assert heat.to_html().startswith("<!DOCTYPE html>") and "<svg" in heat.to_html()
    assert heat.to_dict()["problem"]["parameters"] == {"a": 0.4}


# --- problems ---


def test_problems_are_read_once_and_compare() -> None:
    problem = pinn.Problem(**HEAT)
    assert problem.fields == ["u"] and problem.coordinates == ["x", "t"] and problem.is_linear
    again = pinn.Problem.from_dict(problem.to_dict())
    assert again == problem and pickle.loads(pickle.dumps(problem)) == problem
    assert "u_t = a*u_xx" in repr(problem)
    one, other = problem.solve(seed=1), pinn.solve(problem, seed=1)
    assert one(x=0.3, t=0.2) == other(x=0.3, t=0.2)


def test_what_is_wrong_with_a_problem_is_named() -> None:
    good: dict[str, Any] = dict(HEAT)
    for change, kind, field in (
        ({"domain": {"x": (0, 1, 2), "t": (0, 1)}}, nis_core.InvalidInput, "domain.x"),
        ({"domain": {"x": "all", "t": (0, 1)}}, nis_core.InvalidInput, "domain.x"),
        ({"domain": None}, nis_core.InvalidInput, "domain"),
        ({"equations": ["u_t = u_xx", 3]}, nis_core.InvalidInput, "equations[1]"),
        ({"a": None}, nis_core.InvalidInput, "parameters.a"),
        ({"a": [1, 2, 3]}, nis_core.InvalidInput, "parameters.a"),
        ({"parameters": {"a": 1.0}}, nis_core.InvalidInput, "parameters.a"),
        ({"noise": 0.1}, nis_core.InvalidInput, "noise"),
        ({"data": [1, 2]}, nis_core.InvalidInput, "data"),
        ({"method": "magic"}, nis_core.InvalidInput, "options.method"),
        ({"features": {"nonsense": 1}}, nis_core.InvalidInput, "options.features.nonsense"),
        ({"tolerance": float("nan")}, nis_core.InvalidInput, "options"),
    ):
        with pytest.raises(kind) as caught:
            pinn.solve(**{**good, **change})
        assert caught.value.field == field, caught.value
    with pytest.raises(nis_core.NisError, match="column 15"):
        pinn.solve(**{**good, "equations": "u_t = a*u_xx +"})
    with pytest.raises(nis_core.NisError):
        pinn.solve(**{**good, "conditions": ["u(0,t) = 0", "u(1,t) = 0"]})


def test_files_of_problems(tmp_path: Path) -> None:
    assert pinn.Problem.load(PROBLEMS / "heat.toml").fields == ["u"]
    lorenz = pinn.Problem.load(PROBLEMS / "lorenz_inverse.toml")
    assert lorenz.unknowns == ["beta", "rho", "sigma"]
    assert len(lorenz.to_dict()["data"]["points"]) == 61
    bad = tmp_path / "bad.toml"
    bad.write_text("equations = [\n")
    with pytest.raises(nis_core.InvalidInput, match="bad.toml"):
        pinn.Problem.load(bad)
    with pytest.raises(OSError):
        pinn.Problem.load(tmp_path / "none.toml")


@pytest.mark.parametrize("name", sorted(p.name for p in PROBLEMS.glob("*.toml")))
def test_every_example_is_read(name: str) -> None:
    problem = pinn.Problem.load(PROBLEMS / name)
    assert problem.fields and problem.coordinates


def test_parameters_from_data() -> None:
    t = np.linspace(0, 2, 21)
    y = np.exp(-0.7 * t) + 1e-3 * np.cos(37.0 * np.arange(21))
    fit = pinn.solve(
        "y' = -k*y", domain={"t": (0, 2)}, conditions="y(0) = 1", k="?", data={"t": t, "y": y}
    )
    k = fit.parameters["k"]
    assert abs(k.value - 0.7) < 5e-3
    assert k.std_error is not None and 0 < k.std_error < 0.02
    assert abs(k.value - 0.7) < 5 * k.std_error
    assert "k" in str(k) and "k" in fit._repr_html_()
    with pytest.raises(nis_core.InvalidInput) as caught:
        pinn.solve("y' = -k*y", domain={"t": (0, 2)}, k="?", data={"y": y})
    assert caught.value.field == "data.t"


def test_python_functions_as_values_and_domains() -> None:
    source = pinn.solve(
        "u_xx = f", domain={"x": (0, 1)}, conditions=["u(0) = 0", "u(1) = 0"], f=lambda x: -math.sin(math.pi * x)
    )
    x = np.linspace(0, 1, 11)
    assert np.abs(source(x) - np.sin(np.pi * x) / np.pi**2).max() < 1e-4

    class Broken(Exception):
        pass

    def broken(x: float) -> float:
        raise Broken(f"at {x}")

    with pytest.raises(Broken):
        pinn.solve("u_xx = f", domain={"x": (0, 1)}, conditions=["u(0) = 0", "u(1) = 0"], f=broken)
    with pytest.raises(nis_core.NumericalError, match="f"):
        pinn.solve(
            "u_xx = f", domain={"x": (0, 1)}, conditions=["u(0) = 0", "u(1) = 0"], f=lambda x: math.nan
        )
    disk = pinn.Problem(
        "u_xx + u_yy = 0",
        domain={"x": (-1, 1), "y": (-1, 1), "inside": lambda x, y: x * x + y * y - 0.9},
        conditions="u = x on boundary",
    )
    assert disk.coordinates == ["x", "y"]


def test_holes_are_blank_in_grids() -> None:
    plate = pinn.solve(
        pinn.Problem.load(PROBLEMS / "plate_with_hole.toml"), tolerance=1e-2, max_seconds=20
    )
    grid = plate.on_grid(21)
    middle = grid["u"][10, 10]
    assert np.isnan(middle) and np.isfinite(grid["u"][10, 3])
    assert plate.inside(x=[0.0, 0.7], y=[0.0, 0.0]).tolist() == [False, True]
    finite = grid["u"][np.isfinite(grid["u"])]
    assert finite.min() > -0.05 and finite.max() < 1.05


# --- files, copies ---


def test_saved_loaded_copied(heat: pinn.Solution, tmp_path: Path) -> None:
    heat.save(tmp_path / "heat.json")
    for other in (
        pinn.Solution.load(tmp_path / "heat.json"),
        pickle.loads(pickle.dumps(heat)),
        copy.deepcopy(heat),
    ):
        assert other == heat and other(x=0.3, t=0.2) == heat(x=0.3, t=0.2)
    (tmp_path / "bad.json").write_text('{"format": 1}')
    with pytest.raises(nis_core.NisError):
        pinn.Solution.load(tmp_path / "bad.json")
    with pytest.raises(TypeError):
        pinn.Solution()


def test_data_with_gaps_survive_a_file(tmp_path: Path) -> None:
    t = np.linspace(0, 2, 21)
    x, y = np.sin(t), np.cos(t)
    y[3] = np.nan
    fit = pinn.solve(
        ["x' = w*y", "y' = -w*x"],
        domain={"t": (0, 2)},
        conditions=["x(0) = 0", "y(0) = 1"],
        w="?",
        data={"t": t, "x": x, "y": y},
    )
    assert abs(fit.parameters["w"].value - 1.0) < 1e-5
    fit.save(tmp_path / "fit.json")
    assert pinn.Solution.load(tmp_path / "fit.json") == fit


def test_same_seed_same_bits(heat: pinn.Solution) -> None:
    again = pinn.solve(**HEAT, threads=1)
    x = np.linspace(0, 1, 5)
    assert np.array_equal(again(x=x, t=0.3), heat(x=x, t=0.3))


# --- progress and stopping ---


def test_progress_is_told_and_may_stop() -> None:
    seen: list[str] = []
    pinn.solve(**HEAT, progress=lambda stage, done, total, message: seen.append(stage))
    assert seen
    with pytest.raises(nis_core.Cancelled):
        pinn.solve(**HEAT, progress=lambda *_: False)

    class Mine(Exception):
        pass

    def raising(*_: object) -> None:
        raise Mine

    with pytest.raises(Mine):
        pinn.solve(**HEAT, progress=raising)


def test_a_bar_is_shown(capfd: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("tqdm")
    pinn.solve(**HEAT, verbose=True)
    assert capfd.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_ctrl_c_stops_the_work() -> None:
    problem = pinn.Problem.load(PROBLEMS / "burgers.toml")
    sent: list[float] = []

    def press() -> None:
        time.sleep(0.5)
        sent.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        thread = threading.Thread(target=press)
        thread.start()
        with pytest.raises(KeyboardInterrupt):
            problem.solve(tolerance=1e-12, max_seconds=60)
        thread.join()
    finally:
        signal.signal(signal.SIGINT, before)


# --- drawings ---


def test_drawings(heat: pinn.Solution, swing: pinn.Solution, tmp_path: Path) -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    try:
        panels = heat.plot()
        assert len(panels) == 2 and panels[0].get_xlabel() == "t" and panels[1].get_xlabel() == "x"
        _, ax = plt.subplots()
        assert heat.plot(ax=ax) is ax
        line = heat.plot(at={"t": 0.25})
        assert line.get_title() == "t = 0.25"
        drawn = line.lines[0].get_ydata()
        assert np.abs(drawn - heat_exact(line.lines[0].get_xdata(), 0.25)).max() < 1e-6
        assert swing.plot().get_xlabel() == "t"
        assert heat.plot_residual().get_ylabel() == "x"
        assert swing.plot_residual().get_yscale() == "log"
        with pytest.raises(nis_core.InvalidInput):
            heat.plot(at={"x": 0.5, "t": 0.1})
        with pytest.raises(nis_core.InvalidInput):
            swing.animate()
        pytest.importorskip("PIL")
        heat.animate(frames=3, path=tmp_path / "heat.gif")
        assert (tmp_path / "heat.gif").read_bytes()[:6] == b"GIF89a"
    finally:
        plt.close("all")


def test_drawings_without_matplotlib(heat: pinn.Solution, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(nis_core.Unavailable, match="matplotlib"):
        heat.plot()
