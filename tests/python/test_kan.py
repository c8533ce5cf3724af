"""Kolmogorov-Arnold networks in Python: estimators, formulas, drawings, files."""

from __future__ import annotations

import copy
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import nis_core
from nis_core.kan import FitReport, Kan, KANClassifier, KANRegressor


def toy(rows: int = 400, seed: int = 0) -> tuple[Any, Any]:
    X = np.random.default_rng(seed).uniform(-1, 1, (rows, 2))
    return X, np.exp(np.sin(np.pi * X[:, 0]) + X[:, 1] ** 2)


@parametrize_with_checks([KANRegressor(), KANClassifier()])  # type: ignore[untyped-decorator]
def test_scikit_learn(estimator: Any, check: Any) -> None:
    check(estimator)


def test_the_toy_of_the_kan_paper() -> None:
    X, y = toy()
    test_X, test_y = toy(seed=1)
    model = KANRegressor(hidden=(5,), grids=(5, 10)).fit(X, y)
    error = np.sqrt(np.mean((model.predict(test_X) - test_y) ** 2))
    assert error < 5e-3
    assert model.widths_ == [2, 5, 1]
    report = model.report_
    assert isinstance(report, FitReport) and report.holdout_error is not None
    assert len(report.holdout_rows) == 80 and "grid" in str(report)
    assert model.importance_.shape == (2,) and np.all(model.importance_ > 0.1)
    slopes = model.jacobian(test_X[:5])
    h = 1e-6
    for i in range(2):
        step = h * np.eye(2)[i]
        numeric = (model.predict(test_X[:5] + step) - model.predict(test_X[:5] - step)) / (2 * h)
        np.testing.assert_allclose(slopes[:, 0, i], numeric, rtol=1e-4, atol=1e-4)


def test_names_of_pandas_stand_in_the_formula() -> None:
    X, _ = toy(300)
    frame = pd.DataFrame(X, columns=["width", "height"])
    target = pd.Series(np.sin(2 * X[:, 0]) + X[:, 1] ** 2, name="area")
    model = KANRegressor(hidden=()).fit(frame, target)
    found = model.formula()
    assert found.found and str(found).startswith("area = ")
    assert found.formula is not None and "width" in found.formula and "height" in found.formula
    assert "\\sin" in model.latex()
    with pytest.warns(UserWarning, match="feature names"):
        model.predict(X)


def test_random_labels_have_no_formula() -> None:
    rng = np.random.default_rng(3)
    model = KANRegressor(hidden=()).fit(rng.uniform(-1, 1, (200, 2)), rng.normal(size=200))
    found = model.formula()
    assert not found.found and found.formula is None and str(found).startswith("no formula")
    with pytest.raises(nis_core.NotFound):
        model.latex()


def test_intervals_cover() -> None:
    rng = np.random.default_rng(5)
    X = rng.uniform(-1, 1, (600, 1))
    y = np.sin(3 * X[:, 0]) + 0.2 * rng.normal(size=600)
    test_X = rng.uniform(-1, 1, (4000, 1))
    test_y = np.sin(3 * test_X[:, 0]) + 0.2 * rng.normal(size=4000)
    model = KANRegressor(hidden=()).fit(X, y)
    for method in ("laplace", "conformal"):
        lower, upper = model.predict_interval(test_X, 0.9, method=method)
        covered = np.mean((lower <= test_y) & (test_y <= upper))
        # One fit on 600 rows: its own noise estimate is off by some percent.
        assert 0.85 <= covered <= 0.95, (method, covered)
    mean, std = model.predict(test_X, return_std=True)
    assert mean.shape == std.shape == (4000,)
    error = np.abs(mean - np.sin(3 * test_X[:, 0]))
    assert np.all(std > 0) and np.mean(error <= 2 * std) > 0.6
    with pytest.raises(nis_core.InvalidInput) as caught:
        model.predict_interval(test_X, 1.0)
    assert caught.value.field == "level"


def test_pruning_leaves_out_an_input_without_influence() -> None:
    X, _ = toy(400)
    model = KANRegressor(hidden=(2,)).fit(X, X[:, 0] ** 2)
    report = model.prune()
    assert report.unused_inputs == (1,)
    assert report.after < 0.05
    np.testing.assert_allclose(model.predict([[0.5, -1.0], [0.5, 1.0]]), 0.25, atol=0.02)


def test_several_outputs_and_shapes() -> None:
    X, y = toy(200)
    both = np.column_stack([y, X[:, 0]])
    model = KANRegressor(hidden=()).fit(X, both)
    assert model.predict(X[:3]).shape == (3, 2)
    lower, upper = model.predict_interval(X[:3])
    assert lower.shape == (3, 2) and np.all(lower < upper)
    assert len(model.formula()) == 2
    one = KANRegressor(hidden=()).fit(X, y)
    assert one.predict(X[:3]).shape == (3,)


def test_classes_keep_their_labels() -> None:
    X, _ = toy(300)
    y = np.where(np.hypot(X[:, 0], X[:, 1]) < 0.7, "in", "out")
    model = KANClassifier(hidden=()).fit(X, y)
    assert model.classes_.tolist() == ["in", "out"]
    assert model.score(X, y) > 0.95
    proba = model.predict_proba(X)
    np.testing.assert_allclose(proba.sum(axis=1), 1.0, atol=1e-12)
    assert np.array_equal(model.classes_[proba.argmax(axis=1)], model.predict(X))


def test_nan_is_named_with_row_and_column() -> None:
    X, y = toy(50)
    X[7, 1] = np.nan
    with pytest.raises(nis_core.InvalidInput, match="row 7, column 1") as caught:
        KANRegressor().fit(X, y)
    assert caught.value.field == "x"
    X[7, 1] = 0.0
    y[3] = np.inf
    with pytest.raises(nis_core.InvalidInput, match="row 3, column 0"):
        KANRegressor().fit(X, y)


@pytest.mark.parametrize(
    ("name", "value"),
    [("holdout", 0.9), ("method", "magic"), ("basis", "wavelet"), ("grid", 0), ("order", 9)],
)
def test_bad_parameters_are_named(name: str, value: Any) -> None:
    X, y = toy(50)
    with pytest.raises(nis_core.InvalidInput):
        KANRegressor(**{name: value}).fit(X, y)


def test_pipeline_grid_search_and_joblib() -> None:
    X, y = toy(120)
    pipe = make_pipeline(StandardScaler(), KANRegressor(hidden=(), max_iterations=20))
    assert np.all(cross_val_score(pipe, X, y, cv=3, n_jobs=2) > 0.3)
    search = GridSearchCV(KANRegressor(hidden=(), max_iterations=20), {"grid": [2, 4]}, cv=3)
    search.fit(X, y)
    assert search.best_params_["grid"] in (2, 4)


def test_pickle_copy_and_repr() -> None:
    X, y = toy(100)
    model = KANRegressor(hidden=(), grid=4).fit(X, y)
    model.predict(X, return_std=True)
    for other in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        assert np.array_equal(other.predict(X), model.predict(X))
        assert other.report_ == model.report_
        assert str(other.formula()) == str(model.formula())
        assert np.array_equal(other.predict(X, return_std=True)[1], model.predict(X, return_std=True)[1])
    assert repr(model) == "KANRegressor(grid=4, hidden=())"


def test_seeds_give_the_same_network() -> None:
    X, y = toy(150)
    first, second = (KANRegressor(random_state=4, threads=t).fit(X, y) for t in (1, 2))
    assert np.array_equal(first.predict(X), second.predict(X))
    other = KANRegressor(random_state=5).fit(X, y)
    assert not np.array_equal(first.predict(X), other.predict(X))


def test_callback_stops_and_bars_show(capsys: pytest.CaptureFixture[str]) -> None:
    X, y = toy(300)
    seen = []

    def stop(stage: str, done: int, total: int, message: str) -> bool:
        seen.append((stage, done, total))
        return len(seen) < 3

    with pytest.raises(nis_core.Cancelled):
        KANRegressor(hidden=(5,), callback=stop).fit(X, y)
    assert len(seen) == 3
    KANRegressor(hidden=(), verbose=1).fit(X, y)
    assert capsys.readouterr().err


def test_ctrl_c_stops_a_fit() -> None:
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (20_000, 4))
    # A child of a shell's background job ignores it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Timer(1.0, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        KANRegressor(hidden=(12, 12), method="lbfgs", max_iterations=10**6, tolerance=0.0, patience=0).fit(
            X, rng.normal(size=20_000)
        )
    assert time.monotonic() - started < 30


def test_the_drawing(tmp_path: Path) -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    X, y = toy(300)
    frame = pd.DataFrame(X, columns=["width", "height"])
    model = KANRegressor(hidden=(5,), multiplications=((2,),)).fit(frame, pd.Series(y, name="area"))
    axes = model.plot()
    texts = [t.get_text() for t in axes.texts]
    assert "width" in texts and "height" in texts and "area" in texts
    # A box for every edge: 2 * 6 sums, then 5 * 1.
    assert len(axes.patches) == 17
    plt.savefig(tmp_path / "network.png")
    plt.close("all")
    figure, mine = plt.subplots()
    assert model.plot(mine, X=frame) is mine
    plt.close(figure)


def test_bare_networks(tmp_path: Path) -> None:
    net = Kan([3, 4, 2], base="silu", seed=1)
    x = np.random.default_rng(0).uniform(-1.2, 1.2, (100, 3))
    y = net.predict(x)
    assert y.shape == (100, 2)
    narrow = net.predict(x.astype(np.float32))
    assert narrow.dtype == np.float32
    np.testing.assert_allclose(narrow, y, atol=1e-5)
    assert np.array_equal(net.predict(x, threads=2), y)
    slopes = net.jacobian(x[:4])
    h = 1e-6
    for i in range(3):
        step = h * np.eye(3)[i]
        numeric = (net.predict(x[:4] + step) - net.predict(x[:4] - step)) / (2 * h)
        np.testing.assert_allclose(slopes[:, :, i], numeric, atol=1e-7)
    for name in ("net.json", "net.safetensors"):
        net.save(tmp_path / name)
        assert Kan.load(tmp_path / name) == net
    assert pickle.loads(pickle.dumps(net)) == net
    assert np.array_equal(net.predict(np.asfortranarray(x)), y)
    with pytest.raises(nis_core.InvalidInput):
        net.predict(x[:, :2])
    with pytest.raises(nis_core.InvalidInput):
        net.predict(x[0])
    report = net.fit(x, np.column_stack([x[:, 0], x[:, 1] ** 2]), max_iterations=5)
    assert report.iterations >= 1 and net != Kan([3, 4, 2], base="silu", seed=1)
    net.to_c(tmp_path / "net.c")
    assert (tmp_path / "net.h").exists()


def test_the_example_of_the_document() -> None:
    text = (Path(__file__).parents[2] / "docs" / "kan.md").read_text(encoding="utf-8")
    code = text.split("```python\n")[1].split("```")[0]
    scope: dict[str, Any] = {}
    exec(compile(code, "docs/kan.md", "exec"), scope)
    assert str(scope["model"].formula()) == "y = exp(x1) + x2^2"


def test_without_scikit_learn() -> None:
    code = """
import sys
sys.modules["sklearn"] = None
import nis_core
from nis_core.kan import Kan, KANRegressor
Kan([1, 1])
try:
    KANRegressor()
except nis_core.Unavailable as e:
    assert "scikit-learn" in str(e), e
else:
    raise SystemExit("no error")
"""
    subprocess.run([sys.executable, "-c", code], check=True)
