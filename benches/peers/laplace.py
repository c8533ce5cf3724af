"""The Laplace engine beside its peers: the same work, in one process, one after the other.

Run with `make bench-laplace` on an idle machine. Each row is the median of paired runs (ours, theirs, ours, ..), on
one thread but where the row says otherwise; errors are against closed forms or 40-digit values. Nothing here is a
test: numbers differ between machines, and ratios are good to about 30 %.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
import warnings
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import numpy as np  # noqa: E402

from nis_core import laplace  # noqa: E402

warnings.filterwarnings("ignore")
GOLDEN = Path(__file__).parents[2] / "nis-core" / "tests" / "golden" / "laplace.json"


class Row:
    """One piece of work: what, who, median times in seconds, errors."""

    def __init__(self, what: str, peer: str, ours: float, theirs: float, errors: tuple[float, float]):
        self.what, self.peer, self.ours, self.theirs, self.errors = what, peer, ours, theirs, errors

    def line(self) -> str:
        mine, other = self.errors
        return (
            f"| {self.what} | {self.peer} | {1e3 * self.ours:.4g} | {1e3 * self.theirs:.4g} "
            f"| {self.theirs / self.ours:.3g} | {mine:.1e} | {other:.1e} |"
        )


def once(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of one run; short work is repeated for some milliseconds."""
    start = time.perf_counter()
    out = work()
    seconds = time.perf_counter() - start
    repeats = min(200, int(0.005 / max(seconds, 1e-9)))
    if repeats > 1:
        start = time.perf_counter()
        for _ in range(repeats):
            out = work()
        seconds = (time.perf_counter() - start) / repeats
    return seconds, out


def paired(ours: Callable[[], Any], theirs: Callable[[], Any], runs: int) -> tuple[float, float, Any, Any]:
    """Median times of alternating runs after one of each to warm up, and the last results."""
    ours(), theirs()
    mine, other = [], []
    a = b = None
    for _ in range(runs):
        seconds, a = once(ours)
        mine.append(seconds)
        seconds, b = once(theirs)
        other.append(seconds)
    return statistics.median(mine), statistics.median(other), a, b


def damped(n: int, dt: float, pole: complex) -> np.ndarray:
    return np.exp(pole * dt * np.arange(n)).real


def exact_sums(x: np.ndarray, dt: float, s: np.ndarray) -> np.ndarray:
    """Sums of `x` with e^{-s n dt}, term by term in extended precision (64-bit mantissa on x86)."""
    n = np.arange(x.size, dtype=np.longdouble)
    wide = x.astype(np.longdouble)
    out = []
    for one in s:
        phase = n * np.longdouble(dt) * np.longdouble(one.imag)
        size = wide * np.exp(-n * np.longdouble(dt) * np.longdouble(one.real))
        out.append(complex(float(np.sum(size * np.cos(phase))), -float(np.sum(size * np.sin(phase)))))
    return np.array(out)


def largest_error(got: np.ndarray, want: np.ndarray) -> float:
    return float(np.max(np.abs(got - want)) / np.max(np.abs(want)))


def lines(runs: int) -> list[Row]:
    import scipy.signal

    rows = []
    pole = -0.002 + 700j
    for n, m in ((1_000_000, 65_536), (4096, 256)):
        dt = 1e-3
        sigma, omega0, step = 0.001, 300.0, 0.013 if n > 10_000 else 1.7
        x = damped(n, dt, pole)
        check = np.append(np.linspace(0, m - 1, 7).astype(int), int((700 - omega0) / step) % m)
        points = [complex(sigma, omega0 + step * k) for k in check]
        want = exact_sums(x, dt, np.array(points))

        def ours() -> np.ndarray:
            plan = laplace.LinePlan(
                n, dt=dt, sigma=sigma, omega0=omega0, step=step, count=m, quadrature="rectangle", threads=1
            )
            return plan.transform(x).values / dt

        def theirs() -> np.ndarray:
            w, a = np.exp(-1j * step * dt), np.exp((sigma + 1j * omega0) * dt)
            return scipy.signal.CZT(n, m, w, a)(x)

        a, b, got, other = paired(ours, theirs, runs if n > 10_000 else 20 * runs)
        errors = largest_error(got[check], want), largest_error(other[check], want)
        rows.append(Row(f"line {n} x {m}, with plan", "scipy CZT", a, b, errors))
        plan = laplace.LinePlan(
            n, dt=dt, sigma=sigma, omega0=omega0, step=step, count=m, quadrature="rectangle", threads=1
        )
        theirs_plan = scipy.signal.CZT(
            n, m, np.exp(-1j * step * dt), np.exp((sigma + 1j * omega0) * dt)
        )
        a, b, _, _ = paired(lambda: plan.transform(x), lambda: theirs_plan(x), runs if n > 10_000 else 20 * runs)
        rows.append(Row(f"line {n} x {m}, plan kept", "scipy CZT", a, b, errors))
        if n > 10_000:
            two = laplace.LinePlan(
                n, dt=dt, sigma=sigma, omega0=omega0, step=step, count=m, quadrature="rectangle", threads=2
            )
            a, b, _, _ = paired(lambda: two.transform(x), lambda: plan.transform(x), runs)
            rows.append(Row(f"line {n} x {m}, 2 threads", "ourselves, 1 thread", a, b, (errors[0], errors[0])))
    return rows


def points(runs: int) -> list[Row]:
    n, m, dt, pole = 1_000_000, 256, 1e-3, -0.002 + 700j
    x = damped(n, dt, pole)
    s = 0.001 + 0.0003 * np.arange(m) + 1j * np.linspace(1, 2500, m)
    check = np.linspace(0, m - 1, 8).astype(int)
    want = exact_sums(x, dt, s[check])

    def split() -> np.ndarray:
        """The split sum as a matrix product: powers of z within a block, then over the blocks."""
        rows = 1000
        z = np.exp(np.multiply.outer(np.arange(rows), -s * dt))
        both = np.concatenate([z.real, z.imag], axis=1)
        inner = x.reshape(-1, rows) @ both
        blocks = inner[:, :m] + 1j * inner[:, m:]
        return np.sum(np.exp(np.multiply.outer(np.arange(n // rows), -s * dt * rows)) * blocks, axis=0)

    def ours(threads: int = 1) -> np.ndarray:
        return laplace.transform(x, s, dt=dt, quadrature="rectangle", threads=threads).values / dt

    a, b, got, other = paired(ours, split, runs)
    errors = largest_error(got[check], want), largest_error(other[check], want)
    rows = [Row(f"points {n} x {m}", "numpy, split GEMM", a, b, errors)]
    a, b, _, _ = paired(lambda: ours(2), ours, runs)
    rows.append(Row(f"points {n} x {m}, 2 threads", "ourselves, 1 thread", a, b, (errors[0], errors[0])))
    return rows


def inverse(runs: int) -> list[Row]:
    import laplacex
    import mpmath
    import nilt

    t = np.linspace(0.05, 9.95, 100)
    rows = []
    for name, text, image, exact in (
        ("e^-t", "1/(s+1)", lambda s: 1 / (s + 1), np.exp(-t)),
        ("1/sqrt(pi t)", "1/sqrt(s)", lambda s: 1 / s**0.5, 1 / np.sqrt(np.pi * t)),
        ("damped cosine", "5/((s+0.1)^2+25)", lambda s: 5 / ((s + 0.1) ** 2 + 25), np.exp(-0.1 * t) * np.sin(5 * t)),
    ):

        def auto() -> np.ndarray:
            return laplace.invert(text, t).value

        def talbot() -> np.ndarray:
            return laplace.invert(text, t, method="talbot", abscissa=0.0).value

        def error(values: Any) -> float:
            return float(np.max(np.abs(np.asarray(values, dtype=float) - exact)))

        def slow() -> list[Any]:
            mpmath.mp.dps = 15
            return [mpmath.invertlaplace(image, one, method="talbot") for one in t]

        a, b, got, other = paired(auto, slow, max(1, runs // 3))
        rows.append(Row(f"inverse of {name}, chosen, 100 times", "mpmath talbot", a, b, (error(got), error(other))))
        a, b, got, other = paired(talbot, slow, max(1, runs // 3))
        rows.append(Row(f"inverse of {name}, talbot, 100 times", "mpmath talbot", a, b, (error(got), error(other))))
        for method in ("Talbot", "DeHoog"):

            def native() -> Any:
                return nilt.invert(image, t, method=method)

            a, b, got, other = paired(talbot, native, 10 * runs)
            rows.append(
                Row(f"inverse of {name}, talbot, 100 times", f"nilt {method}", a, b, (error(got), error(other)))
            )

        def weeks() -> Any:
            return laplacex.inverse(image, t)

        try:
            a, b, got, other = paired(auto, weeks, runs)
            rows.append(
                Row(f"inverse of {name}, chosen, 100 times", "laplacex", a, b, (error(got), error(other)))
            )
        except Exception as e:
            print(f"laplacex.inverse of {name} failed: {type(e).__name__}: {e}")
    return rows


def esprit(x: np.ndarray, order: int) -> np.ndarray:
    """ESPRIT by a full singular value decomposition."""
    import scipy.linalg

    rows = x.size // 2
    u, _, _ = scipy.linalg.svd(scipy.linalg.hankel(x[:rows], x[rows - 1 :]), full_matrices=False)
    u = u[:, :order]
    return np.linalg.eigvals(np.linalg.lstsq(u[:-1], u[1:], rcond=None)[0])


def modes(runs: int) -> list[Row]:
    import control
    import laplacex

    truth = np.array([-5 + 2j * np.pi * 50, -8 + 2j * np.pi * 53, -20 + 2j * np.pi * 120])
    dt, n = 1e-3, 2048
    t = dt * np.arange(n)
    clean = sum(
        a * np.exp(p.real * t) * np.cos(p.imag * t + phase)
        for p, a, phase in zip(truth, (1.0, 0.7, 0.5), (0.0, 0.5, 1.0), strict=True)
    )
    rng = np.random.default_rng(1234)
    sigma = np.sqrt(np.mean(clean**2) / 1e4)
    x = clean + sigma * rng.normal(size=n)

    def error(poles: np.ndarray) -> float:
        return float(np.min(np.abs(np.asarray(poles) - truth[0])))

    def given() -> np.ndarray:
        return laplace.modes(x, dt=dt, order=6, detrend="none").poles

    def chosen() -> np.ndarray:
        return laplace.modes(x, dt=dt, detrend="none").poles

    def full() -> np.ndarray:
        return np.log(esprit(x, 6)) / dt

    def era() -> np.ndarray:
        system, _ = control.eigensys_realization(x[None, None, :], 6, m=512, n=512, dt=dt)
        return np.log(np.linalg.eigvals(system.A).astype(complex)) / dt

    def waves() -> np.ndarray:
        found = laplacex.decompose(t[1:], x[1:])
        return np.array([complex(-c.decay_rate, c.frequency) for c in found])

    rows = []
    a, b, got, other = paired(given, full, runs)
    rows.append(Row("modes, 2048 samples, 40 dB, order 6", "full-SVD ESPRIT", a, b, (error(got), error(other))))
    a, b, got, other = paired(given, era, runs)
    rows.append(Row("modes, 2048 samples, 40 dB, order 6", "control ERA (512)", a, b, (error(got), error(other))))
    a, b, got, other = paired(chosen, full, runs)
    rows.append(Row("modes, order chosen", "full-SVD ESPRIT, order 6", a, b, (error(got), error(other))))
    try:
        a, b, got, other = paired(chosen, waves, max(1, runs // 3))
        rows.append(Row("modes, order chosen", "laplacex decompose", a, b, (error(got), error(other))))
    except Exception as e:
        print(f"laplacex.decompose failed: {type(e).__name__}: {e}")
    return rows


def systems(runs: int) -> list[Row]:
    import control
    import scipy.signal

    rng = np.random.default_rng(5)
    half = -(0.1 + rng.random(10)) + 1j * np.linspace(1, 30, 10)
    residues = rng.normal(size=10) + 1j * rng.normal(size=10)
    poles = np.concatenate([half, half.conj()])
    both = np.concatenate([residues, residues.conj()])
    system = laplace.System.from_poles(poles, both)
    a, b, c = [], [], []
    for p, r in zip(half, residues, strict=True):
        a.append(np.array([[p.real, p.imag], [-p.imag, p.real]]))
        b += [1.0, 1.0]
        c += [r.real - r.imag, r.real + r.imag]
    import scipy.linalg

    matrices = (scipy.linalg.block_diag(*a), np.array(b)[:, None], np.array(c)[None, :], np.zeros((1, 1)))
    theirs, other = control.ss(*matrices), scipy.signal.StateSpace(*matrices)
    omega, t = np.linspace(0.1, 40, 1000), np.linspace(0, 10, 1000)
    exact = np.sum(both / (1j * omega[:, None] - poles), axis=1)
    stepped = np.sum(both * (np.exp(t[:, None] * poles) - 1) / poles, axis=1).real

    def error(want: np.ndarray) -> Callable[[Any], float]:
        return lambda got: float(np.max(np.abs(np.asarray(got).ravel() - want)))

    rows = []

    def row(what: str, peer: str, ours: Callable[[], Any], his: Callable[[], Any], want: np.ndarray) -> None:
        mine, his_time, got, found = paired(ours, his, 10 * runs)
        off = error(want)
        rows.append(Row(what, peer, mine, his_time, (off(got), off(found))))

    def bode() -> Any:
        return system.frequency_response(omega).response

    def step() -> Any:
        return system.step(t).y

    # Ours again from the matrices of the peers; `made` builds the system anew for each run.
    matrices_of_ours = laplace.System.from_state_space(*matrices)
    rotated = np.linalg.qr(rng.normal(size=(20, 20)))[0]
    dense = (
        rotated.T @ matrices[0] @ rotated, rotated.T @ matrices[1], matrices[2] @ rotated, matrices[3]
    )
    dense_of_ours, dense_theirs = laplace.System.from_state_space(*dense), scipy.signal.StateSpace(*dense)

    def magnitude(system: Any) -> Callable[[], Any]:
        return lambda: system.frequency_response(omega).response

    def made() -> Any:
        return laplace.System.from_state_space(*dense).frequency_response(omega).response

    for what, ours, theirs_of in (
        ("blocks", matrices_of_ours, other), ("dense", dense_of_ours, dense_theirs)
    ):
        row(
            f"response, state space ({what}), order 20, 1000 frequencies", "scipy freqresp",
            magnitude(ours), lambda s=theirs_of: s.freqresp(omega)[1], exact,
        )
        row(
            f"step, state space ({what}), order 20, 1000 times", "scipy step",
            lambda s=ours: s.step(t).y, lambda s=theirs_of: scipy.signal.step(s, T=t)[1], stepped,
        )
    row(
        "response, state space (dense), made anew", "scipy freqresp",
        made, lambda: scipy.signal.StateSpace(*dense).freqresp(omega)[1], exact,
    )
    row("response, order 20, 1000 frequencies", "control", bode, lambda: theirs(1j * omega), exact)
    row("response, order 20, 1000 frequencies", "scipy freqresp", bode, lambda: other.freqresp(omega)[1], exact)
    row("step, order 20, 1000 times", "control", step, lambda: control.step_response(theirs, t).outputs, stepped)
    row("step, order 20, 1000 times", "scipy step", step, lambda: scipy.signal.step(other, T=t)[1], stepped)
    return rows


def fits(runs: int) -> list[Row]:
    import skrf
    from skrf.vectorFitting import VectorFitting

    rng = np.random.default_rng(9)
    half = -(0.5 + rng.random(10)) * 1e8 + 2j * np.pi * np.linspace(0.3e9, 9e9, 10)
    shape = rng.normal(size=(10, 2, 2)) * 1e8
    residues = (shape + shape.transpose(0, 2, 1)) * (1 + 0.3j)
    f = np.linspace(0.1e9, 10e9, 500)
    s = 2j * np.pi * f
    h = np.sum(residues / (s[:, None, None, None] - half[:, None, None]), axis=1)
    h += np.sum(residues.conj() / (s[:, None, None, None] - half.conj()[:, None, None]), axis=1)
    network = skrf.Network(frequency=skrf.Frequency.from_f(f, unit="hz"), s=h, z0=50)

    def ours() -> float:
        return float(laplace.fit_response(f, h, order=20).rms)

    def theirs() -> float:
        fit = VectorFitting(network)
        fit.vector_fit(n_poles_real=0, n_poles_cmplx=10)
        return float(fit.get_rms_error())

    a, b, got, other = paired(ours, theirs, max(1, runs // 3))
    return [Row("rational fit, 2 ports, 20 poles, 500 frequencies (error: rms)", "scikit-rf", a, b, (got, other))]


PARTS = {"lines": lines, "points": points, "inverse": inverse, "modes": modes, "systems": systems, "fits": fits}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; all where none is named")
    parser.add_argument("--only", action="append", default=[], help="a part by name; as often as wanted")
    parser.add_argument("--runs", type=int, default=7, help="paired runs of the slowest rows")
    args = parser.parse_args()
    names = ("nis-core", "numpy", "scipy", "mpmath", "control", "slycot", "scikit-rf", "nilt-python", "laplacex")
    print(platform.processor() or platform.machine(), "Python", platform.python_version())
    print(", ".join(f"{name} {version(name)}" for name in names))
    golden = json.loads(GOLDEN.read_text())
    print(f"golden values: {golden['meta']}\n")
    print("| work | peer | ours ms | theirs ms | ratio | our error | their error |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name in args.parts + args.only or PARTS:
        for row in PARTS[name](args.runs):
            print(row.line(), flush=True)


if __name__ == "__main__":
    main()
