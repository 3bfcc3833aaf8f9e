"""Look at a node that leaves: what it holds, what it held before joining, and the difference."""

from __future__ import annotations

from dataclasses import dataclass

from accounts.errors import Refused
from nodes.connection.connect import NodeLink
from nodes.products.profile import Profile
from nodes.registry.models import Node
from replication.configuration.job.comparing import handling_by, without_own
from replication.configuration.job.desired import Desired
from replication.configuration.job.loading import baseline_of, manifest_at, node_clock_ns, origin_folders
from replication.configuration.job.looking import NodeScan
from replication.configuration.models import Baseline, Origin, Snapshot
from replication.files.core.compare import compare
from replication.files.core.manifest import Manifest
from replication.files.core.paths import RelPath, not_ours
from replication.files.scan import scan_node
from replication.files.work_context import WorkContext
from replication.membership.core.restore import NodePast, RestorePlan, restore_plan
from replication.objects import ObjectLost, Store


@dataclass(frozen=True, slots=True)
class Remembered:
    """A node's past as the database and the store tell it. `root`: the tree of its origin. `folders`: those it had;
    None where that was not kept."""

    past: NodePast
    root: str
    folders: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class LookedBack:
    """What a look at the node shows."""

    seen: NodeScan
    former: RestorePlan


def remembered(node: Node, store: Store) -> Remembered:
    """The node's past. Raises Refused where something was proven there, but not what it held before, and where the
    store lost some of it: what is not known cannot be told from the operator's own."""
    try:
        return _remembered(node, store)
    except ObjectLost as error:
        text = f"What {node.name} held before joining, or was given since, is not known any more. {error}"
        raise Refused("past_lost", text, "It can leave with the configuration it has (keep).") from error


def _remembered(node: Node, store: Store) -> Remembered:
    origin = Origin.objects.filter(node=node).first()
    baseline = baseline_of(node.pk, store)
    if origin is None and baseline is not None:
        text = f"What {node.name} held before joining was not kept."
        raise Refused("no_origin", text, "It can leave with the configuration it has (keep).")
    root = origin.root if origin else ""
    past = NodePast(manifest_at(root, store), baseline, _sent(node, store) if origin else frozenset(), store.has)
    return Remembered(past, root, origin_folders(node.pk, store))


def _sent(node: Node, store: Store) -> frozenset[RelPath]:
    """Paths that the last runs may have written."""
    newest = Snapshot.objects.filter(cluster=node.cluster_id).order_by("-pk").values_list("root", flat=True)[:1]
    proven = Baseline.objects.filter(node=node, snapshot__isnull=False).values_list("snapshot__root", flat=True)
    roots = {*newest, *proven}
    return frozenset(path for root in roots for path in manifest_at(root, store).files)


def look_back(
    link: NodeLink, node: Node, profile: Profile, remembered: Remembered, expected: Manifest | None, guard: WorkContext
) -> LookedBack:
    """Scan a node and compare it with what it had before joining. `expected`: what it should hold by now; what differs
    from it is an edit."""
    known = expected or Manifest()
    scan = scan_node(link, profile, known=known, scan_ns=node_clock_ns(node), guard=guard)
    folds_case = link.platform.folds_case
    then = restore_plan(remembered.past, scan.manifest, folds_case=folds_case)
    delta = compare(
        wanted=then.wanted,
        baseline=Manifest(files={**then.ours.files, **known.files}),
        actual=scan.manifest,
        ruling=handling_by(profile),
        folds_case=folds_case,
        folders=not_ours(scan.folders, remembered.folders, folds_case=folds_case),
    )
    met, extras = without_own(scan, then.wanted, delta.extras)
    problems = met + then.problems + delta.problems
    seen = NodeScan(scan, Desired(then.wanted, (), ()), delta.changes, extras, problems)
    return LookedBack(seen, then)
