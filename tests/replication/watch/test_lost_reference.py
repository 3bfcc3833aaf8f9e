"""What the store lost of the tree that looks compare with counts as changed, until a job has put it there again."""

from __future__ import annotations

import pytest

from replication.files.core.manifest import Manifest
from replication.files.core.paths import RelPath
from replication.files.core.tree import build
from replication.objects import default_store
from replication.watch.detector import _References
from tests.replication.samples import state

pytestmark = pytest.mark.django_db


def test_a_lost_folder_is_missed_only_as_long_as_it_is_lost() -> None:
    paths = ("App/a.dat", "Conf/b.dat")
    tree = build(Manifest({RelPath(path): state(path) for path in paths}))
    references = _References()
    [lost] = [id_ for id_, data in tree.objects.items() if b'"a.dat"' in data]
    for id_, data in tree.objects.items():
        if id_ != lost:
            default_store().put(data)
    assert set(references.at(tree.root)) == {"Conf/b.dat"}
    default_store().put(tree.objects[lost])
    assert set(references.at(tree.root)) == set(paths)
