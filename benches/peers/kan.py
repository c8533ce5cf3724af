"""Kolmogorov-Arnold networks beside their peers: the same work, in one process, one after the other.

Run with `make bench-kan` on an idle machine. Each row is the median of paired runs (ours, theirs, ours, ..) on one
thread but where the row says otherwise. Rows of a minute (pykan's training and symbolic fits) are run once. Nothing
here is a test: numbers differ between machines, and ratios are good to about 30 %.

Peers are those on PyPI: pykan and inkan. efficient-kan and FastKAN are published as sources only, and are not run;
fekan (Rust, 0.6.5) needs a nightly compiler, and is not run either.
"""

from __future__ import annotations

import argparse
import logging
import os
import platform
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

# `import kan` means pykan, not this file.
sys.path[:] = [p for p in sys.path if os.path.abspath(p or ".") != os.path.dirname(os.path.abspath(__file__))]

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import numpy as np  # noqa: E402
import torch  # noqa: E402

from nis_core.kan import Kan, KANRegressor  # noqa: E402

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)
torch.set_num_threads(1)

BIG, TOY, WIDE = [64, 64, 64, 10], [2, 5, 1], [784, 64, 10]


@dataclass
class Row:
    """One piece of work: what, who, median times in seconds, and a note on what came out."""

    what: str
    peer: str
    ours: float
    theirs: float
    note: str = ""

    def line(self) -> str:
        return (
            f"| {self.what} | {self.peer} | {1e3 * self.ours:.4g} | {1e3 * self.theirs:.4g} "
            f"| {self.theirs / self.ours:.3g} | {self.note} |"
        )


def once(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of one run; short work is repeated for some milliseconds."""
    start = time.perf_counter()
    out = work()
    seconds = time.perf_counter() - start
    repeats = min(2000, int(0.01 / max(seconds, 1e-9)))
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


def toy_rows(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    x = np.random.default_rng(seed).uniform(-1, 1, (n, 2))
    return x, np.exp(np.sin(np.pi * x[:, 0]) + x[:, 1] ** 2)


def rmse(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.sqrt(np.mean((a - b) ** 2)))


def pykan_net(width: list[int], grid: int, **more: Any) -> Any:
    from kan import KAN

    # pykan writes its history into a folder, even where it is told not to save.
    folder = tempfile.mkdtemp()
    # A copy: pykan writes into the list.
    return KAN(width=list(width), grid=grid, k=3, seed=0, auto_save=False, ckpt_path=folder, **more)


def toy(runs: int) -> list[Row]:
    """Training to an error: ours on quintic splines and a ladder of grids, pykan as its documents show it."""
    x, y = toy_rows(1000, 0)
    test_x, test_y = toy_rows(1000, 1)
    times, errors = [], []
    for seed in range(max(3, runs)):
        model = KANRegressor(hidden=(5,), grids=(3, 6, 10), order=5, random_state=seed)
        start = time.perf_counter()
        model.fit(x, y)
        times.append(time.perf_counter() - start)
        errors.append(rmse(model.predict(test_x), test_y))
    ours, error = statistics.median(times), statistics.median(errors)

    torch.set_default_dtype(torch.float64)
    t = torch.from_numpy
    data = {
        "train_input": t(x),
        "train_label": t(y)[:, None],
        "test_input": t(test_x),
        "test_label": t(test_y)[:, None],
    }
    net = pykan_net(TOY, 3)
    start = time.perf_counter()
    for grid in (3, 5, 10, 20):
        net = net if grid == 3 else net.refine(grid)
        net.fit(data, opt="LBFGS", steps=20)
    theirs = time.perf_counter() - start
    with torch.no_grad():
        other = rmse(net(t(test_x))[:, 0].numpy(), test_y)
    torch.set_default_dtype(torch.float32)
    note = f"test RMSE {error:.1e} (worst {max(errors):.1e} of {len(errors)} seeds) against {other:.1e}"
    return [Row("train exp(sin(pi x) + y^2), [2,5,1], 1000 rows", "pykan f64, grids 3 5 10 20", ours, theirs, note)]


def inference(runs: int) -> list[Row]:
    from inkan import KANNetwork

    rows = []
    for width in (BIG, TOY):
        ours = Kan(width, base="silu")
        peers: list[tuple[str, Any, int]] = []
        peers.append(("pykan", pykan_net(width, 5), 4096))
        fast = pykan_net(width, 5)
        peers.append(("pykan .speed()", fast.speed(), 4096))
        peers.append(("inkan", KANNetwork(width), 1 << 20))
        peers.append(("inkan, torch.compile", torch.compile(KANNetwork(width)), 1 << 20))
        for batch in (1, 256, 65536):
            x = np.random.default_rng(0).uniform(-1, 1, (batch, width[0])).astype(np.float32)
            tensor = torch.from_numpy(x)
            for name, net, most in peers:
                if name == "pykan" and width == BIG and batch > 256:
                    # Minutes, and gigabytes.
                    continue

                def theirs(net: Any = net, tensor: torch.Tensor = tensor, most: int = most) -> Any:
                    with torch.no_grad():
                        return [net(part) for part in tensor.split(most)]

                a, b, _, _ = paired(lambda x=x: ours.predict(x), theirs, runs if batch < 65536 else max(1, runs // 3))
                rows.append(Row(f"predict {width}, f32, batch {batch}", name, a, b))
        big = np.random.default_rng(0).uniform(-1, 1, (65536, width[0])).astype(np.float32)
        a, b, _, _ = paired(lambda: ours.predict(big, threads=2), lambda: ours.predict(big), runs)
        rows.append(Row(f"predict {width}, f32, batch 65536, 2 threads", "ourselves, 1 thread", a, b))
    return rows


def step(runs: int) -> list[Row]:
    from inkan import KANNetwork

    rows = []
    rng = np.random.default_rng(0)
    for batch in (64, 1024):
        steps = 16 if batch == 64 else 4
        x = rng.uniform(-1, 1, (steps * batch, WIDE[0]))
        y = np.eye(10)[rng.integers(0, 10, steps * batch)]

        def ours(epochs: int, x: np.ndarray = x, y: np.ndarray = y, batch: int = batch) -> float:
            net = Kan(WIDE, base="silu")
            start = time.perf_counter()
            net.fit(
                x,
                y,
                method="adam",
                loss="cross_entropy",
                holdout=0.0,
                batch=batch,
                max_iterations=epochs,
                tolerance=0.0,
                smoothness=0.0,
                precision="f32",
            )
            return time.perf_counter() - start

        inputs, labels = torch.from_numpy(x[:batch].astype(np.float32)), torch.from_numpy(y[:batch].argmax(1))
        for name, net in (("inkan", KANNetwork(WIDE)), ("inkan, torch.compile", torch.compile(KANNetwork(WIDE)))):
            optimiser = torch.optim.AdamW(net.parameters(), lr=1e-3)

            def theirs(net: Any = net, optimiser: Any = optimiser, inputs: Any = inputs, labels: Any = labels) -> None:
                optimiser.zero_grad()
                torch.nn.functional.cross_entropy(net(inputs), labels).backward()
                optimiser.step()

            theirs(), theirs()
            mine, other = [], []
            for _ in range(runs):
                # What a fit costs beside its steps (copies, packing, reports) falls out of the difference.
                mine.append((ours(5) - ours(1)) / (4 * steps))
                other.append(once(theirs)[0])
            rows.append(
                Row(
                    f"training step [784,64,10], f32, AdamW, batch {batch}",
                    name,
                    statistics.median(mine),
                    statistics.median(other),
                )
            )
    return rows


def symbolic(runs: int) -> list[Row]:
    """From a trained [2,1,1] network to a formula."""
    x, y = toy_rows(1000, 0)
    model = KANRegressor(hidden=(1,), grids=(5, 10), smoothness=1e-10).fit(x, y)
    times = [once(model.formula) for _ in range(max(3, runs))]
    ours, formula = statistics.median(t for t, _ in times), times[-1][1]

    torch.set_default_dtype(torch.float64)
    t = torch.from_numpy
    label = t(y)[:, None]
    data = {"train_input": t(x), "train_label": label, "test_input": t(x), "test_label": label}
    net = pykan_net([2, 1, 1], 10)
    net.fit(data, opt="LBFGS", steps=20)
    library = ["x", "x^2", "x^3", "x^4", "exp", "log", "sqrt", "tanh", "sin", "abs"]
    net(t(x))
    start = time.perf_counter()
    net.auto_symbolic(lib=library, verbose=0)
    theirs = time.perf_counter() - start
    torch.set_default_dtype(torch.float32)
    return [Row("symbolic fit of 3 edges (ours: with the formula)", "pykan, 10 functions", ours, theirs, formula)]


PARTS = {"inference": inference, "step": step, "toy": toy, "symbolic": symbolic}


def known(name: str) -> str:
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return f"{name} (not installed)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; all where none is named")
    parser.add_argument("--runs", type=int, default=7, help="paired runs")
    args = parser.parse_args()
    print(platform.processor() or platform.machine(), "Python", platform.python_version())
    print(", ".join(known(name) for name in ("nis-core", "numpy", "torch", "pykan", "inkan")), "\n")
    print("| work | peer | ours ms | theirs ms | ratio | note |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name in args.parts or PARTS:
        for row in PARTS[name](args.runs):
            print(row.line(), flush=True)


if __name__ == "__main__":
    main()
