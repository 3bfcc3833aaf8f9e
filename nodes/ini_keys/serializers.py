"""Shapes of ini keys and their answers over REST."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from nodes.enums import IniChoice
from nodes.ini_keys.models import IniDecision
from nodes.web.serializers import StrictInput


class IniAnswerIn(StrictInput):
    """What shall happen to an ini key of the node."""

    path = serializers.CharField(max_length=400, help_text="relative to the installation folder")
    section = serializers.CharField(max_length=200)
    key = serializers.CharField(max_length=200)
    choice = serializers.ChoiceField(IniChoice.choices)


class IniKeyQuery(serializers.Serializer[Any]):
    """What a node's ini keys can be narrowed by."""

    path = serializers.CharField(max_length=400, required=False)
    choice = serializers.ChoiceField(IniChoice.choices, required=False)
    answered = serializers.BooleanField(required=False)


class IniKeyOut(serializers.ModelSerializer[IniDecision]):
    """An ini key and whether it stays the node's own."""

    class Meta:
        model = IniDecision
        fields = ["path", "section", "key", "choice", "answered", "decided_by", "decided_at"]
        read_only_fields = fields
