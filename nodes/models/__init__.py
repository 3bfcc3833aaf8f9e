"""The rows of this room."""

from nodes.models.cluster import Cluster, Membership, PathOverride
from nodes.models.cluster_log import ClusterLogLine
from nodes.models.credential import Credential
from nodes.models.feature import FeatureKey, FeatureMemory
from nodes.models.guard import Attestation, Guard, RegistrationSeal, StepAttestation
from nodes.models.node import HostKey, IniDecision, Node, NodeFacts
from nodes.models.search import NetworkSearch, SearchHit

__all__ = [
    "Attestation",
    "Cluster",
    "ClusterLogLine",
    "Credential",
    "FeatureKey",
    "FeatureMemory",
    "Guard",
    "HostKey",
    "IniDecision",
    "Membership",
    "NetworkSearch",
    "Node",
    "NodeFacts",
    "PathOverride",
    "RegistrationSeal",
    "SearchHit",
    "StepAttestation",
]
