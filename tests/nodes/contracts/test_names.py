"""Awkward names survive every verb."""

from __future__ import annotations

import pytest

NASTY = {
    "spaces": "  two spaces  ",
    "umlauts composed": "\u00e4\u00f6\u00fc\u00df.dat",
    "umlauts decomposed": "a\u0308o\u0308u\u0308.dat",
    "percent": "100%20%s%n.ini",
    "leading dash": "-rf",
    "quotes": 'it\'s "quoted" `now`',
    "newline": "line\nbreak\r\n.txt",
    "tab and escape": "tab\there\x1b[31m",
    "shell": "$(touch x);&|<>*?[a]{b}!~#",
    "backslash": "back\\slash",
    "200 characters": "n" * 200,
    "emoji": "\U0001f4ec.msg",
    "dots": "...",
    "semicolon dir": "a;b",
}


@pytest.mark.parametrize("name", NASTY.values(), ids=NASTY.keys())
def test_every_verb_takes_an_awkward_name(node, name):
    session, path = node.session, node.path(name)
    session.write_new(path, [b"one"])
    assert [entry.name for entry in session.list_folder(node.root)] == [name]
    assert node.read(name) == b"one"
    assert session.stat(path).size == 3
    assert session.link_many([(path, path + ".u")]) == [None]
    session.write_new(path + ".t", [b"three"])
    assert session.replace_many([(path + ".t", path)]) == [None]
    assert session.set_mtime_many([(path, 1_700_000_001 * 10**9)]) == [None]
    assert session.stat(path).mtime_ns == 1_700_000_001 * 10**9
    assert (node.read(name), node.read(name + ".u")) == (b"three", b"one")
    assert session.remove_many([path, path + ".u"]) == [None, None]
    assert session.make_folders(path + "/in") == (path, path + "/in")
    session.remove_folder(path + "/in")
    session.remove_folder(path)
    assert session.list_folder(node.root) == []


def test_both_normal_forms_are_two_files(node):
    composed, decomposed = node.path("\u00e4"), node.path("a\u0308")
    node.session.write_new(composed, [b"1"])
    node.session.write_new(decomposed, [b"22"])
    sizes = {entry.name: entry.stat.size for entry in node.session.list_folder(node.root)}
    assert sizes == {"\u00e4": 1, "a\u0308": 2}


def test_deep_folders(node):
    deep = "/".join(f"level {number}" for number in range(40))
    made = node.session.make_folders(node.path(deep))
    assert len(made) == 40
    assert made[-1] == node.path(deep)
    node.session.write_new(node.path(f"{deep}/leaf"), [b"x"])
    assert node.read(f"{deep}/leaf") == b"x"


def test_names_that_are_no_utf8_are_listed_with_their_bytes(node):
    node.files.put_raw_name(node.root, b"caf\xe9.txt")
    node.put("good", b"x")
    entries = {entry.name: entry.name_bytes for entry in node.session.list_folder(node.root)}
    assert entries == {"caf\\xe9.txt": b"caf\xe9.txt", "good": None}
