"""The rows of this room."""

from nodes.checks.models import (
    Attestation,
    Guard,
    RegistrationSeal,
    StepAttestation,
)
from nodes.cluster_log.models import ClusterLogLine
from nodes.clusters.models import Cluster, Membership, PathOverride
from nodes.credentials.models import Credential, PasswordBinding
from nodes.discovery.models import NetworkSearch, SearchHit
from nodes.facts.models import FeatureKey, FeatureMemory, NodeFacts
from nodes.ini_keys.models import IniDecision
from nodes.queues.models import QueueCount, QueueReading
from nodes.registry.models import HostKey, Node
from nodes.shares.models import (
    FileServerLogin,
    FolderKey,
    FormerValue,
    KeySearch,
    MountPoint,
    ShareCell,
    SharedFolder,
    SharedPaths,
)

__all__ = [
    "Attestation",
    "Cluster",
    "ClusterLogLine",
    "Credential",
    "FeatureKey",
    "FeatureMemory",
    "FileServerLogin",
    "FolderKey",
    "FormerValue",
    "Guard",
    "HostKey",
    "IniDecision",
    "KeySearch",
    "Membership",
    "MountPoint",
    "NetworkSearch",
    "Node",
    "NodeFacts",
    "PasswordBinding",
    "PathOverride",
    "QueueCount",
    "QueueReading",
    "RegistrationSeal",
    "SearchHit",
    "ShareCell",
    "SharedFolder",
    "SharedPaths",
    "StepAttestation",
]
