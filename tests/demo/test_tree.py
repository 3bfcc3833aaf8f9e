"""The demo's trees: several hundred files, the same each time, in the formats they claim."""

from __future__ import annotations

from pathlib import Path

import pytest

from demo.tree import NodeTree, accounts, build

PRIMARY = NodeTree("mail1.harbour.example", "192.0.2.1", "KEY-1")
JOINING = NodeTree("mail2.harbour.example", "192.0.2.2", "KEY-2", behind=True)


def contents(root: Path) -> dict[str, tuple[bytes, int]]:
    files = (path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


@pytest.fixture(scope="module")
def trees(tmp_path_factory) -> tuple[Path, Path]:
    place = tmp_path_factory.mktemp("trees")
    assert build(place / "one", PRIMARY) > 400
    build(place / "two", JOINING)
    return place / "one", place / "two"


def test_same_arguments_same_bytes_and_times(trees, tmp_path) -> None:
    build(tmp_path / "again", PRIMARY)
    assert contents(tmp_path / "again") == contents(trees[0])


def test_a_joining_node_is_behind_and_has_a_file_of_its_own(trees) -> None:
    one, two = (contents(tree) for tree in trees)
    assert {path for path in two if path not in one} == {"App/only on mail2.harbour.example.grp"}
    assert len(one) > len(two)
    assert one["App/Userlist.dat"] != two["App/Userlist.dat"]


def test_the_user_list_has_the_published_columns(trees) -> None:
    rows = (trees[0] / "App/Userlist.dat").read_bytes().decode("cp1252").split("\r\n")[:-1]
    assert len(rows) == len(accounts())
    for row, account in zip(rows, accounts(), strict=True):
        assert (row[0:45].rstrip(), row[45:75].rstrip()) == (account.domain, account.mailbox)
        assert row[105:195].rstrip() == account.mail_dir
        assert row[217] == "Y"


@pytest.mark.parametrize("name", ["MDaemon.exe", "MDUser.dll"])
def test_stand_ins_for_programs_look_like_programs(trees, name) -> None:
    data = (trees[0] / "App" / name).read_bytes()
    start = int.from_bytes(data[60:64], "little")
    assert data[:2] == b"MZ" and data[start : start + 4] == b"PE\0\0"


def test_encodings(trees) -> None:
    ini = (trees[0] / "App/MDaemon.ini").read_bytes()
    assert b"\r\n" in ini and b"\n" not in ini.replace(b"\r\n", b"") and "Grüße".encode("cp1252") in ini
    template = (trees[0] / "App/Templates/Sales.tpl").read_bytes()
    assert template.startswith(b"\xff\xfe") and "$MAILBOX$" in template.decode("utf-16")
