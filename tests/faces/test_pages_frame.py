"""The console's frame: clusters beside every page, tabs within a cluster and a node, sections of their settings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.http import HttpRequest
from django.test import Client
from django.utils import timezone

from accounts.models import Role
from accounts.principals import Principal
from nodes.checks.services.checks import run_checks
from nodes.clusters.models import Cluster
from nodes.enums import Health, IniChoice, Joining, NodeRole, PlatformName
from nodes.facts.models import NodeFacts
from nodes.ini_keys.models import IniDecision
from nodes.ini_keys.services import folded
from nodes.registry.models import Node
from nodes.web import tabs
from nodes.web.tabs import SettingsPanel, Tab
from replication.configuration.models import Snapshot
from replication.jobs.core.states import JobState, TargetState
from replication.jobs.models import Job, Target
from tests.factories import make_cluster, make_member, make_node
from tests.pages import PageReader

pytestmark = pytest.mark.django_db

ROLES = (Role.VIEWER, Role.OPERATOR, Role.ADMINISTRATOR)
ROOT = Path(__file__).parents[2]

# queries of a page, for any number of rows; the user, the session and the clusters beside it are among them
CLUSTER_TABS = {
    "": 27,
    "servers/": 10,
    "configuration/": 18,
    "shared-paths/": 41,
    "routing/": 14,
    "checks/": 14,
    "log/": 9,
    "jobs/": 10,
    "settings/": 9,
    "settings/general/": 9,
    "settings/clustering/": 17,
    "settings/pause/": 8,
    "settings/watch/": 14,
    "settings/files/": 11,
    "settings/credentials/": 9,
    "settings/members/": 10,
}
NODE_TABS = {
    "": 23,
    "configuration/": 11,
    "jobs/": 9,
    "settings/": 8,
    "settings/general/": 8,
    "settings/host-key/": 10,
    "settings/attested/": 12,
    "settings/ini-keys/": 10,
    "settings/scripts/": 8,
    "settings/pause/": 8,
    "settings/membership/": 8,
    "settings/remove/": 8,
}


def _filled(cluster: Cluster, rows: int) -> Node:
    """The last of `rows` secondaries; each has facts, ini keys and its part in a job, and there is a cluster more."""
    make_node(cluster, "mx0", role=NodeRole.PRIMARY, platform=PlatformName.WINDOWS)
    node = None
    for number in range(1, rows + 1):
        make_node(make_cluster())
        node = make_node(cluster, f"mx{number}", platform=PlatformName.WINDOWS, install_root="C:\\MDaemon")
        NodeFacts.objects.create(node=node, read_at=timezone.now(), disk_total=10, disk_free=1)
        for other in range(number):
            _ini_key(node, f"Key{other}")
        job = Job.objects.create(cluster=cluster, kind="replicate", requester="astrid", state=JobState.RUNNING)
        Snapshot.objects.create(cluster=cluster, node=node, root="0" * 64, files=1, bytes=1)
        Target.objects.create(job=job, node=node, state=TargetState.RUNNING)
    run_checks(cluster.pk)
    assert node is not None
    return node


def _ini_key(node: Node, key: str) -> None:
    names = ("App/MDaemon.ini", "Domain", key)
    values = {"path": names[0], "section": names[1], "key": key, "choice": IniChoice.KEEP, "answered": False}
    IniDecision.objects.create(node=node, folded=folded(*names), **values)


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize(("tab", "queries"), CLUSTER_TABS.items(), ids=[tab or "overview" for tab in CLUSTER_TABS])
def test_every_tab_of_a_cluster_opens_for_every_role_and_costs_the_same(
    tab, queries, rows, cluster, console_for, cost_of
) -> None:
    _filled(cluster, rows)
    costs = {role: cost_of(console_for(make_member(cluster, role)), f"/clusters/{cluster.pk}/{tab}") for role in ROLES}
    assert costs == dict.fromkeys(ROLES, queries)


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize(("tab", "queries"), NODE_TABS.items(), ids=[tab or "overview" for tab in NODE_TABS])
def test_every_tab_of_a_node_opens_for_every_role_and_costs_the_same(
    tab, queries, rows, cluster, console_for, cost_of
) -> None:
    node = _filled(cluster, rows)
    costs = {role: cost_of(console_for(make_member(cluster, role)), f"/nodes/{node.pk}/{tab}") for role in ROLES}
    expected = dict.fromkeys(ROLES, queries)
    expected[Role.ADMINISTRATOR] += tab in ("settings/", "settings/general/")  # the form offers the credentials
    assert costs == expected


def test_the_lists_above_name_every_tab_and_section() -> None:
    """A capability that registers one is asked for its price."""
    for scope, prices in (("cluster", CLUSTER_TABS), ("node", NODE_TABS)):
        pages = {tab.address(1).removeprefix(f"/{scope}s/1/") for tab in tabs._TABS.values() if tab.scope == scope}
        pages |= {f"settings/{slug}/" for owner, slug in tabs._PANELS if owner == scope}
        assert pages <= prices.keys()


@pytest.mark.parametrize("tab", CLUSTER_TABS)
def test_strangers_see_no_tab_of_a_cluster(tab, cluster, stranger, console_for) -> None:
    assert console_for(stranger).get(f"/clusters/{cluster.pk}/{tab}").status_code == 404


@pytest.mark.parametrize("tab", NODE_TABS)
def test_strangers_see_no_tab_of_a_node(tab, cluster, stranger, console_for) -> None:
    node = _filled(cluster, 1)
    assert console_for(stranger).get(f"/nodes/{node.pk}/{tab}").status_code == 404


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("/clusters/{cluster}/edit/", "/clusters/{cluster}/settings/general/"),
        ("/nodes/{node}/edit/", "/nodes/{node}/settings/general/"),
    ],
)
def test_old_addresses_redirect_for_good(old, new, cluster, administrator, console_for) -> None:
    numbers = {"cluster": cluster.pk, "node": _filled(cluster, 1).pk}
    answer = console_for(administrator).get(old.format(**numbers))
    assert (answer.status_code, answer.headers["Location"]) == (301, new.format(**numbers))


def _tabs_on(page: str) -> list[tuple[str, bool]]:
    bar = re.findall(r'<nav class="tabs".*?</nav>', page, re.DOTALL)[0]
    found = re.findall(r'<a href="[^"]+"( aria-current="page")?>([^<]+)</a>', bar)
    return [(label, bool(here)) for here, label in found]


def test_the_tab_that_people_are_in_is_marked_and_no_other(cluster, viewer, console_for) -> None:
    browser = console_for(viewer)
    labels = ["Overview", "Servers", "Configuration", "Shared paths", "Mail routing"]
    labels += ["Checks", "Log", "Jobs", "Settings"]
    pages = ["", "servers/", "configuration/", "shared-paths/", "routing/", "checks/", "log/", "jobs/", "settings/"]
    pages_of = {**dict(zip(pages, labels, strict=True)), "settings/watch/": "Settings", "setup/": "Settings"}
    for page, label in pages_of.items():
        shown = _tabs_on(browser.get(f"/clusters/{cluster.pk}/{page}").content.decode())
        assert [name for name, _ in shown] == labels
        assert [name for name, here in shown if here] == [label], page


def test_a_nodes_tabs(cluster, viewer, console_for) -> None:
    node = make_node(cluster)
    browser = console_for(viewer)
    labels = ["Overview", "Configuration", "Jobs", "Settings"]
    for page, label in zip(["", "configuration/", "jobs/", "settings/"], labels, strict=True):
        shown = _tabs_on(browser.get(f"/nodes/{node.pk}/{page}").content.decode())
        assert [name for name, _ in shown] == labels
        assert [name for name, here in shown if here] == [label], page


def _forms(browser: Client, address: str) -> list[str]:
    reader = PageReader()
    reader.feed(browser.get(address).content.decode())
    frame = ("/theme/", "/account/logout/", "/nodes/")  # the search in the head is the list of nodes
    return [form.action for form in reader.forms if form.action not in frame]


def test_an_overview_only_shows(cluster, administrator, console_for) -> None:
    node = _filled(cluster, 2)
    browser = console_for(administrator)
    cluster.paused = True
    cluster.save()
    assert _forms(browser, f"/clusters/{cluster.pk}/") == []
    Node.objects.filter(pk=node.pk).update(paused=True)
    assert _forms(browser, f"/nodes/{node.pk}/") == []


def test_a_nodes_overview_tells_the_checks_that_do_not_pass(cluster, viewer, console_for) -> None:
    node = _filled(cluster, 1)
    page = console_for(viewer).get(f"/nodes/{node.pk}/").content.decode()
    part = re.findall(r'<section class="panel flush" id="checks">.*?</section>', page, re.DOTALL)[0]
    assert "?open=clock#check-clock" in part
    assert "?open=one_primary" not in part
    assert re.search(r"\d pass\.", part)


def test_a_viewer_sees_settings_read_only_with_the_reason(cluster, viewer, operator, console_for) -> None:
    node = _filled(cluster, 1)
    sees, acts = console_for(viewer), console_for(operator)
    for page in (tab for tab in CLUSTER_TABS if tab.startswith("settings/")):
        address = f"/clusters/{cluster.pk}/{page}"
        assert "Read-only." in sees.get(address).content.decode(), page
        assert _forms(sees, address) == [], page
    for page in (tab for tab in NODE_TABS if tab.startswith("settings/")):
        assert _forms(sees, f"/nodes/{node.pk}/{page}") == [], page
    reason = "needs the role Administrator on the cluster; yours is Operator."
    assert reason in acts.get(f"/clusters/{cluster.pk}/settings/members/").content.decode()
    assert "Read-only." not in acts.get(f"/clusters/{cluster.pk}/settings/watch/").content.decode()


def test_settings_that_are_not_there_are_not_found(cluster, administrator, console_for) -> None:
    browser = console_for(administrator)
    assert browser.get(f"/clusters/{cluster.pk}/settings/weather/").status_code == 404
    posix = make_node(cluster, role=NodeRole.PRIMARY)
    assert browser.get(f"/nodes/{posix.pk}/settings/scripts/").status_code == 404
    assert browser.get(f"/nodes/{posix.pk}/settings/membership/").status_code == 404


@pytest.fixture
def toy(monkeypatch) -> Iterator[None]:
    """A capability that only this test has."""
    monkeypatch.setattr(tabs, "_TABS", dict(tabs._TABS))
    monkeypatch.setattr(tabs, "_PANELS", dict(tabs._PANELS))

    def weather(request: HttpRequest, cluster: Cluster) -> dict[str, object]:
        return {"messages": [f"clouds over {cluster.name}"]}

    def only_clouds(principal: Principal, cluster: Cluster) -> bool:
        return cluster.name == "cloudy"

    tabs.register_tab(Tab("cluster", "weather", "Weather", order=15, url_name="nodes:checks"))
    tabs.register_tab(Tab("cluster", "clouds", "Clouds", order=16, url_name="nodes:checks", shown=only_clouds))
    tabs.register_panel(
        SettingsPanel(
            "cluster",
            "weather",
            "Weather",
            order=15,
            template="components/messages.html",
            role=Role.OPERATOR,
            context=weather,
        )
    )
    yield


def test_a_tab_and_a_section_of_a_new_capability_show(toy, cluster, viewer, console_for) -> None:
    browser = console_for(viewer)
    page = browser.get(f"/clusters/{cluster.pk}/").content.decode()
    assert [name for name, _ in _tabs_on(page)][:3] == ["Overview", "Weather", "Servers"]
    settings = browser.get(f"/clusters/{cluster.pk}/settings/weather/").content.decode()
    assert f"clouds over {cluster.name}" in settings
    assert f'href="/clusters/{cluster.pk}/settings/weather/" aria-current="page">Weather</a>' in settings


def test_a_tab_is_registered_once(toy) -> None:
    with pytest.raises(ValueError, match="already"):
        tabs.register_tab(Tab("cluster", "weather", "Other", order=1, url_name="nodes:checks"))


def _side(page: str) -> str:
    return str(re.findall(r'<ul class="side-clusters">.*?</ul>', page, re.DOTALL)[0])


def test_the_clusters_beside_a_page_say_how_they_stand(cluster, viewer, console_for) -> None:
    make_node(cluster, health=Health.OK)
    make_node(cluster, health=Health.DEGRADED)
    make_node(cluster, health=Health.DOWN)
    make_node(cluster, health=Health.DOWN, joining=Joining.JOINED)
    make_cluster("not-mine")
    page = console_for(viewer).get("/clusters/").content.decode()
    side = _side(page)
    assert "2 away" in side
    assert "2 away" in page.partition('id="list"')[2]
    assert "tone-bad" in side
    assert "not-mine" not in page


def test_many_clusters_are_cut_but_the_one_people_are_in_is_listed(administrator, console_for) -> None:
    clusters = [make_cluster(f"c{number:02}") for number in range(15)]
    page = console_for(administrator).get(f"/clusters/{clusters[-1].pk}/").content.decode()
    side = _side(page)
    assert "c11" in side
    assert "c12" not in side
    assert f'href="/clusters/{clusters[-1].pk}/" aria-current="true"' in side
    assert "2 more" in side


def test_nodes_know_no_address_of_replication() -> None:
    for folder in ("nodes", "templates/nodes"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in (".py", ".html"):
                assert "replication:" not in path.read_text("utf-8"), path
