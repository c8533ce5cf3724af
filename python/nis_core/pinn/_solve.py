"""`solve`: a problem, options, and the solver of the core."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeAlias

from nis_core.kan._progress import Bars
from nis_core.laplace._input import invalid
from nis_core.pinn._problem import Parameter, Problem, _plain
from nis_core.pinn._solution import Solution

Progress = Callable[[str, int, int, str], object]
Method: TypeAlias = Literal["auto", "features", "network", "integrate"]


def solve(
    equations: str | Sequence[str] | Problem,
    *,
    domain: Mapping[str, Any] | None = None,
    conditions: str | Sequence[str] = (),
    fields: str | Sequence[str] = (),
    parameters: Mapping[str, Parameter] | None = None,
    data: Any = None,
    noise: float | Mapping[str, float] | None = None,
    method: Method = "auto",
    tolerance: float = 1e-8,
    seed: int = 1,
    threads: int = 2,
    max_seconds: float | None = None,
    features: Mapping[str, Any] | None = None,
    network: Mapping[str, Any] | None = None,
    verbose: bool = False,
    progress: Progress | None = None,
    **constants: Parameter,
) -> Solution:
    """Solves a differential equation, or fits its unknown parameters to data.

    Args:
        equations: The equations as text, or a :class:`Problem`, which then holds all up to ``noise``.
        domain: Ranges by coordinate, and shapes: see :class:`Problem`.
        conditions: Initial and boundary conditions as text.
        fields: Fields that stand in the equations without a derivative.
        parameters: Known, unknown (``"?"``) and ranged parameters.
        data: Measured values by column, for unknown parameters.
        noise: Their known standard deviation.
        method: ``"features"`` (random-feature least squares, with Newton's method where the problem is not linear),
            ``"network"`` (a tanh network), ``"integrate"`` (step by step; initial-value problems of ordinary
            differential equations) or ``"auto"``, by what the problem is; the solution's ``notes`` say what was tried.
        tolerance: Wanted relative error, as far as it can be estimated.
        seed: Seed of points, features and starting weights; the same seed gives the same bits.
        threads: Threads; the result does not depend on them.
        max_seconds: Time after which the best solution so far is given, marked as not converged.
        features: More options of that solver, for example ``{"count": 800}``.
        network: Likewise, for example ``{"hidden": [40, 40]}``.
        verbose: Show a bar (tqdm).
        progress: Called on the calling thread with ``(stage, done, total, message)``; returning ``False`` stops the
            work, which then raises :class:`Cancelled`; what it raises is raised here.
        **constants: More parameters by name.

    Returns:
        The solution: callable, with a certificate. One that did not converge is returned too, and says so.

    Raises:
        ParseError: A text cannot be read.
        InvalidInput: Something does not fit; ``field`` names it. Also a ``ValueError``.
        NumericalError: No finite solution was found.
        Cancelled: ``progress`` said so.
        KeyboardInterrupt: Ctrl-C; the native work stops.

    >>> import numpy as np
    >>> from nis_core import pinn
    >>> heat = pinn.solve(
    ...     "u_t = a*u_xx",
    ...     domain={"x": (0, 1), "t": (0, 1)},
    ...     conditions=["u(x,0) = sin(pi*x)", "u(0,t) = 0", "u(1,t) = 0"],
    ...     a=0.4,
    ... )
    >>> bool(abs(heat(x=0.5, t=0.25) - np.exp(-0.1 * np.pi**2)) < 1e-6)
    True
    """
    if isinstance(equations, Problem):
        given = {
            "domain": domain,
            "conditions": conditions or None,
            "fields": fields or None,
            "parameters": parameters,
            "data": data,
            "noise": noise,
        }
        for name, value in {**given, **constants}.items():
            if value is not None:
                raise invalid(name, repr(value), "nothing where a Problem is given, which holds it")
        problem = equations
    else:
        if domain is None:
            raise invalid("domain", None, "ranges by coordinate, for example {'x': (0, 1)}")
        problem = Problem(
            equations,
            domain=domain,
            conditions=conditions,
            fields=fields,
            parameters=parameters,
            data=data,
            noise=noise,
            **constants,
        )
    return run(
        problem,
        method=method,
        tolerance=tolerance,
        seed=seed,
        threads=threads,
        max_seconds=max_seconds,
        features=features,
        network=network,
        verbose=verbose,
        progress=progress,
    )


def run(
    problem: Problem,
    *,
    verbose: bool = False,
    progress: Progress | None = None,
    **options: Any,
) -> Solution:
    """Solves a problem that was read; options by name, those that are None left at their default."""
    wanted = {name: value for name, value in options.items() if value is not None}
    try:
        text = json.dumps(wanted, default=_plain, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise invalid("options", error, "text, finite numbers, lists and mappings") from None
    bars = Bars(progress) if verbose else None
    try:
        return Solution._of(problem._native.solve(text, bars or progress))
    finally:
        if bars is not None:
            bars.close()
