"""What the OpenAPI schema says of refusals, the same for every operation."""

from __future__ import annotations

from typing import Any

_TEXT = {"type": "string"}
_FIELD_ERROR = {
    "type": "object",
    "description": "One thing wrong with one field.",
    "required": ["field", "code", "message", "remedy"],
    "properties": {
        "field": {**_TEXT, "description": "dotted name; empty for the request as a whole"},
        "code": {**_TEXT, "description": "stable, for programs"},
        "message": {**_TEXT, "description": "for a person"},
        "remedy": {**_TEXT, "description": "what to do about it"},
    },
}
_PROBLEM = {
    "type": "object",
    "description": "Why a request was refused (RFC 9457).",
    "required": ["type", "title", "status", "code", "detail", "errors"],
    "properties": {
        "type": {**_TEXT, "format": "uri"},
        "title": _TEXT,
        "status": {"type": "integer"},
        "code": {**_TEXT, "description": "stable, for programs"},
        "detail": {**_TEXT, "description": "for a person"},
        "errors": {"type": "array", "items": {"$ref": "#/components/schemas/FieldError"}},
    },
}
_ANSWER = {
    "description": "Refused or failed; the problem says why.",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}


def describe_problems(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """drf-spectacular's postprocessing hook: add Problem and say of each operation that it may answer one."""
    schemas = result.setdefault("components", {}).setdefault("schemas", {})
    schemas["FieldError"], schemas["Problem"] = _FIELD_ERROR, _PROBLEM
    for operations in result.get("paths", {}).values():
        for operation in operations.values():
            if "responses" in operation:
                operation["responses"].setdefault("default", _ANSWER)
    return result
