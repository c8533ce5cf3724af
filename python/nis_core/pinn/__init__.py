"""Differential equations as text: solved, or fitted to data, and judged on points that the solver did not use.

* :func:`solve` solves a problem and returns a :class:`Solution`, which is callable and carries a
  :class:`Certificate`.
* :class:`Problem` holds equations, conditions and a domain, read and checked.
"""

from nis_core.pinn._problem import Problem
from nis_core.pinn._solution import (
    Certificate,
    Comparison,
    ConditionCheck,
    Conservation,
    EquationCheck,
    Parameter,
    Solution,
)
from nis_core.pinn._solve import solve

__all__ = [
    "Certificate",
    "Comparison",
    "ConditionCheck",
    "Conservation",
    "EquationCheck",
    "Parameter",
    "Problem",
    "Solution",
    "solve",
]
