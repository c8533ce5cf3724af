"""The examples of README.md run as they stand there."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "c"


def blocks(language: str) -> list[str]:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert found, f"README.md has no example in {language}"
    return found


@pytest.mark.parametrize("code", blocks("python"))
def test_python(code: str) -> None:
    exec(compile(code, "README.md", "exec"), {})


@pytest.mark.parametrize(
    ("language", "compiler", "expected"),
    [
        ("c", ["gcc", "-std=c11"], "27.7"),
        ("cpp", ["g++", "-std=c++17"], "exponent of semi_major_axis_gm"),
    ],
)
def test_compiled(language: str, compiler: list[str], expected: str, tmp_path: Path) -> None:
    if not (BUILD / "libnis.so").exists():
        pytest.fail("build/c/libnis.so is missing: run scripts/test.sh c first")
    for code in blocks(language):
        source = tmp_path / f"readme.{language}"
        source.write_text(code, encoding="utf-8")
        program = tmp_path / "readme"
        flags = ["-Wall", "-Wextra", "-Werror", f"-I{ROOT / 'include'}"]
        link = [f"-L{BUILD}", "-lnis", f"-Wl,-rpath,{BUILD}", "-pthread"]
        subprocess.run([*compiler, *flags, str(source), *link, "-o", str(program)], check=True)
        run = subprocess.run([str(program)], cwd=ROOT, check=True, capture_output=True, text=True)
        assert expected in run.stdout


def commands() -> list[str]:
    lines = "".join(blocks("sh")).replace("\\\n", " ").splitlines()
    return [line for line in lines if line.startswith("nis ") and not line.startswith("nis serve")]


@pytest.mark.parametrize("line", commands())
def test_command_line(line: str, tmp_path: Path) -> None:
    program, *arguments = shlex.split(line)
    binary = BUILD.parents[1] / "target" / "debug" / program
    if not binary.exists():
        pytest.fail(f"{binary} is missing: run scripts/test.sh rust first")
    arguments = [str(tmp_path / a) if a.endswith(".html") else a for a in arguments]
    run = subprocess.run([str(binary), *arguments], cwd=ROOT, check=True, capture_output=True, text=True)
    assert run.stdout
