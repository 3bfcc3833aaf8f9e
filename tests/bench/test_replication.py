"""`./run bench replication` from end to end, at a size that takes seconds: what it does and writes, not how fast."""

from __future__ import annotations

import json

from bench import main


def test_all_cases_beside_rsync(tmp_path) -> None:
    arguments = main.parse(["replication", "--nodes", "2", "--files", "60", "--rounds", "1"])
    entries = json.loads(json.dumps(main.run(arguments, tmp_path)))

    assert [entry["case"] for entry in entries[::2]][:4] == [
        "initial",
        "nothing changed",
        "one file changed",
        "20 files changed",
    ]
    for plain, opened in zip(entries[::2], entries[1::2], strict=True):
        assert plain["case"] == opened["case"] and plain["ours_s"] == opened["ours_s"] > 0
        assert "open connections" in opened["peer"] and "open connections" not in plain["peer"]
    for entry in entries:
        assert (entry["nodes"], entry["files"]) == (2, 60)
        assert entry["peer_s"] > 0 and entry["ratio"] == round(entry["ours_s"] / entry["peer_s"], 3)
        assert {"web", "worker", "remote", "beat", "redis"} <= entry["peak_bytes"].keys()
        assert entry["commits"] > 0 and entry["rows"]["replication_target"] == 2
        assert entry["sent_bytes"] > 0 and entry["peer_sent_bytes"] > 0
    initial, nothing = entries[0], entries[2]
    assert initial["sent_bytes"] > nothing["sent_bytes"] and initial["peer_sent_bytes"] > nothing["peer_sent_bytes"]
    assert (initial["settle_s"], nothing["settle_s"]) == (0.2, 0.0)
