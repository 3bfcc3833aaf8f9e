"""How a check's standing reads on a page: a sign and a word, never a colour alone."""

from __future__ import annotations

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from nodes.checks.models import STANDINGS
from nodes.templatetags.console import icon
from nodes.web.status import tone_of

register = template.Library()

LABELS = dict(STANDINGS)
SIGNS = {"pass": "circle-check", "warn": "triangle-alert", "fail": "circle-x", "unknown": "circle-question-mark"}


@register.simple_tag
def check_mark(standing: str) -> SafeString:
    """The mark of a standing: pass, warn, fail or unknown."""
    sign, word = icon(SIGNS[standing], 15), LABELS[standing]
    return format_html('<span class="standing tone-{}">{} {}</span>', tone_of(standing), sign, word)
