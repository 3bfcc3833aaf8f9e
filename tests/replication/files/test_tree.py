"""Trees: round trips, the price of one change, hostile bytes."""

from __future__ import annotations

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replication.files.core.manifest import FileState, Manifest
from replication.files.core.paths import RelPath
from replication.files.core.tree import Lookup, TreeDamaged, build, build_after, ids_below, load, what_is_left
from tests.replication.samples import file_maps, sha, state


def _stored(*manifests):
    objects: dict[str, bytes] = {}
    roots = []
    for manifest in manifests:
        tree = build(manifest)
        objects.update(tree.objects)
        roots.append(tree.root)
    return objects, roots


@given(file_maps)
def test_a_tree_gives_back_what_it_was_built_from(files):
    objects, [root] = _stored(Manifest(files))
    assert load(root, objects.__getitem__).files == files


@given(file_maps)
def test_order_of_the_files_does_not_matter(files):
    assert build(Manifest(files)) == build(Manifest(dict(reversed(files.items()))))


def _large():
    return {RelPath(f"App/{n % 50}/lists/{n}.grp"): state(str(n)) for n in range(5000)}


def test_one_changed_file_in_5000_costs_its_depth():
    files = _large()
    old = build(Manifest(files))
    changed = Manifest({**files, RelPath("App/7/lists/1007.grp"): state("other")})
    new = build(changed)
    assert len(old.objects) > 100
    assert len(new.objects.keys() - old.objects.keys()) == 4  # "", App, App/7, App/7/lists
    assert len(build_after(changed, Manifest(files), old.folders).objects) == 4


@given(file_maps, file_maps, st.integers(0, 5))
def test_what_is_built_after_another_tree_is_what_is_built_alone(before, come, gone):
    old = build(Manifest(before))
    manifest = Manifest(dict(list({**before, **come}.items())[gone:]))
    try:
        alone = build(manifest)
    except ValueError:
        with pytest.raises(ValueError, match="both a file and a folder"):
            build_after(manifest, Manifest(before), old.folders)
        return
    tree = build_after(manifest, Manifest(before), old.folders)
    assert (tree.root, tree.folders) == (alone.root, alone.folders)
    assert {**old.objects, **tree.objects}.items() >= alone.objects.items()
    assert set(alone.folders.values()) == alone.objects.keys()


def test_no_files_make_a_tree_too():
    objects, [root] = _stored(Manifest())
    assert load(root, objects.__getitem__).files == {}


def test_the_deepest_path_survives():
    path = RelPath("/".join("d" * 2000))
    objects, [root] = _stored(Manifest({path: state("x")}))
    assert load(root, objects.__getitem__).files == {path: state("x")}


def test_a_name_that_is_file_and_folder_is_refused():
    with pytest.raises(ValueError, match="'a' is both a file and a folder"):
        build(Manifest({RelPath("a"): state("1"), RelPath("a/b"): state("2")}))


ROW = ["f", "a.ini", 1, 2, None, sha("x"), False]
HOSTILE = {
    "no JSON": b"\xff{",
    "no list": b"{}",
    "another format": b"[2]",
    "deep": b"[" * 100_000,
    "a digit too many": b"[1" + b"0" * 5000 + b"]",
    "no row": b"[1,5]",
    "an empty row": b"[1,[]]",
    "a short row": [["f", "a"]],
    "an unknown kind": [["x", *ROW[1:]]],
    "a climbing name": [["f", "..", *ROW[2:]]],
    "a name with a folder": [["f", "a/b", *ROW[2:]]],
    "an empty name": [["f", "", *ROW[2:]]],
    "a NUL": [["f", "a\0", *ROW[2:]]],
    "a lone surrogate": [["f", "\udc80", *ROW[2:]]],
    "a name that is a number": [["f", 5, *ROW[2:]]],
    "a negative size": [["f", "a", -1, *ROW[3:]]],
    "a size that is True": [["f", "a", True, *ROW[3:]]],
    "a time that is a fraction": [["f", "a", 1, 2.5, *ROW[4:]]],
    "a change time that is a text": [["f", "a", 1, 2, "3", *ROW[5:]]],
    "a hash too short": [["f", "a", 1, 2, None, "abc", False]],
    "a hash in capitals": [["f", "a", 1, 2, None, sha("x").upper(), False]],
    "a mark that is a number": [[*ROW[:6], 0]],
    "one name twice": [ROW, ROW],
    "the wrong order": [["f", "b", *ROW[2:]], ["f", "a", *ROW[2:]]],
    "file and folder of one name": [["d", "a.ini", sha("x")], ROW],
    "blanks": b"[1, " + json.dumps(ROW, separators=(",", ":")).encode() + b"]",
}


@pytest.mark.parametrize("rows", HOSTILE.values(), ids=HOSTILE)
def test_hostile_bytes_are_refused(rows):
    data = rows if isinstance(rows, bytes) else json.dumps([1, *rows], separators=(",", ":")).encode()
    with pytest.raises(TreeDamaged, match="directory object"):
        load(hashlib.sha256(data).hexdigest(), lambda _: data)


def test_the_row_the_hostile_ones_vary_is_accepted():
    data = json.dumps([1, ROW], separators=(",", ":")).encode()
    assert load(hashlib.sha256(data).hexdigest(), lambda _: data).files == {"a.ini": FileState(1, 2, sha("x"))}


def test_swapped_objects_are_noticed():
    objects, (a, b) = _stored(Manifest({RelPath("a"): state("1")}), Manifest({RelPath("a"): state("2")}))
    with pytest.raises(TreeDamaged, match="does not hold what its id says"):
        load(a, lambda _: objects[b])


def _chain(leaf, levels):
    """Folders that name the one below them twice, so that n objects are 2**n folders."""
    objects = {}
    data = leaf
    for _ in range(levels):
        id_ = hashlib.sha256(data).hexdigest()
        objects[id_] = data
        data = json.dumps([1, ["d", "a", id_], ["d", "b", id_]], separators=(",", ":")).encode()
    root = hashlib.sha256(data).hexdigest()
    return root, {**objects, root: data}


def test_a_tree_that_multiplies_itself_is_cut_off(monkeypatch):
    monkeypatch.setattr("replication.files.core.tree.MAX_FILES", 1000)
    root, objects = _chain(json.dumps([1, ROW], separators=(",", ":")).encode(), 60)
    with pytest.raises(TreeDamaged, match="more than 1000 files"):
        load(root, objects.__getitem__)


def test_empty_folders_are_refused():
    root, objects = _chain(b"[1]", 60)
    with pytest.raises(TreeDamaged, match="empty folder"):
        load(root, objects.__getitem__)


def test_a_lookup_finds_single_files_of_many_trees_and_reads_what_they_share_once():
    first, second = (
        Manifest({RelPath("a/b/c"): state("1"), RelPath("a/d"): state(text), RelPath("e"): state("1")}) for text in "12"
    )
    trees = [build(first), build(second)]
    objects = {**trees[0].objects, **trees[1].objects}
    read: list[str] = []

    def fetch(id_: str) -> bytes:
        read.append(id_)
        return objects[id_]

    lookup = Lookup(["a/b/c", "a/d", "x/y"], fetch)
    for tree, manifest in zip(trees, (first, second), strict=True):
        found = {path: lookup.find(tree.root, path) for path in ("a/b/c", "a/d", "x/y", "a/b/d")}
        assert found == {path: manifest.files.get(RelPath(path)) for path in found}
    assert sorted(read) == sorted(objects)


def test_what_is_left_of_a_tree_of_which_a_folder_is_lost():
    files = {RelPath(path): state(path) for path in ("a.dat", "App/b.dat", "App/deep/c.dat", "Conf/d.dat")}
    objects, [root] = _stored(Manifest(files))
    [app] = [id_ for id_, data in objects.items() if b'"b.dat"' in data]
    del objects[app]
    left, lost = what_is_left(root, objects.get)
    assert (set(left.files), lost) == ({"a.dat", "Conf/d.dat"}, ("App",))
    assert {state.sha256 for state in left.files.values()} < ids_below([root], objects.get)
    with pytest.raises(KeyError):
        load(root, objects.__getitem__)
    assert what_is_left(app, objects.get) == (Manifest(), ("",))
