"""What is on a node, by name: one listing, sorted into configuration and what stands in the way of knowing it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from django.conf import settings

from nodes.connection.connect import NodeLink, limits
from nodes.errors import OutputUnreadable
from nodes.platforms.base import ListedFile, Listing
from nodes.products.profile import PathClass, Profile
from nodes.remote.walk import walk
from replication.files.apply import names
from replication.files.core.manifest import Problem
from replication.files.core.paths import RelPath, folders_of, path_problem
from replication.files.core.sheet import Moved, Sheet, walked
from replication.files.core.spelling import Spelling
from replication.files.digests import VANISHED
from replication.files.limits import TOO_LARGE, too_large
from replication.files.work_context import WorkContext, moving

LISTINGS = 3
"""How often a tree is listed, at most, until nothing that counts goes away in the middle."""

MAX_DEPTH = 64
"""Parts of a path, far more than any installation's have: each file makes whoever reads know all folders above it."""


@dataclass(frozen=True, slots=True)
class Sorted:
    """A listing, sorted. `hidden`: relative paths at which, or beneath which, anything may be: folders that cannot be
    listed, what went away meanwhile, links, which are never followed, and files that are too large. `leftovers`: the
    portal's own temporary names. `folders`: every folder that was listed."""

    config: dict[RelPath, ListedFile]
    problems: tuple[Problem, ...]
    hidden: tuple[str, ...]
    unclassified: tuple[str, ...]
    leftovers: tuple[str, ...]
    folders: tuple[str, ...]


Respell = Callable[[str], str]
"""A name as it is known."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A node's listing as it came. `sheet`: its records, where nothing was complained of. `read` reads it whole; raises
    OutputUnreadable, RemoteFileMissing, RemoteDenied."""

    sheet: Sheet | None
    read: Callable[[], Listing]


def list_tree(link: NodeLink, profile: Profile, guard: WorkContext) -> Listing:
    """`listed`, read whole."""
    return listed(link, profile, guard).read()


def listed(link: NodeLink, profile: Profile, guard: WorkContext, last: Sheet | None = None) -> Answer:
    """Everything under the installation folder but what never needs listing, listed again where something that counts
    went away meanwhile: a mail server's temporary files come and go. Raises RemoteFileMissing without a folder.

    `last`: an earlier listing of the node. Where it has been steady, the node is first asked whether it still is."""
    if last is not None and last.steady and _is_still(link, last, profile, guard):
        return Answer(last, lambda: last.form.parse(last.raw))
    answer = _listed(link, profile, guard)
    if last is None or answer.sheet is None or answer.sheet.raw != last.raw:
        return answer
    return replace(answer, sheet=replace(last, steady=True))


def _is_still(link: NodeLink, last: Sheet, profile: Profile, guard: WorkContext) -> bool:
    """Whether the node's listing would be the same, byte for byte; not where it cannot tell without giving it."""
    can_tell = link.capabilities.can_list and link.capabilities.can_hash
    command = link.platform.digest_tree(link.root, profile.skip_folders()) if can_tell else None
    if command is None:
        return False
    line = link.platform.spell(command)
    result = link.session.run(line, timeout=settings.PORTAL.command, progress=moving(guard))
    return link.platform.parse_tree_digest(result) == hashlib.sha256(last.raw).hexdigest()


def _listed(link: NodeLink, profile: Profile, guard: WorkContext) -> Answer:
    answer = _listed_once(link, profile, guard)
    for _ in range(LISTINGS - 1):
        if answer.sheet is not None or not _gone_that_count(answer.read(), profile):
            break
        answer = _listed_once(link, profile, guard)
    return answer


def _listed_once(link: NodeLink, profile: Profile, guard: WorkContext) -> Answer:
    skip = profile.skip_folders()
    command = link.platform.list_tree(link.root, skip) if link.capabilities.can_list else None
    most, progress = limits(), moving(guard)
    if command is None:
        folds_case = link.platform.folds_case
        listing = walk(link.session, link.root, skip, folds_case=folds_case, limits=most, progress=progress)
        return Answer(walked(listing), lambda: listing)
    line = link.platform.spell(command)
    result = link.session.run(line, timeout=settings.PORTAL.command, max_output=most.listing_bytes, progress=progress)
    # before it is parsed: an entry, or a complaint, takes far more memory than its line
    lines = max(result.stdout.count(b"\0"), result.stdout.count(b"\n")) + result.stderr.count(b"\n")
    most.check_names(lines, link.root)
    form = link.platform.listing_form(result)
    whole = form is not None and result.stdout.endswith(form.end)
    return Answer(Sheet(result.stdout, form) if form and whole else None, lambda: link.platform.parse_list_tree(result))


def sort_out(listing: Listing, profile: Profile) -> Sorted:
    """Config files, problems, unclassified names and the portal's own leftovers of a listing. Raises OutputUnreadable,
    LimitBroken for one that no tree of files has."""
    config: dict[RelPath, ListedFile] = {}
    problems: list[Problem] = []
    unclassified: list[str] = []
    for file in listing.files:
        if file.kind == "folder" or names.is_ours(file.path, folder=False):
            continue
        path_class = profile.classify(file.path).path_class
        if path_class == PathClass.UNCLASSIFIED:
            unclassified.append(file.path)
        elif path_class == PathClass.CONFIG:
            problem = entry_problem(file, profile)
            if problem is None:
                config[RelPath(file.path)] = file
            else:
                problems.append(problem)
    _check_folders(config)
    problems.extend(
        Problem(folder or ".", "unreadable", "the folder cannot be listed; give the portal's account read access")
        for folder in listing.unreadable
    )
    problems.extend(Problem(path, "vanished", VANISHED) for path in _gone_that_count(listing, profile))
    ours = {file.path for file in listing.files if names.is_ours(file.path, folder=file.kind == "folder")}
    leftovers = tuple(file.path for file in listing.files if file.path in ours and names.parse(file.path))
    folders = tuple(file.path for file in listing.files if file.kind == "folder" and file.path not in ours)
    hidden = _hidden(listing, [problem.path for problem in problems if problem.code == TOO_LARGE])
    return Sorted(config, tuple(problems), hidden, tuple(sorted(unclassified)), leftovers, folders)


def _check_folders(config: Mapping[RelPath, ListedFile]) -> None:
    """Raise OutputUnreadable where a listing contradicts itself, LimitBroken where files lie in more folders than it
    may have names: those that are not listed were made up, at the cost of whoever reads."""
    folders = folders_of(config, limits().names)
    limits().check_names(len(folders), "The folders of its files")
    both = folders & config.keys()
    if both:
        raise OutputUnreadable(f"Its listing has {min(both)!r} as a file and as a folder.")


def respelled(found: Sorted, spelling: Spelling) -> Sorted:
    """The same with every name as it is known."""
    problems = tuple(replace(problem, path=spelling.of(problem.path)) for problem in found.problems)
    hidden = tuple(sorted({spelling.of(place) for place in found.hidden}))
    return replace(found, config=spelling.keys(found.config), problems=problems, hidden=hidden)


def _hidden(listing: Listing, left_out: Iterable[str]) -> tuple[str, ...]:
    others = [file.path for file in listing.files if file.kind not in ("file", "folder")]
    return tuple(sorted({*listing.unreadable, *listing.vanished, *others, *left_out}))


def _gone_that_count(listing: Listing, profile: Profile) -> list[str]:
    """What went away while the tree was listed and may matter: configuration, and folders, which may hold some."""
    folders = {file.path for file in listing.files if file.kind == "folder"} if listing.vanished else set()
    return [
        path
        for path in listing.vanished
        if not names.is_ours(path, folder=path in folders)
        and (path in folders or profile.classify(path).path_class == PathClass.CONFIG)
    ]


def entry_problem(file: ListedFile, profile: Profile) -> Problem | None:
    """Why an entry is no file that can be handled; None where it is one."""
    if file.path_bytes is not None:
        return Problem(file.path, "bad_name", "the name is not valid UTF-8; rename the file")
    reason = path_problem(file.path)
    if reason is None and file.path.count("/") >= MAX_DEPTH:
        reason = f"the path has more than {MAX_DEPTH} parts"
    if reason:
        return Problem(file.path, "bad_name", reason)
    if file.kind != "file":
        found = "a device, a pipe or a socket" if file.kind == "other" else f"a {file.kind}"
        return Problem(
            file.path, "not_a_file", f"{found} is never followed or replaced; remove it, or put a file there"
        )
    if file.size > profile.file_bytes:
        return Problem(file.path, TOO_LARGE, too_large(profile, file.size))
    return None


def config_moved(moved: Moved, profile: Profile, respell: Respell) -> dict[RelPath, str] | None:
    """The configuration files that moved, by their names, as the node spells them; None where more moved than files."""
    found: dict[RelPath, str] = {}
    for path in [*(moved.then.keys() - moved.now.keys()), *moved.now]:
        then, now = moved.then.get(path), moved.now.get(path)
        kinds = {entry.kind for entry in (then, now) if entry}
        if kinds == {"folder"} and then and now:
            continue  # its times
        if kinds != {"file"} or names.is_ours(path, folder=False):
            return None
        path_class = profile.classify(path).path_class
        if path_class == PathClass.UNCLASSIFIED and not (then and now):
            return None
        if path_class != PathClass.CONFIG:
            continue
        if now and entry_problem(now, profile):
            return None
        name = RelPath(respell(path))
        if now and found.get(name) in moved.now:
            return None  # two spellings of one name
        found[name] = path
    return found
