"""Systems: forms, responses against closed forms and scipy.signal, design, pickling, errors, plots."""

from __future__ import annotations

import copy
import importlib
import pickle
import warnings
from collections.abc import Callable
from typing import Any

import nis_core
import numpy as np
import pytest
from nis_core.laplace._system import System
from numpy.typing import NDArray

POLES = [-1 + 2j, -1 - 2j, -3, -0.1]
RESIDUES = [0.5 + 0.25j, 0.5 - 0.25j, 2, -1]


@pytest.fixture
def plant() -> System:
    return System.from_poles(POLES, RESIDUES)


def wide(seed: int = 0, outputs: int = 2, inputs: int = 3) -> System:
    rng = np.random.default_rng(seed)
    shape = (outputs, inputs)
    r = rng.normal(size=shape) + 1j * rng.normal(size=shape)
    residues = np.stack([r, r.conj(), rng.normal(size=shape)])
    return System.from_poles([-0.5 + 3j, -0.5 - 3j, -2.0], residues, rng.normal(size=shape))


def direct_sum(system: System, s: complex) -> complex:
    return complex(sum(r / (s - p) for p, r in zip(POLES, RESIDUES, strict=True)))


def test_responses_have_their_closed_forms(plant: System) -> None:
    t = np.linspace(0, 5, 501)
    poles, residues = np.array(POLES), np.array(RESIDUES)
    modes = np.exp(np.outer(t, poles))
    np.testing.assert_allclose(plant.impulse(t).y, (modes @ residues).real, rtol=0, atol=1e-14)
    step = ((modes - 1) @ (residues / poles)).real
    np.testing.assert_allclose(plant.step(t).y, step, rtol=0, atol=1e-13)
    w = np.geomspace(0.01, 100, 50)
    h = np.array([direct_sum(plant, 1j * x) for x in w])
    got = plant.frequency_response(w)
    np.testing.assert_allclose(got.response, h, rtol=1e-13)
    bode = plant.bode(w)
    np.testing.assert_allclose(bode.magnitude, np.abs(h), rtol=1e-13)
    np.testing.assert_allclose(bode.decibel, 20 * np.log10(np.abs(h)), atol=1e-12)
    np.testing.assert_allclose(bode.phase, np.unwrap(np.angle(h)), atol=1e-12)
    assert plant(1j) == pytest.approx(direct_sum(plant, 1j), abs=1e-14)
    matrices = plant.to_state_space()
    np.testing.assert_allclose(matrices.step(t).y, step, rtol=0, atol=1e-12)
    back = matrices.to_pole_residue()
    np.testing.assert_allclose(back.frequency_response(w).response, h, rtol=1e-11)


def test_scipy_agrees(plant: System) -> None:
    signal: Any = pytest.importorskip("scipy.signal")
    spec = plant.to_state_space().to_dict()["state_space"]
    n = spec["states"]
    a, b, c = (np.array(spec[k]) for k in "abc")
    theirs = signal.StateSpace(a.reshape(n, n), b.reshape(n, 1), c.reshape(1, n), [[0.0]])
    t = np.linspace(0, 8, 400)
    np.testing.assert_allclose(plant.step(t).y, signal.step(theirs, T=t)[1], atol=1e-11)
    np.testing.assert_allclose(plant.impulse(t).y, signal.impulse(theirs, T=t)[1], atol=1e-11)
    u = np.sin(2 * t) + 0.3 * t
    _, y, _ = signal.lsim(theirs, u, t)
    np.testing.assert_allclose(plant.simulate(t, u).y, y, atol=1e-11)
    _, y, _ = signal.lsim(theirs, u, t, interp=False)
    np.testing.assert_allclose(plant.simulate(t, u, hold="zero").y, y, atol=1e-11)
    with warnings.catch_warnings():
        # scipy goes through polynomials here and complains about their leading coefficient.
        warnings.simplefilter("ignore")
        w, h = signal.freqresp(theirs, np.geomspace(0.01, 100, 60))
        zeros = signal.ss2zpk(theirs.A, theirs.B, theirs.C, theirs.D)[0]
    np.testing.assert_allclose(plant.frequency_response(w).response, h, rtol=1e-9)
    zeros = np.sort_complex(zeros)
    np.testing.assert_allclose(np.sort_complex(plant.zeros()), zeros, atol=1e-9)
    for method in ("zoh", "foh", "bilinear"):
        name = "tustin" if method == "bilinear" else method
        discrete: Any = signal.cont2discrete(
            (theirs.A, theirs.B, theirs.C, theirs.D), 0.1, method=method
        )
        ours = plant.discretize(0.1, name)  # type: ignore[arg-type]
        ad, bd, cd, dd, _ = discrete
        w = np.linspace(0.1, 30, 20)
        z = np.exp(0.1j * w)
        h = np.array([(cd @ np.linalg.solve(x * np.eye(n) - ad, bd) + dd).item() for x in z])
        np.testing.assert_allclose(ours.frequency_response(w).response, h, atol=1e-11)
    # scipy's residues of a repeated pole (scipy #15623, #23519 are about clusters of them).
    poles = [-1.0, -1.0, -1.0, -2.0]
    r, p, _ = signal.residue([1.0, 5.0], np.poly(poles))
    clean = System.zpk([-5.0], poles, 1.0)
    terms = clean.to_dict()["pole_residue"]["terms"]
    ours_r = {(x["pole"][0], x["power"]): x["residue"][0][0] for x in terms}
    assert ours_r == {(-1.0, 1): 3.0, (-1.0, 2): -3.0, (-1.0, 3): 4.0, (-2.0, 1): -3.0}
    assert max(abs(r)) == pytest.approx(4.0, abs=1e-2) and len(p) == 4


def test_high_order_does_not_pass_through_polynomials() -> None:
    # python-control #860: 20 poles over two decades; polynomial coefficients would span 40 decades.
    poles: list[complex] = []
    residues: list[complex] = []
    for k in range(10):
        w = 10.0 ** (0.2 * k)
        poles += [complex(-0.05 * w, w), complex(-0.05 * w, -w)]
        residues += [1 - 0.5j, 1 + 0.5j]
    system = System.from_poles(poles, residues)
    w = np.geomspace(0.1, 1000, 200)
    h = (np.array(residues) / (1j * w[:, None] - np.array(poles))).sum(axis=1)
    np.testing.assert_allclose(system.frequency_response(w).response, h, rtol=1e-12)
    matrices = system.to_state_space()
    np.testing.assert_allclose(matrices.frequency_response(w).response, h, rtol=1e-10)
    zeros = system.zeros()
    assert zeros.shape == (19,)
    assert max(abs(system(z)) for z in zeros) < 1e-9


def test_several_channels() -> None:
    system = wide()
    t = np.linspace(0, 3, 100)
    assert system.step(t).y.shape == (2, 3, 100)
    assert system.frequency_response([1.0, 2.0]).response.shape == (2, 3, 2)
    assert system(0.3j).shape == (2, 3)
    u = np.zeros((3, 100))
    u[1] = 1.0
    np.testing.assert_allclose(system.simulate(t, u).y, system.step(t).y[:, 1], atol=1e-12)
    np.testing.assert_allclose(system.dc_gain(), system(0).real, atol=1e-14)
    other = wide(1, 3, 1)
    np.testing.assert_allclose((system * other)(0.4j), system(0.4j) @ other(0.4j), atol=1e-13)
    np.testing.assert_allclose((system + system)(1j), 2 * system(1j), atol=1e-13)
    np.testing.assert_allclose((system - system)(1j), 0 * system(1j), atol=1e-13)


def test_operators_and_feedback(plant: System) -> None:
    s = 0.3 + 0.8j
    lag = System.zpk([], [-2], 3.0)
    assert (plant * lag)(s) == pytest.approx(plant(s) * lag(s), abs=1e-13)
    assert (2 * plant - plant / 2 + 1 - (1 - plant))(s) == pytest.approx(2.5 * plant(s), abs=1e-13)
    assert plant.feedback(lag)(s) == pytest.approx(plant(s) / (1 + plant(s) * lag(s)), abs=1e-12)
    assert plant.feedback(sign=1)(s) == pytest.approx(plant(s) / (1 - plant(s)), abs=1e-12)
    assert plant.append(lag)(s)[1, 1] == pytest.approx(lag(s))
    with pytest.raises(nis_core.InvalidInput):
        plant * wide()
    with pytest.raises(TypeError):
        plant * "x"


def test_design() -> None:
    loop = System.zpk([], [0, -1, -2], 4.0)
    m = loop.margins()
    assert m.closed_loop_stable and m.gain_margin == pytest.approx(1.5, abs=1e-12)
    assert m.gain[0].omega == pytest.approx(np.sqrt(2), abs=1e-12)
    light = System.zpk([], [-0.01 + 1j, -0.01 - 1j], 1.0)
    peak, where = light.h_infinity_norm()
    assert peak == pytest.approx(50.0, rel=1e-3) and where == pytest.approx(1.0, abs=1e-3)
    assert light.h2_norm() == pytest.approx(np.sqrt(1 / 0.04 / 1.0001), rel=1e-9)
    info = light.damping()[0]
    assert info.damping_ratio == pytest.approx(0.01, rel=1e-3)
    assert info.time_constant == pytest.approx(100.0)
    seen: list[str] = []
    both = light + System.zpk([], [-50], 1e-3)
    reduced = both.reduce(2, progress=lambda stage, *_: seen.append(stage))
    assert reduced.order == 2 and set(seen) == {"reduce"}
    assert (both - reduced.system).h_infinity_norm()[0] <= reduced.error_bound * (1 + 1e-6)
    with pytest.raises(nis_core.Cancelled):
        both.reduce(2, progress=lambda *_: False)
    kept = both.reduce(2, match_dc=True).system
    assert kept.dc_gain() == pytest.approx(both.dc_gain(), abs=1e-12)
    unstable = light + System.zpk([], [1], 1.0)
    stable, rest = unstable.split_stable()
    assert stable.is_stable() and rest.poles() == pytest.approx([1.0])


@pytest.mark.parametrize("matrices", [False, True])
def test_long_work_reports_and_stops(plant: System, matrices: bool) -> None:
    system = plant.to_state_space() if matrices else plant
    t = np.linspace(0, 5, 1000)
    calls: dict[str, Callable[[Any], NDArray[Any]]] = {
        "frequency_response": lambda p: system.frequency_response(t, progress=p).response,
        "bode": lambda p: system.bode(t, progress=p).phase,
        "step": lambda p: system.step(t, progress=p).y,
        "impulse": lambda p: system.impulse(t, progress=p).y,
        "simulate": lambda p: system.simulate(t, np.sin(t), progress=p).y,
        "initial": lambda p: system.initial(np.ones(4), t, progress=p).y,
        "zeros": lambda p: system.zeros(progress=p),
    }
    for name, call in calls.items():
        seen: list[str] = []

        def note(stage: str, *_: object, seen: list[str] = seen) -> None:
            seen.append(stage)

        np.testing.assert_array_equal(call(note), call(None), err_msg=name)
        assert seen, name
        with pytest.raises(nis_core.Cancelled):
            call(lambda *_: False)

        def fail(*_: object) -> None:
            raise KeyError("mine")

        with pytest.raises(KeyError, match="mine"):
            call(fail)


def test_a_defective_matrix_costs_no_accuracy() -> None:
    # 1/(s + 1)^6 in random orthogonal coordinates.
    rng = np.random.default_rng(2)
    n = 6
    q, _ = np.linalg.qr(rng.normal(size=(n, n)))
    jordan = -np.eye(n) + np.diag(np.ones(n - 1), 1)
    system = System.from_state_space(q.T @ jordan @ q, q.T[:, -1], q[0])
    omega = np.linspace(0, 5, 777)
    for _ in range(2):  # the second call has the Schur form of the first
        got = system.frequency_response(omega).response
        assert np.max(np.abs(got - (1 + 1j * omega) ** -n)) < 1e-13


def test_pickles_copies_compares(plant: System) -> None:
    for system in (plant, plant.to_state_space(), plant.discretize(0.1)):
        for again in (
            pickle.loads(pickle.dumps(system)),
            copy.deepcopy(system),
            System.from_dict(system.to_dict()),
        ):
            assert again == system and hash(again) == hash(system) and repr(again) == repr(system)
    assert plant != plant.to_state_space() and plant != 3
    assert "dt = 0.1" in repr(plant.discretize(0.1))


BAD: list[tuple[str, Any]] = [
    ("poles[0]", lambda: System.from_poles([-1 + 1j], [1.0])),
    ("residues", lambda: System.from_poles([-1], [1.0, 2.0])),
    ("poles[0]", lambda: System.zpk([], [-1 + 1j], 1.0)),
    ("A", lambda: System.from_state_space([[1.0, 2.0]], [1.0], [1.0])),
    ("B", lambda: System.from_state_space([[1.0]], [1.0, 2.0], [1.0])),
    ("D", lambda: System.from_state_space([[1.0]], [1.0], [1.0], [[1.0, 2.0]])),
    ("system", lambda: System.from_state_space([[np.nan]], [1.0], [1.0])),
    ("denominator", lambda: System.from_coefficients([1.0], [0.0])),
    ("t[1]", lambda: System.zpk([], [-1], 1.0).step([1.0, 0.5])),
    ("t[0]", lambda: System.zpk([], [-1], 1.0).step([-1.0])),
    ("t[1]", lambda: System.zpk([], [-1], 1.0).impulse([0.0, np.nan])),
    ("t", lambda: System.zpk([], [-1], 1.0).step("now")),
    ("u", lambda: System.zpk([], [-1], 1.0).simulate([0.0, 1.0], [1.0])),
    ("u[1]", lambda: System.zpk([], [-1], 1.0).simulate([0.0, 1.0], [1.0, np.inf])),
    ("omega[0]", lambda: System.zpk([], [-1], 1.0).bode([np.nan])),
    ("dt", lambda: System.zpk([], [-1], 1.0).discretize(-1.0)),
    ("options.method", lambda: System.zpk([], [-1], 1.0).discretize(1.0, "euler")),  # type: ignore[arg-type]
    ("options.order", lambda: System.zpk([], [-1], 1.0).reduce(7)),
    ("system", lambda: wide().margins()),
    ("sign", lambda: System.zpk([], [-1], 1.0).feedback(sign=0)),  # type: ignore[arg-type]
    ("system", lambda: System(3)),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("field", "call"), BAD)
def test_what_does_not_fit_is_named(field: str, call: Any) -> None:
    with pytest.raises(nis_core.InvalidInput) as caught:
        call()
    assert caught.value.field == field
    assert isinstance(caught.value, ValueError)


def test_empty_and_extreme_input() -> None:
    lag = System.zpk([], [-1], 1.0)
    assert lag.step([]).y.shape == (0,)
    assert lag.step([2.0]).y == pytest.approx([1 - np.exp(-2.0)])
    huge = System.zpk([], [-1e-300], 1e300)
    assert huge.impulse([0.0]).y == pytest.approx([1e300])
    with pytest.raises(nis_core.NumericalError):
        System.zpk([], [10.0], 1.0).step([0.0, 1000.0])
    integrator = System.zpk([], [0], 1.0)
    assert integrator.dc_gain() == np.inf
    # Views and other types pass.
    t = np.arange(20, dtype=np.float32)[::2]
    assert lag.step(t).y.shape == (10,)
    assert lag.step(range(5)).y.shape == (5,)
    with pytest.warns(UserWarning, match="uncertain"):
        System.from_coefficients([1.0], np.poly(-np.ones(6)))


def test_default_grids() -> None:
    light = System.zpk([], [-0.01 + 10j, -0.01 - 10j], 100.0)
    bode = light.bode()
    assert bode.magnitude.max() == pytest.approx(500.0, rel=1e-3)
    assert np.abs(np.diff(bode.phase)).max() < 1.0
    response = light.step()
    assert response.t[0] == 0 and response.t[-1] >= 100
    slow = System.from_poles([-1, -1e-4], [1.0, 1e-9])
    assert slow.step().t[-1] < 20  # python-control #440


def test_plots(plant: System) -> None:
    matplotlib: Any = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    pyplot: Any = importlib.import_module("matplotlib.pyplot")
    top, bottom = plant.plot_bode()
    assert top.get_ylabel() == "magnitude, dB" and len(bottom.lines) == 1
    plant.plot_nyquist()
    assert len(plant.plot_pole_map().get_legend().texts) == 2
    assert plant.plot_step().get_ylabel() == "step response"
    _, ax = pyplot.subplots()
    assert wide().plot_impulse(ax=ax) is ax and len(ax.lines) == 6
    plant.discretize(0.5).plot_step()
    plant.discretize(0.5).plot_pole_map()
    pyplot.close("all")


def test_plots_say_what_is_missing(plant: System, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(nis_core.Unavailable, match="matplotlib"):
        plant.plot_bode()


def test_threads_share_a_system(plant: System) -> None:
    from concurrent.futures import ThreadPoolExecutor

    t = np.linspace(0, 10, 5000)
    expected = plant.step(t).y

    def work(_: int) -> NDArray[np.float64]:
        return plant.step(t).y

    with ThreadPoolExecutor(4) as pool:
        for y in pool.map(work, range(16)):
            np.testing.assert_array_equal(y, expected)
