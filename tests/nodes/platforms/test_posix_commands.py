"""The POSIX driver against real programs: what it spells is run, what they print is parsed."""

from __future__ import annotations

import hashlib
import io
import os
import socket
import tarfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodes.command import Command, CommandResult
from nodes.errors import OutputUnreadable, RemoteDenied, RemoteFileMissing
from nodes.platforms.base import Capabilities, Listing
from nodes.platforms.posix import LARGE, MANY
from tests.nodes.platforms.shell import POSIX, as_nobody, run
from tests.tools import tool

NASTY = [
    "plain.txt",
    "with space.txt",
    " lead and trail ",
    "quote'single",
    'quote"double',
    "back\\slash",
    "back\\nslash-n",
    "new\nline",
    "new\nline and \\n both",
    "tab\tname",
    "-",
    "-rf",
    "--help",
    "%PATH% 100%",
    "$HOME `id` $(id)",
    "*?[a]!",
    ";&|<>()#~",
    "umlaut-\u00fc-nfc",
    "umlaut-u\u0308-nfd",
    "emoji-\U0001f600",
    "...",
    ".hidden",
    "a" * 200,
    "deadbeef *.x",
]


def listed(root: Path, skip: tuple[str, ...] = (), **popen: Any) -> Listing:
    return POSIX.parse_list_tree(run(POSIX.list_tree(str(root), skip), **popen))


def hashed(root: Path, names: list[str], **popen: Any) -> dict[str, str]:
    return POSIX.parse_hashes(run(POSIX.hash_files(str(root)), POSIX.hash_stdin(names), **popen))


@pytest.fixture
def nasty_tree(tmp_path: Path) -> dict[str, bytes]:
    contents: dict[str, bytes] = {}
    for number, name in enumerate(NASTY):
        for path in (name, f"{name}.d/{name}"):
            contents[path] = f"content {number} {path}".encode() if number % 5 else b""
            (tmp_path / path).parent.mkdir(exist_ok=True)
            (tmp_path / path).write_bytes(contents[path])
    return contents


words = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(words, st.sampled_from(NASTY)), min_size=1, max_size=8))
def test_words_arrive_in_a_real_shell_as_they_were(arguments: list[str]):
    result = run(Command(("printf", r"%s\0", *arguments)))
    assert result.ok
    assert result.stdout == b"".join(word.encode() + b"\0" for word in arguments)


def test_a_word_that_is_no_unicode_is_refused_with_the_remedy():
    with pytest.raises(ValueError, match="SFTP"):
        POSIX.spell(Command(("cat", "bad\udcff")))


def test_the_listing_tells_every_nasty_name_with_its_facts(tmp_path: Path, nasty_tree: dict[str, bytes]):
    stamp = 1_600_000_000_123_456_789
    os.utime(tmp_path / "plain.txt", ns=(stamp, stamp))
    listing = listed(tmp_path)
    assert listing.unreadable == ()
    files = {file.path: file for file in listing.files if file.kind == "file"}
    assert files.keys() == nasty_tree.keys()
    assert {file.path for file in listing.files if file.kind == "folder"} == {f"{name}.d" for name in NASTY}
    for path, content in nasty_tree.items():
        facts = (tmp_path / path).stat()
        seen = files[path]
        assert (seen.size, seen.mtime_ns, seen.change_ns) == (len(content), facts.st_mtime_ns, facts.st_ctime_ns)
        assert seen.path_bytes is None
    assert files["plain.txt"].mtime_ns == stamp


def test_names_that_are_no_utf8_are_listed_with_their_bytes(tmp_path: Path):
    raw = b"caf\xe9\t\nname"
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + raw)).write_bytes(b"x")
    (tmp_path / "good-\u00fc").write_bytes(b"yy")
    files = {file.path: file for file in listed(tmp_path).files}
    assert files["good-\u00fc"].path_bytes is None
    odd = files["caf\\xe9\t\nname"]
    assert (odd.path_bytes, odd.size, odd.kind) == (raw, 1, "file")


def test_links_and_pipes_are_listed_as_what_they_are_and_not_followed(tmp_path: Path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "x").write_bytes(b"")
    (tmp_path / "link").symlink_to("real")
    os.mkfifo(tmp_path / "pipe")
    kinds = {file.path: file.kind for file in listed(tmp_path).files}
    assert kinds == {"real": "folder", "real/x": "file", "link": "link", "pipe": "other"}


def test_the_root_itself_may_be_a_link(tmp_path: Path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "x").write_bytes(b"1")
    (tmp_path / "way").symlink_to("real")
    assert [file.path for file in listed(tmp_path / "way").files] == ["x"]
    assert hashed(tmp_path / "way", ["x"]) == {"x": hashlib.sha256(b"1").hexdigest()}


def test_skipped_folders_are_not_entered_and_no_pattern_is_read_into_their_names(tmp_path: Path):
    for path in ("Logs/a", "Log*/b", "Logs2/c", "App/Logs/d", "[x]/e", "x/f"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(b"")
    names = {file.path for file in listed(tmp_path, ("Log*", "Logs", "[x]")).files if file.kind == "file"}
    assert names == {"Logs2/c", "App/Logs/d", "x/f"}


def test_times_before_1970_are_read(tmp_path: Path):
    (tmp_path / "old").write_bytes(b"")
    os.utime(tmp_path / "old", ns=(0, -1_500_000_000))
    assert listed(tmp_path).files[0].mtime_ns == -1_500_000_000


@pytest.mark.skipif(os.geteuid() != 0, reason="needs another user's folder; the CI and the demo run as root")
@pytest.mark.parametrize("name", ["secret", "se'cr\net\\ \u00fc"])
def test_a_folder_without_access_is_unreadable_not_empty(tmp_path: Path, name: str):
    open_up(tmp_path)
    (tmp_path / name).mkdir()
    (tmp_path / name / "inside").write_bytes(b"")
    (tmp_path / "fine").write_bytes(b"")
    (tmp_path / name).chmod(0o700)
    listing = listed(tmp_path, **as_nobody())
    assert listing.unreadable == (name,)
    assert {file.path for file in listing.files} == {name, "fine"}


@pytest.mark.skipif(os.geteuid() != 0, reason="needs another user's folder; the CI and the demo run as root")
def test_files_whose_facts_are_hidden_make_their_folder_unreadable(tmp_path: Path):
    open_up(tmp_path)
    (tmp_path / "dim").mkdir()
    (tmp_path / "dim" / "file").write_bytes(b"")
    (tmp_path / "dim").chmod(0o744)  # names can be read, facts cannot
    listing = listed(tmp_path, **as_nobody())
    assert listing.unreadable == ("dim",)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs another user's folder; the CI and the demo run as root")
def test_a_root_without_access_is_denied(tmp_path: Path):
    open_up(tmp_path)
    (tmp_path / "shut").mkdir(mode=0o700)
    with pytest.raises(RemoteDenied):
        listed(tmp_path / "shut", **as_nobody())
    with pytest.raises(RemoteDenied):
        hashed(tmp_path / "shut", ["x"], **as_nobody())


def open_up(folder: Path) -> None:
    """Let everyone pass through pytest's private folders."""
    for parent in [folder, *folder.parents][:4]:
        if parent.stat().st_uid == os.geteuid() and parent != Path("/tmp"):
            parent.chmod(0o755)


def test_a_missing_root_is_missing(tmp_path: Path):
    with pytest.raises(RemoteFileMissing):
        listed(tmp_path / "no such")
    with pytest.raises(RemoteFileMissing):
        hashed(tmp_path / "no such", ["x"])


def without_openssl(tmp_path: Path) -> dict[str, str]:
    """A PATH on which there is everything the hash script needs, but no openssl."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for program in (tool("env"), tool("sh"), tool("xargs"), tool("sha256sum"), tool("printf"), tool("tr")):
        (tools / Path(program).name).symlink_to(program)
    return {"PATH": str(tools)}


@pytest.mark.parametrize("openssl", [True, False], ids=("openssl", "sha256sum"))
def test_hashes_of_nasty_names_are_right_with_either_tool(
    tmp_path: Path, nasty_tree: dict[str, bytes], *, openssl: bool, tmp_path_factory: pytest.TempPathFactory
):
    assert tool("openssl")
    env = None if openssl else without_openssl(tmp_path_factory.mktemp("path"))
    expected = {path: hashlib.sha256(content).hexdigest() for path, content in nasty_tree.items()}
    assert hashed(tmp_path, list(nasty_tree), env=env) == expected
    one_line = [path for path in nasty_tree if "\n" not in path]
    for names in (one_line, one_line * (MANY // len(one_line) + 1)):
        assert hashed(tmp_path, names, env=env) == {path: expected[path] for path in one_line}


def test_the_digest_of_a_tree_is_its_listing_s(tmp_path: Path, nasty_tree: dict[str, bytes]):
    skip = (f"{NASTY[0]}.d",)

    def digest(**popen: Any) -> str | None:
        return POSIX.parse_tree_digest(run(POSIX.digest_tree(str(tmp_path), skip), **popen))

    before = digest()
    assert before == hashlib.sha256(run(POSIX.list_tree(str(tmp_path), skip)).stdout).hexdigest()
    (tmp_path / skip[0] / "skipped").write_bytes(b"")
    assert digest() == before
    (tmp_path / "new").write_bytes(b"")
    assert digest() not in (before, None)


@pytest.mark.parametrize("complains", ["echo 'find: x: Permission denied' >&2; exit 1", "echo x >&2", "exit 1"])
def test_the_digest_of_a_listing_that_failed_is_no_whole_one_s(tmp_path: Path, complains: str):
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "find").write_text(f'#!/bin/sh\n{tool("find")} "$@"; {complains}\n')
    (tools / "find").chmod(0o755)
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "one").write_bytes(b"")
    env = {"PATH": f"{tools}:{os.environ['PATH']}"}
    failed = POSIX.parse_tree_digest(run(POSIX.digest_tree(str(folder)), env=env))
    assert failed not in (POSIX.parse_tree_digest(run(POSIX.digest_tree(str(folder)))), None)


def test_the_fast_tool_is_used_where_it_can_be():
    stdout = run(POSIX.hash_files("/dev"), POSIX.hash_stdin(["null"] * MANY)).stdout
    assert stdout.startswith(b"lines\n")
    stdout = run(POSIX.hash_files("/dev"), POSIX.hash_stdin(["null", "a\nb"] * MANY)).stdout
    assert stdout.startswith(b"records\n")


def test_files_that_cannot_be_hashed_are_missing_from_the_answer(tmp_path: Path):
    (tmp_path / "there").write_bytes(b"abc")
    (tmp_path / "folder").mkdir()
    assert hashed(tmp_path, ["gone", "there", "folder"]) == {"there": hashlib.sha256(b"abc").hexdigest()}


def test_nothing_to_hash_is_nothing(tmp_path: Path):
    assert hashed(tmp_path, []) == {}


def test_more_names_than_one_command_line_holds(tmp_path: Path):
    names = [f"{'x' * 180}{number}" for number in range(2000)]
    for name in names:
        (tmp_path / name).write_bytes(name.encode())
    sums = hashed(tmp_path, names)
    assert sums == {name: hashlib.sha256(name.encode()).hexdigest() for name in names}


def test_the_probe_finds_this_machine_capable():
    assert POSIX.parse_probe(run(POSIX.probe())) == Capabilities(
        can_list=True, can_hash=True, can_untar=True, can_link=True, can_archive=True
    )


def test_the_probe_finds_what_is_missing(tmp_path: Path):
    env = without_openssl(tmp_path)
    assert POSIX.parse_probe(run(POSIX.probe(), env=env)) == Capabilities(can_hash=True)
    (tmp_path / "tools" / "xargs").unlink()
    assert POSIX.parse_probe(run(POSIX.probe(), env=env)) == Capabilities()


def test_the_clock_is_this_machines_clock():
    before = time.time_ns()
    told = POSIX.parse_clock(run(POSIX.clock()))
    assert before <= told <= time.time_ns()


def test_the_system_says_who_it_is():
    before = time.time_ns()
    facts = POSIX.parse_system_facts(run(POSIX.system_facts()))
    assert facts.system.startswith(f"{os.uname().sysname} {os.uname().release}")
    assert facts.host_name == socket.gethostname()
    assert facts.time_zone
    assert facts.utc_ns is not None and before <= facts.utc_ns <= time.time_ns()
    link = Path("/etc/localtime")
    if link.is_symlink() and "zoneinfo/" in str(link.readlink()):
        assert facts.time_zone == str(link.readlink()).rpartition("zoneinfo/")[2]


SIZES = pytest.mark.parametrize("size", [0, LARGE], ids=("small", "large"))


def archive_of(name: str, content: bytes) -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        member = tarfile.TarInfo(name)
        member.size, member.mtime, member.uid = len(content), 1_600_000_000, 4242
        tar.addfile(member, io.BytesIO(content))
    return archive.getvalue()


@SIZES
def test_an_archive_is_unpacked_where_asked(tmp_path: Path, size: int):
    folder = tmp_path / "-odd 'folder'\n"
    folder.mkdir()
    result = run(POSIX.untar(str(folder), size), archive_of("0001", b"hello"))
    assert result.ok, result.stderr
    assert (folder / "0001").read_bytes() == b"hello"
    assert (folder / "0001").stat().st_mtime == 1_600_000_000
    assert (folder / "0001").stat().st_uid == os.geteuid()


@SIZES
@pytest.mark.parametrize("spoil", [lambda whole: whole[:-12], lambda whole: whole[:-8] + b"wrong sum"[:8]])
def test_an_archive_that_is_cut_short_or_damaged_is_noticed(tmp_path: Path, spoil: Callable[[bytes], bytes], size: int):
    assert not run(POSIX.untar(str(tmp_path), size), spoil(archive_of("0001", bytes(range(256)) * 400))).ok


@pytest.mark.parametrize("quick", ["", "#!/bin/sh\nexit 1\n", "#!/bin/sh\necho of another form\n"])
def test_a_large_archive_is_unpacked_where_the_quick_tool_is_missing_or_knows_no_gzip(tmp_path: Path, quick: str):
    env = without_openssl(tmp_path)
    for program in (tool("tar"), tool("gzip")):
        (tmp_path / "tools" / Path(program).name).symlink_to(program)
    if quick:
        (tmp_path / "tools" / "zstd").write_text(quick)
        (tmp_path / "tools" / "zstd").chmod(0o755)
    (tmp_path / "node").mkdir()
    run(POSIX.untar(str(tmp_path / "node"), LARGE), archive_of("0001", b"hello"), env=env)
    assert (tmp_path / "node" / "0001").read_bytes() == b"hello"


def test_a_large_archive_is_unpacked_by_the_quick_tool(tmp_path: Path):
    env = without_openssl(tmp_path)
    for program in (tool("tar"), tool("zstd")):
        (tmp_path / "tools" / Path(program).name).symlink_to(program)
    packs_only = f'#!/bin/sh\n[ "$*" = -d ] && exit 1\nexec {tool("gzip")} "$@"\n'
    (tmp_path / "tools" / "gzip").write_text(packs_only)
    (tmp_path / "tools" / "gzip").chmod(0o755)
    (tmp_path / "node").mkdir()
    run(POSIX.untar(str(tmp_path / "node"), LARGE), archive_of("0001", b"hello"), env=env)
    assert (tmp_path / "node" / "0001").read_bytes() == b"hello"


def linked(root: Path, tree: str) -> set[str]:
    return POSIX.parse_unlinked(run(POSIX.link_tree(str(root), tree)))


def test_a_tree_is_linked_into_place_and_what_is_there_stays(tmp_path: Path, nasty_tree: dict[str, bytes]):
    tree, root = tmp_path / "root" / "-t 0", tmp_path / "root"
    tree.mkdir(parents=True)
    for path, content in nasty_tree.items():
        (tree / path).parent.mkdir(exist_ok=True)
        (tree / path).write_bytes(content)
    taken, *_ = nasty_tree
    (root / taken).write_bytes(b"theirs")
    assert linked(root, "-t 0") == {taken}
    assert {path: (root / path).read_bytes() for path in nasty_tree} == nasty_tree | {taken: b"theirs"}
    assert all((root / path).samefile(tree / path) for path in nasty_tree if path != taken)


def test_a_tree_is_not_linked_through_a_link(tmp_path: Path):
    (tmp_path / "root" / "t" / "App").mkdir(parents=True)
    (tmp_path / "root" / "t" / "App" / "x").write_bytes(b"x")
    (tmp_path / "outside").mkdir()
    (tmp_path / "root" / "App").symlink_to(tmp_path / "outside")
    assert linked(tmp_path / "root", "t") == {"App/x"}
    assert list((tmp_path / "outside").iterdir()) == []


def test_a_tree_that_is_gone_is_not_linked(tmp_path: Path):
    with pytest.raises(OutputUnreadable):
        linked(tmp_path, "gone")
    with pytest.raises(RemoteFileMissing):
        linked(tmp_path / "gone", "t")


@pytest.mark.parametrize("answer", [b"App/x", b"App/\xff\0"])
def test_an_odd_answer_about_a_tree_is_refused(answer: bytes):
    with pytest.raises(OutputUnreadable):
        POSIX.parse_unlinked(CommandResult(0, answer, b""))


def test_a_copy_tool_that_is_not_gnus_links_nothing(tmp_path: Path):
    programs = [tool("find"), tool("xargs"), tool("sha256sum"), tool("printf"), tool("tr"), tool("env"), tool("sh")]
    for program in map(Path, [*programs, tool("tar"), tool("gzip")]):
        (tmp_path / program.name).symlink_to(program)
    (tmp_path / "cp").write_text("#!/bin/sh\necho 'cp (other coreutils) 0.1'\n")
    (tmp_path / "cp").chmod(0o755)
    assert not POSIX.parse_probe(run(POSIX.probe(), env={"PATH": str(tmp_path)})).can_link


def test_a_tree_is_removed_and_links_in_it_are_not_followed(tmp_path: Path):
    (tmp_path / "-t" / "in").mkdir(parents=True)
    (tmp_path / "kept").write_bytes(b"")
    (tmp_path / "-t" / "in" / "link").symlink_to(tmp_path)
    assert run(POSIX.remove_tree(str(tmp_path / "-t"))).ok
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert run(POSIX.remove_tree(str(tmp_path / "-t"))).ok


def archived(root: Path, paths: list[str]) -> Mapping[str, bytes]:
    return POSIX.parse_archive(run(POSIX.archive(str(root)), POSIX.archive_stdin(paths)))


def test_an_archive_holds_every_nasty_name(tmp_path: Path, nasty_tree: dict[str, bytes]):
    assert archived(tmp_path, list(nasty_tree)) == nasty_tree


def test_an_archive_without_all_that_was_asked_for_is_refused(tmp_path: Path):
    (tmp_path / "there").write_bytes(b"x")
    with pytest.raises(OutputUnreadable, match="gone"):
        archived(tmp_path, ["there", "gone"])
    with pytest.raises(RemoteFileMissing):
        archived(tmp_path / "gone", ["there"])


def test_a_broken_archive_is_refused(tmp_path: Path):
    (tmp_path / "there").write_bytes(b"x" * 600)
    whole = run(POSIX.archive(str(tmp_path)), POSIX.archive_stdin(["there"])).stdout
    broken = [whole[:cut] for cut in (0, 511, 512, 1024, 1535, 1536)]
    broken += [whole[:124] + size + whole[136:] for size in (b"-0000000001\0", b"\x80" + bytes(11), b"77777777777\0")]
    broken += [b"./\xff" + whole[4:]]
    for answer in broken:
        with pytest.raises(OutputUnreadable):
            POSIX.parse_archive(CommandResult(0, answer, b""))
