"""Whatever asks a node goes through `nodes.connection.connect.open_node`, and so by the deadlines and limits of its
target. Read from the source, so that code which reaches the wire around it is red, whoever writes it.

What types can say they say: a session demands a time for each command and a number of bytes for each file.
"""

from __future__ import annotations

import ast
import functools
import inspect
from collections.abc import Iterator

import pytest

from nodes.remote.session import Session
from nodes.remote.ssh import SshSession
from tests.run.test_contracts import ROOT
from tests.run.test_forbidden import imported, sources

REACHES_OUT = {
    "_socket", "asyncio", "asyncssh", "concurrent.futures.process", "ctypes", "fabric", "multiprocessing", "paramiko",
    "pexpect", "pty", "select", "selectors", "smbclient", "smbprotocol", "socket", "socketserver", "spnego", "ssl",
    "subprocess",
}  # fmt: skip
"""What opens connections or starts programs. `test_forbidden.py` has what speaks HTTP and the like."""

STARTS_PROGRAMS = ("os.exec", "os.fork", "os.popen", "os.posix_spawn", "os.spawn", "os.system")
IMPORTS_BY_NAME = {"__import__", "import_module", "import_string"}

MAY_REACH_OUT = {
    "clusterportal/broker.py": "asks its own broker",
    "clusterportal/connections.py": "takes the connections of browsers and programs",
    "clusterportal/die_with_parent.py": "asks the kernel to end it with its parent",
    "clusterportal/front_door.py": "takes their requests",
    "clusterportal/processes.py": "the ports of its own web server",
    "clusterportal/web.py": "listens for them",
    "nodes/leases/worker.py": "its own machine's name",
    "replication/backup/database_copy.py": "the database's own programs",
}
"""Outside of `nodes/remote`. None of them speaks to a node."""

MAY_IMPORT_BY_NAME = {"accounts", "clusterportal"}
"""They know nothing of nodes, or put the apps together; and so does an app's `apps.py`."""

SAYINGS = {"fingerprints", "keypairs", "limits", "scripts", "session", "shares", "walk"}
"""Modules of `nodes.remote` that anybody may use: words, and what asks a session that it is given."""

DOORS = {
    "nodes/connection/connect.py": {"knock", "pool", "target"},
    "nodes/discovery/worker.py": {"banners"},
    "nodes/facts/observe.py": {"wire.looked_up"},
    "nodes/registry/services/host_keys.py": {"hostkeys"},
    "replication/files/apply/swap.py": {"sftp.ANSWER_SECONDS"},
    "replication/shared_paths/test_job/portal_test.py": {"share_probe"},
}
"""Who may use the others: what logs in, who only hears greetings, and who takes a number or a name."""

MADE_INSIDE = {
    "BoundedConnection",
    "Connection",
    "NodeLink",
    "SessionPool",
    "SftpChannel",
    "SshSession",
    "SshTarget",
    "WireSocket",
}

OPENS = {
    "nodes/connection/presence.py": "32 nodes at once, each waited for within PORTAL.reach",
    "nodes/facts/observe.py": "a lane of each cluster's own, all questions within PORTAL.observe",
    "nodes/facts/services/scripts.py": "a person's act, on one node, which may keep them waiting for a minute",
    "nodes/management/commands/node_selftest.py": "a person's act, on one node",
    "nodes/queues/look.py": "a lane of each cluster's own, and at most a minute a node",
    "replication/clustering/feature_job/runner.py": "a job's target, in its cluster's width and under its lease",
    "replication/configuration/job/planning.py": "a job's look, in its cluster's width and under its lease",
    "replication/configuration/job/snapshot.py": "a job's look at its primary, under its lease",
    "replication/configuration/job/target.py": "a job's target, in its cluster's width and under its lease",
    "replication/drift/look.py": "a lane of each cluster's own",
    "replication/membership/leave_job/runner.py": "a job's target, in its cluster's width and under its lease",
    "replication/shared_paths/apply_job/runner.py": "a job's look at its primary, and that target, under its lease",
    "replication/shared_paths/apply_job/target.py": "a job's target, in its cluster's width and under its lease",
    "replication/shared_paths/drain_job/places.py": "of a job's plan or target, under its lease",
    "replication/shared_paths/drain_job/runner.py": "a job's target, in its cluster's width and under its lease",
    "replication/shared_paths/test_job/node_test.py": "a job's target, in its cluster's width and under its lease",
    "replication/shared_paths/test_job/peers.py": "the same target's look from another node, three at most",
    "replication/shared_paths/worker.py": "a lane of each cluster's own, all questions within PORTAL.observe",
    "replication/watch/detector.py": "one look a cluster, under the watch's lease",
}
"""Who opens nodes, and what keeps it fair."""


def is_wire(path: str) -> bool:
    return path.startswith("nodes/remote/")


def reaches_out(path: str, tree: ast.Module) -> Iterator[str]:
    """Modules and calls that reach beyond this process."""
    if path in MAY_REACH_OUT or is_wire(path):
        return
    for name in imported(tree):
        parts = name.split(".")
        yield from {".".join(parts[:end]) for end in range(1, len(parts) + 1)} & REACHES_OUT
    for call in _calls(tree):
        if call.startswith(STARTS_PROGRAMS):
            yield call


def imports_by_name(path: str, tree: ast.Module) -> Iterator[str]:
    """Modules that no reader of the source can tell."""
    if path.partition("/")[0] not in MAY_IMPORT_BY_NAME and not path.endswith("/apps.py"):
        yield from (call for call in _calls(tree) if call.rpartition(".")[2] in IMPORTS_BY_NAME)


def uses_the_wire(path: str, tree: ast.Module) -> Iterator[str]:
    """What is taken from `nodes.remote` beside its words."""
    if is_wire(path):
        return
    allowed = SAYINGS | DOORS.get(path, set())
    names = set(imported(tree))
    for name in names:
        used = name.removeprefix("nodes.remote.") if name.startswith("nodes.remote.") else ""
        taken_from = any(other.startswith(f"{name}.") for other in names)  # what is taken from it is judged itself
        if used and not taken_from and not {used, used.partition(".")[0]} & allowed:
            yield used


def makes_its_own(path: str, tree: ast.Module) -> Iterator[str]:
    """Sessions, links and targets that come from no door."""
    if not is_wire(path) and path != "nodes/connection/connect.py":
        yield from (call for call in _calls(tree) if call.rpartition(".")[2] in MADE_INSIDE)


def looks_inside(path: str, tree: ast.Module) -> Iterator[str]:
    """Private attributes of the wire, on something else than oneself."""
    if is_wire(path):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in _private_of_the_wire():
            owner = ast.unparse(node.value)
            if owner not in {"self", "cls", "super()"}:
                yield f"{owner}.{node.attr}"


@functools.cache
def _private_of_the_wire() -> frozenset[str]:
    trees = [tree for path, tree in sources() if is_wire(path)]
    classes = [node for tree in trees for node in tree.body if isinstance(node, ast.ClassDef)]
    inside = [node for one in classes for node in ast.walk(one)]
    own = {node.attr for node in inside if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "self"}
    names = own | {node.name for node in inside if isinstance(node, ast.FunctionDef)}
    return frozenset(name for name in names if name.startswith("_") and not name.endswith("__"))


def has_no_bound(path: str, tree: ast.Module) -> Iterator[str]:
    """Commands and files without a time or a size, or with one that is none."""
    if is_wire(path):
        return
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        needs = {"run": {"timeout"}, "read": {"most"}}.get(node.func.attr)
        if needs is None or ast.unparse(node.func.value).rpartition(".")[2].strip("_") != "session":
            continue
        given = {word.arg: word.value for word in node.keywords}
        if not needs <= given.keys() or any(_is_endless(value) for value in given.values()):
            yield ast.unparse(node)


def _is_endless(value: ast.expr) -> bool:
    return ast.unparse(value) in {"None", "float('inf')", "math.inf", "inf", "sys.maxsize"}


def opens_nodes(path: str, tree: ast.Module) -> Iterator[str]:
    """Who opens nodes and is not known to do so fairly."""
    if path not in OPENS and path != "nodes/connection/connect.py":
        yield from (name for name in imported(tree) if name == "nodes.connection.connect.open_node")


def _calls(tree: ast.Module) -> Iterator[str]:
    yield from (ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call))


RULES = (
    reaches_out,
    imports_by_name,
    uses_the_wire,
    makes_its_own,
    looks_inside,
    has_no_bound,
    opens_nodes,
)


@pytest.mark.parametrize("rule", RULES)
def test_nothing_reaches_a_node_around_the_door(rule) -> None:
    assert {path: found for path, tree in sources() if (found := sorted(set(rule(path, tree))))} == {}


BAD = {
    "import socket": reaches_out,
    "from paramiko.client import SSHClient": reaches_out,
    "def f():\n    from subprocess import run": reaches_out,
    "import concurrent.futures.process": reaches_out,
    "import os\nos.system('ssh x')": reaches_out,
    "import importlib\nimportlib.import_module('paramiko')": imports_by_name,
    "__import__('socket')": imports_by_name,
    "from nodes.remote.pool import POOL": uses_the_wire,
    "from nodes.remote import pool": uses_the_wire,
    "import nodes.remote.ssh": uses_the_wire,
    "from nodes.remote.sftp import SftpChannel": uses_the_wire,
    "from nodes.remote.wire import connect": uses_the_wire,
    "from nodes.remote.smb import open_share": uses_the_wire,
    "from smbprotocol.connection import Connection": reaches_out,
    "SshSession(connection)": makes_its_own,
    "connect.NodeLink(session, platform, root, able, 1, 'mx')": makes_its_own,
    "connect.SessionPool()": makes_its_own,
    "link.session._transport.open_session()": looks_inside,
    "session._sftp": looks_inside,
    "link.session.run(line)": has_no_bound,
    "self._session.run(line, timeout=float('inf'))": has_no_bound,
    "context.link.session.run(line, timeout=5, max_output=sys.maxsize)": has_no_bound,
    "session.read(path)": has_no_bound,
    "session.read(path, most=None)": has_no_bound,
    "from nodes.connection.connect import open_node": opens_nodes,
}


@pytest.mark.parametrize("source", BAD)
def test_each_way_around_it_is_seen(source: str) -> None:
    for path in ("nodes/facts/new.py", "replication/jobs/new.py"):
        assert list(BAD[source](path, ast.parse(source)))


GOOD = (
    "from nodes.remote.session import Session\nfrom nodes.remote import scripts",
    "link.session.run(line, timeout=5, max_output=10)\nself._session.read(path, most=10)\nstream.read(5)\ntest.run()",
    "self._channel = 1\ncls._limits",
)


@pytest.mark.parametrize("source", GOOD)
def test_what_goes_through_it_is_not(source: str) -> None:
    assert [list(rule("nodes/facts/new.py", ast.parse(source))) for rule in RULES] == [[] for _ in RULES]


def test_a_number_of_the_wire_lets_nobody_take_its_channel() -> None:
    (path,) = (path for path, allowed in DOORS.items() if "sftp.ANSWER_SECONDS" in allowed)
    assert list(uses_the_wire(path, ast.parse("from nodes.remote.sftp import SftpChannel")))
    assert not list(uses_the_wire(path, ast.parse("from nodes.remote.sftp import ANSWER_SECONDS")))


def test_whoever_is_named_here_is_there() -> None:
    named = {*MAY_REACH_OUT, *DOORS, *OPENS}
    assert sorted(path for path in named if not (ROOT / path).is_file()) == []
    for path, tree in sources():
        if path in OPENS:
            assert "nodes.connection.connect.open_node" in imported(tree), path
        if path in MAY_REACH_OUT:
            assert {name.partition(".")[0] for name in imported(tree)} & REACHES_OUT, path


@pytest.mark.parametrize("kind", [Session, SshSession])
@pytest.mark.parametrize(("verb", "bound"), [("run", "timeout"), ("read", "most")])
def test_a_session_demands_a_bound(kind: type, verb: str, bound: str) -> None:
    demanded = inspect.signature(getattr(kind, verb)).parameters[bound]
    assert (demanded.default, demanded.kind) == (inspect.Parameter.empty, inspect.Parameter.KEYWORD_ONLY)
