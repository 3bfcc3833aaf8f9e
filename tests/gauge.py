"""The gauge of sizes: `python tests/gauge.py [FOLDER...]`; status 1 where a file or function has grown too long.

A function's length is its lines without its docstring, as a reader's eye has to hold them.
"""

from __future__ import annotations

import ast
import statistics
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOMS = ("accounts", "bench", "clusterportal", "demo", "nodes", "replication")
FILE_LIMIT = 400
FUNCTION_LIMIT = 60
P90_LIMIT = 30
MEDIAN_LIMIT = 9


@dataclass(frozen=True, slots=True)
class Function:
    """A function and its length in lines."""

    place: str
    length: int


def python_files(folders: Sequence[str]) -> list[Path]:
    """Every Python file written by hand."""
    files = (path for folder in folders for path in sorted(Path(folder).rglob("*.py")))
    return [path for path in files if "migrations" not in path.parts]


def functions_of(path: Path) -> Iterator[Function]:
    """All functions and methods of a file."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield Function(f"{path}:{node.lineno} {node.name}", _length(node))


def _length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    length = (node.end_lineno or node.lineno) - node.lineno + 1
    if ast.get_docstring(node) is not None:
        docstring = node.body[0]
        length -= (docstring.end_lineno or docstring.lineno) - docstring.lineno + 1
    return length


def findings(files: Sequence[Path]) -> list[str]:
    """What is too long, one sentence each."""
    found = []
    for path in files:
        length = len(path.read_text("utf-8").splitlines())
        if length > FILE_LIMIT:
            found.append(f"{path}: {length} lines, more than {FILE_LIMIT}; split it by noun")
    functions = [function for path in files for function in functions_of(path)]
    found += [
        f"{f.place}: {f.length} lines, more than {FUNCTION_LIMIT}" for f in functions if f.length > FUNCTION_LIMIT
    ]
    lengths = sorted(function.length for function in functions) or [0]
    median, p90 = statistics.median(lengths), lengths[int(len(lengths) * 0.9)]
    if median > MEDIAN_LIMIT or p90 > P90_LIMIT:
        found.append(f"functions: median {median} (limit {MEDIAN_LIMIT}), p90 {p90} (limit {P90_LIMIT})")
    return found


def main(folders: Sequence[str]) -> int:
    """Print what is too long; 0 when nothing is."""
    files = python_files(folders or ROOMS)
    found = findings(files)
    print("\n".join(found) or f"{len(files)} files are within their sizes")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
