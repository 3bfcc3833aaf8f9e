"""The store lost or spoilt something: jobs say so in its own words, look anew, and go on."""

from __future__ import annotations

import time
from typing import Any

from tests.deadlines import wait_for
from tests.journeys.test_faults_edits import conflicts_kept
from tests.journeys.trees import config_of

DAMAGE = """
from replication.configuration.models import Baseline, Snapshot
from replication.files.core.tree import ids_below, load
from replication.objects import default_store
from replication.objects.models import ContentPart, StoredContent
store = default_store()
newest = Snapshot.objects.filter(cluster={cluster}).latest("pk")
proven = Baseline.objects.filter(node__cluster={cluster})
contents = {{state.sha256 for state in load(newest.root, store.get).files.values()}}
folders = ids_below({{newest.root, *proven.values_list("root", flat=True)}}, store.get) - contents
deep = {{id_ for id_ in folders if b'"bottom.dat"' in store.get(id_)}}
names = [store._rows.names.name(id_) for id_ in {which}]
assert names
{how}
"""
TORN = "ContentPart.objects.filter(content__name__in=names).update(data=b'torn')"
GONE = "StoredContent.objects.filter(name__in=names).delete()"


def damage(stage: Any, which: str, how: str) -> None:
    stage.portal.inside(DAMAGE.format(cluster=stage.cluster, which=which, how=how))


def begin_anew(stage: Any) -> None:
    """With another worker: the one that read and proved it all knows it without the store."""
    stage.portal.kill("remote0")
    stage.portal.start_worker("remote0")


def assert_equal(stage: Any) -> None:
    assert config_of(stage.roots[1]) == config_of(stage.roots[0])


def test_contents_that_are_gone_are_read_again_from_the_primary(new_cluster: Any) -> None:
    stage = new_cluster()
    stage.replicate()
    damage(stage, "contents", GONE)
    begin_anew(stage)
    (stage.roots[1] / "App" / "list0001.grp").unlink()
    stage.replicate()
    assert_equal(stage)


def has_rested(stage: Any) -> bool:
    """Whether a scan of the primary takes what it finds for settled, so that the next one need not read it again."""
    files = [path for path in stage.roots[0].rglob("*") if path.is_file()]
    return all(path.stat().st_ctime < time.time() - 3 for path in files)


def test_contents_that_are_damaged_hold_up_one_job_by_name(new_cluster: Any) -> None:
    stage = new_cluster()
    wait_for("the primary has come to rest", lambda: has_rested(stage))
    stage.replicate()
    damage(stage, "contents", TORN)
    (stage.roots[1] / "App" / "list0001.grp").unlink()
    job = stage.wait_state(stage.request(), "succeeded", "partial", "failed")
    assert job["state"] != "succeeded"
    assert "internal_error" not in str(job)
    assert "content_lost" in str(stage.target(job))
    stage.replicate()
    assert_equal(stage)


def test_what_was_proven_is_looked_at_anew_where_a_folder_of_it_is_lost(new_cluster: Any) -> None:
    stage = new_cluster()
    stage.replicate()
    ours, theirs = (next(root.rglob("bottom.dat")) for root in stage.roots)
    theirs.write_bytes(b"edited by hand")
    damage(stage, "deep", TORN)
    begin_anew(stage)
    job = stage.replicate()
    assert_equal(stage)
    assert any("The store lost what it knew of what was proven" in text for text in stage.events(job["id"]))
    ours.write_bytes(b"changed on the primary")
    damage(stage, "deep", GONE)
    begin_anew(stage)
    stage.replicate()
    assert_equal(stage)
    # nobody knows any more that the second was given by replication
    kept = [line.rpartition("/")[2] for line in conflicts_kept(stage)]
    assert sorted(kept) == ["bottom.dat b'deep\\r\\n'", "bottom.dat b'edited by hand'"]


def test_where_all_that_was_given_is_lost_a_person_is_asked_once(new_cluster: Any) -> None:
    stage = new_cluster()
    stage.replicate()
    (stage.roots[1] / "App" / "list0001.grp").write_bytes(b"edited by hand")
    damage(stage, "folders", TORN)
    begin_anew(stage)
    number = stage.request()
    stage.wait_state(number, "halted")
    brakes = stage.job(number)["plan_summary"]["brakes"]
    assert [brake["code"] for brake in brakes] == ["given_lost"]
    assert any("The store lost what it knew of the newest snapshot" in text for text in stage.events(number))
    stage.portal.ok(
        "POST", f"jobs/{number}/override", {"codes": ["given_lost"], "reason": "both are as they should be"}
    )
    stage.wait_state(number, "succeeded")
    assert_equal(stage)
    assert conflicts_kept(stage) == ["App/list0001.grp b'edited by hand'"]
    stage.replicate()
