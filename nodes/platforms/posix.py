"""POSIX systems with GNU or compatible tools: commands for a Bourne-like login shell, and what their answers mean.

Every command pins LC_ALL=C, so that error texts are the ones parsed here. A small script is an argument of `sh -c`,
its paths are further arguments: nothing is ever pasted into a script's text.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence

from nodes.command import Command, CommandResult
from nodes.errors import OutputUnreadable, RemoteDenied, RemoteFileMissing
from nodes.platforms.base import Capabilities, Listing, Mount, RecordForm, Service, SystemFacts
from nodes.platforms.posix_output import (
    FIND_RECORDS,
    NO_FOLDER,
    NO_WAY_IN,
    parse_df,
    parse_find,
    parse_paths,
    parse_sums,
    parse_tar,
    single_line,
)

_FIND_FORMAT = r"%y\t%s\t%T@\t%C@\t%P\0"

_ENTER = f'[ -d "$1" ] || exit {NO_FOLDER}; cd -- "$1" || exit {NO_WAY_IN}; shift; '

# The names' first line (see `hash_stdin`) says whether the fast tool may be used: openssl takes half the time of
# sha256sum, but more to start, and its answer is ambiguous where a name holds a newline. The answer's first line says
# which form follows.
_HASH = (
    _ENTER + "read -r form; "
    'if [ "$form" = lines ] && openssl dgst -sha256 -r /dev/null >/dev/null 2>&1; '
    "then echo lines; exec xargs -0 -r openssl dgst -sha256 -r; "
    "else echo records; exec xargs -0 -r sha256sum -z --; fi"
)

MANY = 256
"""Files from which on the tool that starts slowly and hashes fast is the quicker one."""

_CAPABILITIES = {b"list", b"hash", b"untar", b"link", b"archive", b"end", b""}

_EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

# a second name of a file is no reason to leave its content out
_ARCHIVE = "tar -c -f - --format=gnu --no-recursion --hard-dereference --null -T -"

# what was unpacked is on the disk before anything is renamed over a real name: a power cut leaves no empty files
_SYNC = '{ sync -f "$1" 2>/dev/null || sync; }'
_UNTAR = f'tar -x -z -o -f - -C "$1" && {_SYNC}'

# zstd unpacks gzip's form, too, where it was built so, in half of gzip's time. Trying it with a small archive costs a
# few milliseconds.
_UNTAR_LARGE = (
    "listed=$(tar -c -z -f - -C / dev/null 2>/dev/null | tar -t -Izstd -f - 2>/dev/null); "
    '[ "$listed" = dev/null ] && with=-Izstd || with=-z; '
    f'tar -x "$with" -o -f - -C "$1" && {_SYNC}'
)

LARGE = 8 * 1024 * 1024
"""Bytes in an archive from which on the quicker tool saves more than trying it costs."""

# link() never takes the place of anything, and cp enters no link to a folder. A staged file that has one name only was
# not linked; why, SFTP tells.
_LINK = (
    _ENTER + 'cp --recursive --link --no-target-directory -- "./$1" . >/dev/null 2>&1; '
    r"""exec find "./$1" -type f -links 1 -printf '%P\0'"""
)

# each capability is tried, not looked up: a tool of the right name may lack the option.
# Except cp: others than GNU's are known that replace what is there.
_PROBE = (
    "cd / || exit 1; "
    f"find -H . -maxdepth 0 -printf '{_FIND_FORMAT}' >/dev/null 2>&1 && echo list; "
    r"sum=$(printf './dev/null\0' | xargs -0 -r sha256sum -z -- 2>/dev/null | tr '\0' ' '); "
    f'case "$sum" in {_EMPTY_SHA256}*) echo hash;; esac; '
    "tar -czf - -C / dev/null 2>/dev/null | tar -tzf - >/dev/null 2>&1 && echo untar; "
    rf"printf './dev/null\0' | {_ARCHIVE} >/dev/null 2>&1 && echo archive; "
    'case "$(cp --version 2>/dev/null)" in *"(GNU coreutils)"*) echo link;; esac; '
    "echo end"
)

# no timedatectl: containers and BSDs lack it
_FACTS = (
    "zone=$(readlink /etc/localtime 2>/dev/null); "
    'case "$zone" in */zoneinfo/*) zone=${zone##*/zoneinfo/};; '
    '*) zone=$(head -n 1 /etc/timezone 2>/dev/null); [ -n "$zone" ] || zone=$(date +%Z);; esac; '
    'system=$(. /etc/os-release 2>/dev/null && printf %s "$PRETTY_NAME"); '
    r'printf "%s\0%s\0%s\0%s\0" "$(uname -sr)${system:+, $system}" "$(uname -n)" "$zone" "$(date +%s%N)"'
)


def _script(text: str, *words: str) -> Command:
    """A script with its arguments. Each may be repeated."""
    return Command(("env", "LC_ALL=C", "sh", "-c", text, "sh", *words))


def _glob_quoted(text: str) -> str:
    """Text that find's -path takes literally."""
    return "".join(f"\\{char}" if char in r"\*?[" else char for char in text)


def _pruned(skip: Sequence[str]) -> list[str]:
    """find's expression that leaves folders out."""
    pruned: list[str] = []
    for folder in skip:
        pruned += ["-o" if pruned else "(", "-path", _glob_quoted(f"./{folder}")]
    return [*pruned, ")", "-prune", "-o"] if pruned else []


def _check_entered(result: CommandResult) -> None:
    """Raise where a script could not enter its folder."""
    if result.exit_status == NO_FOLDER:
        raise RemoteFileMissing("The folder to work in is not there.")
    if result.exit_status == NO_WAY_IN:
        raise RemoteDenied("The folder to work in may not be entered.")


class PosixPlatform:
    """Linux and BSD nodes."""

    name = "posix"
    folds_case = False
    clock_lines = 0

    def scripts(self) -> Mapping[str, bytes]:
        """None: the system's tools suffice."""
        return {}

    def with_scripts(self, folder: str) -> PosixPlatform:
        """The same driver."""
        return self

    def spell(self, command: Command) -> str:
        """The command line for a Bourne-like shell."""
        line = shlex.join(command.argv)
        try:
            line.encode("utf-8")
        except UnicodeEncodeError as error:
            raise ValueError("A word of the command is not valid Unicode; reach that file over SFTP.") from error
        return line

    def sftp_path(self, native: str) -> str:
        """The same path, checked and without doubled or trailing slashes."""
        if not native.startswith("/"):
            raise ValueError(f"{native[:200]!r} is not absolute; write the whole path, such as /srv/mdaemon.")
        parts = [part for part in native.split("/") if part]
        for part in parts:
            problem = self.name_problem(part)
            if problem:
                raise ValueError(f"{native[:200]!r}: {problem}; write the whole path plainly.")
        return "/" + "/".join(parts)

    def native_path(self, sftp: str) -> str:
        """The same path."""
        return self.sftp_path(sftp)

    def name_problem(self, name: str) -> str | None:
        """Why a file cannot have this name."""
        if name in ("", ".", ".."):
            return f"{name!r} is no name of a file"
        if "/" in name or "\0" in name:
            return "the name holds a slash or NUL"
        try:
            length = len(name.encode("utf-8"))
        except UnicodeEncodeError:
            return "the name is not valid Unicode"
        return f"the name has {length} bytes, 255 is the limit" if length > 255 else None

    def probe(self) -> Command:
        """Try find -printf, xargs -0 with openssl or sha256sum -z, tar with gzip and by names; ask whose cp it is."""
        return _script(_PROBE)

    def parse_probe(self, result: CommandResult) -> Capabilities:
        """What worked."""
        words = result.stdout.split(b"\n")
        if not result.ok or words[-2:] != [b"end", b""] or not set(words) <= _CAPABILITIES:
            return Capabilities()
        return Capabilities(
            can_list=b"list" in words,
            can_hash=b"hash" in words,
            can_untar=b"untar" in words,
            can_link=b"link" in words and b"list" in words,
            can_archive=b"archive" in words,
        )

    def system_facts(self) -> Command:
        """Kernel and distribution, host name, time zone (IANA where the system tells it), clock."""
        return _script(_FACTS)

    def parse_system_facts(self, result: CommandResult) -> SystemFacts:
        """Facts; the clock is None where `date` knows no nanoseconds."""
        fields = result.stdout.split(b"\0")
        if not result.ok or len(fields) != 5 or fields[4]:
            raise OutputUnreadable("The node's answer about its system has not the expected four fields.")
        system, host_name, zone = (single_line(field) for field in fields[:3])
        return SystemFacts(system=system, host_name=host_name, time_zone=zone, utc_ns=_nanoseconds(fields[3]))

    def clock(self) -> Command:
        """Seconds and nanoseconds in one number."""
        return _script("exec date +%s%N")

    def parse_clock(self, result: CommandResult) -> int:
        """Nanoseconds since 1970 UTC."""
        value = _nanoseconds(result.stdout.strip()) if result.ok else None
        if value is None:
            raise OutputUnreadable("The node's clock did not answer in seconds and nanoseconds.")
        return value

    def list_tree(self, root: str, skip: Sequence[str] = ()) -> Command:
        """find, NUL-separated, with times in nanoseconds. Folders in `skip` compare case-sensitively."""
        return _script(_ENTER + 'exec find . -mindepth 1 "$@"', root, *_pruned(skip), "-printf", _FIND_FORMAT)

    def parse_list_tree(self, result: CommandResult) -> Listing:
        """The listing; whatever find complains about makes its folder unreadable, and a complaint that cannot be
        understood makes the whole tree so."""
        _check_entered(result)
        if result.exit_status not in (0, 1):
            raise OutputUnreadable(f"find ended with status {result.exit_status}: {single_line(result.stderr)}")
        return parse_find(result.stdout, result.stderr, failed=not result.ok)

    def listing_form(self, result: CommandResult) -> RecordForm | None:
        """find's records, unless it complained."""
        return FIND_RECORDS if result.ok and not result.stderr else None

    def digest_tree(self, root: str, skip: Sequence[str] = ()) -> Command:
        """The same find, hashed where it is."""
        script = _ENTER + '{ find . -mindepth 1 "$@" 2>&1 || echo failed; } | sha256sum'
        return _script(script, root, *_pruned(skip), "-printf", _FIND_FORMAT)

    def parse_tree_digest(self, result: CommandResult) -> str | None:
        """What sha256sum says of its standard input."""
        digest, _, rest = result.stdout.partition(b"  ")
        is_one = result.ok and rest == b"-\n" and len(digest) == 64
        return digest.decode("ascii", "replace") if is_one else None

    def hash_files(self, root: str) -> Command:
        """SHA-256 of the files named on standard input."""
        return _script(_HASH, root)

    def hash_stdin(self, paths: Iterable[str]) -> bytes:
        """A line for the script, then NUL-separated names."""
        names = _names(paths)
        slow = b"\n" in names or names.count(b"\0") < MANY
        return (b"records\n" if slow else b"lines\n") + names

    def parse_hashes(self, result: CommandResult) -> dict[str, str]:
        """Hashes by path. xargs says 123 when some file could not be read."""
        _check_entered(result)
        if result.exit_status not in (0, 123):
            raise OutputUnreadable(f"Hashing ended with status {result.exit_status}: {single_line(result.stderr)}")
        return parse_sums(result.stdout)

    def archive(self, root: str) -> Command:
        """tar of the files named on standard input, in GNU's form."""
        return _script(_ENTER + f"exec {_ARCHIVE}", root)

    def archive_stdin(self, paths: Iterable[str]) -> bytes:
        """NUL-separated names."""
        return _names(paths)

    def parse_archive(self, result: CommandResult) -> Mapping[str, bytes]:
        """Contents by path. tar says 1 when a file changed and 2 when one could not be read."""
        _check_entered(result)
        if not result.ok:
            raise OutputUnreadable(f"tar ended with status {result.exit_status}: {single_line(result.stderr)}")
        return parse_tar(result.stdout)

    def untar(self, folder: str, size: int = 0) -> Command:
        """tar as the session's user, owners in the archive ignored."""
        return _script(_UNTAR if size < LARGE else _UNTAR_LARGE, folder)

    def link_tree(self, root: str, tree: str) -> Command:
        """cp with hard links, then what find still sees with one name."""
        return _script(_LINK, root, tree)

    def parse_unlinked(self, result: CommandResult) -> set[str]:
        """Paths by find."""
        _check_entered(result)
        if not result.ok:
            raise OutputUnreadable(f"find ended with status {result.exit_status}: {single_line(result.stderr)}")
        return parse_paths(result.stdout)

    def remove_tree(self, folder: str) -> Command:
        """rm, silent about what is gone."""
        return _script('exec rm -rf -- "$1"', folder)

    def services(self, folder: str) -> None:
        """Each system has services of its own kind; none is asked."""
        return None

    def parse_services(self, result: CommandResult) -> tuple[Service, ...]:
        """There is nothing to parse."""
        return ()

    def share_number(self, folder: str) -> None:
        """SFTP's own answers are as exact as the system's."""
        return None

    def parse_share_number(self, result: CommandResult) -> int:
        """Never asked for."""
        raise OutputUnreadable("A POSIX system has no such numbers.")

    def mount(self, folder: str) -> Command:
        """df in the form that POSIX fixes."""
        return Command(("env", "LC_ALL=C", "df", "-P", "--", folder))

    def parse_mount(self, result: CommandResult) -> Mount:
        """By df's last line."""
        return parse_df(result)

    def service_state(self, name: str) -> None:
        """No service is asked how it stands."""
        return None

    def parse_service_state(self, result: CommandResult) -> None:
        """There is nothing to parse."""
        return None

    def registry_value(self, key: str, value: str) -> None:
        """There is no registry."""
        return None

    def parse_registry_value(self, result: CommandResult) -> str:
        """There is no registry."""
        return ""


def _names(paths: Iterable[str]) -> bytes:
    """NUL-separated; `./` before each keeps `-` and `-x` from meaning something else."""
    return b"".join(b"./" + path.encode("utf-8") + b"\0" for path in paths)


def _nanoseconds(digits: bytes) -> int | None:
    """A count of nanoseconds since 1970 between 2001 and 2286, the years with 19 digits; else None."""
    return int(digits) if len(digits) == 19 and digits.isdigit() else None
