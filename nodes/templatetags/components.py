"""The parts that pages are made of: buttons that act and buttons that lead on, banners, tables, facts.

A button that acts is a form of its own, sent by POST with the CSRF token. What cannot be undone is no button of this
kind: a `link_button` leads to a page that says what is lost and asks for the name to be typed (`form_page.html`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from dataclasses import fields as dataclass_fields
from typing import Any

from django import template
from django.forms import BaseForm
from django.template.base import FilterExpression, NodeList, Parser, Token, token_kwargs
from django.template.context import Context
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.safestring import SafeString

register = template.Library()

LOOKS = {
    "primary": "btn-primary",  # the one act a page is for
    "plain": "btn-outline-secondary",
    "danger": "btn-outline-danger",  # leads to what cannot be undone, or ends something
    "final": "btn-danger",  # does what cannot be undone
}


@dataclass(frozen=True, slots=True)
class Face:
    """What a button looks like beside its words: an icon, a look of LOOKS, the small size or the large one. `spoken`
    says its words in full to those who hear a page."""

    icon: str = ""
    look: str = "plain"
    spoken: str = ""
    large: bool = False

    @property
    def css(self) -> str:
        """Its classes."""
        return LOOKS[self.look] if self.large else f"btn-sm {LOOKS[self.look]}"


FACE = {field.name for field in dataclass_fields(Face)}


@register.simple_block_tag(takes_context=True)
def post_button(
    context: Context, content: SafeString, address: str, *args: object, fields: BaseForm | None = None, **given: Any
) -> SafeString:
    """A button that sends a POST to the address of this name; the block is its words. `fields` stand before it, to be
    filled in. What is given beside its face goes along unseen."""
    sent = {name: value for name, value in given.items() if name not in FACE}
    face = Face(**{name: value for name, value in given.items() if name in FACE})
    form: dict[str, Any] = {"address": reverse(address, args=args), "sent": sent}
    if fields is not None:
        form |= {"fields": fields, "css": "inline-form", "spoken": face.spoken}
        face = replace(face, spoken="", large=True)
    return _drawn("post_form", form | {"content": _button(content, face)}, context)


@register.simple_block_tag(takes_context=True)
def post_form(context: Context, content: SafeString, address: str, *args: object, **given: Any) -> SafeString:
    """A form sent by POST to the address of this name, for what one button cannot say: the block holds its fields and
    buttons. `css` and `spoken` are its classes and name, `novalidate` leaves the judging of fields to the portal;
    what is given beside them goes along unseen."""
    form: dict[str, Any] = {name: given.pop(name) for name in ("css", "spoken", "novalidate") if name in given}
    form |= {"address": reverse(address, args=args), "sent": given, "content": content}
    return _drawn("post_form", form, context)


@register.simple_block_tag
def button(content: SafeString, name: str = "", value: object = "", **given: Any) -> SafeString:
    """A button inside a form; with a name it sends its value. Beside its face: `pressed`, whether it is the choice in
    force, or `chosen`, the value in force; `disabled`, that it cannot be used now."""
    state: dict[str, object] = {word: given.pop(word) for word in ("pressed", "disabled") if word in given}
    if "chosen" in given:
        state["pressed"] = given.pop("chosen") == value
    return _button(content, Face(**given), name=name, value=value, **state)


@register.simple_block_tag
def link_button(content: SafeString, address: str, *args: object, after: str = "", **given: Any) -> SafeString:
    """A link that looks like a button: it leads on and changes nothing. `after` follows the address: a query, an
    anchor. An address that begins with one of `/?#` is taken as it stands."""
    href = (address if address[:1] in {"/", "?", "#"} else reverse(address, args=args)) + after
    return _drawn("link_button", {"content": _trimmed(content), "face": Face(**given), "href": href})


@register.simple_block_tag
def table(content: SafeString, label: str, *, stacked: bool = False, css: str = "") -> SafeString:
    """A table that scrolls inside its own box. `stacked`: rows of many words stand as blocks on a telephone."""
    return _drawn("table_box", {"content": content, "label": label, "stacked": stacked, "css": css})


@register.simple_block_tag
def fact(content: SafeString, label: str, *, missing: str = "", hot: bool = False) -> SafeString:
    """One key and its value in a `<dl class="facts">`. Without a value `missing` stands there, or nothing."""
    value = _trimmed(content) or missing
    return _drawn("fact", {"label": label, "value": value, "hot": hot}) if value else SafeString("")


@register.tag
def banner(parser: Parser, token: Token) -> BannerNode:
    """`{% banner "warn" icon="lock" %}what is so{% action %}a button{% endbanner %}`; the action may be left out.
    `role="alert"` interrupts those who hear the page; "status", the usual one, does not."""
    tag, tone, *rest = token.split_contents()
    given = token_kwargs(rest, parser)
    if rest:
        raise template.TemplateSyntaxError(f"{tag} does not know {rest[0]}")
    text = parser.parse(("action", "endbanner"))
    action = NodeList()
    if parser.next_token().contents == "action":
        action = parser.parse(("endbanner",))
        parser.delete_first_token()
    return BannerNode(parser.compile_filter(tone), given, text, action)


@dataclass
class BannerNode(template.Node):
    """What a page says before all else, in the tone of its matter, and the act that helps."""

    tone: FilterExpression
    given: Mapping[str, FilterExpression]
    nodelist: NodeList
    action: NodeList

    child_nodelists = ("nodelist", "action")

    def render(self, context: Context) -> SafeString:
        """The banner's markup."""
        given = {name: value.resolve(context) for name, value in self.given.items()}
        parts = {"text": _trimmed(self.nodelist.render(context)), "action": _trimmed(self.action.render(context))}
        return _drawn("banner", {"role": "status", "tone": self.tone.resolve(context)} | given | parts)


def _button(content: SafeString, face: Face, **given: object) -> SafeString:
    return _drawn("button", {"content": _trimmed(content), "face": face, "pressed": None} | given)


def _trimmed(markup: SafeString) -> SafeString:
    return SafeString(markup.strip())  # strip() forgets that it is markup already


def _drawn(part: str, values: Mapping[str, Any], context: Context | None = None) -> SafeString:
    token = {} if context is None else {"csrf_token": context.get("csrf_token")}
    return render_to_string(f"components/{part}.html", {**values, **token})
