"""What hides behind equal size and times: a look passes over it; hashing every file anew finds it, and the swap does.

The nodes tell whole seconds and no change time, as many SFTP servers do; no way of writing shows in the times then.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replication.configuration.core.hashed import hashed_anew, hashed_sentence
from replication.configuration.models import Conflict
from replication.files.core.paths import RelPath
from replication.jobs.kinds import kind_named
from replication.jobs.models import Job, JobEvent
from tests.replication.configuration.test_edits_model import (
    NAMES,
    ON_PRIMARY,
    Course,
    World,
    in_memory,  # noqa: F401 - the fixture
)
from tests.replication.files.rounds import ROOT, digest

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_memory")]

PATHS = ("App/MDaemon.grp", "App/one.grp", "App/two.dat")


def proven() -> World:
    """A cluster whose secondaries were all proven to hold what the primary does."""
    world = World()
    world.servers["mx0"].disk.put(f"{ROOT}/App/two.dat", b"two")
    work(world)
    assert all(held(world, name) == held(world, "mx0") for name in NAMES)
    return world


def work(world: World, **options: Any) -> Job:
    job = Job.objects.create(cluster=world.cluster, kind="replicate", requester="astrid", **options)
    world.work(Course())
    job.refresh_from_db()
    assert (job.state, job.error) == ("succeeded", "")
    return job


def held(world: World, name: str) -> dict[str, bytes]:
    return {path: world.servers[name].disk.content(f"{ROOT}/{path}") for path in PATHS}


def hide(world: World, name: str, path: str, number: int = 0) -> bytes:
    """Somebody gives a file other bytes of the same length and sets its time back. Answers them."""
    inode = world.servers[name].disk.names[f"{ROOT}/{path}"]
    inode.data[:] = (b"%d" % number + bytes(inode.data)[::-1].replace(b".", b"-"))[: len(inode.data)]
    return bytes(inode.data)


def kept() -> set[tuple[str, str, str]]:
    return set(Conflict.objects.values_list("node__name", "path", "content"))


def test_on_a_secondary_it_is_an_edit_that_is_kept_and_put_right() -> None:
    world = proven()
    edit = hide(world, "mx1", "App/one.grp")

    passed_over = work(world)
    assert (passed_over.plan_summary.get("hashed"), kept()) == (None, set())
    assert held(world, "mx1")["App/one.grp"] == edit

    found = work(world, options={"deep": True})
    assert held(world, "mx1") == held(world, "mx0")
    assert kept() == {("mx1", "App/one.grp", digest(edit))}
    assert World.store.get(digest(edit)) == edit
    hidden = [{"server": "mx1", "path": "App/one.grp"}]
    assert found.plan_summary["hashed"] == {"files": 9, "servers": 3, "hidden": 1, "first": hidden}
    said = JobEvent.objects.get(job=found, code="files.hashed")
    assert (said.level, said.text) == ("warning", hashed_sentence(found.plan_summary))

    again = work(world, options={"deep": True})
    assert again.plan_summary["hashed"]["hidden"] == 0
    assert JobEvent.objects.get(job=again, code="files.hashed").level == "info"


def test_on_the_primary_it_is_a_change_that_is_replicated() -> None:
    world = proven()
    change = hide(world, "mx0", "App/two.dat")

    work(world)
    assert held(world, "mx1")["App/two.dat"] == b"two"

    work(world, options={"deep": True})
    assert {held(world, name)["App/two.dat"] for name in NAMES} == {change}
    assert kept() == set()


def test_a_dry_run_says_what_it_found_and_changes_nothing() -> None:
    world = proven()
    edit, change = hide(world, "mx1", "App/one.grp"), hide(world, "mx0", "App/two.dat")

    found = work(world, options={"deep": True}, dry_run=True)

    plan = kind_named("replicate").codec.load(World.store.get(found.plan_object))
    steps = {part.node_name: {(step.path, step.conflict) for step in part.steps} for part in plan.nodes}
    assert steps == {"mx1": {("App/one.grp", True), ("App/two.dat", False)}, "mx2": {("App/two.dat", False)}}
    assert found.plan_summary["hashed"]["hidden"] == 2
    assert (held(world, "mx1")["App/one.grp"], held(world, "mx1")["App/two.dat"]) == (edit, b"two")
    assert held(world, "mx0")["App/two.dat"] == change
    assert kept() == set()


def test_the_swap_hashes_what_it_replaces_and_keeps_it() -> None:
    world = proven()
    edit = hide(world, "mx1", "App/one.grp")
    world.edit(ON_PRIMARY)

    work(world)

    assert held(world, "mx1") == held(world, "mx0")
    assert kept() == {("mx1", ON_PRIMARY.path, digest(edit))}


@settings(max_examples=10, deadline=None, derandomize=True, database=None)
@given(edits=st.sets(st.tuples(st.sampled_from(NAMES), st.sampled_from(PATHS)), min_size=1))
def test_whatever_hides_anywhere_is_found(edits: set[tuple[str, str]]) -> None:
    Conflict.objects.all().delete()
    world = proven()
    written = {place: hide(world, *place, number) for number, place in enumerate(sorted(edits))}

    passed_over = work(world)
    assert all(held(world, name)[path] == content for (name, path), content in written.items())
    found = work(world, options={"deep": True})

    assert passed_over.plan_summary["bytes"] == found.plan_summary["bytes"]
    assert found.plan_summary["hashed"]["hidden"] == len(edits)
    assert all(held(world, name) == held(world, "mx0") for name in NAMES)
    assert kept() == {(name, path, digest(data)) for (name, path), data in written.items() if name != "mx0"}


def test_it_is_said_in_words() -> None:
    many = [("mx1", RelPath(f"App/{number}.dat")) for number in range(12)]
    assert hashed_sentence({}) == ""
    assert hashed_sentence({"hashed": hashed_anew(9, 3, [])}) == (
        "9 files hashed anew on 3 servers; no change was hidden behind the same size and times."
    )
    said = hashed_sentence({"hashed": hashed_anew(36, 3, many)})
    assert said.startswith(
        "36 files hashed anew on 3 servers; 12 had changed behind the same size and times: 'App/0.dat' on mx1, "
    )
    assert said.endswith("'App/9.dat' on mx1 and 2 more.")
