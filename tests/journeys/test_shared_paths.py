"""Shared paths on three real nodes that mount one share: set, found, confirmed, applied, proven, given back."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from tests.deadlines import wait_for
from tests.journeys.conftest import ENDED, Stage

SHARE = "\\\\files\\mail"


class Story:
    """Three nodes whose file names two folders, and what stood there."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.share = stage.folder / "share"
        self.share.mkdir()
        self.files = [root / "App" / "MDaemon.ini" for root in stage.roots]
        lines = (
            f"[Places]\r\nUsers={stage.roots[0]}/Users/$DOMAIN$/$MAILBOX$/\r\nPublic={stage.roots[0]}/Public Folders"
        )
        for file in self.files:
            file.write_bytes(file.read_bytes() + lines.encode())
        self.before = [file.read_bytes() for file in self.files]

    def api(self, method: str, place: str, body: dict[str, Any] | None = None) -> Any:
        return self.stage.portal.ok(method, f"clusters/{self.stage.cluster}/shared-paths{place}", body)

    def set(self) -> None:
        self.api("PATCH", "", {"mode": "common", "common": f"{SHARE}\\md"})
        for node in self.stage.node_ids:
            mount = {"share": SHARE, "folder": str(self.share)}
            self.stage.portal.ok("PUT", f"nodes/{node}/mount-points", mount)

    def confirm(self) -> None:
        """What a search finds by the values that the keys hold."""
        self.api("POST", "/keys/search", {})
        found = wait_for("the primary was searched", lambda: (keys := self.api("GET", "/keys"))["found_at"] and keys)
        keys = [one for folder in found["folders"] for one in folder["candidates"] if one["section"] == "Places"]
        assert sorted(one["role"] for one in keys) == ["public", "users"]
        body = [{name: one[name] for name in ("role", "path", "section", "key")} for one in keys]
        self.api("POST", "/keys", {"keys": body})

    def ask(self, **options: Any) -> dict[str, Any]:
        dry_run = options.pop("dry_run", False)
        number = self.stage.request(kind="shared_paths", options=options, dry_run=dry_run)
        return self.stage.wait_state(number, "awaiting_approval", *ENDED)

    def tested(self) -> None:
        """Until then nobody knows that what is at the mount point is shared: it lies on the nodes' own disk."""
        assert self.ask()["error_code"] == "share_not_mounted"
        number = self.stage.request(kind="share_test")
        assert self.stage.wait_state(number, *ENDED)["state"] == "succeeded"

    def looked_at(self) -> None:
        """A dry run shows the lines, and that mail still lies in the old folder; it cannot be asked for in earnest."""
        shown = self.ask(dry_run=True)
        assert (shown["state"], self.changed()) == ("succeeded", [False] * 3)
        assert f"+Public={self.share}/md/Public Folders" in shown["plan_summary"]["diff"]
        assert self.ask()["error_code"] == "old_folder_in_use"

    def moved(self) -> None:
        """By a person, with the mail server stopped."""
        (self.share / "md").mkdir()
        shutil.move(self.stage.roots[0] / "Users", self.share / "md" / "Users")

    def applied(self) -> None:
        job = self.ask()
        assert job["state"] == "awaiting_approval", job["error"]
        self.stage.approve(job["id"])
        done = self.stage.wait_state(job["id"], *ENDED)
        assert done["state"] == "succeeded", (done["error"], self.stage.events(job["id"]))
        line = f"[Places] Users={self.share}/md/Users/$DOMAIN$/$MAILBOX$/ in App/MDaemon.ini"
        assert all(line in target["evidence"]["values"] for target in done["targets"])
        assert (len(done["targets"]), self.changed()) == (3, [True] * 3)
        assert (self.share / "md" / "Gateways").is_dir()

    def changed(self) -> list[bool]:
        return [file.read_bytes() != before for file, before in zip(self.files, self.before, strict=True)]

    def known(self) -> None:
        """The facts of all nodes are read anew, so that pages show the new places."""

        def everywhere() -> bool:
            users = next(one for one in self.api("GET", "")["folders"] if one["role"] == "users")
            return [(one["standing"], len(one["nodes"])) for one in users["today"]] == [("as_set", 3)]

        wait_for("every node is known to keep its mail on the share", everywhere)

    def given_back(self) -> None:
        job = self.ask(to="former", moved=True)
        self.stage.approve(job["id"])
        assert self.stage.wait_state(job["id"], *ENDED)["state"] == "succeeded"
        assert self.changed() == [False] * 3


def temporary(roots: list[Path]) -> list[Path]:
    return [path for root in roots for path in root.rglob(".cp~*")]


def test_paths_are_applied_and_proven_on_every_node_and_given_back(new_cluster: Any) -> None:
    stage = new_cluster(nodes=3, files=20)
    story = Story(stage)
    stage.replicate()
    story.before = [file.read_bytes() for file in story.files]
    story.set()
    story.confirm()
    story.tested()
    story.looked_at()
    story.moved()
    story.applied()
    story.known()
    story.given_back()
    assert temporary([*stage.roots, story.share]) == []
