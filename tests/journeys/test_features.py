"""Features that do not go with clustering: switched off while it is enabled, given back when it is disabled."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.deadlines import wait_for
from tests.journeys.conftest import ENDED, Stage

DOMAINS = (
    b"; domains\r\n[a.example]\r\nMaxUsers=0\r\nBind=Yes\r\nIP=192.0.2.1\r\n"
    b"[b.example]\r\nBind = yes \r\nSecret=hush\r\n[c.example]\r\nBind=No\r\n"
)
SWITCHED = DOMAINS.replace(b"Bind=Yes", b"Bind=No").replace(b"Bind = yes", b"Bind = No")
LINKING = b"[Linking]\r\nOn=1\r\n"


def standing(stage: Any, code: str) -> str:
    """What a check finds on the primary."""
    checks = stage.portal.ok("GET", f"clusters/{stage.cluster}/checks")["checks"]
    findings = next(check["findings"] for check in checks if check["code"] == code)
    return str(next(finding["standing"] for finding in findings if finding["node"] == "mx0"))


def clustering(stage: Any, **wanted: Any) -> dict[str, Any]:
    """How it is with clustering; `wanted` changes it."""
    address = f"clusters/{stage.cluster}/clustering"
    answer: dict[str, Any] = stage.portal.ok("PUT" if wanted else "GET", address, wanted or None)
    return answer


def disable(stage: Any) -> dict[str, Any]:
    return clustering(stage, enabled=False, confirm_name=stage.portal.ok("GET", f"clusters/{stage.cluster}/")["name"])


def the_plan(stage: Any, job: int | None) -> dict[str, Any]:
    """What a job would change, once it is known and waits for a person."""
    assert job is not None
    planned: dict[str, Any] = stage.wait_state(job, "awaiting_approval", *ENDED)
    assert planned["state"] == "awaiting_approval", planned["error"]
    return planned


def run(stage: Any, job: int) -> dict[str, Any]:
    stage.approve(job)
    done: dict[str, Any] = stage.wait_state(job, *ENDED)
    assert done["state"] == "succeeded", done["error"]
    return done


def refused(stage: Any) -> str:
    answer = stage.portal.call("POST", "jobs", {"kind": "replicate", "cluster": stage.cluster})
    assert answer.status == 409
    return str(answer.body["code"])


@dataclass(frozen=True, slots=True)
class Story:
    """A stage, the two files of its primary that have switches, and what the second held when it began."""

    stage: Stage
    domains: Path
    ini: Path
    linking: bytes

    def nothing_to_give_back(self) -> None:
        """Disabled by what was read, without anybody's approval."""
        job = disable(self.stage)["job"]
        done = self.stage.wait_state(job, *ENDED)
        assert (done["state"], done["approved_by"], done["targets"]) == ("succeeded", "", [])
        assert "[a.example] Bind=Yes in App/Domains.dat" in done["plan_summary"]["switches"]
        assert (clustering(self.stage)["state"], refused(self.stage)) == ("off", "clustering_off")
        assert (self.domains.read_bytes(), self.ini.read_bytes()) == (DOMAINS, self.linking)

    def enabled(self) -> None:
        """At once there is a plan, which a person sees and approves."""
        shown = clustering(self.stage, enabled=True)
        assert [rule["code"] for rule in shown["to_do"]] == ["attachment_linking", "automatic_updates"]
        job = the_plan(self.stage, shown["job"])
        assert clustering(self.stage, enabled=True)["job"] == job["id"]  # asked for once
        self.stage.portal.ok("POST", f"clusters/{self.stage.cluster}/checks/run", {})
        wait_for("the check fails", lambda: standing(self.stage, "domain_binding") == "fail")
        assert {"-Bind=Yes", "+Bind=No"} <= set(job["plan_summary"]["diff"])
        assert "hush" not in "".join(job["plan_summary"]["diff"])
        assert self.domains.read_bytes() == DOMAINS
        run(self.stage, job["id"])
        assert self.domains.read_bytes() == SWITCHED
        assert standing(self.stage, "domain_binding") == "pass"

    def found_later(self) -> None:
        """A switch that an administrator finds later is asked for by the portal itself."""
        before = clustering(self.stage)["job"]
        place = {"path": "App/MDaemon.ini", "section": "Linking", "key": "On", "off": "0"}
        address = f"clusters/{self.stage.cluster}/features/attachment_linking"
        self.stage.portal.ok("PUT", address, place)
        asked = wait_for("the portal asks", lambda: (job := clustering(self.stage)["job"]) != before and job)
        job = the_plan(self.stage, asked)
        assert {"-On=1", "+On=0"} <= set(job["plan_summary"]["diff"])
        done = run(self.stage, job["id"])
        assert self.ini.read_bytes() == self.linking.replace(b"On=1", b"On=0")
        read = {"[a.example] Bind=No in App/Domains.dat", "[Linking] On=0 in App/MDaemon.ini"}
        assert read <= set(done["targets"][0]["evidence"]["switches"])
        assert not list(self.stage.roots[0].rglob(".cp~*"))
        assert len(clustering(self.stage)["remembered"]) == 3
        self.stage.portal.ok("DELETE", address)  # what was remembered stays

    def edited_meanwhile(self) -> None:
        """Not disabled where somebody edits the file between plan and approval; it says so, and goes on replicating."""
        job = the_plan(self.stage, disable(self.stage)["job"])
        self.domains.write_bytes(SWITCHED + b"[d.example]\r\nBind=Yes\r\n")
        self.stage.approve(job["id"])
        assert self.stage.wait_state(job["id"], "halted", "succeeded")["error_code"] == "plan_outdated"
        shown = clustering(self.stage)
        assert (shown["state"], shown["job_state"]) == ("ending", "halted")
        assert shown["sentence"].startswith("Not disabled: Job")
        assert "changed since the plan was made" in shown["sentence"]
        self.stage.replicate()
        self.domains.write_bytes(SWITCHED)

    def disabled(self) -> None:
        """Given back byte for byte, then nothing is replicated any more."""
        job = the_plan(self.stage, disable(self.stage)["job"])
        assert {"-Bind=No", "+Bind=Yes", "-On=0", "+On=1"} <= set(job["plan_summary"]["diff"])
        run(self.stage, job["id"])
        assert (self.domains.read_bytes(), self.ini.read_bytes()) == (DOMAINS, self.linking)
        wait_for("the secondary has it too", lambda: clustering(self.stage)["state"] == "off")
        assert (self.stage.roots[1] / "App" / "Domains.dat").read_bytes() == DOMAINS
        assert clustering(self.stage)["remembered"] == []
        assert refused(self.stage) == "clustering_off"
        assert standing(self.stage, "domain_binding") == "pass"  # it may be on now


def test_what_does_not_go_with_clustering_is_off_while_it_is_enabled(new_cluster: Any) -> None:
    stage = new_cluster(nodes=2)
    app = stage.roots[0] / "App"
    story = Story(stage, app / "Domains.dat", app / "MDaemon.ini", (app / "MDaemon.ini").read_bytes() + LINKING)
    story.domains.write_bytes(DOMAINS)
    story.ini.write_bytes(story.linking)
    asked_first = clustering(stage)["job"]  # by the first resume, unless the facts were read before
    if asked_first is not None:
        stage.wait_state(asked_first, "awaiting_approval", *ENDED)
    story.nothing_to_give_back()
    story.enabled()
    story.found_later()
    stage.replicate()
    assert (stage.roots[1] / "App" / "Domains.dat").read_bytes() == SWITCHED
    story.edited_meanwhile()
    story.disabled()
    log = stage.portal.ok("GET", f"clusters/{stage.cluster}/log?limit=200&search=0x4151F02")[
        "results"
    ]  # 2 enabled, 3 disabled, 0 off, 1 back
    assert [line["code"][-1] for line in log] == list("2320013")
    run(stage, the_plan(stage, clustering(stage, enabled=True)["job"])["id"])
    assert story.domains.read_bytes() == SWITCHED
    stage.replicate()
