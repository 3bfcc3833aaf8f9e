"""The bench `replication`: from a job's request to the last node's proof, beside rsync on the same nodes."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bench.meter import Cost, Meter
from bench.nodes import ANSWER, LONGEST, Done, Nodes, Size, bench_profile, made_nodes
from bench.peer import AT_ONCE, PeerRun
from bench.phases import phases_of
from bench.portal import Portals
from bench.results import Result, middle_one, sentence
from tests.journeys.conftest import ENDED

PLAIN = f"rsync -a --delete, {AT_ONCE} at a time"
OPEN = f"{PLAIN}, over open connections"
DEEP = {"deep": True}

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Case:
    """`changes`: files edited before each run; `options`: of the job; `rsync`: of the peer."""

    name: str
    changes: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)
    rsync: tuple[str, ...] = ()
    fresh: bool = False


@dataclass(slots=True)
class Runs:
    """What the rounds of one case came to."""

    case: Case
    size: Size
    ours: list[Done] = field(default_factory=list)
    costs: list[Cost] = field(default_factory=list)
    plain: list[PeerRun] = field(default_factory=list)
    open: list[PeerRun] = field(default_factory=list)
    bytes: int = 0

    def round(self, nodes: Nodes, number: int) -> None:
        """One round; who goes first takes turns."""
        self.bytes = nodes.tree.bytes
        self._edit(nodes, f"{self.case.name} {number}")
        acts = [self._ours, self._plain]
        for act in acts if number % 2 == 0 else reversed(acts):
            act(nodes)
        if nodes.rsync is not None:
            self._edit(nodes, f"{self.case.name} {number} again")
            self._open(nodes)

    def results(self) -> list[Result]:
        """An entry for each peer; one without where there is none."""
        peers = [(PLAIN, self.plain), (OPEN, self.open)] if self.plain else [("", [])]
        return [self._beside(peer, runs) for peer, runs in peers]

    def _beside(self, peer: str, runs: Sequence[PeerRun]) -> Result:
        ours, theirs = [done.seconds for done in self.ours], [run.seconds for run in runs]
        which = middle_one(ours)
        cost = self.costs[which]
        settles = bool(self.case.changes or self.case.fresh)
        return Result(
            case=self.case.name,
            nodes=self.size.nodes,
            files=self.size.files,
            bytes=self.bytes,
            ours=ours,
            peer=peer,
            theirs=theirs,
            sent=cost.sent,
            peer_sent=runs[middle_one(theirs)].sent if runs else None,
            more={
                "settle_s": bench_profile().settle_seconds if settles else 0.0,
                "answer_s": ANSWER if settles else 0.0,
                "phases": phases_of(self.ours[which].job),
                **cost.as_json(),
                "peak_bytes": _highest(self.costs),
            },
        )

    def _edit(self, nodes: Nodes, word: str) -> None:
        if self.case.changes:
            nodes.change(self.case.changes, word)

    def _ours(self, nodes: Nodes) -> None:
        meter = Meter(nodes.portal, nodes.ports)
        self.ours.append(nodes.replicate(**self.case.options))
        self.costs.append(meter.read())

    def _plain(self, nodes: Nodes) -> None:
        if nodes.rsync is not None:
            self.plain.append(nodes.rsync.run(*self.case.rsync))

    def _open(self, nodes: Nodes) -> None:
        assert nodes.rsync is not None
        if self.case.fresh:
            _empty(nodes.rsync.targets)
        with nodes.rsync.open_connections():
            self.open.append(nodes.rsync.run(*self.case.rsync))


def small_cases(files: int) -> list[Case]:
    """What is done again and again with nodes that are in sync."""
    many = min(100, files // 3)
    return [
        Case("nothing changed"),
        Case("one file changed", changes=1),
        Case(f"{many} files changed", changes=many),
        Case("deep verify", options=DEEP, rsync=("-c",)),
    ]


def measure(portals: Portals, place: Path, size: Size, rounds: int, initial_rounds: int, say: Say) -> list[Result]:
    """All cases of one size: the initial copy `initial_rounds` times, each time to nodes that are new, the others
    `rounds` times."""
    initial, found = Runs(Case("initial", fresh=True), size), []
    for number in range(initial_rounds):
        with portals() as portal, made_nodes(portal, place / _name(size, number), replace(size, seed=number)) as nodes:
            initial.round(nodes, number)
            if number == initial_rounds - 1:
                found = [*_told(initial, say), *_small(nodes, size, rounds, say)]
                nodes.check_equal()
    return found


def measure_sftp(portals: Portals, place: Path, size: Size, rounds: int, say: Say) -> list[Result]:
    """The same with one secondary that gives no shell, only SFTP; rsync cannot work there."""
    size = replace(size, nodes=1)
    with portals() as portal, made_nodes(portal, place / _name(size, 0, "sftp"), size, sftp_only=True) as nodes:
        initial = Runs(Case("initial, SFTP only", fresh=True), size)
        initial.round(nodes, 0)
        found = [*_told(initial, say), *_small(nodes, size, rounds, say, of=", SFTP only")]
        nodes.check_equal()
        return found


def _small(nodes: Nodes, size: Size, rounds: int, say: Say, *, of: str = "") -> Iterator[Result]:
    for case in small_cases(size.files):
        if case.options and not _takes(nodes, case.options):
            say(f"{case.name}: left out, this portal's jobs have no such option")
            continue
        runs = Runs(replace(case, name=case.name + of), size)
        for number in range(rounds):
            runs.round(nodes, number)
        yield from _told(runs, say)


def _told(runs: Runs, say: Say) -> list[Result]:
    results = runs.results()
    for result in results:
        say(sentence(result))
    return results


def _takes(nodes: Nodes, options: Mapping[str, Any]) -> bool:
    """Whether a job takes these options; asked by a dry run."""
    body = {"kind": "replicate", "cluster": nodes.stage.cluster, "options": options, "dry_run": True}
    answer = nodes.portal.call("POST", "jobs", body)
    if answer.status == 400:
        return False
    nodes.stage.wait_state(answer.body["id"], *ENDED, seconds=LONGEST)
    return True


def _highest(costs: Sequence[Cost]) -> dict[str, int]:
    return {name: max(cost.peak.get(name, 0) for cost in costs) for name in costs[0].peak}


def _empty(folders: Iterable[Path]) -> None:
    for folder in folders:
        shutil.rmtree(folder)
        folder.mkdir()


def _name(size: Size, number: int, word: str = "mail") -> str:
    return f"{word}-{size.nodes}-{size.files}-{number}"
