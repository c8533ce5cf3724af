"""Networks of every kind through ONNX and onnxruntime; networks of pykan; files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nis_core
from nis_core.kan import Kan, from_pykan

GOLDEN = Path(__file__).parents[2] / "nis-core" / "tests" / "golden"
ZOO = json.loads((GOLDEN / "kan_networks.json").read_text())
PYKAN = json.loads((GOLDEN / "pykan.json").read_text())["cases"]


def network(case: dict[str, Any], folder: Path) -> Kan:
    path = folder / "network.json"
    path.write_text(json.dumps(case["net"]))
    return Kan.load(path)


def exported(model: Any, folder: Path, precision: str = "f64") -> bytes:
    model.to_onnx(folder / "network.onnx", precision=precision)
    return (folder / "network.onnx").read_bytes()


def by_onnxruntime(data: bytes, x: np.ndarray[Any, Any], output: str = "y") -> np.ndarray[Any, Any]:
    onnx = pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    onnx.checker.check_model(onnx.load_from_string(data), full_check=True)
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    session = runtime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    (got,) = session.run([output], {"x": x})
    return np.asarray(got)


@pytest.mark.parametrize("case", ZOO, ids=[c["name"] for c in ZOO])
def test_onnx_gives_the_outputs_of_every_kind_of_network(case: dict[str, Any], tmp_path: Path) -> None:
    net = network(case, tmp_path)
    want = np.reshape(case["y"], (-1, net.widths[-1]))
    x = np.reshape(case["x"], (-1, net.widths[0]))
    size = max(1.0, float(np.abs(want).max()))
    got = by_onnxruntime(exported(net, tmp_path), x)
    assert got.dtype == np.float64
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-12 * size)
    # In float: at points that float holds, so that only the arithmetic rounds.
    x = x.astype(np.float32)
    want = net.predict(x)
    got = by_onnxruntime(exported(net, tmp_path, "f32"), x)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-5 * size)


def test_onnx_takes_no_rows_and_says_what_is_in_it(tmp_path: Path) -> None:
    data = exported(Kan([2, 3, 1], base="silu"), tmp_path)
    assert by_onnxruntime(data, np.zeros((0, 2))).shape == (0, 1)
    onnx = pytest.importorskip("onnx")
    model = onnx.load_from_string(data)
    assert {p.key: json.loads(p.value) for p in model.metadata_props} == {
        "input_names": ["x1", "x2"],
        "output_names": ["y"],
    }


def test_estimators_are_exported_in_the_units_of_the_data(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    from nis_core.kan import KANClassifier, KANRegressor

    random = np.random.default_rng(3)
    x = random.uniform([-2.0, 1e4], [2.0, 3e4], (200, 2))
    y = 1e-3 * x[:, 0] * x[:, 1] + 100.0
    regressor = KANRegressor().fit(x, y)
    got = by_onnxruntime(exported(regressor, tmp_path), x)
    np.testing.assert_allclose(got[:, 0], regressor.predict(x), rtol=1e-11, atol=1e-11)
    classifier = KANClassifier().fit(x, x[:, 0] > 0.3)
    got = by_onnxruntime(exported(classifier, tmp_path), x, "probabilities")
    np.testing.assert_allclose(got, classifier.predict_proba(x), rtol=0, atol=1e-11)


@pytest.mark.parametrize("case", PYKAN, ids=[c["name"] for c in PYKAN])
def test_networks_of_pykan_give_its_outputs(case: dict[str, Any]) -> None:
    state = {name: np.reshape(a["values"], a["shape"]) for name, a in case["state"].items()}
    net = from_pykan(state, **case["options"])
    x = np.reshape(case["x"], (-1, net.widths[0]))
    want = np.reshape(case["y"], (-1, net.widths[-1]))
    np.testing.assert_allclose(net.predict(x), want, rtol=1e-12, atol=1e-12)
    # Also where the arrays are those of single precision.
    single = from_pykan({name: a.astype(np.float32) for name, a in state.items()}, **case["options"])
    np.testing.assert_allclose(single.predict(x), want, rtol=1e-4, atol=1e-4)


def test_a_pykan_model_brings_its_options() -> None:
    case = PYKAN[3]

    class Layer:
        def __init__(self, names: list[list[str]]) -> None:
            self.funs_name = names

    class Model:
        base_fun_name = case["options"]["base_fun"]
        mult_arity = case["options"]["mult_arity"]
        symbolic_enabled = True
        symbolic_fun = [Layer(names) for names in case["options"]["funs_name"]]

        def state_dict(self) -> dict[str, Any]:
            return {name: np.reshape(a["values"], a["shape"]) for name, a in case["state"].items()}

    net = from_pykan(Model())  # type: ignore[arg-type]
    x = np.reshape(case["x"], (-1, 3))
    np.testing.assert_allclose(net.predict(x).ravel(), case["y"], rtol=1e-12, atol=1e-12)


def test_what_does_not_fit_pykan_is_named() -> None:
    case = PYKAN[1]
    state = {name: np.reshape(a["values"], a["shape"]) for name, a in case["state"].items()}
    fine = {"base_fun": "identity", "mult_arity": 3}
    net = from_pykan(state, width=[2, [2, 2], [1, 1]], grid=2, k=[2, 2], **fine)  # type: ignore[arg-type]
    assert net.widths == [2, 4, 2]
    for field, options in {
        "width": {"width": [2, 4, 2]},
        "grid": {"grid": 3},
        "k": {"k": [2, 3]},
        "base_fun": {"base_fun": "relu"},
        "mult_arity": {"mult_arity": 4},
    }.items():
        with pytest.raises(nis_core.InvalidInput) as raised:
            from_pykan(state, **(fine | options))  # type: ignore[arg-type]
        assert raised.value.field == field
    del state["act_fun.1.mask"]
    with pytest.raises(nis_core.NisError, match=r"act_fun\.1\.mask"):
        from_pykan(state, **fine)  # type: ignore[arg-type]


def test_files_by_the_end_of_their_name(tmp_path: Path) -> None:
    net = Kan([2, 3, 1], base="silu", seed=4)
    for name in ("a.json", "a.safetensors"):
        net.save(tmp_path / name)
        assert Kan.load(tmp_path / name) == net
    net.to_c(tmp_path / "a.c", prefix="mine", precision="f32")
    assert "void mine_predict(const float *x" in (tmp_path / "a.h").read_text()
    with pytest.raises(nis_core.InvalidInput) as raised:
        net.to_c(tmp_path / "b.c", prefix="not a name")
    assert raised.value.field == "prefix"


def test_safetensors_are_those_of_the_standard(tmp_path: Path) -> None:
    library = pytest.importorskip("safetensors.numpy")
    Kan([2, 3, 1], base="silu", seed=4).save(tmp_path / "a.safetensors")
    tensors = library.load_file(tmp_path / "a.safetensors")
    assert tensors["layers.0.coefficients"].shape == (2, 3, 8)
    assert tensors["layers.0.knots"].shape == (1, 12)
    assert tensors["layers.1.coefficients"].dtype == np.float64


def test_hostile_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    Kan([2, 3, 1]).save(path)
    data = path.read_bytes()
    for bad in (b"", data[:50], data[:-1], b"\xff" * 64, (1 << 40).to_bytes(8, "little") + b"{" + b" " * 99):
        path.write_bytes(bad)
        with pytest.raises(nis_core.NisError):
            Kan.load(path)
