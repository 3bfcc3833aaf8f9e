"""The tables of `docs/performance.md`, made from files of results. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

Entry = Mapping[str, Any]
Lines = Iterator[str]

NOTHING = "-"
BRIEF = 0.05
"""Seconds; shorter phases are not named."""

NAMED = 4


def written(page: str, entries: Sequence[Entry]) -> str:
    """The page with the tables of these entries; those of other benchmarks stay as they are."""
    for bench, makers in MAKERS.items():
        own = [entry for entry in entries if entry["bench"] == bench]
        if own:
            lines = [f"Measured on {own[0]['machine']}.", *(line for make in makers for line in make(own))]
            begin, end = f"<!-- {bench} -->\n", f"<!-- end of {bench} -->"
            before, after = page.partition(begin)[0], page.partition(end)[2]
            page = "".join([before, begin, "\n".join(lines), "\n", end, after])
    return page


def seconds_table(entries: Sequence[Entry]) -> Lines:
    """The portal beside both peers, a table a size."""
    for (nodes, files), own in _by(entries, "nodes", "files"):
        cases = _by(own, "case")
        yield from ("", f"**{_count(nodes, 'node')}, {files:,} files, {_megabytes(own[0]['bytes'])}**", "")
        yield _row("Case", "Portal", "rsync", "Ratio", "rsync, connections open", "Ratio")
        yield _rule(6)
        for (case,), (plain, *others) in cases:
            opened = others[0] if others else {}
            still = plain["settle_s"] + plain["answer_s"]
            settle = f" ({still:.1f} s of it standing still)" if still else ""
            yield _row(
                case,
                f"{plain['ours_s']:.2f} s{settle}",
                _seconds(plain.get("peer_s")),
                _ratio(plain.get("ratio")),
                _seconds(opened.get("peer_s")),
                _ratio(opened.get("ratio")),
            )


def cost_table(entries: Sequence[Entry]) -> Lines:
    """What each case costs besides time."""
    yield from ("", "What it costs, by the run that took the median time (memory: the highest of all runs):", "")
    sizes = ("Sent", "rsync sent", "Peak of the remote worker", "Others' highest")
    yield _row("Nodes", "Files", "Case", *sizes, "Commits", "Rows", "Written")
    yield _rule(10)
    for entry in _once(entries):
        remote, others = _peaks(entry["peak_bytes"])
        yield _row(
            *(entry["nodes"], f"{entry['files']:,}", entry["case"]),
            *(_megabytes(entry["sent_bytes"]), _megabytes(entry["peer_sent_bytes"])),
            *(_megabytes(remote), _megabytes(others)),
            *(entry["commits"], f"{sum(entry['rows'].values()):,}", _megabytes(sum(entry["written_bytes"].values()))),
        )


def _peaks(peak: Mapping[str, int]) -> tuple[int, int]:
    """Of the workers that reach nodes, and of all other processes."""
    remote = [count for name, count in peak.items() if name.startswith("remote")]
    others = [count for name, count in peak.items() if not name.startswith("remote")]
    return max(remote, default=0), max(others, default=0)


def phase_table(entries: Sequence[Entry]) -> Lines:
    """Where the time went, by what the jobs keep."""
    yield from ("", "Where the time went, by the job's own phases (of a node's part: the longest of all nodes):", "")
    yield _row("Nodes", "Files", "Case", "Waited", "Planned", "of it", "Drove", "of it, on a node")
    yield _rule(8)
    for entry in _once(entries):
        phases = entry["phases"]
        nodes = {name: both["longest"] for name, both in phases["nodes"].items()}
        yield _row(
            entry["nodes"],
            f"{entry['files']:,}",
            entry["case"],
            *(_seconds(phases["waited"]), _seconds(phases["planned"]), _longest(phases["plan"])),
            *(_seconds(phases["drove"]), _longest(nodes)),
        )


def growth_table(entries: Sequence[Entry]) -> Lines:
    """What one more node and a thousand more files cost, where several sizes were measured."""
    rows = [*_growths(entries, "nodes", "files", 1), *_growths(entries, "files", "nodes", 1000)]
    if rows:
        yield from ("", "What more of it costs:", "", _row("Case", "One more", "Portal", "rsync"), _rule(4), *rows)


def _growths(entries: Sequence[Entry], what: str, other: str, unit: int) -> Lines:
    for (case, peer, same), own in _by(entries, "case", "peer", other):
        least, most = min(own, key=lambda one: one[what]), max(own, key=lambda one: one[what])
        steps = (most[what] - least[what]) / unit
        if not steps or least["peer_s"] is None or "open" in peer:
            continue
        ours, theirs = ((most[side] - least[side]) / steps for side in ("ours_s", "peer_s"))
        name = "node" if what == "nodes" else "thousand files"
        yield _row(case, f"{name} (of {same:,} {other})", f"{ours:.3f} s", f"{theirs:.3f} s")


def watch_table(entries: Sequence[Entry]) -> Lines:
    """From a change to its proof."""
    yield ""
    yield _row("Nodes", "Files", "Changes", "p50", "p95", "Of it by the profile: until a look, at rest, settling")
    yield _rule(6)
    for entry in entries:
        waits = entry["waits_s"]
        yield _row(
            *(entry["nodes"], f"{entry['files']:,}", len(entry["ours_each_s"])),
            *(f"{entry['p50_s']:.1f} s", f"{entry['p95_s']:.1f} s"),
            f"up to {waits['look']:g} s, {waits['stable']:g} s, {waits['settle']:g} s",
        )


def idle_table(entries: Sequence[Entry]) -> Lines:
    """What an idle portal costs."""
    for entry in entries:
        rows = [f"{count:,} of `{name}`" for name, count in sorted(entry["rows_hour"].items())]
        yield from ("", f"**{_count(entry['nodes'], 'node')}, {entry['files']:,} files**", "")
        yield f"Looked at for {entry['span_s']:.0f} s, from which an hour is extrapolated: {entry['commits_hour']:,}"
        yield f"transactions that write; rows more: {', '.join(rows) or 'none'}."
        yield from ("", _row("Process", "Processor", "Peak", "Written an hour"), _rule(4))
        for name, share in entry["processor_percent"].items():
            peak, count = entry["peak_bytes"][name], entry["written_bytes_hour"][name]
            yield _row(name, f"{share} %", _megabytes(peak), _megabytes(count))


MAKERS: Mapping[str, Sequence[Callable[[Sequence[Entry]], Lines]]] = {
    "replication": (seconds_table, growth_table, cost_table, phase_table),
    "watch": (watch_table,),
    "idle": (idle_table,),
}


def _by(entries: Iterable[Entry], *names: str) -> list[tuple[tuple[Any, ...], list[Entry]]]:
    """Entries that are the same by these names, in the order in which they came."""
    found: dict[tuple[Any, ...], list[Entry]] = {}
    for entry in entries:
        found.setdefault(tuple(entry[name] for name in names), []).append(entry)
    return list(found.items())


def _once(entries: Sequence[Entry]) -> Iterator[Entry]:
    return (own[0] for _, own in _by(entries, "nodes", "files", "case"))


def _longest(phases: Mapping[str, float]) -> str:
    ranked = itertools.islice(sorted(phases.items(), key=lambda item: -item[1]), NAMED)
    return ", ".join(f"{name} {seconds:.2f} s" for name, seconds in ranked if seconds >= BRIEF) or NOTHING


def _row(*cells: object) -> str:
    return f"| {' | '.join(str(cell) for cell in cells)} |"


def _rule(cells: int) -> str:
    return "|" + "---|" * cells


def _seconds(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.2f} s"


def _ratio(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.2f}"


def _megabytes(count: int | None) -> str:
    """Nothing where nobody counted."""
    return NOTHING if count is None else f"{count / 1e6:,.1f} MB"


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
