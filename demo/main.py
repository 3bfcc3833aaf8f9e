"""What `./run demo` shows: an operator's day one, through the REST API alone.

`python -m demo.main --portal URL [--once]`, started beside the portal and the demo's nodes. Makes a cluster and a key
pair, registers three nodes, approves their host keys, replicates, changes files on the primary, which the watch then
replicates unasked, and compares the trees by itself. Then it gives the nodes a share and one queue
(`demo/sharing.py`). Prints what happened; the one secret it prints is the one-time password.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
import time
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

import django
from django.core.management import call_command

from demo.client import Api, ApiRefused, Json, wait_for_portal
from demo.file_server import read_share
from demo.jobs import ENDED, JOB_SECONDS, Jobs, Ran, Unproven
from demo.nodes import DemoNode
from demo.proof import Comparison, compare
from demo.sharing import Sharing
from nodes.products.loading import load_profile

PROFILE = "mdaemon-demo"


class Story:
    """The demo's steps, in order."""

    def __init__(self, portal: str, folder: Path) -> None:
        self._portal = portal
        self._folder = folder
        self._started = float(os.environ.get("CLUSTERPORTAL_STARTED", time.time()))
        self._demo_nodes: list[DemoNode] = []
        self._api = Api(portal, "")
        self._cluster = 0
        self._nodes: list[int] = []

    @property
    def node_folder(self) -> Path:
        """Where the demo's nodes have their folders."""
        return self._folder / "nodes"

    @property
    def _jobs(self) -> Jobs:
        return Jobs(self._api, self._cluster, self.tell)

    @property
    def _secondaries(self) -> Sequence[int]:
        return self._nodes[1:]

    def tell(self, text: str) -> None:
        """A line for the person who watches."""
        print(f"[{time.time() - self._started:6.1f} s] {text}", flush=True)

    def tell_all(self) -> str:
        """All of it. Returns the one-time password. Raises ApiRefused, Unproven."""
        password = self._wait_for_all()
        self._register()
        self._dry_run()
        self._answer_ini_key()
        self._join()
        first = self._jobs.run("replicate", "day one: bring the joining nodes to the primary's configuration")
        self._show("First replication", first)
        self._prove()
        self._change_something()
        second = self._await_watch()
        self._show("Found by the watch, replicated without a button", second)
        self._prove()
        roots = [Path(demo_node.install_root) for demo_node in self._demo_nodes]
        Sharing(self._jobs, read_share(self.node_folder / "files"), dict(zip(self._nodes, roots, strict=True))).show()
        return password

    def _wait_for_all(self) -> str:
        password = make_admin()
        self._api = Api(self._portal, make_token())
        wait_for_portal(self._portal)
        self.tell(f"The portal answers at {self._portal}")
        self._demo_nodes = read_nodes(self.node_folder / "nodes.json")
        self.tell(f"{len(self._demo_nodes)} demo nodes (stand-ins, not MDaemon) answer by SSH on loopback")
        return password

    # --- registering ---

    def _register(self) -> None:
        new = {"name": "harbour", "replication_mode": "portal", "profile": PROFILE, "approval": "first"}
        cluster = self._api.post("clusters/", {**new, "description": "demo cluster on this machine"})
        self._cluster = cluster["id"]
        user = self._demo_nodes[0].username
        login = {"cluster": self._cluster, "name": "demo nodes", "username": user}
        pair = self._api.post("credentials/key-pair/", login)
        for demo_node in self._demo_nodes:
            let_in(demo_node, pair["public_key"])
        self.tell("Made cluster harbour and a key pair; put its public half on the nodes")
        for index, demo_node in enumerate(self._demo_nodes):
            self._register_node(demo_node, "secondary" if index else "primary", pair["credential"]["id"])
        self.tell("Attested that no node's own cluster service is on: the portal replicates this cluster")
        self._api.post(f"clusters/{self._cluster}/resume/")
        self.tell("Resumed the cluster, which enables clustering: a new one is paused until a person lets it go")

    def _register_node(self, demo_node: DemoNode, role: str, credential: int) -> None:
        node = self._api.post(
            "nodes/",
            {
                "cluster": self._cluster,
                "name": demo_node.name,
                "address": "127.0.0.1",
                "port": demo_node.port,
                "platform": "posix",
                "role": role,
                "install_root": demo_node.install_root,
                "credential": credential,
            },
        )
        self._nodes.append(node["id"])
        shown = self._api.post(f"nodes/{node['id']}/host-key/fetch/")["fingerprint"]
        if shown != demo_node.fingerprint:  # what an operator compares on the server's own console
            raise Unproven(f"{demo_node.name} shows the host key {shown}, not its own {demo_node.fingerprint}")
        self._api.post(f"nodes/{node['id']}/host-key/approve/", {"fingerprint": shown})
        word = {"subject": "cluster_service", "value": "off", "note": "the stand-in has none"}
        self._api.post(f"nodes/{node['id']}/attestations/", word)
        asked = self._api.post(f"nodes/{node['id']}/facts/refresh/")["requested_at"]
        facts = self._facts(node["id"], asked)
        clock = facts.get("clock_offset_ms")
        offset = f"clock {clock:+.0f} ms" if clock is not None else "clock unknown"
        version = facts.get("product_version") or "unknown"
        self.tell(f"Registered {demo_node.name} as {role}: {shown[:20]}..., version {version}, {offset}")

    def _facts(self, node: int, asked: str) -> Json:
        """Once a worker has read them; 404 until the first time."""
        deadline = time.monotonic() + 30
        while True:
            try:
                facts = self._api.get(f"nodes/{node}/facts/")
                if facts["read_at"] >= asked:
                    return facts
            except ApiRefused:
                if time.monotonic() > deadline:
                    raise
            if time.monotonic() > deadline:
                raise Unproven("a node's facts were not read within 30 s; is a worker running?")
            time.sleep(0.1)

    # --- replicating ---

    def _dry_run(self) -> None:
        job = self._jobs.wait(self._jobs.ask("replicate", "what would it do?", dry_run=True))
        plan = job["plan_summary"]
        self.tell(
            f"Dry run: {plan['files']} configuration files on the primary, {plan['changes']} changes on the "
            f"secondaries, {plan['send_bytes']:,} bytes; {plan['unclassified']} files no profile knows; nothing changed"
        )

    def _answer_ini_key(self) -> None:
        """Ini keys that differ stay the node's own until somebody answers; this one is the cluster's."""
        answer = {"path": "App/MDaemon.ini", "section": "Server", "key": "MaxSMTPSessions", "choice": "replicate"}
        for node in self._secondaries:
            self._api.post(f"nodes/{node}/ini-keys/answer/", answer)
        self.tell("Answered: [Server] MaxSMTPSessions of MDaemon.ini is the primary's; other keys that differ stay own")

    def _join(self) -> None:
        """Nothing is written to a server before somebody typed its name. How full the disk of the machine is on which
        the demo runs shall not stop it."""
        names = [demo_node.name for demo_node in self._demo_nodes[1:]]
        for node, name in zip(self._secondaries, names, strict=True):
            self._api.post(f"nodes/{node}/join", {"confirm_name": name, "accept": ["disk"]})
        self.tell(f"Confirmed by typing their names that {' and '.join(names)} join: their settings are overwritten")

    def _await_watch(self) -> Ran:
        """The watch's own job for what was just changed, with the time from the change to its proof."""
        changed = time.monotonic()
        path = f"clusters/{self._cluster}/watch"
        while (watch := self._api.get(path))["last_job"] is None or watch["last_job_state"] not in ENDED:
            if time.monotonic() - changed > JOB_SECONDS:
                raise Unproven(f"the watch proved nothing within {JOB_SECONDS:.0f} s: {watch['sentence']}")
            time.sleep(0.1)
        seconds = time.monotonic() - changed
        return Ran(self._jobs.wait({"id": watch["last_job"]}), seconds)

    def _show(self, title: str, ran: Ran) -> None:
        evidence = [target["evidence"] for target in ran.job["targets"]]
        changed = sum(item["files_changed"] for item in evidence)
        proven = sum(item["files_proven"] for item in evidence)
        taken = sum(len(item["semaphores_taken"]) for item in evidence)
        sent = ran.job["plan_summary"]["send_bytes"]
        self.tell(
            f"{title}: {changed} files changed, {sent:,} bytes, {ran.seconds:.1f} s; "
            f"{proven} hashes read back equal, {taken} semaphore files taken"
        )

    def _change_something(self) -> None:
        app = Path(self._demo_nodes[0].install_root) / "App"
        path = app / "announcements@harbour.example.grp"
        path.write_bytes(path.read_bytes() + b"newcomer@mill.example\r\n")
        (app / "opened today@mill.example.grp").write_bytes(path.read_bytes())
        (app / "GRPLIST.SEM").touch()  # as MDaemon's own programs do after an edit
        self.tell(f"On the primary: added a member to {path.name}, and a new list")

    def _prove(self) -> None:
        for name, found in compare_all(self._demo_nodes):
            if found.differing:
                raise Unproven(f"{name} differs from the primary in {', '.join(found.differing[:5])}")
            own = f"{len(found.own_keys)} own ini keys kept" if found.own_keys else "no own keys"
            extras = f", {len(found.extras)} of its own left alone" if found.extras else ""
            self.tell(f"Proof, byte for byte: {name} has {found.equal} files equal to the primary's{extras}; {own}")


def compare_all(nodes: Sequence[DemoNode]) -> list[tuple[str, Comparison]]:
    """Each secondary, by name, against the primary."""
    profile = load_profile(PROFILE, str(Path(__file__).parent / "products"))
    primary, *secondaries = nodes
    return [(node.name, compare(Path(primary.install_root), Path(node.install_root), profile)) for node in secondaries]


def make_admin() -> str:
    """The first administrator; returns the one-time password."""
    answer = StringIO()
    call_command("create_admin", username="admin", one_time=True, stdout=answer)
    return answer.getvalue().rpartition(":")[2].strip()


def make_token() -> str:
    """A token by which the demo acts on clusters, for one day."""
    answer = StringIO()
    call_command("create_token", username="admin", name="demo", role="administrator", days=1, stdout=answer)
    return answer.getvalue().strip()


def read_nodes(path: Path, seconds: float = 60.0) -> list[DemoNode]:
    """The demo's nodes, once they all answer. Raises Unproven."""
    deadline = time.monotonic() + seconds
    while not path.exists():
        if time.monotonic() > deadline:
            raise Unproven(f"the demo nodes did not start within {seconds:.0f} s; see {path.parent.parent / 'logs'}")
        time.sleep(0.1)
    return [DemoNode(**item) for item in json.loads(path.read_text())]


def let_in(demo_node: DemoNode, public_key: str) -> None:
    """What an administrator does on the server with the line that the portal shows."""
    with Path(demo_node.authorized_keys).open("a") as keys:
        keys.write(f"restrict {public_key.strip()}\n")


def main(arguments: Sequence[str]) -> int:
    """Tell the story; with --once end with a status, else stay until told to end."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--portal", required=True)
    parser.add_argument("--once", action="store_true")
    options = parser.parse_args(arguments)
    django.setup()
    story = Story(options.portal, Path(os.environ["CLUSTERPORTAL_DATA"]))
    try:
        password = story.tell_all()
    except (ApiRefused, Unproven) as error:
        story.tell(f"FAILED: {error}")
        return 1
    story.tell("Done: replicated and proven.")
    if options.once:
        return 0
    print(
        f"\n  Open      {options.portal}\n  User      admin\n  Password  {password}   (one time)\n\n"
        f"Take a node down:  echo down > {story.node_folder}/mail2/wanted  (or hung; up brings it back)\n"
        "Ctrl-C ends it all."
    )
    threading.Event().wait()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
