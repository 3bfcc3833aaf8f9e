"""`./run test` installs what the tests use: its table of tools is compared with what the tests ask for.

The tests' syntax trees are walked for tools that are asked of `tests/tools.py`, and for ways around it: a look for a
program on PATH, the path of a system folder, a command that begins with a name instead of a tool. Seen are texts
written down as such, in a call or in what a name is given in the same function or file. Not seen: names put together
at run time, commands inside lines for a shell (on a node of the tests, too), and what a tool starts itself. Programs
that this process starts are held against the table once more while the tests run, also those of the product and of
libraries (`tools.only_listed`); of processes that the tests start only the product's texts are read here.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import tools
from tests.tools import ROOT, NotInstalled, Tool, Unlisted, listed, tool

PRODUCT = ("accounts", "clusterportal", "demo", "nodes", "replication")
NOT_HERE = ROOT / "tests" / "winlab" / "inside"
"""What runs on Windows."""

THE_PIECE = (ROOT / "tests" / "tools.py", Path(__file__))
SYSTEM_PATH = re.compile(r"/(usr/(local/)?)?(s?bin|lib\w*)/[^\n]*")
STARTERS = {
    *("subprocess.run", "subprocess.Popen", "subprocess.call", "subprocess.check_call", "subprocess.check_output"),
    *("asyncio.create_subprocess_exec", "os.execv", "os.execvp", "os.execve", "os.execvpe", "os.spawnv", "os.spawnvp"),
    *("os.posix_spawn", "os.posix_spawnp"),
}
WAYS_AROUND = {"os.system", "os.popen", "os.execl", "os.execlp", "os.spawnl", "os.spawnlp", "pty.spawn"}


class Walk:
    """One file: `asked`, the tools it names; `around`, where it goes around them."""

    def __init__(self, text: str, where: str = "?") -> None:
        self.asked: set[str] = set()
        self.around: list[str] = []
        self._where = where
        tree = ast.parse(text)
        self._scopes = _scopes(tree)
        self._given = _given(tree, self._scopes)
        self._documents = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                self._call(node, ast.unparse(node.func))
            elif isinstance(node, ast.List | ast.Tuple):
                self._command(node)
            elif isinstance(node, ast.Constant) and id(node) not in self._documents:
                self._text(node)

    def _call(self, node: ast.Call, name: str) -> None:
        first = node.args[0] if node.args else None
        if name.rsplit(".", maxsplit=1)[-1] == "tool":
            self.asked |= {text for text in [_text_of(first)] if text}
            if _text_of(first) is None:
                self._add(node, "asks for a tool whose name is not written down here")
        elif name in WAYS_AROUND or name.rsplit(".", maxsplit=1)[-1] == "which":
            self._add(node, f"calls {name}")
        elif name in STARTERS:
            for head in self._heads(first):
                self._add(head, f"starts {ast.unparse(head)}")

    def _command(self, node: ast.List | ast.Tuple) -> None:
        """A list that begins with a listed tool's name is a command, wherever it is handed on to."""
        text = _text_of(node.elts[0]) if isinstance(node, ast.List) and node.elts else None
        if text in listed() and len(node.elts) > 1:
            self._add(node, f"has a command that begins with {text!r}")

    def _text(self, node: ast.Constant) -> None:
        if isinstance(node.value, str) and SYSTEM_PATH.fullmatch(node.value):
            self._add(node, f"names {node.value}")

    def _heads(self, argv: ast.expr | None, depth: int = 0) -> Iterator[ast.expr]:
        """The texts that a command may begin with."""
        if isinstance(argv, ast.List | ast.Tuple):
            for element in argv.elts:
                starred = isinstance(element, ast.Starred)
                yield from self._heads(element.value if isinstance(element, ast.Starred) else element, depth)
                if not starred:
                    return
        elif isinstance(argv, ast.Name) and depth < 3:
            here, outside = (self._scopes.get(id(argv)), argv.id), (None, argv.id)
            for value in self._given.get(here, self._given.get(outside, [])):
                yield from self._heads(value, depth + 1)
        elif isinstance(argv, ast.IfExp):
            yield from self._heads(argv.body, depth)
            yield from self._heads(argv.orelse, depth)
        elif argv is not None and _text_of(argv) is not None:
            yield argv

    def _add(self, node: ast.AST, what: str) -> None:
        self.around.append(f"{self._where}:{getattr(node, 'lineno', '?')} {what}")


def _scopes(tree: ast.AST) -> dict[int, ast.AST]:
    """The innermost function around each node."""
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return {id(node): function for function in functions for node in ast.walk(function) if node is not function}


def _given(tree: ast.AST, scopes: dict[int, ast.AST]) -> dict[tuple[ast.AST | None, str], list[ast.expr]]:
    """What each name is given, by function; a parameter is given what cannot be seen here."""
    found: dict[tuple[ast.AST | None, str], list[ast.expr]] = {}
    for node in ast.walk(tree):
        scope = scopes.get(id(node))
        if isinstance(node, ast.arg):
            found.setdefault((scope, node.arg), [])
        elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                found.setdefault((scope, ast.unparse(target)), []).append(node.value)
    return found


def _text_of(node: ast.expr | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


@pytest.fixture(scope="module")
def walks() -> list[Walk]:
    every = (path for folder in ("tests", "bench") for path in (ROOT / folder).rglob("*.py"))
    files = (path for path in every if path not in THE_PIECE and NOT_HERE not in path.parents)
    return [Walk(path.read_text(), str(path.relative_to(ROOT))) for path in sorted(files)]


def test_every_tool_that_a_test_asks_for_is_in_the_table_of_run(walks: list[Walk]) -> None:
    assert {name for walk in walks for name in walk.asked} - listed().keys() == set()


def test_the_table_of_run_has_nothing_that_no_test_asks_for(walks: list[Walk]) -> None:
    assert listed().keys() - {name for walk in walks for name in walk.asked} == set()


def test_no_test_goes_around_the_table(walks: list[Walk]) -> None:
    assert [line for walk in walks for line in walk.around] == []


def test_what_the_product_looks_for_is_in_the_table() -> None:
    """So that it is there where the tests run the product in processes of its own."""
    names = {place for one in listed().values() for place in one.places}
    found = [
        text
        for package in PRODUCT
        for path in (ROOT / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"which", "shutil.which", "_run_tool"}
        for text in [_looked_for(node.args[0])]
        if text
    ]
    assert len(found) >= 4
    assert set(found) <= names


def _looked_for(node: ast.expr) -> str | None:
    return _text_of(node.elts[0]) if isinstance(node, ast.List) else _text_of(node)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("subprocess.run(['rsync', 'a', 'b'])", "starts 'rsync'"),
        ("argv = ['rsync', 'a']\nsubprocess.Popen(argv)", "starts 'rsync'"),
        ("HEAD = ('nice', '-n5')\nsubprocess.run([*HEAD, program])", "starts 'nice'"),
        ("portal.spawn('redis', ['redis-server', '--port', '1'])", "command that begins with 'redis-server'"),
        ("shutil.which('rsync')", "calls shutil.which"),
        ("CHROMIUM = '/usr/bin/chromium'", "names /usr/bin/chromium"),
        ("os.system('rsync a b')", "calls os.system"),
        ("tool(name)", "not written down"),
    ],
)
def test_the_walk_sees_a_way_around(text: str, what: str) -> None:
    assert any(what in line for line in Walk(text).around), Walk(text).around


@pytest.mark.parametrize(
    "text",
    [
        "subprocess.run([tool('tar'), '-x'])",
        "argv = [sys.executable, '-m', 'pytest']\nsubprocess.run(argv)",
        "subprocess.run([str(ROOT / 'run'), 'help'])",
        '"""/usr/bin/chromium"""',
    ],
)
def test_the_walk_leaves_the_rest_alone(text: str) -> None:
    assert Walk(text).around == []


def test_a_tool_that_is_not_listed_does_not_exist() -> None:
    with pytest.raises(Unlisted, match="frob is not in the table"):
        tool("frob")
    for name in ("true", "/bin/true", b"/bin/true"):
        with pytest.raises(Unlisted, match="true is not in the table"):
            subprocess.run([name], check=True)
    assert subprocess.run([sys.executable, "-c", ""], check=True).returncode == 0


def test_a_tool_that_is_missing_is_told_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    absent = Tool("frob", ("frob-tools", "frob-data"), ("frob", "/nonexistent/*/frob"))
    monkeypatch.setattr(tools, "listed", lambda: {"frob": absent})
    with pytest.raises(NotInstalled, match="apt-get install frob-tools frob-data"):
        tool("frob")


@pytest.mark.parametrize("name", sorted(listed()))
def test_it_is_installed(name: str) -> None:
    assert Path(tool(name)).exists()
