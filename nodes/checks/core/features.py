"""Checks over the features that the guide names as incompatible with the cluster service."""

from __future__ import annotations

from nodes.checks.core.finding import Finding, passes
from nodes.checks.core.identity import NOT_READ, READ
from nodes.checks.core.readings import ClusterReading, NodeReading, Standing
from nodes.counted import many, some
from nodes.facts.core import FeatureSetting

RULE = "This feature is switched off while clustering is enabled."
SHOWN = 3


def switched_off(reading: ClusterReading, code: str) -> list[Finding]:
    """Every switch of the feature is off on every node; one that is on is right while clustering is not enabled."""
    feature = next((one for one in reading.features if one.code == code), None)
    if feature is None or not feature.known:
        note = feature.note if feature else ""
        text = f"{note[0].upper()}{note[1:]}." if note else "Where MDaemon keeps this switch is not publicly known."
        remedy = (
            "Find it on a server (compare the file before and after a change) and enter file, section and key here."
        )
        return [Finding("", Standing.UNKNOWN, text, remedy)]
    return [_on_node(node, code, enabled=reading.enabled) for node in reading.nodes]


def _on_node(node: NodeReading, code: str, *, enabled: bool) -> Finding:
    if node.age is None:
        return Finding(node.name, Standing.UNKNOWN, NOT_READ, READ)
    switches = [switch for switch in node.switches if switch.feature == code]
    on = [switch for switch in switches if switch.is_on]
    if on and not enabled:
        text = f"It is switched on: {_words(on)}. Enabling clustering has it switched off."
        return passes(node.name, text)
    if on:
        text = f"It is switched on: {_words(on)}."
        return Finding(node.name, Standing.FAIL, text, "Run the job that switches the incompatible features off.")
    if any(switch.is_off for switch in switches):
        return passes(
            node.name, f"It is switched off ({many(sum(switch.is_off for switch in switches), 'value')} read)."
        )
    text = "The switch is not in the node's file, so the product's own default holds."
    return Finding(node.name, Standing.UNKNOWN, text, "Look at the setting on the server.")


def _words(switches: list[FeatureSetting]) -> str:
    return some([one.in_words for one in switches], SHOWN)
