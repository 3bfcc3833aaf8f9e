"""What the demo shows of shared network paths and multi-node mail routing, through the REST API alone.

Where the keys stand is confirmed as an operator would, who knows this stand-in's ini file: no other server's.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from demo.client import Api, Json
from demo.file_server import SERVER, DemoShare
from demo.jobs import Jobs, Ran, Unproven
from demo.standin_mail import delivered_by, section

SEARCH_SECONDS = 30.0
MAIL_SECONDS = 60.0
SWITCH = {"role": "routing", "path": "App/MDaemon.ini", "section": "Routing", "key": "MultiNode"}


@dataclass(frozen=True, slots=True)
class Sharing:
    """The steps, in order. `roots`: the nodes' installation folders by their ids, the primary's first."""

    jobs: Jobs
    share: DemoShare
    roots: Mapping[int, Path]

    @property
    def _api(self) -> Api:
        return self.jobs.api

    @property
    def _cluster(self) -> str:
        return f"clusters/{self.jobs.cluster}"

    def show(self) -> None:
        """All of it. Raises ApiRefused, Unproven."""
        self._set_paths()
        self._confirm_keys()
        self._test()
        self._apply()
        self._route()
        self._prove()

    def _set_paths(self) -> None:
        served = f"a real smbd on port {self.share.port}" if self.share.port else "no smbd here: a plain folder"
        for node in self.roots:
            self._api.put(f"nodes/{node}/mount-points/", {"share": self.share.path, "folder": self.share.folder})
        if self.share.port:
            login = {"username": self.share.username, "password": self.share.password, "port": self.share.port}
            self._api.post(f"{self._cluster}/file-servers/", {"server": SERVER, **login})
        paths = self._api.patch(f"{self._cluster}/shared-paths/", {"mode": "common", "common": self.share.path})
        self.jobs.tell(
            f"Set one common share for {len(paths['folders'])} folders: {self.share.path} ({served}); "
            f"the nodes have it at {self.share.folder}"
        )

    # --- where the keys stand ---

    def _confirm_keys(self) -> None:
        self._api.post(f"{self._cluster}/shared-paths/keys/named/", {**SWITCH, "on": "Yes", "off": "No"})
        self._api.post(f"{self._cluster}/shared-paths/keys/search/")
        found = self._searched()
        candidates = [one for folder in found["folders"] for one in folder["candidates"]]
        places = [{name: one[name] for name in ("role", "path", "section", "key")} for one in candidates]
        self._api.post(f"{self._cluster}/shared-paths/keys/", {"keys": places})
        for node in list(self.roots)[1:]:
            for place in places:
                answer = {name: place[name] for name in ("path", "section", "key")}
                self._api.post(f"nodes/{node}/ini-keys/answer/", {**answer, "choice": "replicate"})
        shown = f"[{candidates[0]['section']}] {candidates[0]['shown']}"
        self.jobs.tell(
            f"Found on the primary by what they hold, and confirmed: {len(places) - 1} lines, such as {shown}; named: "
            f"the switch of mail routing. They are the primary's on all nodes from now on"
        )

    def _searched(self) -> Json:
        return self._api.wait(
            f"{self._cluster}/shared-paths/keys/",
            lambda now: now["state"] in {"succeeded", "failed", "cancelled"},
            seconds=SEARCH_SECONDS,
            what="the search for keys",
        )

    # --- tested, written, proven ---

    def _test(self) -> None:
        ran = self.jobs.run("share_test", "can every node work with the share?")
        proofs = {target["evidence"]["proof"] for target in ran.job["targets"]}
        self.jobs.tell(
            f"Share test from {len(ran.job['targets'])} nodes, {ran.seconds:.1f} s: {' '.join(sorted(proofs))} "
            f"{self._from_here()}"
        )

    def _from_here(self) -> str:
        """What the portal itself found, by SMB. Raises Unproven."""
        tested = self._api.get(f"{self._cluster}/shared-paths/test/")["results"]
        cells = [cell for folder in tested for cell in folder["cells"] if cell["node"] is None]
        if not self.share.port:
            return "Not tried by SMB: no file server is here"
        if bad := [cell["text"] for cell in cells if cell["state"] != "ok"]:
            raise Unproven(f"the portal cannot work with the share: {bad[0]}")
        latency = max(cell["latency_ms"] for cell in cells)
        return f"The portal by SMB: {len(cells)} of {len(tested)}, {latency:.1f} ms a round trip"

    def _apply(self) -> None:
        copied = self._copy_content()
        self.jobs.tell(f"Copied what the primary's folders hold to the share, as its operator: {copied} files")
        self._told("Shared paths", self.jobs.run("shared_paths", "folders on the share", {"moved": True}))
        self._copy_content()  # what came in between
        for root in self.roots.values():
            named = section((root / "App/MDaemon.ini").read_bytes(), "directories")["users"]
            if Path(named) != Path(self.share.folder) / "Users":
                raise Unproven(f"the mail folders of {root} are in {named}")
        self.jobs.tell(f"Proof: MDaemon.ini of all {len(self.roots)} nodes names the share")

    def _route(self) -> None:
        self._api.put(f"{self._cluster}/routing/", {"enabled": True})
        self._test()
        self._told("Multi-node mail routing is on", self.jobs.run("shared_paths", "one queue", {"moved": True}))

    def _told(self, title: str, ran: Ran) -> None:
        evidence = [target["evidence"] for target in ran.job["targets"]]
        lines = sum(len(one["values"]) for one in evidence)
        changed = sum(one["files_changed"] for one in evidence)
        self.jobs.tell(
            f"{title}: {changed} {'file' if changed == 1 else 'files'} of the primary edited, replicated; "
            f"{lines} lines read back on {len(evidence)} nodes, {ran.seconds:.1f} s"
        )

    def _copy_content(self) -> int:
        """What the primary keeps in folders that are shared now and that is not there yet."""
        root, share, count = next(iter(self.roots.values())), Path(self.share.folder), 0
        for name in ("Users", "Public Folders", "PEM", "Digests", "Gateways"):
            for path in (root / name).rglob("*"):
                target = share / name / path.relative_to(root / name)
                if path.is_file() and path.suffix != ".tmp" and not target.exists():
                    target.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy2(path, target)
                    count += 1
        return count

    def _prove(self) -> None:
        """By its own eyes: a server delivered what another received."""
        deadline = time.monotonic() + MAIL_SECONDS
        while not (crossed := self._crossed()):
            if time.monotonic() > deadline:
                raise Unproven("no message went through the shared queue")
            time.sleep(0.1)
        one = crossed[0]
        self.jobs.tell(f"Proof: {one.name} came to MAIL{one.name[3]} and was delivered by MAIL{delivered_by(one)}")
        if left := self._left():
            self.jobs.tell(f"Left in queues of the nodes' own: {len(left)} messages; the portal moves them in a minute")

    def _crossed(self) -> Sequence[Path]:
        """Messages in the shared mail folders that another server delivered than had received them."""
        boxes = Path(self.share.folder) / "Users"
        return [path for path in boxes.rglob("md5[1-9]*.msg") if delivered_by(path) not in ("", path.name[3])]

    def _left(self) -> Sequence[str]:
        """Messages in queues that nobody works off any more."""
        return [str(path) for root in self.roots.values() for path in (root / "Queues").rglob("*") if path.is_file()]
