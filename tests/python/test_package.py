"""The package itself: the README's example, Ctrl-C, what an import costs and pulls in."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time

import nis_core
import pytest
from conftest import ROOT


def test_the_examples_of_the_readme_run() -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(), re.S | re.M)
    assert blocks
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {})


def test_everything_named_is_there_and_documented() -> None:
    for name in nis_core.__all__:
        thing = getattr(nis_core, name)
        assert isinstance(thing, str) or thing.__doc__, name


def test_an_import_pulls_in_numpy_only() -> None:
    code = (
        "import numpy, sys; before = set(sys.modules); import nis_core; "
        "print(*sorted({m.split('.')[0] for m in set(sys.modules) - before}))"
    )
    new = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    foreign = [m for m in new if m not in sys.stdlib_module_names and m not in ("nis_core", "numpy")]
    assert foreign == []


LONG = """
import pathlib, signal, sys, time
# A child of a shell's background job ignores it.
signal.signal(signal.SIGINT, signal.default_int_handler)
import numpy as np
import nis_core
n = 200_000
t = np.arange(n) * 0.01
rng = np.random.default_rng(1)
y = np.sin(t) + 0.1 * rng.standard_normal(n)
print("ready", flush=True)
try:
    while True:
        nis_core.analyze({"t": t, "y": y})
except KeyboardInterrupt:
    print("interrupted", time.time(), flush=True)
end = time.time() + 5
while any("nis-python" in task.read_text() for task in pathlib.Path("/proc/self/task").glob("*/comm")):
    if time.time() > end:
        sys.exit("the native work goes on")
    time.sleep(0.01)
"""


@pytest.mark.parametrize("after", [0.1, 0.4, 0.9])
def test_ctrl_c_stops_the_work_within_a_fifth_of_a_second(after: float) -> None:
    child = subprocess.Popen([sys.executable, "-c", LONG], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    time.sleep(after)
    sent = time.time()
    os.kill(child.pid, signal.SIGINT)
    word, when = child.stdout.readline().split()
    assert word == "interrupted"
    assert float(when) - sent < 0.2
    # The native work stops too, at its next check: its thread ends.
    assert child.wait(timeout=10) == 0
    child.stdout.close()
