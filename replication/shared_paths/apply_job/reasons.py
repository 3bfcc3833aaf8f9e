"""What stands against writing shared paths, and what a person should know before approving it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from accounts.errors import Reason, Refused
from nodes.counted import many
from nodes.enums import CellReason, CellState, ReplicationMode
from nodes.products.version import is_at_least
from nodes.registry.models import Node
from nodes.shares.core.rules import MAIL_FOLDERS, mail_directory_problem, problems, short_name_in
from nodes.shares.core.standing import lies_at
from nodes.shares.models import ShareCell
from replication.configuration.services.modes import check_portal_may_replicate
from replication.shared_paths.apply_job.look import ACCOUNTS, Inside, Look
from replication.shared_paths.apply_job.scope import Scope
from replication.shared_paths.core.values import named
from replication.shared_paths.selectors.kept import kept_by

NO_REASON = frozenset({CellReason.NO_CREDENTIALS, CellReason.NODE_AWAY, CellReason.NO_FOLDER})
"""Why a test failed that says nothing of whether the server itself gets there once the folders are made."""

RESTART = (
    "Whether MDaemon takes up a folder's new place without a restart is not public: restart it on every node once the "
    "job has succeeded."
)


def reasons_against(scope: Scope, look: Look) -> list[Reason]:
    """Everything that refuses the job."""
    found = [*look.unmounted, *_still_inside(scope, look), *_kept_keys(scope, look)]
    if scope.to_share:
        found += [
            *_too_long(scope, look),
            *_no_folders(look),
            *_failed_tests(scope),
            *_too_old(scope),
            *_not_replicated(scope),
        ]
    return found


def warnings(scope: Scope, look: Look) -> list[str]:
    """What is not known, or was not done, and refuses nothing."""
    said = [f"{folder.label}: the portal's login does not see {folder.place} ({why})." for folder, why in look.unseen]
    said += [f"{key} is not there; no key is ever added." for key in look.missing]
    said += [
        f"{many(count, 'account')} in {ACCOUNTS}, which the portal does not write, with mail in {place}: give them the "
        "new folder in MDaemon."
        for place, count in look.stay
    ]
    if scope.to_share:
        said += [*_untested(scope), *filter(None, _too_long_here(look))]
        if look.accounts is None or not look.accounts.accounts:
            said.append("The list of accounts could not be read: whether their mail directories fit is not known.")
        since = scope.profile.routing_since
        unknown = [node.name for node in (scope.primary, *scope.served) if _is_able(node, since) is None]
        if scope.layout.routing and unknown:
            said.append(f"Nobody knows the version of {named(unknown)}; multi-node mail routing needs {since}.")
    else:
        said += [
            f"{folder.label}: {folder.place} is not there any more; make it before the mail servers work there again."
            for folder in look.gone
        ]
        said += [f"{reason.text} {reason.remedy}" for reason in _not_replicated(scope)]
    return [*said, RESTART] if look.edits else said


def _still_inside(scope: Scope, look: Look) -> Iterator[Reason]:
    if scope.moved:
        return
    for inside in look.given_up:
        if inside.count != 0:
            yield _of(inside)


def _of(inside: Inside) -> Reason:
    text = f"{inside.folder.label} in {inside.folder.place}: {inside.in_words}."
    remedy = "Move what lies there to its new place with the mail server stopped, then say that it is moved."
    short = short_name_in(inside.folder.place)
    if short:
        remedy += (
            f" {short} looks like a short name: where it means the new place itself, say so without moving anything."
        )
    return Reason("old_folder_in_use", text, remedy)


def _too_long(scope: Scope, look: Look) -> Iterator[Reason]:
    """Folders that cannot be, now that the accounts are known."""
    for problem in problems(scope.places, look.accounts.size if look.accounts else 0):
        yield Reason("path_refused", problem.text, "")


def _too_long_here(look: Look) -> Iterator[str]:
    """The same of a folder that only this primary has for the share: MDaemon itself runs on Windows alone."""
    longest = look.accounts.size if look.accounts else 0
    for folder in look.folders:
        if folder.role == MAIL_FOLDERS and not folder.place.startswith("\\\\"):
            yield mail_directory_problem(folder.place, longest) or ""


def _no_folders(look: Look) -> Iterator[Reason]:
    for folder in look.no_folders:
        text = f"{folder.label}: what is at {folder.place} is no folder."
        yield Reason("no_folder", text, "Rename it, or choose another path.")


def _kept_keys(scope: Scope, look: Look) -> Iterator[Reason]:
    """Keys that stay a secondary's own never get there by replication."""
    for text in kept_by(scope.served, look.values):
        yield Reason("key_kept", text, "Decide that it takes the primary's value: the node's ini keys.")


def _cells(scope: Scope) -> Iterable[tuple[Node, ShareCell | None, str]]:
    """The newest test of each folder from each node, if it was of the very place."""
    nodes = (scope.primary, *scope.served)
    rows = {(row.node_id, row.role): row for row in ShareCell.objects.filter(node__in=nodes)}
    for node in nodes:
        for place in scope.places:
            row = rows.get((node.pk, place.role))
            yield node, row if row and lies_at(row.path, place.path) else None, place.label


def _failed_tests(scope: Scope) -> Iterator[Reason]:
    failed: dict[str, list[str]] = {}
    for node, cell, label in _cells(scope):
        if cell and _refuses(cell):
            why = (cell.text or cell.get_reason_display()).rstrip(".")
            failed.setdefault(node.name, []).append(f"{label} ({why})")
    for name, folders in failed.items():
        text = f"The last share test from {name} failed: {', '.join(folders)}."
        yield Reason("share_test_failed", text, "Mend it, then test again.")


def _untested(scope: Scope) -> Iterator[str]:
    told: dict[str, list[str]] = {}
    for node, cell, label in _cells(scope):
        if cell is None or (cell.state != CellState.OK and not _refuses(cell)):
            told.setdefault(node.name, []).append(label)
    alike: dict[str, list[str]] = {}
    for name, labels in told.items():
        alike.setdefault(", ".join(labels), []).append(name)
    for folders, names in alike.items():
        yield f"No share test has proven from {named(names)}: {folders}."


def _refuses(cell: ShareCell) -> bool:
    return cell.state == CellState.FAILED and cell.reason not in NO_REASON


def _too_old(scope: Scope) -> Iterator[Reason]:
    since = scope.profile.routing_since
    for node in (scope.primary, *scope.served) if scope.layout.routing else ():
        if _is_able(node, since) is False:
            text = f"{node.name} runs {node.facts.product_version}; multi-node mail routing came with {since}."
            yield Reason("version_too_old", text, "Update it, or switch multi-node mail routing off.")


def _is_able(node: Node, since: str) -> bool | None:
    """Whether a node's version has multi-node mail routing; None where nobody knows."""
    facts = getattr(node, "facts", None)
    return is_at_least(facts.product_version, since) if facts else None


def _not_replicated(scope: Scope) -> Iterator[Reason]:
    """What is written on the primary would stay there."""
    if not scope.served or scope.cluster.replication_mode != ReplicationMode.PORTAL:
        return
    try:
        check_portal_may_replicate(scope.cluster)
    except Refused as refused:
        yield Reason(refused.code, refused.text, refused.remedy)
