"""The tools of the system that tests start or load, by the one table of them, which is in `run`.

A test names its tool: `tool("ssh-keygen")`. What is not in the table does not exist for the tests, also where this
machine has it (`only_listed`): else `./run test` would fail on the next machine.
"""

from __future__ import annotations

import re
import shutil
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from glob import glob
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RUN = ROOT / "run"
_TABLE = re.compile(r"^test_tools\(\) \{\n    cat <<'TOOLS'\n(.*?)^TOOLS\n\}$", re.M | re.S)


class Unlisted(FileNotFoundError):
    """A tool that is not in the table of `run`; whoever copes with a tool that is missing copes with it."""


class NotInstalled(AssertionError):
    """A tool of the table that this machine lacks; `./run test` installs it."""


@dataclass(frozen=True, slots=True)
class Tool:
    """One line of the table. `places`: names on PATH and patterns of paths, the first that exists is it."""

    name: str
    packages: tuple[str, ...]
    places: tuple[str, ...]

    def found(self) -> str | None:
        """Its path, None where this machine does not have it."""
        return next((path for place in self.places for path in _at(place)), None)


@cache
def listed() -> dict[str, Tool]:
    """The table of `run`, by name."""
    match = _TABLE.search(RUN.read_text())
    assert match, "run has no table test_tools"
    rows = [line.split() for line in match[1].splitlines()]
    return {name: Tool(name, tuple(packages.split(",")), (name, *others)) for name, packages, *others in rows}


def tool(name: str) -> str:
    """The path of a tool. Raises Unlisted, or NotInstalled with the packages to install."""
    if name not in listed():
        raise Unlisted(f"{name} is not in the table of ./run (test_tools): give it a line, with its Debian package")
    found = listed()[name].found()
    if found is None:
        raise NotInstalled(f"{name} is missing. Run: apt-get install {' '.join(listed()[name].packages)}")
    return found


def only_listed() -> None:
    """From now on this process starts itself, what is in the checkout or made by a test, and tools of the table."""
    sys.addaudithook(_refuse_unlisted)


def _refuse_unlisted(event: str, arguments: Sequence[object]) -> None:
    if event == "subprocess.Popen" and isinstance(program := arguments[0], str | bytes | Path):
        _assert_listed(program.decode() if isinstance(program, bytes) else str(program))


def _assert_listed(program: str) -> None:
    path = Path(program)
    if program == sys.executable or any(path.is_relative_to(home) for home in _own_places()):
        return
    if path.name not in _names():
        raise Unlisted(f"{program} is not in the table of ./run (test_tools): the tests do not have it")


@cache
def _own_places() -> tuple[Path, ...]:
    return ROOT, Path(sys.prefix), Path(tempfile.gettempdir())


@cache
def _names() -> frozenset[str]:
    return frozenset(Path(place).name for tool in listed().values() for place in tool.places)


def _at(place: str) -> Iterator[str]:
    """What is at a place; of a pattern's several the newest, and of this machine's own architecture first."""
    if not place.startswith("/"):
        on_path = shutil.which(place)
        yield from [on_path] if on_path else []
        return
    own = sysconfig.get_config_var("MULTIARCH")
    yield from sorted(glob(place), key=lambda path: (own in Path(path).parts, _numbers(path)), reverse=True)  # noqa: PTH207


def _numbers(path: str) -> list[int]:
    return [int(digits) for digits in re.findall(r"\d+", path)]
