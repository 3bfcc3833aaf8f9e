"""What is wrong with a page: how it scrolls, what its console complains of, what axe finds in each theme and size."""

from __future__ import annotations

from collections.abc import Sequence

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import ViewportSize

from tests.browser.conftest import NARROW, WIDE, Theme, Visitor

View = tuple[Theme, ViewportSize]

VIEWS: tuple[View, ...] = (("light", WIDE), ("light", NARROW), ("dark", NARROW), ("dark", WIDE))

RULES = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]},
    "resultTypes": ["violations"],
    "preload": False,  # its own reading of style sheets takes the addresses of @import for the page's
}

FINDINGS = """async rules => {
    document.querySelectorAll('details.plan-node, .path details').forEach(part => { part.open = true; });
    const sideways = document.documentElement.scrollWidth > window.innerWidth ? ['scrolls sideways'] : [];
    const spots = one => one.nodes.slice(0, 3).map(node => node.target);
    const { violations } = await axe.run(rules);
    return sideways.concat(violations.map(one => `${one.id} at ${JSON.stringify(spots(one))}`));
}"""


def findings(visitor: Visitor, views: Sequence[View] = VIEWS) -> list[str]:
    """What is wrong with the page as it stands, in each of the views. It need not be loaded for each: the server does
    not know the view, and no script but the theme's asks for it."""
    page = visitor.page
    found: list[str] = []
    page.evaluate(AXE_SCRIPT)
    for theme, size in views:
        visitor.see(theme, size)
        found += [f"{theme}, {size['width']}: {finding}" for finding in page.evaluate(FINDINGS, RULES)]
    found += visitor.complaints
    visitor.complaints.clear()
    path = page.url.removeprefix(visitor.address)
    return [f"{path}: {finding}" for finding in found]


def findings_at(visitor: Visitor, path: str, views: Sequence[View] = VIEWS) -> list[str]:
    """What is wrong with a page."""
    visitor.go(path)
    return findings(visitor, views)
