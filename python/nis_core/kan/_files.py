"""Networks of pykan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nis_core._errors import InvalidInput
from nis_core.kan._network import Kan


def _widths(width: Sequence[Any]) -> list[list[int]]:
    return [[int(w), 0] if np.ndim(w) == 0 else [int(n) for n in w] for w in width]


def _check(field: str, given: Any, found: Any) -> None:
    if given != found:
        raise InvalidInput(f"{field}: got {given}, expected {found}, as the arrays say", field=field)


def from_pykan(
    state_dict: Any,
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

    Splines of pykan fade to zero outside their grid, so those of this network do. pykan's selection of inputs after
    ``prune_input`` is not part of its ``state_dict``: give the columns that are left.

    Args:
        state_dict: ``model.state_dict()`` of pykan: arrays, or tensors of torch, by name. A pykan model itself is taken as
            well; ``base_fun``, ``mult_arity``, ``symbolic_enabled`` and ``funs_name`` are then read from it.
        width: pykan's ``width``; the arrays tell it, so it is only checked.
        grid: pykan's ``grid``, likewise.
        k: pykan's ``k``, likewise.
        base_fun: ``"silu"``, ``"identity"`` or ``"zero"``.
        mult_arity: Factors of the multiplication nodes, as of pykan.
        symbolic_enabled: Whether symbolic functions take part.
        funs_name: ``[layer.funs_name for layer in model.symbolic_fun]``; needed where edges are symbolic.

    Raises:
        NotFound: An array is missing.
        InvalidInput: Shapes or options do not fit, a function is not known, or an edge is spline and symbolic at once.

    >>> import numpy as np
    >>> from nis_core.kan import from_pykan
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
    state: Mapping[str, Any]
    if hasattr(state_dict, "state_dict"):
        model, state = state_dict, state_dict.state_dict()
        base_fun, mult_arity = model.base_fun_name, model.mult_arity
        symbolic_enabled = bool(model.symbolic_enabled)
        funs_name = [layer.funs_name for layer in model.symbolic_fun]
    else:
        state = state_dict
    net = Kan.from_pykan(
        state,
        base_fun=base_fun,
        mult_arity=mult_arity,
        symbolic_enabled=symbolic_enabled,
        funs_name=[[list(row) for row in layer] for layer in funs_name],
    )
    layers = net._about["layers"]
    if width is not None:
        products = [0] + [len(layer["products"]) for layer in layers]
        _check("width", _widths(width), [[n - p, p] for n, p in zip(net.widths, products, strict=True)])
    for field, given, own in (("grid", grid, "grid"), ("k", k, "order")):
        if given is not None:
            each = [int(n) for n in np.broadcast_to(given, len(layers))]
            _check(field, each, [layer[own] for layer in layers])
    return net
