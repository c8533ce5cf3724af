"""Transforms and modes against closed forms and numpy."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import nis_core
from nis_core import laplace


def test_every_kind_of_samples() -> None:
    t = np.arange(500) * 0.02
    x = np.exp(-0.5 * t) * np.cos(3 * t)
    s = np.array([[0.2, 0.5 + 1j], [1 - 2j, 3.0]])
    base = laplace.transform(x, s, fs=50)
    assert base.values.shape == s.shape
    assert base.values.dtype == np.complex128
    for kind in (np.float32, np.complex64, np.complex128):
        other = laplace.transform(x.astype(kind), s, fs=50)
        assert np.allclose(other.values, base.values, rtol=0, atol=1e-6)
    assert laplace.transform(list(x), s, dt=0.02) == base
    strided = np.repeat(x, 2)[::2]
    assert laplace.transform(strided, s, dt=0.02) == base
    both = laplace.transform(np.stack([x, 2 * x]), s, dt=0.02)
    assert both.values.shape == (2, 2, 2)
    assert np.allclose(both.values[1], 2 * base.values, rtol=1e-14)
    turned = laplace.transform(1j * x, s, dt=0.02)
    assert np.allclose(turned.values, 1j * base.values, rtol=1e-14)
    whole = laplace.transform(np.arange(5), 1.0)
    assert np.isfinite(whole.values)
    t_end = t[-1]
    pole = -0.5 + 3j
    exact = sum((np.exp((p - s) * t_end) - 1) / (p - s) / 2 for p in (pole, pole.conjugate()))
    assert np.all(np.abs(base.values - exact) <= 3 * base.error + 1e-14)
    assert np.all(np.abs(base.values - exact) < 1e-7)


def test_rectangle_is_the_fft() -> None:
    x = np.random.default_rng(0).normal(size=301)
    plan = laplace.LinePlan(301, dt=0.1, bins=301, quadrature="rectangle")
    found = plan.transform(x)
    assert np.allclose(found.values, 0.1 * np.fft.rfft(x), rtol=0, atol=1e-13)
    line = laplace.LinePlan(
        301, dt=0.1, step=2 * np.pi / 30.1, count=151, quadrature="rectangle"
    ).transform(x)
    assert np.allclose(line.values, found.values, rtol=0, atol=1e-12)
    assert np.allclose(line.s, found.s, rtol=1e-14)


def test_uneven_times() -> None:
    t = np.linspace(0, 3, 400) ** 2
    s = [1.0, 2 + 3j]
    found = laplace.transform(np.exp(-t), s, times=t)
    exact = (1 - np.exp(-9 * (found.s + 1))) / (found.s + 1)
    assert np.all(np.abs(found.values - exact) < 1e-8)
    with pytest.raises(nis_core.InvalidInput) as e:
        laplace.transform([1.0, 2.0, 3.0], s, times=[0.0, 2.0, 1.0])
    assert e.value.field == "times[2]"
    with pytest.raises(nis_core.InvalidInput, match="times"):
        laplace.transform([1.0, 2.0], s, times=[0.0, 1.0], dt=1.0)


def test_plans_pickle_and_results_compare() -> None:
    plan = laplace.LinePlan(64, fs=4, sigma=0.1, omega0=-1.0, step=0.5, count=9)
    again = pickle.loads(pickle.dumps(plan))
    assert again == plan and copy.deepcopy(plan) == plan
    x = np.sin(np.arange(64.0))
    assert again.transform(x) == plan.transform(x)
    assert "64 samples" in repr(plan) and "9 points" in repr(plan.transform(x))
    assert pickle.loads(pickle.dumps(plan.transform(x))) == plan.transform(x)


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda: laplace.transform([], 1.0), "signal"),
        (lambda: laplace.transform([1.0, np.nan], 1.0), "signal[1]"),
        (lambda: laplace.transform(["a", "b"], 1.0), "signal"),
        (lambda: laplace.transform([[1.0], [1.0, 2.0]], 1.0), "signal"),
        (lambda: laplace.transform([1.0, 2.0], "one"), "s"),
        (lambda: laplace.transform([1.0, 2.0], np.nan), "s[0]"),
        (lambda: laplace.transform([1.0, 2.0], 1.0, dt=0.0), "dt"),
        (lambda: laplace.transform([1.0, 2.0], 1.0, fs=-3.0), "fs"),
        (lambda: laplace.transform([1.0, 2.0], 1.0, fs=1.0, dt=1.0), "dt"),
        (lambda: laplace.transform([1.0, 2.0], 1.0, quadrature="magic"), "options.quadrature"),  # type: ignore[arg-type]
        (lambda: laplace.LinePlan(10, dt=1.0), "step"),
        (lambda: laplace.LinePlan(0, step=1.0, count=2), "samples"),
        (lambda: laplace.LinePlan(4, step=1.0, count=0), "count"),
        (lambda: laplace.LinePlan(4, step=1.0, count=3).transform([1.0]), "signal"),
        (lambda: laplace.modes([1.0] * 5), "signal"),
        (lambda: laplace.modes([2.0] * 50), "signal"),
        (lambda: laplace.modes(np.sin(np.arange(50.0)), order=40), "order"),
        (lambda: laplace.modes([[1.0, np.inf] * 10, [1.0] * 20]), "signals[0][1]"),
    ],
)
def test_bad_input_is_named(call: object, field: str) -> None:
    with pytest.raises(nis_core.InvalidInput) as e:
        call()  # type: ignore[operator]
    assert e.value.field == field, str(e.value)


def test_convergence() -> None:
    x = np.exp(-2 * np.arange(1000) / 100)
    with pytest.raises(nis_core.InvalidInput, match="region of convergence"):
        laplace.transform(x, -2.5, fs=100, extent="signal")
    found = laplace.transform(x, -1.0, fs=100, extent="signal")
    assert found.abscissa == pytest.approx(-2, abs=0.02)
    assert abs(found.values - 1) <= found.tail + found.error
    given = laplace.transform(x, -2.5, fs=100, extent="signal", tail=(1e-8, 3.0))
    assert given.abscissa == -3.0
    assert np.isnan(laplace.transform(x, -2.5, fs=100).tail)


def test_progress_and_cancel() -> None:
    seen: list[str] = []
    x = np.sin(np.arange(20_000.0))
    laplace.transform(x, np.arange(200) * 0.01j, progress=lambda stage, *_: seen.append(stage))
    assert seen and set(seen) == {"laplace"}
    with pytest.raises(nis_core.Cancelled):
        laplace.transform(x, np.arange(200) * 0.01j, progress=lambda *_: False)


def test_an_exception_of_the_callback_goes_up_and_stops_the_work() -> None:
    def fail(*_: object) -> None:
        raise KeyError("mine")

    x = np.sin(np.arange(5000.0))
    with pytest.raises(KeyError, match="mine"):
        laplace.transform(x, np.arange(300) * 0.01j, progress=fail)
    plan = laplace.LinePlan(5000, step=0.01, count=100)
    with pytest.raises(KeyError, match="mine"):
        plan.transform(x, progress=fail)
    with pytest.raises(nis_core.Cancelled):
        plan.transform(x, progress=lambda *_: False)


def test_modes_at_the_nyquist_frequency() -> None:
    k = np.arange(100)
    x = 1.5 * (-0.95) ** k + np.exp(-0.02 * k) * np.cos(0.8 * k)
    found = laplace.modes(x, fs=10, detrend="none")
    assert found.order == 3 and found.pairs.all()
    at = int(np.argmax(found.frequency))
    assert found.frequency[at] == 5.0
    assert found.poles[at] == pytest.approx(10 * np.log(0.95) + 10j * np.pi, rel=1e-9)
    assert found.residues[at] == pytest.approx(0.75, rel=1e-9)
    assert np.max(np.abs(found.evaluate(k / 10) - x)) < 1e-9


def test_modes_of_one_signal() -> None:
    rng = np.random.default_rng(3)
    t = np.arange(600) / 100
    x = np.exp(-0.4 * t) * np.cos(12 * t + 0.3) + 0.5 * np.exp(-0.1 * t) * np.cos(40 * t) + 2.0
    found = laplace.modes(x + 0.01 * rng.normal(size=t.size), fs=100)
    assert len(found) == 2 and found.order == 4 and found.pairs.all()
    for want in (-0.4 + 12j, -0.1 + 40j):
        k = int(np.argmin(np.abs(found.poles - want)))
        error = found.poles[k] - want
        assert abs(error.real) < 5 * found.pole_se[k].real
        assert abs(error.imag) < 5 * found.pole_se[k].imag
        assert 0.3 < found.pole_se[k].real / found.pole_bound[k].real < 3
    assert found.offset == pytest.approx(2.0, abs=0.01)
    assert found.noise_std == pytest.approx(0.01, rel=0.15)
    assert np.std(found.evaluate(t) - x) < 0.005
    assert found.frequency[0] == pytest.approx(12 / (2 * np.pi), rel=1e-2)
    again = pickle.loads(pickle.dumps(found))
    assert again == found and again.order_rule in ("gap", "description_length", "stability")
    assert "pole" in repr(found)


def test_modes_of_complex_channels() -> None:
    t = np.arange(300) * 0.05
    poles = np.array([-0.1 + 2j, -0.3 - 5j])
    shapes = np.array([[1.0, 0.5j], [0.3 - 0.2j, 1.0], [0.0, 2.0]])
    x = shapes @ np.exp(np.multiply.outer(poles, t))
    found = laplace.modes(x, dt=0.05, detrend="none")
    assert found.order == 2 and not found.pairs.any()
    assert found.residues.shape == (2, 3)
    for want, shape in zip(poles, shapes.T, strict=True):
        k = int(np.argmin(np.abs(found.poles - want)))
        assert abs(found.poles[k] - want) < 1e-9
        assert np.allclose(found.residues[k], shape, rtol=0, atol=1e-8)
    assert np.allclose(found.evaluate(t), x, rtol=0, atol=1e-8)


def test_plots() -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    t = np.arange(200) * 0.05
    x = np.exp(-0.1 * t) * np.cos(2 * t)
    found = laplace.modes(x, dt=0.05)
    for draw in (found.plot, found.plot_poles, laplace.transform(x, 1j * t, dt=0.05).plot):
        ax = draw()
        assert ax.lines or ax.collections or ax.containers
        plt.close("all")
