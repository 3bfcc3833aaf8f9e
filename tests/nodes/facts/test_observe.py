"""Facts read from a real sshd, each by itself: one that is missing does not stop the others."""

import os
import time
from collections import Counter
from dataclasses import asdict, replace
from typing import cast

import pytest
from django.utils import timezone

from nodes.checks.core.verdicts import judge
from nodes.checks.selectors.readings import cluster_reading
from nodes.connection import reader
from nodes.connection.connect import open_node
from nodes.enums import Health, NodeRole
from nodes.facts.models import NodeFacts
from nodes.facts.observe import freshen, observe_node, read_facts
from nodes.facts.selectors.facts import profile_of
from nodes.facts.services.facts import Facts, Measures, record_measures
from nodes.platforms.base import ClockReading
from nodes.products.profile import FolderPath
from nodes.registry.models import Node
from nodes.registry.services import host_keys, nodes
from nodes.registry.services.nodes import NodeChange
from nodes.remote.session import Session
from nodes.shares.models import FolderKey
from tests.factories import make_node
from tests.sshd import free_port


@pytest.fixture
def profile(cluster):
    return profile_of(cluster)


def assert_clock_is_this_machines(facts: Facts, least_uncertainty_ms: float = 0.0) -> None:
    offset, uncertainty = facts.clock_offset_ms, facts.clock_uncertainty_ms
    assert offset is not None
    assert uncertainty is not None
    assert uncertainty > least_uncertainty_ms
    assert abs(offset) <= uncertainty


def test_facts_of_a_real_server(real_node, mail_root, profile):
    with open_node(real_node) as link:
        facts = read_facts(link, profile=profile)
    assert dict(facts.errors) == {}
    assert facts.system
    assert facts.host_name
    assert facts.time_zone
    assert facts.product_version == "26.0.3"
    assert facts.disk_free
    assert facts.disk_total
    assert facts.disk_free <= facts.disk_total
    assert facts.folders
    assert_clock_is_this_machines(facts)


def test_observing_keeps_the_facts_and_says_healthy(real_node):
    observe_node(real_node.pk)
    kept = NodeFacts.objects.get(node=real_node)
    node = Node.objects.get(pk=real_node.pk)
    assert kept.product_version == "26.0.3"
    assert kept.capabilities == {
        "can_list": True,
        "can_hash": True,
        "can_untar": True,
        "can_link": True,
        "can_archive": True,
    }
    assert {"role", "label", "path", "source"} <= set(kept.folders[0])
    assert (node.health, node.health_cause) == (Health.OK, "")


def test_without_an_ini_the_other_facts_are_there(real_node, mail_root, profile):
    (mail_root / "App" / "MDaemon.ini").unlink()
    with open_node(real_node) as link:
        facts = read_facts(link, profile=profile)
    assert set(facts.errors) == {"folders", "version"}
    assert "MDaemon.ini" in facts.errors["folders"]
    assert facts.system
    assert facts.clock_offset_ms is not None


def shared_by(node: Node) -> dict[str, tuple[bool | None, str]]:
    observe_node(node.pk)
    return {one["path"]: (one["found"], one["why"]) for one in NodeFacts.objects.get(node=node).reaches}


def test_the_shared_folders_outside_are_looked_for(real_node, mail_root, tmp_path):
    share = tmp_path / "share" / "Users"
    ini = mail_root / "App" / "MDaemon.ini"
    ini.write_bytes(ini.read_bytes() + f"\r\n[Paths]\r\nSomewhere={share}/$DOMAIN$/$MAILBOX$/\r\n".encode())
    assert shared_by(real_node) == {str(share): (False, "it is not there")}
    share.parent.mkdir()
    share.write_text("a file")
    assert shared_by(real_node) == {str(share): (False, "a file is there, no folder")}
    share.unlink()
    share.symlink_to(mail_root)
    assert shared_by(real_node) == {str(share): (True, "")}
    share.unlink()
    share.mkdir()
    assert shared_by(real_node) == {str(share): (True, "")}


def test_the_primarys_shared_folders_are_looked_for_from_every_node(real_node, profile, tmp_path):
    """A server that is about to join keeps its own folders at home, and shall find those of the primary."""
    users = next(rule for rule in profile.folders if rule.role == "users")
    share = FolderPath("users", users.label, str(tmp_path / "far"), "/d", "Paths", "Somewhere", "discovered")
    Node.objects.filter(pk=real_node.pk).update(role=NodeRole.SECONDARY)
    primary = make_node(real_node.cluster, role=NodeRole.PRIMARY)
    NodeFacts.objects.create(node=primary, read_at=timezone.now(), folders=[asdict(share)])
    assert shared_by(real_node) == {share.path: (False, "it is not there")}
    verdict = next(one for one in judge(cluster_reading(real_node.cluster)) if one.code == "path_access")
    assert verdict.standing == "fail"
    assert share.path in verdict.evidence
    (tmp_path / "far").mkdir()
    assert shared_by(real_node) == {share.path: (True, "")}


def test_a_huge_ini_is_not_swallowed(real_node, mail_root, profile, monkeypatch):
    monkeypatch.setattr(reader, "MAX_INI", 10)
    with open_node(real_node) as link:
        assert "more than 10 bytes" in read_facts(link, profile=profile).errors["folders"]


class Slow:
    """A session whose answers arrive late."""

    def __init__(self, session) -> None:
        self._session = session

    def __getattr__(self, name):
        return getattr(self._session, name)

    def run(self, line, **options):
        result = self._session.run(line, **options)
        time.sleep(0.05)
        return result


def test_the_clock_is_right_although_answers_are_late(real_node, profile):
    with open_node(real_node) as link:
        facts = read_facts(replace(link, session=cast(Session, Slow(link.session))), profile=profile)
    assert_clock_is_this_machines(facts, least_uncertainty_ms=25)


class Counted:
    """A session that counts what is asked of it."""

    def __init__(self, session) -> None:
        self._session = session
        self.asked: Counter[str] = Counter()

    def __getattr__(self, name):
        self.asked[name] += 1
        return getattr(self._session, name)


def test_what_a_plan_goes_by_is_read_in_few_questions(real_node, mail_root, profile, monkeypatch):
    monkeypatch.setattr(reader, "EXACT_MS", 60_000.0)
    (mail_root / "Logs" / "first.log").write_text("no banner\n")
    (mail_root / "Logs" / "second.log").write_text("nor here\n")
    with open_node(real_node) as link:
        counted = Counted(link.session)
        freshen(real_node, replace(link, session=cast(Session, counted)), profile, lambda: None)
    asked = counted.asked
    logs = len(list((mail_root / "Logs").glob("*.log")))
    assert (asked["run"], asked["list_folder"], asked["read"]) == (1, 1, logs + 1)  # the clock; the logs; each, the ini
    assert real_node.facts.product_version == "26.0.3"


def test_what_was_read_anew_is_kept_in_one_write(real_node, django_assert_num_queries):
    node = Node.objects.select_related("facts").get(pk=real_node.pk)
    record_measures(node, Measures(None, None, {"code": "first"}))
    node = Node.objects.select_related("facts").get(pk=real_node.pk)
    with django_assert_num_queries(1):
        record_measures(node, Measures(None, ClockReading(7.0, 1.0), {"code": "second"}))
    kept = NodeFacts.objects.get(node=node)
    for facts in (kept, node.facts):
        assert (facts.clock_offset_ms, facts.own_log) == (7.0, {"code": "second"})
    assert kept.measured_at == node.facts.measured_at


class Silent(Slow):
    """A session whose commands take their time, as the portal's scripts do on a busy Windows node."""

    def run(self, line, *, progress=None, **options):
        for _ in range(5):
            if progress is not None:
                progress(0)
        return self._session.run(line, **options)


def test_a_fact_that_takes_long_to_tell_is_told_with_signs_of_life(real_node):
    signs: list[str] = []
    with open_node(real_node) as link:
        silent = replace(link, session=cast(Session, Silent(link.session)))
        reader.Reader(silent, alive=lambda: signs.append("alive")).system()
    assert len(signs) == 6


def test_the_newest_banner_tells_the_version(real_node, mail_root, profile):
    for name, version, age in (("a.log", "25.0.1", 1000), ("b.log", "26.0.2b", 10), ("c.log", "", 0)):
        banner = (
            f"START Event Log / MDaemon PRO v{version}, System log information\r\n" if version else "20261122 x\r\n"
        )
        (mail_root / "Logs" / name).write_text(banner)
        os.utime(mail_root / "Logs" / name, (time.time() - age,) * 2)
    with open_node(real_node) as link:
        facts = read_facts(link, profile=profile)
    assert (facts.product_version, facts.version_source) == ("26.0.2b", "banner")


def test_the_program_tells_the_version_where_nothing_else_does(real_node, mail_root, profile):
    (mail_root / "App" / "MDaemon.ini").write_bytes(b"[Domain]\r\nDomain=example.com\r\n")
    resource = "\N{NULL}".join(("ProductVersion", "", "26.0.3", ""))
    (mail_root / "App" / "MDaemon.exe").write_bytes(b"MZ" + bytes(5000) + resource.encode("utf-16-le") + bytes(100))
    with open_node(real_node) as link:
        facts = read_facts(link, profile=profile)
    assert (facts.product_version, facts.version_source) == ("26.0.3", "program")


def test_a_server_that_is_away_is_down_and_its_facts_stay(real_node, keeper):
    observe_node(real_node.pk)
    nodes.update_node(keeper, node_id=real_node.pk, change=NodeChange(port=free_port()))
    observe_node(real_node.pk)
    node = Node.objects.get(pk=real_node.pk)
    assert node.health == Health.DOWN
    assert "does not answer" in node.health_cause
    assert node.facts.product_version == "26.0.3"


def test_without_an_approved_key_nothing_is_known(real_node, keeper, sshd):
    host_keys.revoke_host_key(keeper, node_id=real_node.pk, fingerprint=sshd.fingerprint)
    observe_node(real_node.pk)
    node = Node.objects.get(pk=real_node.pk)
    assert node.health == Health.UNKNOWN
    assert "Approve" in node.health_cause


def test_a_key_that_a_person_confirmed_is_believed_until_it_is_withdrawn(real_node, mail_root):
    (mail_root / "App" / "MDaemon.ini").write_bytes(b"[S]\r\nMail=\\\\srv\\boxes\\$MAILBOX$\\\r\n")
    names = {"path": "App/MDaemon.ini", "section": "S", "key": "Mail"}
    row = FolderKey.objects.create(cluster=real_node.cluster, role="users", by="x", at=timezone.now(), **names)

    def mail_folders() -> list[tuple[str, str]]:
        observe_node(real_node.pk)
        folders = NodeFacts.objects.get(node=real_node).folders
        return [(one["path"], one["source"]) for one in folders if one["role"] == "users"]

    assert mail_folders() == [("\\\\srv\\boxes", "operator")]
    row.delete()
    assert mail_folders() == [(str(mail_root / "Users"), "guide")]


def test_a_node_that_was_removed_meanwhile_is_no_error(db):
    observe_node(4711)
