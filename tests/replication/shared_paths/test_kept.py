"""Keys that a secondary keeps as its own."""

from __future__ import annotations

from replication.shared_paths.core.kept import Decided, kept_elsewhere

MAIL, QUEUES, LOGS = "app/mdaemon.ini\ts\tmail", "app/mdaemon.ini\ts\tqueues", "app/mdaemon.ini\ts\tlogs"


def test_only_keys_of_folders_that_somebody_keeps_are_told() -> None:
    first, second = Decided(2, "mx2", MAIL, keeps=True), Decided(3, "mx3", MAIL, keeps=True)
    decisions = [first, Decided(2, "mx2", QUEUES, keeps=False), Decided(2, "mx2", LOGS, keeps=True), second]
    assert kept_elsewhere({MAIL, QUEUES}, decisions) == {MAIL: (first, second)}
    assert kept_elsewhere((), decisions) == {}
