"""How `replicate` is known to the engine, the pages and the API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError

from nodes.clusters.models import Cluster
from nodes.enums import Clustering
from replication.configuration.core.configuration import DEEP, REPLICATE, config_resources, manner
from replication.configuration.core.file_plans import FILE_TEXT, content_of
from replication.configuration.core.hashed import hashed_sentence
from replication.configuration.forms import ReplicateForm
from replication.configuration.job.runner import ReplicateRunner
from replication.configuration.services.modes import check_portal_may_replicate
from replication.files.core.changes import Change, NodeFiles, PrimaryFiles
from replication.files.core.paths import path_problem
from replication.jobs.core.plan_json import PlanCodec
from replication.jobs.kinds import Kind, Offer, Slot
from replication.jobs.models import Job


def parse_options(raw: Mapping[str, Any]) -> dict[str, Any]:
    """`unstable`: paths of files that keep changing, given by the watch; they, and others that do not hold still, stay
    as they were last known. Without it a file that does not hold still is a problem. `deep`: hash every file anew, on
    the primary and on each secondary, also where size and times are those that were last known."""
    names = ", ".join(sorted(set(raw) - {"unstable", DEEP}))
    if names:
        raise ValidationError({"options": f"Unknown option: {names}. Those of this kind are deep and unstable."})
    if not isinstance(raw.get(DEEP, False), bool):
        raise ValidationError({"options": "deep: give true or false."})
    paths = raw.get("unstable", [])
    if not isinstance(paths, list) or not all(isinstance(path, str) and not path_problem(path) for path in paths):
        raise ValidationError({"options": "unstable: give a list of paths relative to the installation folder."})
    return dict(raw)


def resources(job: Job) -> tuple[str, ...]:
    """One replication of a cluster's configuration at a time."""
    return config_resources(job.cluster_id)


def _clusters(cluster: Cluster) -> bool:
    return cluster.clustering != Clustering.OFF


PAGE = "replication:job-request"

KIND = Kind(
    word=REPLICATE,
    label="Replicate configuration",
    runner=ReplicateRunner(),
    parse_options=parse_options,
    resources=resources,
    codec=PlanCodec(REPLICATE, Change, NodeFiles, PrimaryFiles, makes_sense=Change.makes_sense),
    text=FILE_TEXT,
    content=content_of,
    manner=manner,
    found=hashed_sentence,
    refuses=check_portal_may_replicate,
    form=ReplicateForm,
    speaks=True,
    offers=(
        Offer(Slot.REQUEST, order=10),
        Offer(
            Slot.CLUSTER,
            "Plan only",
            PAGE,
            order=10,
            query=f"?kind={REPLICATE}&dry_run=1",
            icon="file-diff",
            when=_clusters,
        ),
        Offer(
            Slot.CLUSTER,
            "Replicate",
            PAGE,
            order=20,
            query=f"?kind={REPLICATE}",
            icon="refresh-cw",
            look="primary",
            when=_clusters,
        ),
    ),
)
