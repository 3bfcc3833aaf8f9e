"""The node's own Cluster log, if it has one: what it shows of MDaemon's cluster service. Its file name is not publicly
known, so the log is found by the codes in it."""

from __future__ import annotations

from nodes.connection.reader import HEAD, Reader
from nodes.errors import RemoteFileMissing
from nodes.products.cluster_log import CLUSTER_CODES, newest_lines

LOGS_LOOKED_AT = 24
WHOLE = 4 * 1024 * 1024
"""Bytes of a cluster log that are read; a longer one is read as far as that."""


def newest_cluster_lines(reader: Reader, folder: str) -> dict[str, str]:
    """The newest line of each cluster code in the newest log that has any; empty where none has. Raises NodeError."""
    try:
        logs = reader.logs(folder)
    except RemoteFileMissing:
        return {}
    for entry in logs[:LOGS_LOOKED_AT]:
        path = f"{folder}/{entry.name}"
        if CLUSTER_CODES.search(reader.start_of(path, HEAD)):
            return newest_lines(reader.start_of(path, WHOLE).decode("latin-1"))
    return {}
