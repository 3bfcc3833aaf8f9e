"""Planning: which lines of the primary's files would change, by what clustering is or shall be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from accounts.errors import Refused
from nodes.clusters.models import Cluster
from nodes.connection.connect import open_node
from nodes.connection.reader import Reader
from nodes.enums import Clustering
from nodes.facts.core import FeatureSetting, barred
from nodes.facts.feature_settings import read_switches
from nodes.facts.selectors.facts import features_of, profile_of
from nodes.facts.services.feature_memory import Switched, remembered
from nodes.products.ini import IniError
from nodes.products.profile import FeatureRule, Profile
from nodes.registry.models import Node
from nodes.registry.selectors import primary_of
from replication.clustering.core.features import OFF
from replication.clustering.feature_job.edits import giving_back, switching_off
from replication.clustering.feature_job.target import FeaturesRun
from replication.clustering.services.disabling import note_given
from replication.files.apply.context import Context
from replication.files.edits import Edit, changes_of
from replication.jobs.core.plan import NodePlan, Plan
from replication.jobs.models import Job
from replication.jobs.runner import (
    PlanOutcome,
    PlanWork,
    TargetOutcome,
    TargetWork,
)
from replication.objects import default_store

_BY_HAND = "Set it on the server by hand to what it was."


@dataclass(frozen=True, slots=True)
class FeatureScan:
    """What planning read from the primary, and what it does not give back, in words."""

    edits: Sequence[Edit]
    switches: tuple[FeatureSetting, ...]
    left: tuple[str, ...] = ()


class FeaturesRunner:
    """Switch the incompatible features off, or give back what they were."""

    def plan(self, work: PlanWork) -> PlanOutcome:
        """Read the files, and say which lines would change. Changes nothing; where nothing would change, the job has
        its evidence already."""
        cluster = work.job.cluster
        _check_clustering(cluster, work.job)
        primary = primary_of(cluster)
        if primary is None:
            raise Refused("no_primary", "The cluster has no primary.", "Give one node the role primary.")
        profile = profile_of(cluster)
        rules = features_of(cluster, profile)
        try:
            seen = _look(work.job, primary, rules, profile)
        except IniError as error:
            raise Refused("broken_ini", f"A file with a switch does not parse: {error}") from error
        return _planned(work, primary, rules, seen)

    def run_target(self, work: TargetWork) -> TargetOutcome:
        """Write exactly what was approved, and read it back."""
        with open_node(work.node) as link:
            tag = f"{work.target.pk}.{work.lease.fence}"
            context = Context(link, profile_of(work.job.cluster), default_store(), work.lease, tag)
            return FeaturesRun(context, work).run()


def _check_clustering(cluster: Cluster, job: Job) -> None:
    """Raise Refused where clustering does not ask for it: features follow clustering, not the other way round; only
    looking is always allowed."""
    if job.dry_run:
        return
    off = job.options["to"] == OFF
    if off and cluster.clustering in (Clustering.ENDING, Clustering.OFF):
        text = "Clustering is disabled, or about to be: its features are given back, not switched off."
        raise Refused("clustering_off", text)
    if not off and cluster.clustering == Clustering.ON:
        raise Refused("clustering_on", "Clustering is enabled.", "Disable it to have the features given back.")


def _look(job: Job, primary: Node, rules: Sequence[FeatureRule], profile: Profile) -> FeatureScan:
    """Raises NodeError, IniError."""
    with open_node(primary) as link:
        reader = Reader(link)
        switches = read_switches(reader, rules)
        if job.options["to"] == OFF:
            return FeatureScan(switching_off(reader, rules), switches)
        rows = [(row, barred(row.path, profile)) for row in remembered(primary.pk)]
        left = tuple(f"[{row.section}] {row.key} is not given back: {why}. {_BY_HAND}" for row, why in rows if why)
        return FeatureScan(giving_back(reader, [row for row, why in rows if not why]), switches, left)


def _planned(work: PlanWork, primary: Node, rules: Sequence[FeatureRule], seen: FeatureScan) -> PlanOutcome:
    words = [switch.in_words for switch in seen.switches]
    for text in seen.left:
        work.lease.event("warning", "features.left", text)
    for edit in seen.edits:
        work.lease.event("info", "features.diff", "\n".join(edit.diff), {"path": edit.path})
    if not seen.edits:
        work.lease.event("info", "features.read", f"Read: {', '.join(words) or 'no switch is known'}.")
    changes = changes_of(seen.edits, profile_of(work.job.cluster))
    summary = {
        "diff": [line for edit in seen.edits for line in edit.diff],
        "switches": words,
        "left": list(seen.left),
        "to_do": [rule.label for rule in rules if not rule.key],
    }
    return PlanOutcome(
        plan=Plan((NodePlan(primary.pk, primary.name, changes),)),
        targets=(primary.pk,) if changes else (),
        needs_approval=True,
        summary=summary,
        record=None if changes or work.job.dry_run else lambda: _nothing_to_do(work, primary, seen),
    )


def _nothing_to_do(work: PlanWork, primary: Node, seen: FeatureScan) -> None:
    """What was read is the proof."""
    off = work.job.options["to"] == OFF
    note_given(primary, Switched(work.job.pk, off=off, changed=False, read_back=seen.switches))
