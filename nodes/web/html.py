"""Small pieces of HTML that pages of all packages show."""

from __future__ import annotations

from django.utils.html import format_html
from django.utils.safestring import SafeString

from nodes.web.status import tone_of


def badge(state: str, label: str = "") -> SafeString:
    """A state as a coloured pill; the word is always there."""
    return pill(tone_of(state), label or state.replace("_", " ").capitalize())


def pill(tone: str, words: str) -> SafeString:
    """Words in a tone."""
    return format_html('<span class="st tone-{}"><i aria-hidden="true"></i>{}</span>', tone, words)


def meter(share: float | None, label: str) -> SafeString:
    """A share from 0 to 1 as a small bar with its percentage; red from 0.9 on. None: not known."""
    if share is None:
        return SafeString('<span class="sub">not known</span>')
    percent = round(100 * min(max(share, 0), 1))
    return format_html(
        '<svg class="meter{}" viewBox="0 0 100 8" preserveAspectRatio="none" role="meter" aria-label="{}"'
        ' aria-valuemin="0" aria-valuemax="100" aria-valuenow="{}"><rect class="track" width="100" height="8" rx="4"/>'
        '<rect width="{}" height="8" rx="4"/></svg><span class="sub">{} %</span>',
        " full" if percent >= 90 else "",
        label,
        percent,
        percent,
        percent,
    )


def share_used(total: int | None, free: int | None) -> float | None:
    """The used share of a disk; None where one of the two is not known."""
    if not total or free is None:
        return None
    return (total - free) / total
