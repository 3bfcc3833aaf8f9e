"""Who may bring scripts to a node, and to which."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from accounts.models import AuditEvent
from nodes.connection.connect import NodeLink
from nodes.connection.reader import Reader
from nodes.credentials.services import Login, store_password
from nodes.enums import HostKeyState, PlatformName
from nodes.errors import Unsupported
from nodes.facts.models import NodeFacts
from nodes.facts.selectors.scripts import PURPOSES, scripts_of
from nodes.facts.services import scripts
from nodes.facts.services.scripts import bring_scripts, take_scripts_away
from nodes.platforms import platform_named
from nodes.platforms.base import Capabilities
from nodes.registry.models import HostKey, Node
from nodes.remote.scripts import ScriptsSeen
from nodes.secret import Secret
from tests.factories import make_node, typed
from tests.fakes.disk import FakeDisk
from tests.fakes.node import FAKE_HOME, FakeSession

pytestmark = pytest.mark.django_db
WINDOWS = platform_named("windows")


class Lettered(FakeSession):
    """A node whose home folder is on a drive."""

    def home(self) -> str:
        return f"/C:{FAKE_HOME}"


@pytest.fixture
def windows(cluster, boss, monkeypatch) -> NodeLink:
    """A Windows node in memory, behind the door that acts go through."""
    disk = FakeDisk()
    disk.put_folder(f"/C:{FAKE_HOME}")
    credential = store_password(boss, login=Login(cluster.pk, "portal", "svc"), password=Secret("canary-pass-1"))
    node = make_node(cluster, "win1", platform=PlatformName.WINDOWS, credential=credential)
    HostKey.objects.create(node=node, fingerprint="SHA256:x", state=HostKeyState.APPROVED)
    typed(node)
    link = NodeLink(Lettered(disk), WINDOWS, "/C:/MDaemon", Capabilities(), node.pk, node.name)

    @contextmanager
    def opened(node: Node, *, waits: float) -> Iterator[NodeLink]:
        assert waits <= 60.0  # it keeps a person waiting, and a thread of the web server
        yield link

    monkeypatch.setattr(scripts, "open_node", opened)
    return link


def observed(link: NodeLink, *, able: bool = True) -> Node:
    """The node after a worker looked at it; `able`: PowerShell ran the scripts."""
    found = Reader(link).scripts()
    assert found is not None
    kept = {"files": list(found.files), "whole": found.whole, "tried": True}
    facts = {"read_at": timezone.now(), "capabilities": {"can_list": able}, "scripts": kept}
    NodeFacts.objects.update_or_create(node_id=link.node_id, defaults=facts)
    return Node.objects.get(pk=link.node_id)


def state(link: NodeLink, **fields: bool) -> str:
    shown = scripts_of(observed(link, **fields))
    assert shown is not None
    assert bool(shown.brought) == (shown.state != "none")
    return shown.state


def test_what_is_there_is_told_from_what_was_seen(windows, hand):
    node = Node.objects.get(pk=windows.node_id)
    shown = scripts_of(node)
    assert shown is not None
    assert (shown.state, shown.brought) == ("unknown", "")
    assert state(windows) == "none"
    bring_scripts(hand, node=node)
    kept = scripts_of(Node.objects.get(pk=node.pk))
    assert kept is not None
    assert (kept.state, kept.brought) == ("brought", kept.version)
    assert state(windows) == "used"
    assert state(windows, able=False) == "unused"

    folder = f"/C:{FAKE_HOME}/.clusterportal"
    name = next(iter(WINDOWS.scripts()))
    content = WINDOWS.scripts()[name]
    windows.session.disk.put(f"{folder}/{name}", content[:-1] + b"#")
    assert state(windows) == "changed"
    windows.session.disk.put(f"{folder}/tree-0000000000000000.ps1", b"old")
    windows.session.remove_many([f"{folder}/{name}"])
    assert state(windows) == "outdated"
    take_scripts_away(hand, node=node)
    gone = scripts_of(Node.objects.get(pk=node.pk))
    assert gone is not None
    assert (gone.state, gone.brought) == ("none", "")


def test_every_script_is_explained(windows):
    assert set(PURPOSES) == {name.partition("-")[0] for name in WINDOWS.scripts()}


def test_a_posix_node_has_no_scripts_to_show(cluster):
    assert scripts_of(make_node(cluster)) is None


def test_the_console_asks_before_it_brings_and_comes_back(windows, console_for, operator, viewer):
    observed(windows)
    console = console_for(operator)
    at = f"/nodes/{windows.node_id}/"
    assert "Not brought" in console.get(at).content.decode()
    assert "Bring the scripts" in console.get(f"{at}settings/scripts/").content.decode()
    asked = console.get(f"{at}scripts/bring/?from=join").content.decode()
    assert ".clusterportal" in asked
    assert Reader(windows).scripts() == ScriptsSeen()
    done = console.post(f"{at}scripts/bring/?from=join")
    assert done["Location"] == f"{at}join/?step=checks"
    assert "every 2s" in console.get(done["Location"]).content.decode()
    observed(windows)
    assert "every 2s" not in console.get(done["Location"]).content.decode()
    console.post(f"{at}scripts/bring/")
    page = console.get(f"{at}settings/scripts/").content.decode()
    assert "Used once a worker has tried them" in page
    assert "Bring the scripts" not in page
    removed = console.post(f"{at}scripts/remove/", follow=True)
    assert removed.redirect_chain[-1][0] == f"{at}settings/scripts/"
    assert "Not brought" in removed.content.decode()
    assert console_for(viewer).post(f"{at}scripts/bring/").status_code == 403
    assert Reader(windows).scripts() == ScriptsSeen()


def test_the_api_tells_of_them(windows, api_for, operator):
    observed(windows)
    face = api_for(operator)
    facts = f"/api/v1/nodes/{windows.node_id}/facts/"
    assert face.get(facts).json()["scripts"]["state"] == "none"
    face.post(f"/api/v1/nodes/{windows.node_id}/scripts/bring/", {})
    told = face.get(facts).json()["scripts"]
    assert (told["state"], told["brought"]) == ("brought", told["version"])


@pytest.mark.parametrize("act", [bring_scripts, take_scripts_away])
def test_a_viewer_may_not(act, real_node, watcher):
    with pytest.raises(PermissionDenied, match="Operator"):
        act(watcher, node=real_node)


def test_a_posix_node_needs_none_and_is_not_written_to(real_node, hand):
    with pytest.raises(Unsupported, match="needs no scripts"):
        bring_scripts(hand, node=real_node)
    assert not AuditEvent.objects.filter(action="scripts.bring").exists()


def test_taking_away_what_is_not_there_is_fine_and_noted(real_node, hand):
    real_node.refresh_from_db()
    version = real_node.version
    assert take_scripts_away(hand, node=real_node) == ()
    real_node.refresh_from_db()
    assert real_node.version == version + 1
    assert AuditEvent.objects.get(action="scripts.remove").data == {"files": []}
