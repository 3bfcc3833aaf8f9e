"""The verbs for many files."""

from __future__ import annotations

import pytest

from nodes.errors import FileTooLarge, NodeError, RemoteBusy, RemoteFileExists, RemoteFileMissing, Unsupported
from nodes.remote.session import CHUNK, RemoteStat

MANY = 1000
SOME = 100


def test_1000_renames_replace_in_order(node):
    for number in range(MANY):
        node.put(f"t{number}", b"new %d" % number)
        node.put(f"f{number}", b"old")
    pairs = [(node.path(f"t{number}"), node.path(f"f{number}")) for number in range(MANY)]
    assert node.session.replace_many(pairs) == [None] * MANY
    assert all(node.content(f"f{number}") == b"new %d" % number for number in range(MANY))
    assert not node.exists("t0")


def test_outcomes_come_one_an_item_in_order(node):
    for name in ("a", "b", "c"):
        node.put(name)
    pairs = [(node.path(old), node.path(f"{old}.new")) for old in ("a", "gone", "c")]
    kinds = [type(outcome) for outcome in node.session.replace_many(pairs)]
    assert kinds == [type(None), RemoteFileMissing, type(None)]
    assert [node.exists(name) for name in ("a.new", "gone.new", "c.new", "b")] == [True, False, True, True]


def test_nothing_to_do_is_fine(node):
    assert node.session.replace_many([]) == node.session.stat_many([]) == node.session.remove_many([]) == []


def test_replace_refuses_one_name_twice_and_does_nothing(node):
    node.put("a", b"precious")
    node.put("t")
    with pytest.raises(ValueError, match="itself"):
        node.session.replace_many([(node.path("t"), node.path("u")), (node.path("a"), node.path("a"))])
    assert node.content("a") == b"precious"
    assert node.exists("t")


def test_replace_does_not_put_a_file_over_a_folder(node):
    node.put("t", b"x")
    node.put("folder/inner", b"precious")
    (outcome,) = node.session.replace_many([(node.path("t"), node.path("folder"))])
    assert isinstance(outcome, RemoteBusy)
    assert node.content("folder/inner") == b"precious"


def test_moving_takes_the_place_of_nothing(node):
    node.put("a", b"1")
    node.put("b", b"2")
    node.put("taken", b"precious")
    names = (("a", "taken"), ("gone", "new"), ("b", "folder"), ("a", "sub/a"), ("a", "free"))
    node.put("folder/inner", b"precious")
    outcomes = node.session.move_many([(node.path(old), node.path(new)) for old, new in names])
    kinds = [RemoteFileExists, RemoteFileMissing, RemoteFileExists, RemoteFileMissing, type(None)]
    assert [type(outcome) for outcome in outcomes] == kinds
    assert (node.content("taken"), node.content("free"), node.content("b")) == (b"precious", b"1", b"2")
    assert not node.exists("a")
    with pytest.raises(ValueError, match="itself"):
        node.session.move_many([(node.path("b"), node.path("b"))])


def test_linked_file_outlives_its_first_name(node):
    node.put("a", b"old")
    node.put("t", b"new")
    assert node.session.link_many([(node.path("a"), node.path("undo"))]) == [None]
    assert node.session.replace_many([(node.path("t"), node.path("a"))]) == [None]
    assert (node.content("a"), node.content("undo")) == (b"new", b"old")


def test_link_refuses_a_taken_name_and_a_missing_source(node):
    node.put("a", b"1")
    node.put("b", b"2")
    outcomes = node.session.link_many([(node.path("a"), node.path("b")), (node.path("gone"), node.path("c"))])
    assert [type(outcome) for outcome in outcomes] == [RemoteFileExists, RemoteFileMissing]
    assert node.content("b") == b"2"


def test_remove_counts_what_is_gone_as_done_but_no_folder(node):
    node.put("a")
    node.put("folder/x")
    outcomes = node.session.remove_many([node.path("a"), node.path("gone"), node.path("no/gone"), node.path("folder")])
    assert outcomes[:3] == [None, None, None]
    assert outcomes[3] is not None
    assert (node.exists("a"), node.exists("folder/x")) == (False, True)


def test_stat_many_answers_facts_and_absences(node):
    node.put("a", b"abc")
    found = node.session.stat_many([node.path("a"), node.path("gone"), node.root])
    assert isinstance(found[0], RemoteStat)
    assert found[0].size == 3
    assert found[1] is None
    assert isinstance(found[2], RemoteStat)


@pytest.mark.parametrize(
    ("wanted_ns", "seconds"),
    [(1_700_000_000_999_999_999, 1_700_000_000), (0, 0), (-5 * 10**9, 0), (2**32 * 10**9, 2**32 - 1)],
)
def test_mtime_is_cut_to_what_sftp_keeps(node, wanted_ns, seconds):
    path = node.put("a")
    assert node.session.set_mtime_many([(path, wanted_ns)]) == [None]
    assert node.session.stat(path).mtime_ns == seconds * 10**9


def test_mtime_of_nothing_says_missing(node):
    (outcome,) = node.session.set_mtime_many([(node.path("gone"), 0)])
    assert isinstance(outcome, RemoteFileMissing)


def test_small_files_are_read_together(node):
    for number in range(SOME):
        node.put(f"f{number}", b"x" * number)
    assert node.session.read_small([node.path(f"f{number}") for number in range(SOME)]) == [
        b"x" * number for number in range(SOME)
    ]
    node.put("whole", b"y" * CHUNK)
    node.put("larger", b"y" * (CHUNK + 1))
    node.put("folder/inner")
    names = ("whole", "larger", "gone", "n\0o", "folder", "f3")
    whole, *others, last = node.session.read_small([node.path(name) for name in names])
    assert (whole, last) == (b"y" * CHUNK, b"xxx")
    assert [type(one) for one in others[:3]] == [FileTooLarge, RemoteFileMissing, Unsupported]
    assert isinstance(others[3], NodeError)


def test_small_files_are_written_together_and_replace_nothing(node):
    node.put("taken", b"precious")
    files = [(node.path(f"f{number}"), b"%d" % number) for number in range(SOME)]
    assert node.session.write_new_small(files) == [None] * SOME
    assert [node.content(f"f{number}") for number in (0, 7, SOME - 1)] == [b"0", b"7", b"%d" % (SOME - 1)]
    odd = [("taken", b"x"), ("no/where", b"x"), ("n\0o", b"x"), ("empty", b""), ("whole", b"z" * CHUNK)]
    outcomes = node.session.write_new_small([(node.path(name), content) for name, content in odd])
    kinds = [RemoteFileExists, RemoteFileMissing, Unsupported, type(None), type(None)]
    assert [type(outcome) for outcome in outcomes] == kinds
    assert (node.content("taken"), node.content("empty"), len(node.content("whole"))) == (b"precious", b"", CHUNK)
    with pytest.raises(ValueError, match="small"):
        node.session.write_new_small([(node.path("big"), b"x" * (CHUNK + 1))])
    assert not node.exists("big")
