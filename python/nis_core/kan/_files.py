"""Networks written as C99 source, ONNX, safetensors or JSON, and networks of pykan read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nis_core import _native
from nis_core._errors import InvalidInput
from nis_core.kan._network import Kan, plain

if TYPE_CHECKING:
    from nis_core.kan._estimators import KANClassifier, KANRegressor

_ENDS = {".json": "json", ".safetensors": "safetensors", ".c": "c", ".h": "h", ".onnx": "onnx"}


def _saved(model: Kan | KANRegressor | KANClassifier) -> tuple[str, bytes]:
    if isinstance(model, Kan):
        return "network", model._native.to_bytes()
    native = getattr(model, "_model", None)
    if not isinstance(native, _native.NativeKanModel):
        raise InvalidInput(
            f"model: got {model!r}, expected a Kan or a fitted KANRegressor or KANClassifier", field="model"
        )
    return "model", native.to_bytes()


def export(
    model: Kan | KANRegressor | KANClassifier,
    path: str | PathLike[str] | None = None,
    *,
    format: str | None = None,
    precision: str = "f64",
    prefix: str = "kan",
) -> bytes:
    """The network as a file: what it holds, also written to ``path`` where one is given.

    An estimator is exported from the units of the data to those of the outputs (for a classifier to the probabilities of
    the classes), a :class:`Kan` as it is.

    Args:
        model: A network or a fitted estimator.
        path: File to write. For C source the header is written beside it.
        format: ``"safetensors"``, ``"json"``, ``"c"`` (C99, standalone), ``"h"`` (its header) or ``"onnx"``; by the end of
            ``path`` where not given.
        precision: ``"f64"`` or ``"f32"``: numbers in safetensors, the type in C and ONNX; JSON keeps ``"f64"``.
        prefix: What names in C begin with.

    Raises:
        InvalidInput: A value does not fit; ``field`` names it.
        LimitError: A layer is too wide for C.

    >>> from nis_core.kan import Kan, export
    >>> source = export(Kan([2, 3, 1]), format="c").decode()
    >>> "void kan_predict(const double *x, size_t rows, double *y)" in source
    True
    """
    if format is None:
        end = "" if path is None else Path(path).suffix
        if end not in _ENDS:
            raise InvalidInput(
                f"format: got nothing for {path}, expected a format, or a path that ends in {', '.join(_ENDS)}",
                field="format",
            )
        format = _ENDS[end]
    kind, data = _saved(model)

    def bytes_of(format: str) -> bytes:
        options = {"format": format, "precision": precision, "prefix": prefix}
        return _native.kan_export(kind, data, json.dumps(options, default=plain))

    out = bytes_of(format)
    if path is not None:
        Path(path).write_bytes(out)
        if format == "c":
            Path(path).with_suffix(".h").write_bytes(bytes_of("h"))
    return out


def _widths(width: Sequence[Any]) -> list[list[int]]:
    return [[int(w), 0] if np.ndim(w) == 0 else [int(n) for n in w] for w in width]


def _check(field: str, given: Any, found: Any) -> None:
    if given != found:
        raise InvalidInput(f"{field}: got {given}, expected {found}, as the arrays say", field=field)


def _array(value: Any) -> np.ndarray[Any, Any]:
    # Tensors of torch: away from the graph and the graphics card.
    for method in ("detach", "cpu"):
        value = getattr(value, method, lambda value=value: value)()
    return np.asarray(value, dtype=np.float64)


def from_pykan(
    state_dict: Mapping[str, Any],
    *,
    width: Sequence[Any] | None = None,
    grid: int | Sequence[int] | None = None,
    k: int | Sequence[int] | None = None,
    base_fun: str = "silu",
    mult_arity: int | Sequence[Sequence[int]] = 2,
    symbolic_enabled: bool = True,
    funs_name: Sequence[Sequence[Sequence[str]]] = (),
) -> Kan:
    """The network of a pykan checkpoint (pykan 0.2.x), with pykan's outputs.

    Splines of pykan fade to zero outside their grid, so those of this network do (``outside="natural"``). pykan's
    selection of inputs after ``prune_input`` is not part of its ``state_dict``: give the columns that are left.

    Args:
        state_dict: ``model.state_dict()`` of pykan: arrays, or tensors of torch, by name. A pykan model itself is taken as
            well; the options below are then read from it.
        width: pykan's ``width``; the arrays tell it, so it is only checked.
        grid: pykan's ``grid``, likewise.
        k: pykan's ``k``, likewise.
        base_fun: ``"silu"``, ``"identity"`` or ``"zero"``.
        mult_arity: Factors of the multiplication nodes, as of pykan.
        symbolic_enabled: Whether symbolic functions take part.
        funs_name: ``[layer.funs_name for layer in model.symbolic_fun]``; needed where edges are symbolic.

    Raises:
        NotFoundError: An array is missing.
        InvalidInput: Shapes or options do not fit, a function is not known, or an edge is spline and symbolic at once.

    >>> import numpy as np
    >>> one = np.ones((1, 1))
    >>> state = {
    ...     "act_fun.0.grid": np.linspace(-3, 3, 7)[None], "act_fun.0.coef": np.zeros((1, 1, 4)),
    ...     "act_fun.0.mask": one, "act_fun.0.scale_sp": one, "act_fun.0.scale_base": one,
    ...     "node_bias_0": np.zeros(1), "node_scale_0": np.ones(1),
    ...     "subnode_bias_0": np.zeros(1), "subnode_scale_0": np.ones(1),
    ... }
    >>> net = from_pykan(state, width=[1, 1], grid=2, k=2)
    >>> net.predict([[1.0]]).round(6)  # silu(1)
    array([[0.731059]])
    """
    model: Any = state_dict
    if hasattr(model, "state_dict"):
        base_fun, mult_arity = model.base_fun_name, model.mult_arity
        symbolic_enabled = bool(model.symbolic_enabled)
        funs_name = [layer.funs_name for layer in model.symbolic_fun]
        state_dict = model.state_dict()
    arrays = {name: _array(value) for name, value in state_dict.items()}
    options = {
        "base_fun": base_fun,
        "mult_arity": mult_arity,
        "symbolic_enabled": symbolic_enabled,
        "funs_name": [[list(row) for row in layer] for layer in funs_name],
    }
    state = [
        (name, list(value.shape), np.ascontiguousarray(value).reshape(-1)) for name, value in arrays.items()
    ]
    data = _native.kan_from_pykan(state, json.dumps(options, default=plain))
    net = Kan._of(_native.NativeKan.from_bytes(data))
    layers = net._about["layers"]
    if width is not None:
        found = [[net.widths[0], 0]]
        found += [[n - len(layer["products"]), len(layer["products"])] for n, layer in zip(net.widths[1:], layers)]
        _check("width", _widths(width), found)
    for field, given, own in (("grid", grid, "grid"), ("k", k, "order")):
        if given is not None:
            each = [given] * len(layers) if np.ndim(given) == 0 else [int(n) for n in np.asarray(given)]
            _check(field, each, [layer[own] for layer in layers])
    return net
