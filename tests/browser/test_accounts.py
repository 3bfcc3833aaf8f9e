"""The pages of accounts, from the login on: no accessibility finding, nothing the content security policy blocks,
nothing from elsewhere, no scrolling of the page sideways."""

from __future__ import annotations

import pytest
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from playwright.sync_api import Page

from accounts.models import Role, User
from tests.browser.conftest import NARROW, WIDE, Visitor
from tests.browser.findings import View, findings
from tests.deadlines import PATIENCE
from tests.factories import PASSWORD, make_cluster, make_token, make_user

OWN = ("password/", "sessions/", "tokens/", "logout/", "reauthenticate/", "inactive/")
SECOND_FACTOR = ("", "totp/activate/")
VIEWS: tuple[View, ...] = (("light", WIDE), ("dark", NARROW))
WITH_SECOND_FACTOR = ("", "reauthenticate/", "totp/deactivate/", "recovery-codes/", "recovery-codes/generate/")


class Looker:
    """Collects what is wrong with the pages it is shown."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor = visitor
        self.findings: list[str] = []
        visitor.page.on("request", lambda asked: self._meet(asked.url))

    def _meet(self, url: str) -> None:
        if not url.startswith((self.visitor.address, "data:")):
            self.findings.append(f"asks for {url}")

    def go(self, path: str) -> Page:
        """Open a page that must not lead elsewhere, unless for the password once more, and look at it."""
        page = self.visitor.go(path)
        if "/reauthenticate/?" in page.url:
            page.get_by_label("Password").fill(PASSWORD)
            page.get_by_role("main").get_by_role("button").first.click()
            page.wait_for_url(self.visitor.address + path)
        assert page.url == self.visitor.address + path
        self.look()
        return page

    def look(self) -> None:
        """At the page as it is now."""
        self.findings += findings(self.visitor, VIEWS)


@pytest.fixture
def astrid(transactional_db) -> User:
    user = make_user("astrid", portal_role=Role.ADMINISTRATOR)
    cluster = make_cluster("mail-eu")
    make_token(user, cluster_ids=[cluster.pk])
    return user


def test_every_page_of_accounts_is_accessible_quiet_and_fits(astrid, visit) -> None:
    looker = Looker(visit(None))
    log_in(looker)
    for path in OWN:
        looker.go(f"/account/{path}")
    for path in SECOND_FACTOR:
        looker.go(f"/account/2fa/{path}")
    TOTP.activate(astrid, generate_totp_secret())
    RecoveryCodes.activate(astrid)
    for path in WITH_SECOND_FACTOR:
        looker.go(f"/account/2fa/{path}")
    make_a_token(looker)
    let_somebody_in(looker)
    looker.go("/audit/")
    looker.go("/account/logout/").get_by_role("main").get_by_role("button").click()
    ask_for_the_second_factor(looker)
    assert looker.findings == []


def log_in(looker: Looker) -> None:
    """A wrong password first: its complaint is looked at, too."""
    page = looker.go("/account/login/")
    for password in ("wrong", PASSWORD):
        page.get_by_label("Username").fill("astrid")
        page.get_by_label("Password").fill(password)
        page.get_by_role("main").get_by_role("button").click()
        page.wait_for_load_state()
        if password == "wrong":
            looker.look()
    assert page.url == f"{looker.visitor.address}/"


def make_a_token(looker: Looker) -> None:
    page = looker.go("/account/tokens/")
    page.get_by_role("button", name="Make token").click()
    page.wait_for_selector(".errorlist")
    looker.look()
    page.get_by_label("Name").fill("backup")
    page.get_by_label("mail-eu").check()
    page.get_by_role("button", name="Make token").click()
    page.get_by_text("Your new token").wait_for()
    looker.look()


def let_somebody_in(looker: Looker) -> None:
    looker.go("/users/")
    page = looker.go("/users/new/")
    page.get_by_label("User name").fill("birger")
    page.get_by_role("main").get_by_role("button").first.click()
    page.get_by_text("birger").first.wait_for()
    looker.look()
    looker.go("/users/second-factor/")
    for path in ("", "lost-factor/"):
        looker.go(f"/users/{User.objects.get(username='birger').pk}/{path}")


def ask_for_the_second_factor(looker: Looker) -> None:
    page = looker.go("/account/login/")
    page.get_by_label("Username").fill("astrid")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button").click()
    page.wait_for_url("**/account/2fa/authenticate/")
    looker.look()


def test_the_description_of_the_api_is_served_from_here(astrid, visit) -> None:
    looker = Looker(visit(astrid))
    page = looker.visitor.go("/api/v1/docs/")
    page.wait_for_selector("text=/api/v1/tokens/", timeout=1000 * PATIENCE)
    assert looker.visitor.complaints == []
    assert looker.findings == []
