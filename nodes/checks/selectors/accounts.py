"""Which account each service of each node runs under, what that is to others, and whether it reaches the shares."""

from __future__ import annotations

from dataclasses import dataclass

from nodes.checks.core.accounts import accounts, proofs
from nodes.checks.core.finding import Finding
from nodes.checks.core.readings import ClusterReading, NodeReading, RunsAs
from nodes.checks.core.shares import current_tests
from nodes.checks.selectors.readings import cluster_reading
from nodes.clusters.models import Cluster
from nodes.platforms.unc import UncPath
from nodes.platforms.windows_accounts import NO_USER, ON_THE_NETWORK, kind_of, shown_account
from nodes.shares.core.standing import OK


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """A service by its shown name and by the name that commands take, with its account and what that is to others.
    `is_user`: whether a file server could let it in by name."""

    service: str
    name: str
    account: str
    network: str
    is_user: bool


@dataclass(frozen=True, slots=True)
class FolderReached:
    """A shared folder from a node as the account of its services. `reached` None: not known, and `why`."""

    label: str
    path: UncPath
    reached: bool | None
    why: str


@dataclass(frozen=True, slots=True)
class NodeAccounts:
    """A node with its services, what they reach, and the verdict of the check. `attested`: a person said something of
    the account."""

    node: str
    windows: bool
    attested: bool
    services: tuple[ServiceAccount, ...]
    folders: tuple[FolderReached, ...]
    finding: Finding

    @property
    def words(self) -> str:
        """What the verdict says beside the services and the folders: the remedy, or where there is none, or a person
        said something, the evidence."""
        finding = self.finding
        said = self.attested or not self.services or not finding.remedy
        return f"{finding.evidence} {finding.remedy}".strip() if said else finding.remedy

    @property
    def by_account(self) -> list[tuple[ServiceAccount, list[str]]]:
        """Each account, by the first service that runs under it, with all that do."""
        found: dict[str, tuple[ServiceAccount, list[str]]] = {}
        for service in self.services:
            found.setdefault(service.account.casefold(), (service, []))[1].append(service.service)
        return list(found.values())

    @property
    def reached(self) -> str:
        """The folders that it reaches, in words."""
        return self._words([folder.label for folder in self.folders if folder.reached])

    @property
    def refused(self) -> list[FolderReached]:
        """The folders that it does not reach."""
        return [folder for folder in self.folders if folder.reached is False]

    @property
    def not_known(self) -> list[tuple[str, str]]:
        """Why it is not known, with the folders of which it is not, in words."""
        found: dict[str, list[str]] = {}
        for folder in self.folders:
            if folder.reached is None:
                found.setdefault(folder.why, []).append(folder.label)
        return [(why, self._words(labels)) for why, labels in found.items()]

    def _words(self, labels: list[str]) -> str:
        return f"All {len(labels)} folders" if len(labels) == len(self.folders) > 1 else ", ".join(labels)


@dataclass(frozen=True, slots=True)
class AccountsShown:
    """A cluster's nodes with their services' accounts. `shares`: the shares on which its folders are to lie."""

    nodes: tuple[NodeAccounts, ...]
    shares: tuple[UncPath, ...]

    @property
    def has_windows(self) -> bool:
        """Whether there is anything to change in Windows' services."""
        return any(node.windows for node in self.nodes)

    @property
    def services(self) -> tuple[ServiceAccount, ...]:
        """Each service once, by the names of the first node that has it."""
        found: dict[str, ServiceAccount] = {}
        for node in self.nodes:
            for service in node.services:
                found.setdefault(service.name.casefold(), service)
        return tuple(found.values())

    @property
    def commands(self) -> str:
        """The lines that name an account for each service. They hold no password, which others would read."""
        return "\n".join(rf'sc.exe config "{service.name}" obj= "DOMAIN\user"' for service in self.services)


def accounts_of(cluster: Cluster) -> AccountsShown:
    """What is known of the accounts of a cluster's services, in a fixed number of queries."""
    reading = cluster_reading(cluster)
    nodes = tuple(_node(reading, *pair) for pair in zip(reading.nodes, accounts(reading), strict=True))
    return AccountsShown(nodes, tuple(dict.fromkeys(place.path.root for place in reading.places)))


def _node(reading: ClusterReading, node: NodeReading, finding: Finding) -> NodeAccounts:
    services = tuple(_service(one, node.host_names) for one in node.services)
    return NodeAccounts(node.name, node.windows, node.account is not None, services, _folders(reading, node), finding)


def _service(service: RunsAs, host_names: frozenset[str]) -> ServiceAccount:
    kind = kind_of(service.account, host_names)
    return ServiceAccount(
        service=service.service,
        name=service.name or service.service,
        account=shown_account(service.account),
        network=ON_THE_NETWORK[kind],
        is_user=kind not in NO_USER,
    )


def _folders(reading: ClusterReading, node: NodeReading) -> tuple[FolderReached, ...]:
    proven = {test.role: test for test in proofs(reading, node)}
    tried = {test.role: test for test in current_tests(node, reading.places)}
    found = []
    for place in reading.places:
        test = proven.get(place.role)
        reached = None if test is None else test.state == OK
        other = tried.get(place.role)
        unsaid = f"It was tested as {other.login or 'another login'} only." if other else "It was not tested."
        found.append(FolderReached(place.label, place.path, reached, test.text if test else unsaid))
    return tuple(found)
