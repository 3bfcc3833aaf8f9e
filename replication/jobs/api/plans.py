"""A plan as the API shows it, in its kind's words: a page of nodes at a time; never content or hashes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from replication.jobs.api.serializers import ProblemOut
from replication.jobs.core.plan import NodePlan, Plan
from replication.jobs.core.plan_text import PlanText, StepLine, numbers_of


class ChangeOut(serializers.Serializer[StepLine]):
    """One step on one node. `size` and `mtime_ns` of what will be there; null for a deletion."""

    kind = serializers.CharField(source="verb", read_only=True)
    path = serializers.CharField(source="subject", read_only=True)
    size = serializers.IntegerField(read_only=True, allow_null=True)
    mtime_ns = serializers.IntegerField(source="file.mtime_ns", read_only=True, allow_null=True)
    found_size = serializers.IntegerField(source="file.found_size", read_only=True, allow_null=True)
    group = serializers.IntegerField(source="file.group", read_only=True)
    semaphore = serializers.CharField(source="file.semaphore", read_only=True, allow_null=True)
    effect = serializers.CharField(source="file.effect", read_only=True)
    conflict = serializers.BooleanField(read_only=True)


class KeptOut(serializers.Serializer[Any]):
    """An ini key that stays the node's own; its value is not shown."""

    path = serializers.CharField(read_only=True)
    section = serializers.CharField(read_only=True)
    key = serializers.CharField(read_only=True)
    answered = serializers.BooleanField(read_only=True)


class NodePlanOut(serializers.Serializer[Any]):
    """Everything planned for one node. `away`: why it could not be asked; "" if it could."""

    node = serializers.IntegerField(source="plan.node_id", read_only=True)
    node_name = serializers.CharField(source="plan.node_name", read_only=True)
    away = serializers.CharField(source="plan.away", read_only=True)
    bytes = serializers.IntegerField(source="numbers.bytes", read_only=True)
    change_count = serializers.IntegerField(read_only=True)
    changes = ChangeOut(many=True, read_only=True)
    kept = KeptOut(source="text.kept", many=True, read_only=True)
    extras = serializers.ListField(source="text.extras", child=serializers.CharField(), read_only=True)
    problems = ProblemOut(source="plan.problems", many=True, read_only=True)


class BrakeOut(serializers.Serializer[object]):
    """A reason to halt and ask."""

    code = serializers.CharField(read_only=True)
    node_name = serializers.CharField(read_only=True)
    evidence = serializers.CharField(read_only=True)
    remedy = serializers.CharField(read_only=True)


class PlanOut(serializers.Serializer[Any]):
    """A plan, one page of its nodes. `count`: nodes in all."""

    digest = serializers.CharField(read_only=True)
    count = serializers.IntegerField(read_only=True)
    changes = serializers.IntegerField(read_only=True)
    brakes = BrakeOut(many=True, read_only=True)
    problems = ProblemOut(many=True, read_only=True)
    unclassified = serializers.ListField(child=serializers.CharField(), read_only=True)
    nodes = NodePlanOut(many=True, read_only=True)


def plan_page(plan: Plan, text: PlanText, digest: str, query: Mapping[str, int]) -> dict[str, Any]:
    """The part of a plan that `PlanQuery` asks for."""
    nodes = [node for node in plan.nodes if query.get("node") in (None, node.node_id)]
    first = (query["page"] - 1) * query["limit"]
    shown = [_node(node, text, query) for node in nodes[first : first + query["limit"]]]
    page = {
        "digest": digest,
        "count": len(nodes),
        "changes": plan.step_count,
        "brakes": plan.brakes,
        "problems": plan.problems,
        "unclassified": text.plan(plan).unclassified,
        "nodes": shown,
    }
    return dict(PlanOut(page).data)


def _node(node: NodePlan, text: PlanText, query: Mapping[str, int]) -> dict[str, Any]:
    first = query["skip"]
    return {
        "plan": node,
        "text": text.node(node),
        "numbers": numbers_of(text, node),
        "change_count": len(node.steps),
        "changes": [text.line(step) for step in node.steps[first : first + query["changes"]]],
    }
