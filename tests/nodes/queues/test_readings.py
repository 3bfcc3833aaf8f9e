"""What waits on nodes is read from a real server into rows, and told once for all who share it."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from nodes.enums import Health, Joining, NodeRole
from nodes.facts.models import NodeFacts
from nodes.platforms import platform_named
from nodes.platforms.unc import UncPath
from nodes.queues import look, tasks
from nodes.queues.core.places import QueuePlaces, left_place
from nodes.queues.core.tally import QueueSum, Tally
from nodes.queues.look import read_queues_of
from nodes.queues.models import QueueCount, QueueReading
from nodes.queues.selectors.queues import clusters_with_routing, nodes_to_count, queues_of
from nodes.queues.services.readings import Read, keep_failure, keep_reading
from nodes.registry.models import Node
from nodes.shares.models import MountPoint, SharedPaths
from tests.factories import make_cluster, make_node

SHARE = r"\\files\mail"


def put(folder: Path, *names: str, age: float = 100.0) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"message")
        os.utime(folder / name, (time.time() - age, time.time() - age))


def facts_of(node: Node, queues: str = "", **fields) -> None:
    folder = {"role": "queues", "label": "Queues", "path": queues, "default_path": "", "section": "", "key": ""}
    folders = [folder | {"source": "discovered", "inside": ""}] if queues else []
    NodeFacts.objects.update_or_create(node=node, defaults={"read_at": timezone.now(), "folders": folders, **fields})


def test_a_nodes_own_queues(real_node, mail_root):
    put(mail_root / "Queues" / "Local", "md1.msg", "md2.msg", age=500)
    put(mail_root / "Queues" / "Bad")
    facts_of(real_node, clock_offset_ms=100_000.0)
    read_queues_of(real_node.pk)
    queues = queues_of(real_node.cluster)
    [place] = queues.places
    assert (place.node, place.folder, place.error) == (real_node, str(mail_root / "Queues"), "")
    assert [(line.queue, line.total.messages, line.total.size) for line in queues.lines] == [
        ("", 0, 0),
        ("Bad", 0, 0),
        ("Local", 2, 14),
    ]
    assert place.total.oldest_at is not None
    age = timezone.now() - place.total.oldest_at
    assert timedelta(seconds=595) < age < timedelta(seconds=660)  # its clock is 100 s ahead
    assert (queues.left, queues.unread) == ((), ())


def test_what_was_not_read_says_why_and_keeps_what_was(real_node, mail_root):
    read_queues_of(real_node.pk)
    [unread] = queues_of(real_node.cluster).unread
    assert (unread.node.pk, "not there" in unread.why) == (real_node.pk, True)
    put(mail_root / "Queues", "md1.msg")
    read_queues_of(real_node.pk)
    (mail_root / "Queues").rename(mail_root / "Elsewhere")
    read_queues_of(real_node.pk)
    [place] = queues_of(real_node.cluster).places
    assert place.total.messages == 1
    assert "not there" in place.error


def test_a_node_that_went_away_keeps_its_messages_with_their_age(real_node, mail_root):
    put(mail_root / "Queues", "md1.msg")
    read_queues_of(real_node.pk)
    Node.objects.update(port=1)
    read_queues_of(real_node.pk)
    [place] = queues_of(real_node.cluster).places
    assert (place.total.messages, place.away) == (1, True)
    assert "does not answer" in place.error
    assert nodes_to_count([real_node.cluster_id]) == []


def test_shared_queues_and_the_messages_left_at_home(real_node, mail_root, tmp_path):
    share = tmp_path / "share" / "Queues"
    put(share / "Remote", "md1.msg")
    put(mail_root / "Queues" / "Local", "old.msg")
    SharedPaths.objects.create(cluster=real_node.cluster, routing=True, queues=rf"{SHARE}\Queues")
    MountPoint.objects.create(node=real_node, share=SHARE, folder=str(tmp_path / "share"))
    facts_of(real_node, str(share))
    read_queues_of(real_node.pk)
    queues = queues_of(real_node.cluster)
    [place], [left] = queues.places, queues.left
    assert (place.node, place.total.messages) == (None, 1)
    assert (left.node, left.folder, left.total.messages) == (real_node, str(mail_root / "Queues"), 1)
    facts_of(real_node)  # it works at home again
    read_queues_of(real_node.pk)
    queues = queues_of(real_node.cluster)
    [place], [left] = queues.places, queues.left
    assert (place.node, left.folder, left.total.messages) == (real_node, str(share), 1)


def test_a_reading_that_takes_too_long_degrades_nobody(real_node, mail_root, monkeypatch):
    put(mail_root / "Queues", "md1.msg")
    monkeypatch.setattr(look, "SECONDS", -1.0)
    read_queues_of(real_node.pk)
    assert "longer than" in QueueReading.objects.get().error
    assert Node.objects.get().health != Health.DEGRADED


def reading(*counts: tuple[str, int], oldest_ns: int = 10**18) -> Read:
    sums = tuple(QueueSum(name, count, 10 * count, oldest_ns if count else None) for name, count in counts)
    return Read("/srv/md/Queues", False, Tally(sums))


@pytest.fixture
def two(cluster):
    return make_node(cluster, "a", role=NodeRole.PRIMARY), make_node(cluster, "b")


def test_queues_that_all_share_count_once(cluster, two):
    for node, messages in zip(two, (5, 6), strict=True):
        keep_reading(node.pk, Read("/share/Queues", True, reading(("Local", messages)).tally))
    [place] = queues_of(cluster).places
    assert (place.node, {node.name for node in place.nodes}, place.total.messages) == (None, {"a", "b"}, 6)
    keep_failure(two[1].pk, "gone")
    assert queues_of(cluster).total.messages == 5
    assert queues_of(cluster).places[0].error == ""


def test_what_is_left_in_the_shared_folder_counts_once_and_not_while_one_works_there(cluster, two):
    tally = reading(("Local", 3)).tally
    for node in two:
        left = Read("/srv/md/Queues", False, Tally(), "/share/Queues", tally, left_shared=True)
        keep_reading(node.pk, left)
    [place] = queues_of(cluster).left
    assert (place.node, place.total.messages) == (two[0], 3)
    keep_reading(two[1].pk, Read("/share/Queues", True, tally))
    assert queues_of(cluster).left == ()


def test_a_reading_writes_only_counts_that_moved(two, django_assert_num_queries):
    keep_reading(two[0].pk, reading(("Local", 1), ("Bad", 0)))
    before = set(QueueCount.objects.values_list("pk", flat=True))
    keep_reading(two[0].pk, reading(("Local", 1), ("Bad", 0)))
    assert set(QueueCount.objects.values_list("pk", flat=True)) == before
    keep_reading(two[0].pk, reading(("Local", 2), ("Bad", 0)))
    assert not before & set(QueueCount.objects.values_list("pk", flat=True))


def test_of_a_node_that_was_removed_while_it_was_read_nothing_is_kept(two):
    gone = two[1].pk
    two[1].delete()
    keep_reading(gone, reading(("Local", 1)))
    keep_failure(gone, "gone")
    assert not QueueReading.objects.exists()


def test_hostile_names_and_times_are_kept_as_what_can_be_shown(two):
    far = 4_294_967_295 * 10**9
    keep_reading(two[0].pk, reading(("Lo\x00cal\u202e", 1), ("Lo\ncal\u202d", 2), ("x" * 5000, 1), oldest_ns=far))
    [place] = queues_of(two[0].cluster).places
    assert {name: cell.messages for name, cell in place.cells.items()} == {"Lo?cal?": 3, "x" * 200: 1}
    assert place.total.oldest_at is not None
    assert place.total.oldest_at <= timezone.now()


def test_of_names_that_are_shown_alike_the_oldest_message_counts_and_sizes_end_at_what_a_row_holds(two):
    sums = (
        QueueSum("Lo\x01", 0, 0, None),
        QueueSum("Lo\x02", 1, 2**64 - 1, 10**18),
        QueueSum("Lo\x03", 1, 5, 2 * 10**18),
    )
    keep_reading(two[0].pk, Read("/srv/md/Queues", False, Tally(sums)))
    total = queues_of(two[0].cluster).total
    assert (total.messages, total.size) == (2, 2**63 - 1)
    assert total.oldest_at == datetime.fromtimestamp(10**9, UTC)


def test_the_page_asks_three_queries_for_any_number(cluster, django_assert_num_queries):
    for number in range(3):
        keep_reading(make_node(cluster).pk, reading(*((f"q{queue}", queue) for queue in range(number + 2))))
        with django_assert_num_queries(2):
            queues_of(cluster)


def test_the_clusters_that_are_counted_by_themselves(cluster, two):
    other = make_cluster()
    assert clusters_with_routing() == []
    SharedPaths.objects.create(cluster=other, routing=True)
    keep_reading(two[0].pk, Read("/share/Queues", True, Tally()))
    assert clusters_with_routing() == sorted([cluster.pk, other.pk])


def test_who_is_counted(real_node):
    cluster = real_node.cluster_id
    assert nodes_to_count([cluster]) == [(cluster, real_node.pk)]
    make_node(real_node.cluster)  # nobody can log in to it
    assert nodes_to_count([cluster]) == [(cluster, real_node.pk)]
    for hidden in (
        {"health": Health.DOWN},
        {"health": Health.DEGRADED, "health_cause": "The node broke a limit. Too much."},
        {"joining": Joining.LEFT},
    ):
        Node.objects.filter(pk=real_node.pk).update(**hidden)
        assert nodes_to_count([cluster]) == []
        Node.objects.filter(pk=real_node.pk).update(health="ok", health_cause="", joining=Joining.JOINED)


def test_while_somebody_looks_they_are_counted_again_after_a_while(cluster, two, monkeypatch):
    woken: list[int] = []
    monkeypatch.setattr(tasks, "_wake", woken.append)
    tasks.count_while_watched(cluster.pk)
    keep_failure(two[0].pk, "gone")
    tasks.count_while_watched(cluster.pk)
    assert woken == [cluster.pk]
    QueueReading.objects.update(asked_at=timezone.now() - timedelta(seconds=11))
    tasks.count_while_watched(cluster.pk)
    assert woken == [cluster.pk] * 2


WANTED = UncPath.parse(rf"{SHARE}\Queues")
POSIX = QueuePlaces(platform_named("posix"), {WANTED.root: "/mnt/mail/"}, WANTED, "/srv/md/Queues")
WINDOWS = QueuePlaces(platform_named("windows"), {}, WANTED, r"C:\MDaemon\Queues")


@pytest.mark.parametrize(
    ("places", "native", "sftp", "shared"),
    [
        (POSIX, "/srv/md/Queues", "/srv/md/Queues", False),
        (POSIX, "/mnt/mail/Queues", "/mnt/mail/Queues", True),
        (POSIX, r"\\FILES\mail\queues", "/mnt/mail/queues", True),
        (WINDOWS, r"C:\MDaemon\Queues", "/C:/MDaemon/Queues", False),
        (WINDOWS, r"\\Files\Mail\Queues", "//Files/Mail/Queues", True),
    ],
)
def test_where_queues_lie(places, native, sftp, shared):
    assert (places.sftp(native), places.is_shared(native)) == (sftp, shared)


def test_a_share_that_is_not_mounted_is_no_place():
    bare = QueuePlaces(platform_named("posix"), {}, WANTED, "/srv/md/Queues")
    assert (bare.shared, bare.is_shared("/mnt/mail/Queues")) == ("", False)
    with pytest.raises(ValueError, match="mounts"):
        bare.sftp(str(WANTED))
    assert (POSIX.shared, WINDOWS.shared) == ("/mnt/mail/Queues", r"\\files\mail\Queues")


@pytest.mark.parametrize(
    ("present", "former", "known", "left"),
    [
        ("/srv/md/Queues", "", "", ""),
        ("/mnt/mail/Queues", "", "", "/srv/md/Queues"),
        ("/mnt/mail/Queues", "/d/Queues", "", "/d/Queues"),
        ("/mnt/mail/Queues", "/mnt/mail/Queues", "/d/Queues", "/d/Queues"),
        ("/srv/md/Queues", "/mnt/mail/Queues", "/srv/md/Queues", "/mnt/mail/Queues"),
        ("/srv/md/Queues", "/srv/md/Queues", "/srv/md/Queues", ""),
    ],
)
def test_where_messages_may_be_left(present, former, known, left):
    assert left_place(present, former, known, POSIX) == left
