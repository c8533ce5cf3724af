"""Differential equations beside DeepXDE and classical solvers: the same work, one after the other.

Run with `make bench-pinn` on an idle machine. Two parts:

`kernel`: microseconds per point of a training step (all derivatives, residual, gradient, Adam for the peer) of two
networks, f32 and f64, on 1 and 2 threads. On one thread the peers are bound to one processor.

`problems`: relative 2-norm of the error against time. DeepXDE runs its example's settings in f32 (Adam, then L-BFGS
with PyTorch; its jax backend has no L-BFGS) under a cap; ours runs once for each limit of time; a classical solver runs
once per size. One seed each: errors of networks vary by a factor of 3 between seeds.

Nothing here is a test: numbers differ between machines. Every peer runs in a process of its own, for DeepXDE takes its
backend at import.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

BACKENDS = ("jax", "pytorch")
MARKS = (0.1, 0.3, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
BUILD = Path(__file__).resolve().parents[2] / "build"

import numpy as np  # noqa: E402

# --- problems ---------------------------------------------------------------------------------------------------------


@dataclass
class Problem:
    """One problem: ours as text, the peers' as code, and the truth on a grid of points, one row each."""

    equation: str
    domain: dict[str, tuple[float, float]]
    conditions: list[str]
    truth: Callable[[np.ndarray], np.ndarray]
    grid: np.ndarray
    constants: dict[str, float] = field(default_factory=dict)
    # DeepXDE: layers, points (domain, boundary, initial), Adam iterations of its example.
    layers: list[int] = field(default_factory=lambda: [20, 20, 20])
    points: tuple[int, int, int] = (2540, 80, 160)
    adam: int = 15000
    # Name of the classical method and a function of its size, giving values on the grid.
    classical: str = ""
    by_size: Callable[[int], np.ndarray] | None = None
    sizes: tuple[int, ...] = ()


def lattice(*ranges: tuple[float, float, int]) -> np.ndarray:
    axes = np.meshgrid(*[np.linspace(a, b, n) for a, b, n in ranges], indexing="ij")
    return np.stack([a.ravel() for a in axes], 1)


def cole_hopf(points: np.ndarray) -> np.ndarray:
    """Burgers' equation with viscosity 0.01/pi from -sin(pi x): the heat kernel's integrals by the trapezoidal rule."""
    nu = 0.01 / np.pi
    x, t = points.T
    u = -np.sin(np.pi * x)
    eta = np.linspace(-1.0, 1.0, 6001)[None, :]
    for part in np.array_split(np.flatnonzero(t > 0), 64):
        if part.size == 0:
            continue
        # Twelve standard deviations of the kernel on both sides of x, and never less than two periods.
        width = np.maximum(12 * np.sqrt(2 * nu * t[part]), 1.0)[:, None]
        y = x[part, None] + width * eta
        power = -np.cos(np.pi * y) / (2 * np.pi * nu) - (width * eta) ** 2 / (4 * nu * t[part, None])
        weight = np.exp(power - power.max(1, keepdims=True))
        u[part] = (-width * eta / t[part, None] * weight).sum(1) / weight.sum(1)
    return u


def spectral(equation: Callable[[np.ndarray, np.ndarray], np.ndarray], start: np.ndarray, n: int) -> Callable[..., Any]:
    """A periodic problem on [-1, 1] by Fourier modes in space and DOP853 in time."""
    from scipy.integrate import solve_ivp

    k = 1j * np.pi * np.fft.rfftfreq(n, 1.0 / n)
    return solve_ivp(
        lambda _, u: equation(u, np.fft.irfft(k * k * np.fft.rfft(u), n)),
        (0.0, 1.0),
        start,
        method="DOP853",
        rtol=1e-11,
        atol=1e-12,
        dense_output=True,
    ).sol


def allen_cahn(n: int, points: np.ndarray) -> np.ndarray:
    # The start has a kink at the ends: its modes are those of a fine grid, cut off.
    fine = 1 << 18
    x = np.linspace(-1, 1, fine, endpoint=False)
    modes = np.fft.rfft(x**2 * np.cos(np.pi * x))[: n // 2 + 1] * (n / fine)
    modes[-1] = 0
    sol = spectral(lambda u, uxx: 1e-4 * uxx + 5 * (u - u**3), np.fft.irfft(modes, n), n)
    out = points[:, 0] ** 2 * np.cos(np.pi * points[:, 0])
    waves = np.pi * np.fft.rfftfreq(n, 1.0 / n)
    for t in np.unique(points[points[:, 1] > 0, 1]):
        own = points[:, 1] == t
        modes = np.fft.rfft(sol(t)) / n
        modes[1:-1] *= 2
        out[own] = (modes * np.exp(1j * np.outer(points[own, 0] + 1, waves))).real.sum(1)
    return out


def lines(n: int, points: np.ndarray, rate: Callable[..., np.ndarray], start: Callable[..., np.ndarray]) -> np.ndarray:
    """Second-order differences in space with ends held at 0, Radau's method in time (the method of lines)."""
    from scipy.integrate import solve_ivp
    from scipy.interpolate import CubicSpline

    low, high = points[:, 0].min(), points[:, 0].max()
    x = np.linspace(low, high, n + 1)
    h = x[1] - x[0]

    def slope(_: float, inner: np.ndarray) -> np.ndarray:
        u = np.concatenate([[0.0], inner, [0.0]])
        return rate(u[1:-1], (u[2:] - u[:-2]) / (2 * h), (u[2:] - 2 * u[1:-1] + u[:-2]) / h**2)

    band = np.eye(n - 1) + np.eye(n - 1, k=1) + np.eye(n - 1, k=-1)
    times, where = np.unique(points[:, 1], return_inverse=True)
    sol = solve_ivp(
        slope, (0, times[-1]), start(x[1:-1]), method="Radau", t_eval=times, rtol=1e-8, atol=1e-10, jac_sparsity=band
    )
    out = np.empty(len(points))
    for k in range(len(times)):
        own = where == k
        out[own] = CubicSpline(x, np.pad(sol.y[:, k], 1))(points[own, 0])
    return out


def five_point(n: int, points: np.ndarray) -> np.ndarray:
    """-lap u = 2 pi^2 sin(pi x) sin(pi y) by the 5-point star and a sparse direct solver."""
    from scipy.interpolate import RectBivariateSpline
    from scipy.sparse import diags, eye, kron
    from scipy.sparse.linalg import spsolve

    x = np.linspace(0, 1, n + 1)
    one = diags([-1.0, 2.0, -1.0], [-1, 0, 1], shape=(n - 1, n - 1)) * n**2
    s = np.sin(np.pi * x[1:-1])
    inner = spsolve((kron(one, eye(n - 1)) + kron(eye(n - 1), one)).tocsc(), 2 * np.pi**2 * np.outer(s, s).ravel())
    return RectBivariateSpline(x, x, np.pad(inner.reshape(n - 1, n - 1), 1)).ev(*points.T)


def oscillator(t: np.ndarray) -> np.ndarray:
    w = np.sqrt(16 - 0.04)
    return np.exp(-0.2 * t) * (np.cos(w * t) + 0.2 / w * np.sin(w * t))


def oscillator_steps(digits: int, t: np.ndarray) -> np.ndarray:
    from scipy.integrate import solve_ivp

    tolerance = 10.0**-digits
    slope = lambda _, y: [y[1], -0.4 * y[1] - 16 * y[0]]  # noqa: E731
    return solve_ivp(slope, (0, 10), [1, 0], method="DOP853", t_eval=t, rtol=tolerance, atol=tolerance).y[0]


def problems() -> dict[str, Problem]:
    square = lattice((0, 1, 41), (0, 1, 41))
    front = lattice((-1, 1, 201), (0, 1, 41))
    line = np.linspace(0, 10, 401)[:, None]
    s = np.sin
    pi = np.pi
    return {
        "heat": Problem(
            "u_t = 0.4*u_xx",
            {"x": (0, 1), "t": (0, 1)},
            ["u(x,0) = sin(pi*x)", "u(0,t) = 0", "u(1,t) = 0"],
            lambda p: np.exp(-0.4 * pi**2 * p[:, 1]) * s(pi * p[:, 0]),
            square,
            adam=20000,
            classical="differences + Radau",
            by_size=lambda n: lines(n, square, lambda u, ux, uxx: 0.4 * uxx, lambda x: s(pi * x)),
            sizes=(32, 128, 512),
        ),
        "poisson": Problem(
            "u_xx + u_yy = -2*pi^2*sin(pi*x)*sin(pi*y)",
            {"x": (0, 1), "y": (0, 1)},
            ["u(0,y) = 0", "u(1,y) = 0", "u(x,0) = 0", "u(x,1) = 0"],
            lambda p: s(pi * p[:, 0]) * s(pi * p[:, 1]),
            square,
            layers=[50] * 4,
            points=(1200, 240, 0),
            adam=50000,
            classical="5-point star",
            by_size=lambda n: five_point(n, square),
            sizes=(32, 128, 512),
        ),
        "burgers": Problem(
            "u_t + u*u_x = nu*u_xx",
            {"x": (-1, 1), "t": (0, 1)},
            ["u(x,0) = -sin(pi*x)", "u(-1,t) = 0", "u(1,t) = 0"],
            cole_hopf,
            front,
            {"nu": 0.01 / pi},
            classical="differences + Radau",
            by_size=lambda n: lines(n, front, lambda u, ux, uxx: 0.01 / pi * uxx - u * ux, lambda x: -s(pi * x)),
            sizes=(256, 1024),
        ),
        "allen_cahn": Problem(
            "u_t = 1e-4*u_xx + 5*u - 5*u^3",
            {"x": (-1, 1), "t": (0, 1)},
            ["u(x,0) = x^2*cos(pi*x)", "periodic x"],
            lambda p: allen_cahn(2048, p),
            front,
            points=(8000, 400, 800),
            adam=40000,
            classical="Fourier + DOP853",
            by_size=lambda n: allen_cahn(n, front),
            sizes=(256, 512, 1024),
        ),
        "oscillator": Problem(
            "u_tt + 0.4*u_t + 16*u = 0",
            {"t": (0, 10)},
            ["u(0) = 1", "u_t(0) = 0"],
            lambda p: oscillator(p[:, 0]),
            line,
            layers=[32] * 3,
            points=(200, 0, 2),
            adam=20000,
            classical="solve_ivp DOP853",
            by_size=lambda n: oscillator_steps(n, line[:, 0]),
            sizes=(4, 8, 12),
        ),
    }


def relative(got: np.ndarray, want: np.ndarray) -> float:
    return float(np.linalg.norm(got - want) / np.linalg.norm(want))


# --- DeepXDE, in a process of its own ---------------------------------------------------------------------------------


def deepxde(backend: str, dtype: str, threads: int) -> Any:
    os.environ |= {"DDE_BACKEND": backend, "JAX_PLATFORMS": "cpu"}
    if threads == 1:
        # jax has no other way to be given one thread.
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        import deepxde as dde
    if backend == "pytorch":
        import torch

        torch.set_num_threads(threads)
    elif dtype == "float64":
        import jax

        jax.config.update("jax_enable_x64", True)
    dde.config.set_default_float(dtype)
    dde.config.set_random_seed(1234)
    return dde


class Derivatives:
    """Values and derivatives of the first output in the manner of the backend (jax gives pairs)."""

    def __init__(self, dde: Any, backend: str, x: Any, y: Any) -> None:
        self.dde, self.pair, self.x, self.y = dde, backend == "jax", x, y
        self.u = y[0] if self.pair else y

    def first(self, axis: int) -> Any:
        out = self.dde.grad.jacobian(self.y, self.x, i=0, j=axis)
        return out[0] if self.pair else out

    def second(self, axis: int) -> Any:
        out = self.dde.grad.hessian(self.y, self.x, i=axis, j=axis)
        return out[0] if self.pair else out


def sine(backend: str) -> Callable[[Any], Any]:
    if backend == "jax":
        import jax.numpy

        return jax.numpy.sin
    import torch

    return torch.sin


def residual(dde: Any, backend: str, name: str) -> Callable[[Any, Any], Any]:
    s, pi = sine(backend), np.pi

    def of(x: Any, y: Any) -> Any:
        d = Derivatives(dde, backend, x, y)
        match name:
            case "heat":
                return d.first(1) - 0.4 * d.second(0)
            case "poisson":
                return d.second(0) + d.second(1) + 2 * pi**2 * s(pi * x[..., 0:1]) * s(pi * x[..., 1:2])
            case "burgers" | "3x20":
                return d.first(1) + d.u * d.first(0) - 0.01 / pi * d.second(0)
            case "allen_cahn":
                return d.first(1) - 1e-4 * d.second(0) - 5 * (d.u - d.u**3)
            case "oscillator":
                return d.second(0) + 0.4 * d.first(0) + 16 * d.u
            case _:
                return d.second(0) + d.second(1) - 1

    return of


def model(dde: Any, backend: str, name: str) -> Any:
    p = problems()[name]
    domain, boundary, initial = p.points
    pde = residual(dde, backend, name)
    if name == "oscillator":
        time_domain = dde.geometry.TimeDomain(0, 10)
        start = lambda x, on: on and np.isclose(x[0], 0)  # noqa: E731
        conditions = [dde.icbc.IC(time_domain, lambda x: np.ones((len(x), 1)), lambda _, on: on)]

        def rate(x: Any, y: Any, _: Any) -> Any:
            return Derivatives(dde, backend, x, y).first(0)

        conditions.append(dde.icbc.OperatorBC(time_domain, rate, start))
        data = dde.data.TimePDE(time_domain, pde, conditions, num_domain=domain, num_boundary=2, num_test=200)
    elif name == "poisson":
        geometry = dde.geometry.Rectangle([0, 0], [1, 1])
        conditions = [dde.icbc.DirichletBC(geometry, lambda x: np.zeros((len(x), 1)), lambda _, on: on)]
        data = dde.data.PDE(geometry, pde, conditions, num_domain=domain, num_boundary=boundary)
    else:
        interval = dde.geometry.Interval(*p.domain["x"])
        geometry = dde.geometry.GeometryXTime(interval, dde.geometry.TimeDomain(0, 1))
        begin: Callable[[np.ndarray], np.ndarray] = {
            "heat": lambda x: np.sin(np.pi * x[:, 0:1]),
            "burgers": lambda x: -np.sin(np.pi * x[:, 0:1]),
            "allen_cahn": lambda x: x[:, 0:1] ** 2 * np.cos(np.pi * x[:, 0:1]),
        }[name]
        conditions = [dde.icbc.IC(geometry, begin, lambda _, on: on)]
        if name == "allen_cahn":
            conditions += [
                dde.icbc.PeriodicBC(geometry, 0, lambda _, on: on, derivative_order=order)
                # Derivatives in conditions end in a TypeError with DeepXDE 1.15 on jax.
                for order in ((0,) if backend == "jax" else (0, 1))
            ]
        else:
            conditions.append(dde.icbc.DirichletBC(geometry, lambda x: np.zeros((len(x), 1)), lambda _, on: on))
        data = dde.data.TimePDE(
            geometry, pde, conditions, num_domain=domain, num_boundary=boundary, num_initial=initial
        )
    net = dde.nn.FNN([len(p.domain), *p.layers, 1], "tanh", "Glorot normal")
    return dde.Model(data, net)


def train(args: argparse.Namespace) -> None:
    """Prints `[seconds, error]` at each mark; evaluations do not count."""
    if args.worker == "oscillator" and args.backend == "jax":
        sys.exit("not run: an initial slope (OperatorBC with a derivative) ended in a TypeError with DeepXDE 1.15 on jax")
    dde = deepxde(args.backend, "float32", args.threads)
    p = problems()[args.worker]
    want = p.truth(p.grid)
    net = model(dde, args.backend, args.worker)
    spent, left, marks = 0.0, p.adam, [m for m in MARKS if m <= args.cap]
    second = args.backend == "pytorch"
    begin = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        net.compile("adam", lr=1e-3, verbose=0)
    spent += time.perf_counter() - begin
    chunk, adam, done = 20, True, False
    while marks:
        begin = time.perf_counter()
        with contextlib.redirect_stdout(io.StringIO()):
            if adam and second and (left <= 0 or spent > 0.5 * args.cap):
                # The second half of the time is L-BFGS's, as in the examples.
                adam = False
                dde.optimizers.set_LBFGS_options(maxiter=100, maxfun=125)
                net.compile("L-BFGS", verbose=0)
            if adam:
                net.train(iterations=chunk, display_every=10**9, verbose=0)
                left -= chunk
            else:
                before = net.train_state.step
                dde.optimizers.set_LBFGS_options(maxiter=100, maxfun=125)
                net.train(display_every=10**9, verbose=0)
                # It ended by itself.
                done = net.train_state.step - before < 10
        spent += time.perf_counter() - begin
        done = done or (left <= 0 and not second)
        if done or spent >= marks[0]:
            got = np.asarray(net.predict(p.grid.astype(np.float32)))[:, 0]
            print(json.dumps([round(spent, 3), relative(got, want)]), flush=True)
            marks = [] if done else [m for m in marks if m > spent]


def step(args: argparse.Namespace) -> None:
    """Prints microseconds per point of a training step."""
    dde = deepxde(args.backend, args.dtype, args.threads)
    case = args.worker
    geometry = dde.geometry.Rectangle([-1, 0], [1, 1])
    data = dde.data.PDE(geometry, residual(dde, args.backend, case), [], num_domain=2560)
    net = dde.Model(data, dde.nn.FNN([2] + ([20] * 3 if case == "3x20" else [50] * 4) + [1], "tanh", "Glorot normal"))
    steps = 200 if case == "3x20" else 30
    with contextlib.redirect_stdout(io.StringIO()):
        net.compile("adam", lr=1e-3, verbose=0)
        run = lambda n: net.train(iterations=n, display_every=10**9, verbose=0)  # noqa: E731
        run(20)
        times = []
        for n in (2, steps + 2):
            begin = time.perf_counter()
            run(n)
            times.append(time.perf_counter() - begin)
    # What a call of `train` costs beside its steps falls out of the difference.
    print(json.dumps((times[1] - times[0]) / steps * 1e6 / len(data.train_x)))


def worker(*arguments: str, threads: int, timeout: float) -> list[Any]:
    """Lines of JSON of this script in another process; none where it failed."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    environment = os.environ | dict.fromkeys(names, str(threads))
    command = [sys.executable, __file__, *arguments, "--threads", str(threads)]
    try:
        out = subprocess.run(command, capture_output=True, text=True, timeout=timeout, env=environment, check=False)
        text, errors = out.stdout, out.stderr
    except subprocess.TimeoutExpired as e:
        text, errors = (e.stdout or b"").decode(), "out of time"
    found = [json.loads(row) for row in text.splitlines() if row[:1] in "[0123456789"]
    if not found:
        print(f"no result from {' '.join(arguments)}: {errors.strip().splitlines()[-1:]}", file=sys.stderr)
    return found


# --- the parts --------------------------------------------------------------------------------------------------------


def kernel(args: argparse.Namespace) -> None:
    program = os.environ.get("PINN_KERNEL", str(BUILD.parent / "target" / "release" / "pinn_kernel"))
    ours = [json.loads(row) for row in subprocess.check_output([program], text=True).splitlines()]
    print("| network | numbers | threads | ours us/point | jax | pytorch | fastest / ours |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for row in ours:
        if args.only and args.only != row["case"]:
            continue
        peers = []
        for backend in BACKENDS:
            options = ("--worker", row["case"], "--backend", backend, "--dtype", row["dtype"])
            found = worker(*options, threads=row["threads"], timeout=120)
            peers.append(found[-1] if found else float("nan"))
        mine = row["us_per_point"]
        print(
            f"| {row['case']} | {row['dtype']} | {row['threads']} | {mine:.3f} | {peers[0]:.3f} | {peers[1]:.3f} "
            f"| {np.nanmin(peers) / mine:.2f} |",
            flush=True,
        )


def ours(p: Problem, want: np.ndarray, cap: float, threads: int) -> Iterator[tuple[float, float]]:
    from nis_core.pinn import solve

    names = list(p.domain)
    for limit in (m for m in MARKS if m <= cap):
        begin = time.perf_counter()
        try:
            solution = solve(
                p.equation,
                domain=p.domain,
                conditions=p.conditions,
                threads=threads,
                max_seconds=limit,
                tolerance=1e-10,
                **p.constants,
            )
        except Exception as e:  # noqa: BLE001 a limit may be too short for any solution
            print(f"ours, {limit} s: {e}", file=sys.stderr)
            continue
        seconds = time.perf_counter() - begin
        columns = {name: p.grid[:, k] for k, name in enumerate(names)}
        yield seconds, relative(np.asarray(solution(**columns)).ravel(), want)
        if seconds < 0.8 * limit:
            return


def curve(points: list[tuple[float, float]], mark: float, slack: float = 1.25) -> str:
    """The least error up to a time."""
    errors = [error for seconds, error in points if seconds <= slack * mark]
    return f"{min(errors):.1e}" if errors else ""


def solving(args: argparse.Namespace) -> None:
    marks = [m for m in MARKS if m <= args.cap]
    print("Relative 2-norm of the error after seconds (runs that end earlier keep their last error).\n")
    print("| problem | solver | " + " | ".join(f"{m:g} s" for m in marks) + " | end |")
    print("| --- " * (len(marks) + 3) + "|")
    for name, p in problems().items():
        if args.only and args.only != name:
            continue
        want = p.truth(p.grid)
        curves: dict[str, list[tuple[float, float]]] = {}
        curves["ours"] = list(ours(p, want, args.cap, args.threads))
        for backend in BACKENDS:
            options = ("--worker", name, "--backend", backend, "--cap", str(args.cap))
            found = worker(*options, threads=args.threads, timeout=3 * args.cap + 120)
            curves[f"DeepXDE, {backend}"] = [(seconds, error) for seconds, error in found]
        if p.by_size is not None:
            points = []
            for size in p.sizes:
                begin = time.perf_counter()
                got = p.by_size(size)
                points.append((time.perf_counter() - begin, relative(got, want)))
            curves[p.classical] = points
        for solver, points in curves.items():
            cells = " | ".join(curve(points, mark) for mark in marks)
            end = f"{points[-1][1]:.1e} in {points[-1][0]:.2g} s" if points else "none"
            print(f"| {name} | {solver} | {cells} | {end} |", flush=True)
        picture(name, curves)


def picture(name: str, curves: dict[str, list[tuple[float, float]]]) -> None:
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6, 4), layout="constrained")
    for solver, points in curves.items():
        if points:
            axes.loglog(*zip(*points, strict=True), "o-", label=solver, markersize=4)
    axes.set(title=name, xlabel="seconds", ylabel="relative error, 2-norm")
    axes.grid(alpha=0.3)
    if axes.lines:
        axes.legend()
    folder = BUILD / "bench-pinn"
    folder.mkdir(parents=True, exist_ok=True)
    figure.savefig(folder / f"{name}.png", dpi=150)
    pyplot.close(figure)


PARTS = {"kernel": kernel, "problems": solving}


def known(name: str) -> str:
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return f"{name} (not installed)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; all where none is named")
    parser.add_argument("--only", help="one problem or network")
    parser.add_argument("--cap", type=float, default=60.0, help="seconds per solver and problem")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--backend", choices=BACKENDS, help=argparse.SUPPRESS)
    parser.add_argument("--dtype", default="float32", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        return step(args) if args.worker in ("3x20", "4x50") else train(args)
    unknown = [part for part in args.parts if part not in PARTS]
    if unknown:
        parser.error(f"no part {unknown[0]}: {', '.join(PARTS)}")
    print(os.uname().machine, ", ".join(known(n) for n in ("nis-core", "numpy", "scipy", "torch", "jax", "deepxde")))
    for name in args.parts or PARTS:
        print(f"\n{name}\n")
        PARTS[name](args)
    return None


if __name__ == "__main__":
    main()
