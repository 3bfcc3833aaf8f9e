"""Words that columns hold. A leaf: anyone may import it."""

from __future__ import annotations

from django.db import models


class ReplicationMode(models.TextChoices):
    """Who replicates the configuration: MDaemon's own cluster service, or the portal."""

    NATIVE = "native", "MDaemon's cluster service"
    PORTAL = "portal", "The portal"


class Clustering(models.TextChoices):
    """Whether a cluster's servers act as one. OFF: they stand alone, and nothing is replicated. A new cluster is NEW
    until somebody resumes it. ENDING: the features that clustering switched off are being given back."""

    NEW = "new", "Not enabled yet"
    ON = "on", "Enabled"
    ENDING = "ending", "Being disabled"
    OFF = "off", "Disabled"


class NodeRole(models.TextChoices):
    """A node's part in its cluster."""

    PRIMARY = "primary", "Primary"
    SECONDARY = "secondary", "Secondary"


class Joining(models.TextChoices):
    """How far a secondary is in becoming, or ceasing to be, a server of its cluster. Only JOINING and JOINED ones are
    written to; a primary needs no joining."""

    REGISTERED = "registered", "Not joined"
    JOINING = "joining", "Joining"
    JOINED = "joined", "Joined"
    LEAVING = "leaving", "Leaving"
    LEFT = "left", "Left"


class SearchState(models.TextChoices):
    """How far a search of networks is."""

    REQUESTED = "requested", "Waiting for a worker"
    RUNNING = "running", "Running"
    SUCCEEDED = "succeeded", "Done"
    CANCELLED = "cancelled", "Cancelled"
    FAILED = "failed", "Failed"


class PlatformName(models.TextChoices):
    """The kind of operating system a node runs."""

    WINDOWS = "windows", "Windows"
    POSIX = "posix", "POSIX (Linux, BSD)"


class CredentialKind(models.TextChoices):
    """How the portal proves who it is."""

    KEY = "key", "Key pair"
    PASSWORD = "password", "Password"


class HostKeyState(models.TextChoices):
    """What a person said of a host key."""

    SEEN = "seen", "Waiting for approval"
    APPROVED = "approved", "Approved"
    REVOKED = "revoked", "Revoked"


class ApprovalPolicy(models.TextChoices):
    """When a person must approve a plan before it is applied."""

    ALWAYS = "always", "Every plan"
    FIRST = "first", "Each node's first plan"
    NEVER = "never", "Only when a brake halts"


class IniChoice(models.TextChoices):
    """What happens to an ini key that differs between primary and node."""

    KEEP = "keep", "Keep the node's own"
    REPLICATE = "replicate", "Replicate the primary's"


class Health(models.TextChoices):
    """How a node is doing, as last observed."""

    OK = "ok", "Healthy"
    DEGRADED = "degraded", "Degraded"
    DOWN = "down", "Unreachable"
    QUARANTINED = "quarantined", "Quarantined"
    UNKNOWN = "unknown", "Not yet observed"


class LogLevel(models.TextChoices):
    """The level of a line of the cluster log, spelled as the guide spells it."""

    DEBUG = "Debug", "Debug"
    INFO = "Info", "Info"
    WARNING = "Warning", "Warning"
    ERROR = "Error", "Error"


class AttestedSubject(models.TextChoices):
    """What a person can say of a node that the portal cannot see by itself."""

    CLUSTER_SERVICE = "cluster_service", "The node's own cluster service"
    PART = "part", "The part the server itself says it has"
    SERVICE_ACCOUNT = "service_account", "The account its services run under reaches the network"


# Groups of states; none is spelled anywhere else.

SERVERS = frozenset({Joining.JOINING, Joining.JOINED, Joining.LEAVING})
"""Secondaries that somebody took in and that have not left."""

REPLICATED = frozenset({Joining.JOINING, Joining.JOINED})
"""Secondaries that replication writes to."""

PROVEN_ONCE = frozenset({Joining.JOINED, Joining.LEAVING})
"""Secondaries that were proven to hold the primary's configuration, and are not out yet."""

OUTSIDE = frozenset({Joining.REGISTERED, Joining.LEFT})
"""Secondaries that nobody took in, or that left."""


class PathMode(models.TextChoices):
    """How the shared paths of a cluster are set."""

    COMMON = "common", "One common network share"
    INDIVIDUAL = "individual", "Each path by itself"


class KeySource(models.TextChoices):
    """Who said where a folder's place stands in a server's files."""

    FOUND = "found", "Found by the value it holds, and confirmed"
    TYPED = "typed", "Typed by an operator"


class CellState(models.TextChoices):
    """What a test of one folder from one node came to. UNTESTED: it could not be tried; `reason` says why."""

    OK = "ok", "Works"
    FAILED = "failed", "Does not work"
    UNTESTED = "untested", "Not tested"


class CellReason(models.TextChoices):
    """Why a folder does not work from a node, in the words of the field."""

    NO_HOST = "no_host", "No such file server"
    UNREACHABLE = "unreachable", "The file server does not answer"
    NO_SHARE = "no_share", "No such share"
    NO_FOLDER = "no_folder", "No such folder"
    NOT_MOUNTED = "not_mounted", "The share is not mounted"
    DENIED = "denied", "Access is denied"
    NO_CREDENTIALS = "no_credentials", "A login by key has no rights on other machines"
    WRONG_LOGIN = "wrong_login", "The file server refuses the login"
    FULL = "full", "The share is full"
    READ_ONLY = "read_only", "The share is read-only"
    TOO_LONG = "too_long", "The path is too long"
    NOT_SEEN = "not_seen", "Other nodes do not see what is written here"
    NO_LOCK = "no_lock", "Locks do not hold between nodes"
    SLOW = "slow", "It takes too long"
    NODE_AWAY = "node_away", "The node does not answer"
    OTHER = "other", "It failed"
