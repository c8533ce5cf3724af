"""Physics checks through Python: scenarios, arrays, errors."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

import nis_core
from nis_core import physics


#: m/s after a fall of 10 m
FALL = (2 * 9.80665 * 10) ** 0.5


@pytest.mark.parametrize(
    ("found", "overall"),
    [
        (lambda: physics.energy_balance(0, 1000), "violated"),
        (lambda: physics.energy_balance(0, "1 kJ", work="600 J", heat=400), "valid"),
        (lambda: physics.momentum_balance(50, 100), "violated"),
        (lambda: physics.heat_flow(1000, 300, 400), "violated"),
        (lambda: physics.heat_flow(1000, 300, 400, work=400), "valid"),
        (lambda: physics.equation("F = m*a", F=100, m=5, a=50), "violated"),
        (lambda: physics.equation("F = m*a", F="100 N", m="5 kg", a=20), "valid"),
        (lambda: physics.equation("m*g*h = m*v^2/2", m=100, h=10, g={"constant": "g_n"}, v=FALL), "valid"),
        (lambda: physics.equation("test"), "not_checked"),
        (lambda: physics.speed(4e8), "violated"),
        (lambda: physics.speed(1.02 * 299792458), "violated"),
        (lambda: physics.collision([1, 2], [3, 0], [-1, 2], elastic=True), "valid"),
        (lambda: physics.collision([1, 2], [3, 0], [-2, 2.5]), "violated"),
        (lambda: physics.collision([1, 1], [[2, 0], [0, 0]], [[1, 1], [1, -1]], elastic=True), "valid"),
        (lambda: physics.engine(600, 300, efficiency=0.55), "violated"),
        (lambda: physics.engine("600 K", "300 K", heat=1000, work=450), "valid"),
        (lambda: physics.pendulum(1, "60 deg", 2.0064), "violated"),
        (lambda: physics.pendulum(1, "60 deg", "2.1532 s"), "valid"),
        (lambda: physics.dimensions("E = m*c^2", E="J", m="kg", c="m/s"), "valid"),
        (lambda: physics.dimensions("E = m*c^3", E="J", m="kg", c="m/s"), "violated"),
        (lambda: physics.buckingham(count=1, rho="kg/m^3", v="m/s", L="m", mu="Pa*s"), "valid"),
        (lambda: physics.events([0, 2], [[0, 0], [3e8, 4e8]], [(0, 1)]), "valid"),
        (lambda: physics.events([0, -2], [[0], [1]], [(0, 1)]), "violated"),
        (lambda: physics.validate(numbers={"T": "-300 degC"}), "violated"),
        (lambda: physics.validate(), "not_checked"),
    ],
)
def test_scenarios(found: Any, overall: str) -> None:
    verdicts = found()
    assert verdicts.overall == overall, verdicts


def _noise(n: int, sigma: float) -> Any:
    return sigma * np.random.default_rng(7).standard_normal(n)


def test_oscillators() -> None:
    t = np.linspace(0, 10, 2001)
    body = {"mass": 1, "position": ["x"]}

    def of(zeta: float, **more: Any) -> physics.Validation:
        x = np.exp(-2 * zeta * t) * np.cos(2 * np.sqrt(1 - zeta**2) * t) + _noise(len(t), 1e-3)
        return physics.motion([body], t=t, x=x, potential="2*x^2", **more)

    assert of(0.0, energy="conserved").overall == "valid"
    damped = of(0.02, energy="conserved")
    assert damped.overall == "violated"
    assert damped.violated[0].value is not None and damped.violated[0].value < -20
    assert damped.verdicts[0].kind == "energy" and damped.verdicts[0].noise is not None
    assert of(0.02, energy="damped").overall == "valid"
    assert of(0.02, energy="conserved", power="-0.08*x'^2").overall == "valid"
    assert of(-0.01, energy="damped").overall == "violated"
    assert of(0.0).overall == "not_checked"
    # Milliseconds and centimetres.
    x = np.cos(2 * t) + _noise(len(t), 1e-3)
    units = physics.motion([body], t=(1e3 * t, "ms"), x=(100 * x, "cm"), potential="2*x^2", energy="conserved")
    assert units.overall == "valid"


def test_fields() -> None:
    x = 2 * np.pi * np.arange(64) / 64
    u = np.outer(np.cos(x), np.sin(x)) + _noise(4096, 0.01).reshape(64, 64)
    v = -np.outer(np.sin(x), np.cos(x)) + _noise(4096, 0.01).reshape(64, 64).T
    axes = {"x": x, "y": x}
    assert physics.flow([u, v], axes, incompressible=True, periodic="xy").overall == "valid"
    wrong = physics.flow([u, -v], axes, incompressible=True, periodic="xy")
    assert wrong.overall == "violated"
    t = x = np.linspace(0, 1, 101)
    heat = np.exp(-0.1 * np.pi**2 * t)[:, None] * np.sin(np.pi * x)
    found = physics.diffusion(heat, {"t": t, "x": x}, diffusivity="1000 cm^2/s", edge="zero")
    assert found.overall == "valid", found
    back = physics.diffusion(heat[::-1], {"t": t, "x": x}, diffusivity=0.1, edge="zero")
    assert {v.kind for v in back.violated} == {"heat_equation", "maximum_principle", "second_law"}
    # Not contiguous, and the axes in the other order.
    turned = physics.diffusion(heat.T, {"x": x, "t": t}, diffusivity=0.1, edge="zero")
    assert [v.status for v in turned] == [v.status for v in found]
    text = physics.validate(
        [{"law": "equation", "text": "u_t = a*u_xx"}],
        numbers={"a": 0.1},
        grid=physics.Grid({"t": t, "x": x}, {"u": (heat, "K", 0.0)}),
    )
    assert text.overall == "valid"


def test_responses_and_falls() -> None:
    w = np.linspace(0, 20, 4001)
    chi = 1 / (1 - w**2 - 0.5j * w)
    assert physics.response(w, chi).overall == "valid"
    assert physics.response(w, 1.3 * chi.real + 1j * chi.imag).overall == "violated"
    assert physics.response(w, chi.conj()).overall == "violated"
    t = 0.02 * np.arange(75)
    y = 2 + 6 * t - 0.5 * 9.80665 * t**2 + _noise(75, 2e-3)
    assert physics.free_fall(t, y).overall == "valid"
    assert physics.free_fall(t, y, gravity=7).overall == "violated"
    y[3] = np.nan
    assert physics.free_fall(t, y).overall == "not_checked"
    assert physics.free_fall(t[:3], y[:3]).overall == "not_checked"


def test_equations_on_columns() -> None:
    rng = np.random.default_rng(3)
    m = rng.uniform(1, 2, 200)
    force = 5 * m + 0.1 * rng.standard_normal(200)
    assert physics.equation("F = 5*m", F=(force, "N", 0.1), m=m).overall == "valid"
    assert physics.equation("F = 5.2*m", F=(force, "N", 0.1), m=m).overall == "violated"
    s = np.linspace(0, 10, 2001)
    x = np.cos(2 * s) + _noise(len(s), 1e-3)
    assert physics.equation("x'' = -4*x", s=s, x=x, time="s").overall == "valid"
    assert physics.conserved("x'^2 + 4*x^2", t=s, x=x).overall == "valid"


@pytest.mark.parametrize(
    ("call", "where"),
    [
        (lambda: physics.speed("5 kg"), "claims[0].value"),
        (lambda: physics.speed("5 furlongs"), "claims[0].value"),
        (lambda: physics.validate([{"law": "magic"}]), "spec.claims[0]"),
        (lambda: physics.validate([{"law": "speed", "velocty": 1}]), "spec.claims[0]"),
        (lambda: physics.validate(checks=["enrgy"]), "spec.checks[0]"),
        (lambda: physics.validate([{"law": "speed", "value": float("nan")}]), "claims"),
        (lambda: physics.validate([{"law": "speed", "value": object()}]), "claims"),
        (lambda: physics.validate(columns={"a": [1.0], "b": [1.0, 2.0]}), "columns.b"),
        (lambda: physics.validate(columns={"a": [[1.0]]}), "columns.a"),
        (lambda: physics.validate(columns={"a": ["x"]}), "columns.a"),
        (lambda: physics.validate(grid=physics.Grid({"x": [0, 1]}, {"u": [1.0]})), "grid.fields.u"),
        (lambda: physics.validate(grid=physics.Grid({"x": [0, 1, 5]}, {})), "grid.axes[0].values"),
        (lambda: physics.validate(grid=physics.Grid({"x": [0, 1]}, {}, "y")), "grid"),
        (lambda: physics.free_fall([0, 1], [0, 1], gravity="1 m"), "claims[0].gravity"),
        (lambda: physics.response([0, 1], ["a", "b"]), "values"),
    ],
)
def test_errors_name_the_field(call: Any, where: str) -> None:
    with pytest.raises(nis_core.NisError) as caught:
        call()
    assert caught.value.field is not None and caught.value.field.startswith(where), caught.value.field
    assert isinstance(caught.value, ValueError)


def test_results_are_values() -> None:
    one = physics.engine(600, 300, efficiency=0.55)
    assert pickle.loads(pickle.dumps(one)) == one
    assert one == physics.engine(600, 300, efficiency=0.55) != physics.engine(600, 300, efficiency=0.45)
    assert len(one) == 2 and "violated: Carnot's limit; efficiency 0.55 (at most 0.5)" in repr(one)
    only = physics.validate(
        [{"law": "engine", "hot": 600, "cold": 300, "efficiency": 0.4}], checks=["carnot", "causality"]
    )
    assert [v.kind for v in only] == ["carnot", "causality"]
    assert [v.status for v in only] == ["valid", "not_checked"]


def test_progress_and_stop() -> None:
    seen: list[str] = []
    claims = [{"law": "speed", "value": 1}] * 5
    physics.validate(claims, progress=lambda stage, done, total, message: seen.append(stage))
    assert set(seen) == {"physics"}
    with pytest.raises(nis_core.Cancelled):
        physics.validate(claims, progress=lambda *step: False)
