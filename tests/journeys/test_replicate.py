"""The main story: register by REST, replicate 500 files, change, add, delete, rename; nothing else touched."""

from __future__ import annotations

from typing import Any

from tests.journeys.trees import AWKWARD, hashes


def config_of(root: Any) -> dict[str, str]:
    """Hashes of what is config: App without what the profile keeps off."""
    off = ("App/MDaemon.ini", "App/MDaemon.exe", "App/EXITNOW.bak")
    found: dict[str, str] = hashes(root, below="App")
    return {path: digest for path, digest in found.items() if path not in off and not path.endswith(".SEM")}


def untouched_of(root: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    for folder in ("Logs", "PEM", "Users"):
        found |= hashes(root, below=folder)
    return found | {"exe": (root / "App/MDaemon.exe").read_bytes().hex()}


def test_replicate_five_hundred_files_and_their_changes(new_cluster: Any) -> None:
    stage = new_cluster(files=500, nodes=3, approval="first")
    primary, *secondaries = stage.roots
    before = [untouched_of(root) for root in secondaries]

    job = stage.replicate()

    assert [target["state"] for target in job["targets"]] == ["verified", "verified"]
    wanted = config_of(primary)
    assert len(wanted) >= 499
    for root, kept in zip(secondaries, before, strict=True):
        assert config_of(root) == wanted
        assert untouched_of(root) == kept
        ini = (root / "App/MDaemon.ini").read_bytes()
        host = root.parent.name.replace("node", "mx")
        assert f"StandInHostName={host}\r\n".encode() in ini
        assert f"StandInRegistration=KEY-{host}-\r\n".encode() in ini

    app = primary / "App"
    (app / AWKWARD[0]).write_bytes(b"changed")
    (app / "list0001.grp").write_bytes(b"; changed\r\n")
    (app / "new'file \u00e4.dat").write_bytes(b"new")
    (app / "list0002.grp").unlink()
    (app / "list0003.grp").rename(app / "-renamed list.grp")
    (app / "MDaemon.ini").write_bytes((app / "MDaemon.ini").read_bytes().replace(b"Shared=one", b"Shared=two"))
    (app / "big.dat").write_bytes(b"0123456789abcdef" * (50 * 1024 * 1024 // 16))

    job = stage.replicate()

    assert job["state"] == "succeeded"
    for root in secondaries:
        assert config_of(root) == config_of(primary)
        assert b"Shared=two\r\n" in (root / "App/MDaemon.ini").read_bytes()
        assert not list(root.rglob(".cp~*"))

    again = stage.request(dry_run=True)
    assert stage.wait_state(again, "succeeded")["plan_summary"]["changes"] == 0
