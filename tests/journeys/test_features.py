"""Features that do not go with clustering: found on, shown as a diff, switched off, remembered, given back."""

from __future__ import annotations

from functools import partial
from typing import Any

from tests.journeys.portal import wait_for

DOMAINS = (
    b"; domains\r\n[a.example]\r\nMaxUsers=0\r\nBind=Yes\r\nIP=192.0.2.1\r\n"
    b"[b.example]\r\nBind = yes \r\nSecret=hush\r\n[c.example]\r\nBind=No\r\n"
)
LINKING = b"[Linking]\r\nOn=1\r\n"


def state_of(stage: Any, code: str) -> str:
    checks = stage.portal.ok("GET", f"clusters/{stage.cluster}/checks")["checks"]
    return str(next(check["state"] for check in checks if check["code"] == code))


def fails(stage: Any, code: str) -> bool:
    return state_of(stage, code) == "fail"


def switch(stage: Any, to: str) -> dict[str, Any]:
    body = {"kind": "features", "cluster": stage.cluster, "options": {"to": to}}
    job: dict[str, Any] = stage.wait_state(stage.portal.ok("POST", "jobs", body)["id"], "awaiting_approval", "failed")
    assert job["state"] == "awaiting_approval", job["error"]
    return job


def test_switched_off_remembered_and_given_back(new_cluster: Any) -> None:
    stage = new_cluster(nodes=2)
    domains, ini = (stage.roots[0] / "App" / name for name in ("Domains.dat", "MDaemon.ini"))
    domains.write_bytes(DOMAINS)
    ini.write_bytes(ini.read_bytes() + LINKING)
    before = ini.read_bytes()
    stage.replicate()
    place = {"path": "App/MDaemon.ini", "section": "Linking", "key": "On", "off": "0"}
    stage.portal.ok("PUT", f"clusters/{stage.cluster}/features/attachment_linking", place)
    stage.portal.ok("POST", f"clusters/{stage.cluster}/checks/run", {})
    for code in ("domain_binding", "attachment_linking"):
        wait_for(f"{code} is seen to be on", partial(fails, stage, code))
    assert state_of(stage, "automatic_updates") == "unknown"

    job = switch(stage, "off")
    assert (domains.read_bytes(), ini.read_bytes()) == (DOMAINS, before)  # nothing before approval
    diff = job["plan_summary"]["diff"]
    assert {"-Bind=Yes", "+Bind=No", "-On=1", "+On=0"} <= set(diff)
    assert "hush" not in "".join(diff)
    stage.approve(job["id"])
    done = stage.wait_state(job["id"], "succeeded", "failed", "halted")
    assert done["state"] == "succeeded", done["error"]
    wanted = DOMAINS.replace(b"Bind=Yes", b"Bind=No").replace(b"Bind = yes", b"Bind = No")
    assert domains.read_bytes() == wanted
    assert ini.read_bytes() == before.replace(b"On=1", b"On=0")
    assert "[a.example] Bind=No in App/Domains.dat" in done["targets"][0]["evidence"]["switches"]
    assert not list(stage.roots[0].rglob(".cp~*"))
    findings = [
        finding
        for check in stage.portal.ok("GET", f"clusters/{stage.cluster}/checks")["checks"]
        for finding in check["findings"]
        if check["code"] == "domain_binding" and finding["node"] == "mx0"
    ]
    assert [finding["standing"] for finding in findings] == ["pass"]
    stage.replicate()
    assert (stage.roots[1] / "App" / "Domains.dat").read_bytes() == wanted

    job = switch(stage, "restore")
    domains.write_bytes(wanted + b"[d.example]\r\nBind=Yes\r\n")  # somebody edits it meanwhile
    stage.approve(job["id"])
    halted = stage.wait_state(job["id"], "halted", "succeeded")
    assert (halted["state"], halted["error_code"]) == ("halted", "plan_outdated")
    domains.write_bytes(wanted)
    stage.portal.ok("POST", f"jobs/{job['id']}/cancel", {})
    job = switch(stage, "restore")
    stage.approve(job["id"])
    stage.wait_state(job["id"], "succeeded")
    assert (domains.read_bytes(), ini.read_bytes()) == (DOMAINS, before)
    log = stage.portal.ok("GET", f"clusters/{stage.cluster}/log?limit=200&search=0x4151F02")["results"]
    assert [line["code"] for line in log] == ["0x4151F020", "0x4151F021"]
