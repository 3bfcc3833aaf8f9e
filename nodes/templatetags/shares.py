"""How a shared folder's test reads on a page: a sign and words, never a colour alone."""

from __future__ import annotations

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from nodes.enums import CellState
from nodes.shares.selectors.cells import ShownCell
from nodes.templatetags.console import icon

register = template.Library()

SIGNS = {
    CellState.OK: ("ok", "circle-check"),
    CellState.FAILED: ("bad", "circle-x"),
    CellState.UNTESTED: ("idle", "circle-question-mark"),
}

EXACT = 1.0
"""Seconds; SFTP tells times no better."""


@register.simple_tag
def share_mark(cell: ShownCell) -> SafeString:
    """The mark of a cell, with its reason."""
    tone, sign = SIGNS[cell.state]
    return format_html('<span class="standing wordy tone-{}">{} {}</span>', tone, icon(sign, 15), cell.words)


@register.filter
def clock_words(offset: float) -> str:
    """How far a file server's clock is from the portal's."""
    if abs(offset) <= EXACT:
        return "as the portal's"
    return f"{abs(offset):.0f} s {'ahead of' if offset > 0 else 'behind'} the portal's"
