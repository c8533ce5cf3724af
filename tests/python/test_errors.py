"""The exceptions have the codes of C, and behave as Python's own."""

from __future__ import annotations

import pickle
import re

import nis_core
import pytest
from conftest import ROOT

CLASSES = [
    (nis_core.InvalidInput, ValueError),
    (nis_core.ParseError, ValueError),
    (nis_core.NotFound, LookupError),
    (nis_core.Unavailable, RuntimeError),
    (nis_core.Cancelled, Exception),
    (nis_core.Timeout, TimeoutError),
    (nis_core.NumericalError, ArithmeticError),
    (nis_core.IoError, OSError),
    (nis_core.ProviderError, Exception),
    (nis_core.LimitError, Exception),
    (nis_core.InternalError, Exception),
]


def test_numbers_are_those_of_the_header() -> None:
    header = (ROOT / "include" / "nis.h").read_text()
    numbers = dict(re.findall(r"NIS_ERR_(\w+) = (\d+)", header))
    del numbers["POISONED"]  # handles of C only
    assert sorted(map(int, numbers.values())) == sorted(cls.CODE for cls, _ in CLASSES)
    for cls, _ in CLASSES:
        name = re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__.removesuffix("Error")).upper()
        assert int(numbers[name]) == cls.CODE


@pytest.mark.parametrize(("cls", "base"), CLASSES)
def test_classes(cls: type[nis_core.NisError], base: type[Exception]) -> None:
    e = cls("a message", field="f", details={"kind": "k"})
    assert isinstance(e, nis_core.NisError)
    assert isinstance(e, base)
    assert (str(e), e.code, e.field, e.details) == ("a message", cls.CODE, "f", {"kind": "k"})
    again = pickle.loads(pickle.dumps(e))
    assert type(again) is cls
    assert (str(again), again.code, again.field, again.details) == (str(e), e.code, e.field, e.details)


def test_every_code_of_the_core_has_its_class() -> None:
    from nis_core._errors import from_native

    for cls, _ in CLASSES:
        e = from_native(cls.CODE, "m", None, '{"kind": "k"}')
        assert type(e) is cls
    assert type(from_native(99, "m", None, "{}")) is nis_core.NisError
    assert from_native(99, "m", None, "{}").code == 99
