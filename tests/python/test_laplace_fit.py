"""Fits of frequency data and passivity in Python."""

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import nis_core
from nis_core import laplace


Array = NDArray[Any]


def network(seed: int = 0, pairs: int = 4, ports: int = 2) -> tuple[Array, Array, Array]:
    """Poles, residues and D of a stable system between 1 and 10 rad."""
    random = np.random.default_rng(seed)
    b = 1 + 9 * (np.arange(pairs) + 0.5) / pairs
    poles = -0.02 * b + 1j * b
    residues = random.uniform(-1, 1, (pairs, ports, ports)) + 1j * random.uniform(-1, 1, (pairs, ports, ports))
    residues *= 0.03 * b[:, None, None]
    return poles, residues, random.uniform(-0.2, 0.2, (ports, ports))


def respond(s: Array, poles: Array, residues: Array, direct: Array) -> Array:
    at = s[:, None, None, None]
    terms = residues / (at - poles[:, None, None]) + residues.conj() / (at - poles.conj()[:, None, None])
    out: Array = terms.sum(axis=1) + direct
    return out


OMEGA = np.linspace(0.1, 12, 150)


def test_poles_residues_and_d_come_back() -> None:
    poles, residues, direct = network()
    h = respond(1j * OMEGA, poles, residues, direct)
    for fit in (
        laplace.fit_response(OMEGA, h, angular=True),
        laplace.fit_response(OMEGA / (2 * np.pi), h, order=8),
        laplace.fit_response(1j * OMEGA, h.tolist(), order=8, start="aaa"),
    ):
        assert fit.order == 8
        np.testing.assert_allclose(fit.poles, poles, rtol=1e-9)
        np.testing.assert_allclose(fit.residues, residues, rtol=0, atol=1e-9)
        np.testing.assert_allclose(fit.direct, direct, rtol=0, atol=1e-9)
        np.testing.assert_allclose(fit.evaluate(1j * OMEGA), h, rtol=0, atol=1e-9)
        assert fit.all_poles.shape == (8,)
        assert fit.stable and fit.relative_rms < 1e-10


def test_standard_errors_cover_the_truth() -> None:
    poles, residues, direct = network(1)
    clean = respond(1j * OMEGA, poles, residues, direct)
    scores: list[float] = []
    for seed in range(30):
        random = np.random.default_rng(seed)
        noise = 1e-2 * (random.standard_normal(clean.shape) + 1j * random.standard_normal(clean.shape))
        fit = laplace.fit_response(OMEGA, clean + noise, angular=True, order=8)
        d = fit.poles - poles
        scores += [*(d.real / fit.pole_se.real), *(d.imag / fit.pole_se.imag)]
        assert fit.noise_std == pytest.approx(1e-2, rel=0.1)
    assert 0.8 < np.sqrt(np.mean(np.square(scores))) < 1.2


def test_shapes_layouts_and_one_port() -> None:
    s = 1j * OMEGA
    h = 0.5 + 1 / (s**2 + 0.2 * s + 9)
    a = laplace.fit_response(s, h)
    b = laplace.fit_response(s, h[:, None])
    c = laplace.fit_response(s[::-1][::-1], np.asfortranarray(h[:, None, None]))
    assert a == b == c
    two = laplace.fit_response(s, np.stack([h, 2 * h], axis=1))
    assert two.residues.shape == (1, 2, 1)
    np.testing.assert_allclose(two.residues[0, 1], 2 * two.residues[0, 0])
    assert laplace.fit_response(OMEGA[:20], np.ones(20)).order == 0


def test_result_is_a_value() -> None:
    s = 1j * OMEGA
    fit = laplace.fit_response(s, 1 / (s + 1))
    assert pickle.loads(pickle.dumps(fit)) == fit == copy.deepcopy(fit)
    assert fit != laplace.fit_response(s, 1 / (s + 2))
    assert repr(fit).startswith("ResponseFit(order=1, outputs=1, inputs=1")
    assert fit.to_dict()["system"] == fit.system
    assert fit.system["terms"][0]["power"] == 1


def test_passivity_and_its_enforcement() -> None:
    poles, residues, direct = network(2)
    residues = 2 * residues
    s = 1j * np.linspace(0, 12, 4000)
    fit = laplace.fit_response(OMEGA, respond(1j * OMEGA, poles, residues, direct), angular=True, order=8)
    found = laplace.passivity(fit, "scattering")
    assert not found.passive and found.stable and found.method == "hamiltonian"
    gains = np.linalg.svd(fit.evaluate(s), compute_uv=False)[:, 0]
    inside = np.zeros(len(s), dtype=bool)
    for band in found.bands:
        inside |= (s.imag >= band.start) & (s.imag <= band.stop)
    np.testing.assert_array_equal(inside, gains > 1)
    assert found.worst >= gains.max()
    done = laplace.enforce_passivity(fit, "scattering")
    assert done.enforced and done.method == "perturbation" and done.after.passive
    assert np.linalg.svd(done.evaluate(s), compute_uv=False).max() <= 1
    assert 0 < done.change_relative < 1 - 1 / found.worst
    assert laplace.passivity(done, "scattering") == done.after
    assert laplace.passivity({"pole_residue": done.system}, "scattering").passive
    failed = laplace.enforce_passivity(fit, "scattering", max_iterations=0, fallback=False)
    assert not failed.enforced and failed.method == "failed"


def test_bad_input_names_its_field() -> None:
    s = 1j * OMEGA
    h = 1 / (s + 1)
    bad = h.copy()
    bad[3] = np.nan
    anything: Any = "none"
    number: Any = 3
    text: Any = ["a"] * 3
    system = laplace.fit_response(s, h).system
    cases: list[tuple[Callable[[], object], str]] = [
        (lambda: laplace.fit_response(s, h[:-1]), "response"),
        (lambda: laplace.fit_response(s, bad), "response[3]"),
        (lambda: laplace.fit_response(s[:0], h[:0]), "s"),
        (lambda: laplace.fit_response(s[:1], h[:1]), "s"),
        (lambda: laplace.fit_response(s, h.reshape(1, 1, 1, -1)), "response"),
        (lambda: laplace.fit_response(s.reshape(2, -1), h), "f"),
        (lambda: laplace.fit_response(text, h[:3]), "f"),
        (lambda: laplace.fit_response(s, h, angular=True), "angular"),
        (lambda: laplace.fit_response(s, h, weights=-np.ones(len(s))), "weights[0]"),
        (lambda: laplace.fit_response(s, h, weights=np.ones(3)), "weights"),
        (lambda: laplace.fit_response(s, h, weights=1j * np.ones(len(s))), "weights"),
        (lambda: laplace.fit_response(s, h, order=500), "options.order"),
        (lambda: laplace.fit_response(s, h, weighting=anything), "options.weighting"),
        (lambda: laplace.passivity(system, anything), "representation"),
        (lambda: laplace.passivity(number, "scattering"), "system"),
        (lambda: laplace.passivity({**system, "outputs": 2}, "scattering"), "direct"),
        (lambda: laplace.enforce_passivity(system, "scattering", margin=0), "options.margin"),
        (lambda: laplace.enforce_passivity(system, "scattering", omega=[-1.0]), "options.omega[0]"),
    ]
    for call, field in cases:
        with pytest.raises(nis_core.InvalidInput) as caught:
            call()
        assert caught.value.field == field
        assert isinstance(caught.value, ValueError)


def test_progress_can_stop() -> None:
    # Noise, so that many orders are tried: a short fit is done before the answer arrives.
    rng = np.random.default_rng(5)
    s = 1j * np.linspace(0.1, 20, 3000)
    noise = rng.normal(size=(s.size, 2, 2)) + 1j * rng.normal(size=(s.size, 2, 2))
    seen: list[str] = []

    def stop(stage: str, done: int, total: int, message: str) -> bool:
        seen.append(stage)
        return False

    with pytest.raises(nis_core.Cancelled):
        laplace.fit_response(s, 1 / (s + 1)[:, None, None] + 0.1 * noise, progress=stop)
    assert seen == ["fit"]


def test_plot() -> None:
    plt = pytest.importorskip("matplotlib.pyplot")
    plt.switch_backend("Agg")
    poles, residues, direct = network()
    fit = laplace.fit_response(1j * OMEGA, respond(1j * OMEGA, poles, residues, direct), order=8)
    ax = fit.plot()
    assert len(ax.lines) == 8 and ax.get_ylabel() == "magnitude"
    own = plt.subplots()[1]
    assert fit.plot(ax=own) is own
    plt.close("all")
