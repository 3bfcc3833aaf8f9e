"""What is on a node, by name: one listing, sorted into configuration and what stands in the way of knowing it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from django.conf import settings

from nodes.connection.connect import NodeLink
from nodes.platforms.base import ListedFile, Listing
from nodes.products.profile import PathClass, Profile
from nodes.remote.walk import walk
from replication.files.apply import names
from replication.files.core.manifest import Problem
from replication.files.core.paths import RelPath, path_problem
from replication.files.core.sheet import Sheet, walked
from replication.files.core.spelling import Spelling
from replication.files.digests import VANISHED
from replication.files.work_context import WorkContext, moving

LISTINGS = 3
"""How often a tree is listed, at most, until nothing that counts goes away in the middle."""


@dataclass(frozen=True, slots=True)
class Sorted:
    """A listing, sorted. `hidden`: relative paths at which, or beneath which, anything may be: folders that cannot be
    listed, what went away meanwhile, and links, which are never followed. `leftovers`: the portal's own temporary
    names. `folders`: every folder that was listed."""

    config: dict[RelPath, ListedFile]
    problems: tuple[Problem, ...]
    hidden: tuple[str, ...]
    unclassified: tuple[str, ...]
    leftovers: tuple[str, ...]
    folders: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """A node's listing as it came. `sheet`: its records, where nothing was complained of. `read` reads it whole; raises
    OutputUnreadable, RemoteFileMissing, RemoteDenied."""

    sheet: Sheet | None
    read: Callable[[], Listing]


def list_tree(link: NodeLink, profile: Profile, guard: WorkContext) -> Listing:
    """`listed`, read whole."""
    return listed(link, profile, guard).read()


def listed(link: NodeLink, profile: Profile, guard: WorkContext) -> Answer:
    """Everything under the installation folder but what never needs listing, listed again where something that counts
    went away meanwhile: a mail server's temporary files come and go. Raises RemoteFileMissing without a folder."""
    answer = _listed_once(link, profile, guard)
    for _ in range(LISTINGS - 1):
        if answer.sheet is not None or not _gone_that_count(answer.read(), profile):
            break
        answer = _listed_once(link, profile, guard)
    return answer


def _listed_once(link: NodeLink, profile: Profile, guard: WorkContext) -> Answer:
    skip = profile.skip_folders()
    command = link.platform.list_tree(link.root, skip) if link.capabilities.can_list else None
    if command is None:
        listing = walk(link.session, link.root, skip, folds_case=link.platform.folds_case)
        return Answer(walked(listing), lambda: listing)
    line = link.platform.spell(command)
    result = link.session.run(line, timeout=settings.PORTAL.command, progress=moving(guard))
    form = link.platform.listing_form(result)
    whole = form is not None and result.stdout.endswith(form.end)
    return Answer(Sheet(result.stdout, form) if form and whole else None, lambda: link.platform.parse_list_tree(result))


def sort_out(listing: Listing, profile: Profile) -> Sorted:
    """Config files, problems, unclassified names and the portal's own leftovers of a listing."""
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
            problem = entry_problem(file)
            if problem is None:
                config[RelPath(file.path)] = file
            else:
                problems.append(problem)
    problems.extend(
        Problem(folder or ".", "unreadable", "the folder cannot be listed; give the portal's account read access")
        for folder in listing.unreadable
    )
    problems.extend(Problem(path, "vanished", VANISHED) for path in _gone_that_count(listing, profile))
    ours = {file.path for file in listing.files if names.is_ours(file.path, folder=file.kind == "folder")}
    leftovers = tuple(file.path for file in listing.files if file.path in ours and names.parse(file.path))
    folders = tuple(file.path for file in listing.files if file.kind == "folder" and file.path not in ours)
    return Sorted(config, tuple(problems), _hidden(listing), tuple(sorted(unclassified)), leftovers, folders)


def respelled(found: Sorted, spelling: Spelling) -> Sorted:
    """The same with every name as it is known."""
    problems = tuple(replace(problem, path=spelling.of(problem.path)) for problem in found.problems)
    hidden = tuple(sorted({spelling.of(place) for place in found.hidden}))
    return replace(found, config=spelling.keys(found.config), problems=problems, hidden=hidden)


def _hidden(listing: Listing) -> tuple[str, ...]:
    others = [file.path for file in listing.files if file.kind not in ("file", "folder")]
    return tuple(sorted({*listing.unreadable, *listing.vanished, *others}))


def _gone_that_count(listing: Listing, profile: Profile) -> list[str]:
    """What went away while the tree was listed and may matter: configuration, and folders, which may hold some."""
    folders = {file.path for file in listing.files if file.kind == "folder"} if listing.vanished else set()
    return [
        path
        for path in listing.vanished
        if not names.is_ours(path, folder=path in folders)
        and (path in folders or profile.classify(path).path_class == PathClass.CONFIG)
    ]


def entry_problem(file: ListedFile) -> Problem | None:
    """Why an entry is no file that can be handled; None where it is one."""
    if file.path_bytes is not None:
        return Problem(file.path, "bad_name", "the name is not valid UTF-8; rename the file")
    reason = path_problem(file.path)
    if reason:
        return Problem(file.path, "bad_name", reason)
    if file.kind != "file":
        return Problem(file.path, "not_a_file", f"a {file.kind} is never followed or replaced")
    return None
