"""Physics checks on foreign data: do trajectories, fields and numbers obey the laws declared for them?

* :func:`validate` takes data with units and claims about them, and returns a :class:`Validation`.
* One function per law (:func:`motion`, :func:`free_fall`, :func:`diffusion`, :func:`flow`, :func:`response`,
  :func:`equation`, ...) makes the request and calls :func:`validate`.

Verdicts have three values: ``valid`` (the check could have failed and did not), ``violated``, and ``not_checked``
(something is missing, or noise hides what happens; ``explanation`` says what). Values are in SI base units unless a
unit is given: a number may be ``5.0``, ``"5 km/h"``, or ``{"constant": "c"}`` (CODATA 2022).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nis_core import _native
from nis_core._errors import InvalidInput

__all__ = [
    "Grid",
    "Validation",
    "Verdict",
    "buckingham",
    "collision",
    "conserved",
    "diffusion",
    "dimensions",
    "energy_balance",
    "engine",
    "equation",
    "events",
    "flow",
    "free_fall",
    "heat_flow",
    "momentum_balance",
    "motion",
    "pendulum",
    "response",
    "speed",
    "validate",
]

Progress: TypeAlias = Callable[[str, int, int, str], object]
Number: TypeAlias = float | str | Mapping[str, Any]
"""A number in SI base units, a text like ``"5 km/h"``, ``{"value", "unit"}`` or ``{"constant"}``."""
Status: TypeAlias = Literal["valid", "violated", "not_checked"]


@dataclass(frozen=True)
class Verdict:
    """The outcome of one check, with the numbers behind it.

    Attributes:
        check: What was checked.
        kind: Its kind, one of the names that ``checks`` of :func:`validate` takes.
        status: ``"valid"``, ``"violated"`` or ``"not_checked"``.
        statistic: Name of the statistic; None where there is none.
        value: Its value.
        threshold: What its size must not pass.
        effect: Size of the deviation in the terms of the problem.
        explanation: What was tested; of a check that was not made, why not.
        noise: Standard deviation of the noise that was reckoned with; None for exact numbers.
    """

    check: str
    kind: str
    status: Status
    statistic: str | None
    value: float | None
    threshold: float | None
    effect: str | None
    explanation: str
    noise: float | None


@dataclass(frozen=True)
class Validation:
    """Verdicts on a request. Compares by value and pickles; iterates over its verdicts.

    Attributes:
        overall: ``"violated"`` where any check is, ``"valid"`` where every claim was checked and nothing is violated,
            else ``"not_checked"``.
        verdicts: All verdicts, claim by claim.
        version: Version of the library that judged.
    """

    overall: Status
    verdicts: tuple[Verdict, ...]
    version: str = field(compare=False)

    def __iter__(self) -> Iterator[Verdict]:
        return iter(self.verdicts)

    def __len__(self) -> int:
        return len(self.verdicts)

    @property
    def violated(self) -> tuple[Verdict, ...]:
        """The verdicts that are violated."""
        return tuple(v for v in self.verdicts if v.status == "violated")

    def __repr__(self) -> str:
        lines = [f"<Validation: {self.overall}"]
        for v in self.verdicts:
            number = "" if v.value is None else f"; {v.statistic} {v.value:.4g} (at most {v.threshold:.4g})"
            lines.append(f"  {v.status}: {v.check}{number}; {v.effect or v.explanation}")
        return "\n".join(lines) + ">"


@dataclass(frozen=True)
class Grid:
    """Fields on the points of an evenly spaced grid.

    Attributes:
        axes: Coordinates by axis, each of shape ``(n,)``, evenly spaced and increasing; an axis is named by one
            letter. Their order is that of the dimensions of the fields.
        fields: Arrays of shape ``(len(axis 0), len(axis 1), ...)`` by name; or ``(array, unit)``, or
            ``(array, unit, noise)`` with the known standard deviation of one value.
        periodic: The axes whose fields go on at the other end.
        units: Units of the axes; SI where absent.
    """

    axes: Mapping[str, ArrayLike]
    fields: Mapping[str, Any]
    periodic: Sequence[str] = ()
    units: Mapping[str, str] = field(default_factory=dict)


_Arrays: TypeAlias = list[tuple[str, NDArray[np.float64]]]


def _invalid(name: str, value: object, expected: str) -> InvalidInput:
    shown = str(value)
    shown = shown if len(shown) <= 120 else shown[:120] + "..."
    details = {"kind": "invalid_input", "field": name, "value": shown, "expected": expected}
    return InvalidInput(f"{name}: got {shown}, expected {expected}", field=name, details=details)


def _real(name: str, values: object) -> NDArray[np.float64]:
    try:
        array = np.asarray(values)
    except ValueError as e:
        raise _invalid(name, type(values).__name__, f"an array ({e})") from None
    if array.dtype.kind not in "biuf":
        raise _invalid(name, f"values of type {array.dtype}", "real numbers")
    return np.ascontiguousarray(array, dtype=np.float64)


def _column(name: str, given: object) -> tuple[NDArray[np.float64], dict[str, Any]]:
    """The values of a column or field, and what else is known of it."""
    more: dict[str, Any] = {}
    if isinstance(given, tuple) and 2 <= len(given) <= 3 and (given[1] is None or isinstance(given[1], str)):
        more = {"unit": given[1], "noise": given[2] if len(given) == 3 else None}
        given = given[0]
    return _real(name, given), {k: v for k, v in more.items() if v is not None}


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is no value of a claim")


def _grid(grid: Grid, arrays: _Arrays) -> dict[str, Any]:
    axes, shape = [], []
    for name, given in grid.axes.items():
        at = _real(f"grid.axes.{name}", given)
        if at.ndim != 1:
            raise _invalid(f"grid.axes.{name}", f"an array of shape {at.shape}", "one of shape (n,)")
        shape.append(len(at))
        axis: dict[str, Any] = {"name": name, "values": at.tolist(), "periodic": name in grid.periodic}
        if name in grid.units:
            axis["unit"] = grid.units[name]
        axes.append(axis)
    for name in (*grid.periodic, *grid.units):
        if name not in grid.axes:
            raise _invalid("grid", name, "the name of an axis")
    fields = {}
    for name, given in grid.fields.items():
        values, fields[name] = _column(f"grid.fields.{name}", given)
        if values.shape != tuple(shape):
            raise _invalid(f"grid.fields.{name}", f"shape {values.shape}", f"shape {tuple(shape)}")
        arrays.append((name, values.reshape(-1)))
    return {"axes": axes, "fields": fields}


def validate(
    claims: Sequence[Mapping[str, Any]] = (),
    *,
    numbers: Mapping[str, Number] | None = None,
    columns: Mapping[str, Any] | None = None,
    time: str | None = None,
    grid: Grid | None = None,
    checks: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> Validation:
    """Checks what is claimed of some data.

    Args:
        claims: Declared models, each with ``law`` and what that law needs; see docs/physics.md.
        numbers: Numbers by name.
        columns: Samples by name, arrays of one shape ``(n,)`` (NaN: missing); or ``(array, unit)``, or
            ``(array, unit, noise)`` with the known standard deviation of one value.
        time: Name of the column over which the others are sampled; ``t`` where there is one.
        grid: Fields on a grid.
        checks: Kinds of checks that are wanted, such as ``["energy", "speed_of_light"]``; all that apply where None.
        progress: Called with ``(stage, done, total, message)``; returning ``False`` stops the work.

    Returns:
        The verdicts. Thresholds are for ``|z| <= 4`` (two-sided 6e-5), shared by all checks (Bonferroni).

    Raises:
        InvalidInput: A value does not fit; ``field`` names it. Also a ``ValueError``.
        LimitError: There are too many values or claims.
        Cancelled: ``progress`` said so.

    >>> from nis_core import physics
    >>> physics.validate(
    ...     [{"law": "equation", "text": "F = m*a"}],
    ...     numbers={"F": "100 N", "m": "5 kg", "a": "50 m/s^2"},
    ... ).overall
    'violated'
    """
    arrays: _Arrays = []
    spec: dict[str, Any] = {"claims": list(claims), "numbers": dict(numbers or {})}
    if grid is not None:
        spec["grid"] = _grid(grid, arrays)
    given: dict[str, Any] = {}
    for name, values in (columns or {}).items():
        array, given[name] = _column(f"columns.{name}", values)
        if array.ndim != 1:
            raise _invalid(f"columns.{name}", f"an array of shape {array.shape}", "one of shape (n,)")
        if grid is not None and name in grid.fields:
            raise _invalid(f"columns.{name}", name, "another name than the fields of the grid")
        arrays.append((name, array))
    spec["columns"] = given
    if time is not None:
        spec["time"] = time
    if checks is not None:
        spec["checks"] = list(checks)
    try:
        text = json.dumps(spec, default=_plain, allow_nan=False)
    except (TypeError, ValueError) as e:
        raise _invalid("claims", claims, f"what JSON can hold ({e})") from None
    found = json.loads(_native.physics_validate(text, arrays, progress))
    verdicts = []
    for verdict, kind in zip(found["verdicts"], found["kinds"], strict=True):
        statistic, value = verdict.pop("statistic") or (None, None)
        verdicts.append(Verdict(kind=kind, statistic=statistic, value=value, **verdict))
    return Validation(cast(Status, found["overall"]), tuple(verdicts), found["version"])


def _claim(law: str, **more: Any) -> dict[str, Any]:
    return {"law": law, **{k: v for k, v in more.items() if v is not None}}


def energy_balance(before: Number, after: Number, *, work: Number = 0.0, heat: Number = 0.0) -> Validation:
    """First law: energy after (J) is energy before plus work done on the system plus heat given to it.

    >>> from nis_core import physics
    >>> physics.energy_balance(0, "1 kJ").overall
    'violated'
    """
    return validate([_claim("energy_balance", before=before, after=after, work=work, heat=heat)])


def momentum_balance(before: Number, after: Number, *, impulse: Number = 0.0) -> Validation:
    """Momentum after (kg m/s) is momentum before plus the impulse of the outer forces.

    >>> from nis_core import physics
    >>> physics.momentum_balance(50, 100).overall
    'violated'
    """
    return validate([_claim("momentum_balance", before=before, after=after, impulse=impulse)])


def heat_flow(heat: Number, source: Number, sink: Number, *, work: Number = 0.0) -> Validation:
    """Second law (Clausius): ``heat`` (J) flows from a body at ``source`` to one at ``sink`` (K) with ``work`` spent.

    >>> from nis_core import physics
    >>> physics.heat_flow("1 kJ", "20 degC", "80 degC").overall
    'violated'
    """
    return validate([{"law": "heat_flow", "heat": heat, "from": source, "to": sink, "work": work}])


def engine(
    hot: Number,
    cold: Number,
    *,
    efficiency: Number | None = None,
    heat: Number | None = None,
    work: Number | None = None,
) -> Validation:
    """Carnot's limit for an engine between two temperatures (K), by its efficiency or by heat taken in and work (J).

    >>> from nis_core import physics
    >>> [v.status for v in physics.engine(600, 300, efficiency=0.55)]
    ['violated', 'violated']
    """
    return validate([_claim("engine", hot=hot, cold=cold, efficiency=efficiency, heat=heat, work=work)])


def speed(value: Number) -> Validation:
    """A speed (m/s) against that of light.

    >>> from nis_core import physics
    >>> physics.speed(4e8).overall, physics.speed("5 km/h").overall
    ('violated', 'valid')
    """
    return validate([_claim("speed", value=value)])


def events(
    times: Sequence[Number], positions: Sequence[Sequence[Number]], causes: Sequence[tuple[int, int]]
) -> Validation:
    """Causality: effects lie in the light cones of their causes.

    Args:
        times: Times of the events, s.
        positions: One to three coordinates (m) for each event.
        causes: Pairs of indices: cause, effect.

    >>> from nis_core import physics
    >>> physics.events([0, 1.0], [[0], [4e8]], [(0, 1)]).overall
    'violated'
    """
    both = zip(times, positions, strict=True)
    listed = [{"t": t, "position": list(p)} for t, p in both]
    return validate([_claim("events", events=listed, causes=[list(c) for c in causes])])


def collision(
    masses: Sequence[Number],
    before: Sequence[Any],
    after: Sequence[Any],
    *,
    elastic: bool = False,
    restitution: Number | None = None,
    tolerance: float | None = None,
) -> Validation:
    """A collision without outer forces: momentum, kinetic energy, coefficient of restitution.

    Args:
        masses: Masses, kg.
        before: Velocities before, m/s: numbers, or 1 to 3 components each.
        after: Velocities after.
        elastic: Whether kinetic energy is claimed to be kept; it never grows.
        restitution: Claimed coefficient, for two bodies on a line.
        tolerance: Relative deviation that is granted; 1e-9 where None.

    >>> from nis_core import physics
    >>> physics.collision([1, 2], [3, 0], [-1, 2], elastic=True).overall
    'valid'
    """
    more = {"restitution": restitution, "tolerance": tolerance}
    return validate(
        [_claim("collision", masses=list(masses), before=list(before), after=list(after), elastic=elastic, **more)]
    )


def pendulum(
    length: Number,
    amplitude: Number,
    period: Number,
    *,
    gravity: Number | None = None,
    tolerance: float | None = None,
) -> Validation:
    """The period (s) claimed for a pendulum of a length (m) that swings up to an angle (rad, or ``"60 deg"``).

    >>> from nis_core import physics
    >>> physics.pendulum(1.0, "60 deg", 2.0064).overall
    'violated'
    """
    more = {"gravity": gravity, "tolerance": tolerance}
    return validate([_claim("pendulum", length=length, amplitude=amplitude, period=period, **more)])


def equation(text: str, /, *, tolerance: float | None = None, time: str | None = None, **values: Any) -> Validation:
    """Whether numbers or columns obey an equation; ``x'`` and ``x''`` are derivatives by the column of times.

    Args:
        text: The equation.
        tolerance: Relative difference of the sides that is granted where nothing has noise; 1e-9 where None.
        time: Name of the column of times; ``t`` where there is one.
        values: Numbers (also ``"5 km/h"``) and arrays of shape ``(n,)`` by name; arrays also as ``(array, unit)`` or
            ``(array, unit, noise)``.

    >>> from nis_core import physics
    >>> physics.equation("F = m*a", F=[9.0, 16.0], m=[1.0, 2.0], a=[9.0, 8.0]).overall
    'valid'
    """
    numbers: dict[str, Any] = {}
    columns: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, tuple):  # an array with its unit
            columns[name] = value
        elif isinstance(value, (str, Mapping)) or np.ndim(value) == 0:
            numbers[name] = value
        else:
            columns[name] = value
    claim = _claim("equation", text=text, tolerance=tolerance)
    return validate([claim], numbers=numbers, columns=columns, time=time)


def dimensions(text: str, /, **units: str) -> Validation:
    """Whether all terms of an equation have one dimension, given the units of its names.

    >>> from nis_core import physics
    >>> physics.dimensions("E = m*c^3", E="J", m="kg", c="m/s").overall
    'violated'
    """
    return validate([_claim("dimensions", equation=text, units=units)])


def buckingham(groups: Sequence[str] = (), /, *, count: int | None = None, **quantities: str) -> Validation:
    """Whether groups of quantities (with units) are pure numbers, and how many independent ones there are.

    >>> from nis_core import physics
    >>> physics.buckingham(["rho*v*L/mu"], rho="kg/m^3", v="m/s", L="m", mu="Pa*s").overall
    'valid'
    """
    return validate([_claim("buckingham", quantities=quantities, groups=list(groups), count=count)])


def conserved(
    quantity: str,
    /,
    *,
    t: Any,
    rate: str | None = None,
    rule: Literal["kept", "not_growing", "not_falling"] = "kept",
    numbers: Mapping[str, Number] | None = None,
    integrator: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
    **columns: Any,
) -> Validation:
    """Whether a quantity of columns keeps its value along ``t``, or changes at the declared rate.

    Args:
        quantity: A formula of columns, numbers and derivatives (``x'``).
        t: Times, shape ``(n,)``, increasing; ``(array, unit)`` too.
        rate: Its declared rate of change, as a formula.
        rule: How it may change beyond that.
        numbers: Numbers by name.
        integrator: ``{"method": "leapfrog", "step": 0.01}`` where the samples are those of a simulation.
        progress: See :func:`validate`.
        columns: Samples by name, shape ``(n,)``.

    >>> import numpy as np
    >>> from nis_core import physics
    >>> t = 0.01 * np.arange(1000)
    >>> physics.conserved("x'^2 + 4*x^2", t=t, x=np.cos(2 * t)).overall
    'valid'
    """
    more = {"rate": rate, "integrator": integrator}
    return validate(
        [_claim("conserved", quantity=quantity, rule=rule, **more)],
        numbers=numbers,
        columns={"t": t, **columns},
        time="t",
        progress=progress,
    )


def motion(
    bodies: Sequence[Mapping[str, Any]],
    /,
    *,
    t: Any,
    potential: str | None = None,
    power: str | None = None,
    energy: Literal["unknown", "conserved", "damped"] = "unknown",
    isolated: bool = False,
    central: bool = False,
    numbers: Mapping[str, Number] | None = None,
    integrator: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
    **columns: Any,
) -> Validation:
    """Energy, momentum and angular momentum of bodies whose motion was recorded or simulated.

    Args:
        bodies: Each ``{"mass", "position": [names of columns], "velocity": [names]}``; without ``velocity`` the
            derivatives of the positions are used.
        t: Times in s, shape ``(n,)``, increasing; ``(array, unit)`` too.
        potential: Potential energy in J, as a formula of columns and numbers.
        power: Power in W that enters from outside, as a formula, for example ``"-gamma*x'^2"``.
        energy: What is declared of the energy: ``"conserved"`` but for ``power``, or ``"damped"``.
        isolated: No outer force: momentum and angular momentum are kept.
        central: The force points to the origin: angular momentum is kept.
        numbers: Numbers by name.
        integrator: ``{"method": "leapfrog", "step": 0.01}`` where the trajectory is a simulation.
        progress: See :func:`validate`.
        columns: Samples by name, shape ``(n,)``.

    >>> import numpy as np
    >>> from nis_core import physics
    >>> t = 0.01 * np.arange(1000)
    >>> noise = 1e-3 * np.random.default_rng(1).standard_normal(1000)
    >>> body = {"mass": 1, "position": ["x"]}
    >>> x = np.exp(-0.04 * t) * np.cos(2 * t) + noise
    >>> physics.motion([body], t=t, x=x, potential="2*x^2", energy="conserved").overall
    'violated'
    >>> physics.motion([body], t=t, x=x, potential="2*x^2", energy="damped").overall
    'valid'
    """
    more = {"potential": potential, "power": power, "integrator": integrator}
    claim = _claim(
        "motion", bodies=list(bodies), energy=energy, isolated=isolated, central=central, **more
    )
    return validate([claim], numbers=numbers, columns={"t": t, **columns}, time="t", progress=progress)


def free_fall(
    t: Any, height: Any, *, gravity: Number | None = None, uncertainty: float = 0.0
) -> Validation:
    """The acceleration of free fall from heights (m, upwards) at times (s), against a claimed one (standard gravity).

    >>> import numpy as np
    >>> from nis_core import physics
    >>> t = 0.02 * np.arange(75)
    >>> y = 6 * t - 3.5 * t**2 + 2e-3 * np.random.default_rng(1).standard_normal(75)
    >>> physics.free_fall(t, y).overall
    'violated'
    """
    claim = _claim("free_fall", height="height", gravity=gravity, uncertainty=uncertainty)
    return validate([claim], columns={"t": t, "height": height}, time="t")


def diffusion(
    field: Any,
    /,
    axes: Mapping[str, ArrayLike],
    *,
    diffusivity: Number | None = None,
    edge: Literal["unknown", "zero", "insulated", "periodic"] = "unknown",
    progress: Progress | None = None,
) -> Validation:
    """Heat equation, maximum principle and second law for a field over ``t`` and one to three spatial axes.

    Args:
        field: Values, of the shape of the axes; ``(array, unit)`` too.
        axes: Coordinates by axis, one of them ``t``, in the order of the dimensions of ``field``.
        diffusivity: In m^2/s; the heat equation is not checked without it.
        edge: What happens at the edge.
        progress: See :func:`validate`.

    >>> import numpy as np
    >>> from nis_core import physics
    >>> t, x = np.linspace(0, 1, 51), np.linspace(0, 1, 51)
    >>> u = np.exp(-0.1 * np.pi**2 * t)[:, None] * np.sin(np.pi * x)
    >>> physics.diffusion(u, {"t": t, "x": x}, diffusivity=0.1, edge="zero").overall
    'valid'
    >>> physics.diffusion(u[::-1], {"t": t, "x": x}, diffusivity=0.1, edge="zero").overall
    'violated'
    """
    periodic = [a for a in axes if a != "t"] if edge == "periodic" else []
    claim = _claim("diffusion", field="field", diffusivity=diffusivity, edge=edge)
    return validate([claim], grid=Grid(axes, {"field": field}, periodic), progress=progress)


def flow(
    velocity: Sequence[Any],
    /,
    axes: Mapping[str, ArrayLike],
    *,
    density: Any = None,
    incompressible: bool = False,
    closed: bool = False,
    periodic: Sequence[str] = (),
    progress: Progress | None = None,
) -> Validation:
    """Continuity of a flow: no divergence where it is incompressible, and mass kept where a density is given.

    Args:
        velocity: Components, in the order of the spatial axes, each of the shape of the axes.
        axes: Coordinates by axis; ``t`` is time.
        density: The density, of the same shape; None where there is none.
        incompressible: Whether the flow is declared incompressible.
        closed: Whether nothing passes the edge.
        periodic: The axes whose fields go on at the other end.
        progress: See :func:`validate`.

    >>> import numpy as np
    >>> from nis_core import physics
    >>> x = 2 * np.pi * np.arange(32) / 32
    >>> u, v = np.outer(np.cos(x), np.sin(x)), -np.outer(np.sin(x), np.cos(x))
    >>> axes = {"x": x, "y": x}
    >>> physics.flow([u, v], axes, incompressible=True, periodic="xy").overall
    'valid'
    >>> physics.flow([u, -v], axes, incompressible=True, periodic="xy").overall
    'violated'
    """
    names = [f"velocity{i + 1}" for i in range(len(velocity))]
    fields = dict(zip(names, velocity, strict=True))
    if density is not None:
        fields["density"] = density
    claim = _claim(
        "flow",
        velocity=names,
        density=None if density is None else "density",
        incompressible=incompressible,
        closed=closed,
    )
    return validate([claim], grid=Grid(axes, fields, periodic), progress=progress)


def response(
    frequency: ArrayLike,
    values: ArrayLike,
    *,
    infinity: Number = 0.0,
    passive: bool = True,
    progress: Progress | None = None,
) -> Validation:
    """Kramers-Kronig relation and passivity of a linear response.

    Args:
        frequency: Angular frequencies, shape ``(n,)``: 0 or above, increasing.
        values: The response, complex, shape ``(n,)``, with the sign convention ``exp(-i w t)``.
        infinity: Its value at infinite frequency.
        passive: Whether the medium is declared passive.
        progress: See :func:`validate`.

    >>> import numpy as np
    >>> from nis_core import physics
    >>> w = np.linspace(0, 20, 4001)
    >>> chi = 1 / (1 - w**2 - 0.5j * w)
    >>> physics.response(w, chi).overall, physics.response(w, chi.conj()).overall
    ('valid', 'violated')
    """
    chi = np.asarray(values)
    if chi.dtype.kind not in "biufc":
        raise _invalid("values", f"values of type {chi.dtype}", "complex numbers")
    claim = _claim(
        "response", frequency="w", real="re", imaginary="im", infinity=infinity, passive=passive
    )
    columns = {"w": frequency, "re": chi.real, "im": chi.imag}
    return validate([claim], columns=columns, progress=progress)
