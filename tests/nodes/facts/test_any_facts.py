"""Whatever a node answers to the questions for its facts can be kept, shown, and told again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nodes.command import CommandResult
from nodes.connection.connect import NodeLink
from nodes.errors import LimitBroken, NodeError, RemoteDenied, SessionLost, TimedOut
from nodes.facts.models import NodeFacts
from nodes.facts.observe import read_facts
from nodes.facts.services.facts import record_facts
from nodes.platforms import platform_named
from nodes.platforms.base import Capabilities
from nodes.products.loading import load_profile
from nodes.products.profile import FeatureRule, Source
from nodes.registry.models import Node
from nodes.remote.session import FileKind, Progress, RemoteEntry, RemoteStat, Space
from tests.any_input import few, is_fit_to_be_shown, texts_in
from tests.factories import make_node
from tests.fakes.disk import FakeDisk
from tests.fakes.node import FakeSession
from tests.nodes.platforms.test_any_answer import ANSWERS

PROFILE = load_profile("mdaemon")
SWITCH = FeatureRule("odd", "Odd", Source.OPERATOR, "App/MDaemon.ini", "*", "Key", "No")
INI = st.lists(
    st.sampled_from([
        b"[Directories]\r\n", b"[Special]\r\n", b"Key=", b"LogFiles=", b"C:\\x\\", b"/srv/x", b"Version=1.2.3\r\n",
        b"\x1b[2J\r\n", b"\0", "\u202e".encode(), b"\xff", b"\n", b"=", b";", b"x" * 5000, b"[a]\nKey=\x07\n",
    ]),
    max_size=12,
).map(b"".join)  # fmt: skip
LOG = st.sampled_from([
    b"START Event Log / MDaemon v26.0.3, x\r\n",
    b"01/01/26 01:01:01.001 Info 0000abcd 0x41510001 \0\x1b\xe2\x80\xae evil\r\n",
    b"260101 010101001 I [0000ABCD] 0x4151ffff " + b"y" * 900 + b"\r\n",
])  # fmt: skip
NUMBERS = st.sampled_from([0, 1, 2**31, 2**63 - 1])


class Any(FakeSession):
    """Answers whatever was drawn."""

    def __init__(self, data: st.DataObject) -> None:
        super().__init__(FakeDisk())
        self.data = data

    def run(self, command_line: str, **_: object) -> CommandResult:
        return self.data.draw(ANSWERS)

    def read(self, path: str, *, most: int, progress: Progress | None = None) -> Iterator[bytes]:
        yield self.data.draw(st.one_of(INI, LOG, st.binary(max_size=200)))

    def stat(self, path: str) -> RemoteStat | None:
        kind = self.data.draw(st.sampled_from([None, *FileKind]))
        return None if kind is None else RemoteStat(kind, self.data.draw(NUMBERS), 0)

    def free_space(self, path: str) -> Space | None:
        return Space(self.data.draw(NUMBERS), self.data.draw(NUMBERS))

    def list_folder(self, path: str, *, progress: Progress | None = None) -> Sequence[RemoteEntry]:
        if self.data.draw(st.booleans()):
            raise RemoteDenied(path)
        names = self.data.draw(
            st.lists(st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1), max_size=3)
        )
        return [RemoteEntry(f"{name}.log", RemoteStat(FileKind.FILE, 1, 2**32 * 10**9)) for name in names]


@pytest.fixture
def node(cluster) -> Node:
    return make_node(cluster, "any")


@pytest.mark.parametrize("system", ["posix", "windows"])
@settings(few, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_any_facts_are_kept_and_fit_to_be_shown(node: Node, system: str, data: st.DataObject) -> None:
    platform = platform_named(system)
    if system == "windows":
        platform = platform.with_scripts("/C:/home/.clusterportal")
    link = NodeLink(Any(data), platform, "/C:/MDaemon", Capabilities(), node.pk, node.name)
    try:
        facts = read_facts(link, profile=PROFILE, features=[SWITCH])
    except NodeError as error:
        assert isinstance(error, SessionLost | TimedOut | LimitBroken)
        return
    record_facts(node_id=node.pk, facts=facts)
    kept = NodeFacts.objects.get(node=node)
    for field in NodeFacts._meta.fields:
        value = getattr(kept, field.attname)
        assert field.max_length is None or value is None or len(value) <= field.max_length, field.name
        if isinstance(value, str | dict | list):
            assert all(is_fit_to_be_shown(text) and len(text) <= 2000 for text in texts_in(value)), field.name
            json.dumps(value).encode("ascii")
