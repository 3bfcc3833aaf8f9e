"""What a node gets back when it leaves, case by case."""

from __future__ import annotations

import hashlib

import pytest

from replication.files.core.manifest import FileState, Manifest
from replication.files.core.paths import RelPath
from replication.membership.core.restore import NodePast, RestorePlan, restore_plan


def state(text: str, mtime: int = 1) -> FileState:
    return FileState(len(text), mtime, hashlib.sha256(text.encode()).hexdigest())


def manifest(**files: FileState) -> Manifest:
    return Manifest(files={RelPath(path): one for path, one in files.items()})


def sort(
    *,
    origin: Manifest,
    baseline: Manifest | None,
    actual: Manifest,
    sent: str = "",
    kept: str = "",
    folds: bool = False,
) -> RestorePlan:
    hashes = {state(word).sha256 for word in kept.split()}
    past = NodePast(origin, baseline, [RelPath(path) for path in sent.split()], hashes.__contains__)
    return restore_plan(past, actual, folds_case=folds)


OWN, OURS, EDIT = state("own", 7), state("ours", 9), state("edit", 11)


def wanted(found: RestorePlan, path: str = "a") -> str:
    return found.wanted[RelPath(path)].sha256 if RelPath(path) in found.wanted else ""


@pytest.mark.parametrize("actual", [OURS, EDIT, None], ids=["ours", "edited", "removed"])
def test_what_replication_wrote_gives_way_to_what_was(actual: FileState | None) -> None:
    now = manifest(a=actual) if actual else manifest()
    found = sort(origin=manifest(a=OWN), baseline=manifest(a=OURS), actual=now, kept="own")
    assert found.wanted[RelPath("a")].sha256 == OWN.sha256
    assert found.wanted[RelPath("a")].mtime_ns == 7


def test_a_file_of_its_own_that_was_edited_stays() -> None:
    found = sort(origin=manifest(a=OWN), baseline=manifest(), actual=manifest(a=EDIT), kept="own")
    assert wanted(found) == EDIT.sha256
    assert found.edited == ("a",)


def test_a_file_that_replication_deleted_comes_back_and_one_the_operator_removed_does_not() -> None:
    both = manifest(a=OWN, b=state("other"))
    found = sort(origin=both, baseline=manifest(), actual=manifest(), kept="own")
    assert wanted(found, "a") == OWN.sha256
    assert found.missing == ("b",)


def test_content_that_is_gone_from_the_store_is_named_and_nothing_is_lost() -> None:
    found = sort(origin=manifest(a=OWN), baseline=manifest(a=OURS), actual=manifest(a=OURS))
    assert wanted(found) == OURS.sha256
    assert [(one.path, one.code) for one in found.problems] == [("a", "not_kept")]


def test_what_a_run_that_was_cut_short_wrote_is_recognised() -> None:
    found = sort(origin=manifest(a=OWN), baseline=None, actual=manifest(a=OURS, b=OURS), sent="a b", kept="own ours")
    assert wanted(found) == OWN.sha256
    assert set(found.ours.files) == {"a", "b"}
    # content that the store does not hold is nobody's but the operator's
    found = sort(origin=manifest(a=OWN), baseline=None, actual=manifest(a=EDIT), sent="a", kept="own ours")
    assert wanted(found) == EDIT.sha256
    assert not found.ours.files


def test_only_the_time_was_changed() -> None:
    found = sort(origin=manifest(a=OWN), baseline=manifest(a=state("own", 99)), actual=manifest(a=state("own", 99)))
    assert found.wanted[RelPath("a")].mtime_ns == 7


def test_case_is_folded_where_the_node_folds_it() -> None:
    found = sort(origin=manifest(A=OWN), baseline=manifest(a=OURS), actual=manifest(a=OURS), kept="own", folds=True)
    assert wanted(found, "A") == OWN.sha256
    assert "a" not in found.wanted
