"""A second factor: demanded of whom, of sessions under way too; and an administrator's act for a lost one."""

from __future__ import annotations

import io
import re
import time

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.access import best_role
from accounts.codes import TRIES, WITHIN, take_code
from accounts.models import ApiToken, AuditEvent, Demand, Role, SecondFactorPolicy
from accounts.principals import Principal
from accounts.second_factor import lacks_factor
from accounts.users import reset_password
from nodes.clusters.models import Membership
from tests.factories import PASSWORD, make_cluster, make_member, make_user
from tests.threads import Thread

ME = "/api/v1/me/"
POLICY = "/api/v1/second-factor-policy/"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def give_factor(user) -> None:
    TOTP.activate(user, SECRET)
    RecoveryCodes.activate(user)


def demand(of: Demand) -> None:
    SecondFactorPolicy.objects.update_or_create(pk=1, defaults={"demanded_of": of})


@pytest.fixture
def guarded(administrator):
    """An administrator who has one."""
    give_factor(administrator)
    return administrator


@pytest.mark.parametrize(
    ("of", "led"),
    [
        (Demand.NOBODY, set()),
        (Demand.ADMINISTRATORS, {"administrator", "cluster administrator", "superuser"}),
        (Demand.OPERATORS, {"administrator", "cluster administrator", "superuser", "operator"}),
        (Demand.EVERYONE, {"administrator", "cluster administrator", "superuser", "operator", "viewer", "stranger"}),
    ],
)
def test_it_is_demanded_by_the_best_role_held_anywhere(of, led, administrator, operator, viewer, stranger, cluster):
    people = {
        "administrator": administrator,
        "cluster administrator": make_member(cluster, Role.ADMINISTRATOR),
        "superuser": make_user(is_superuser=True),
        "operator": operator,
        "viewer": viewer,
        "stranger": stranger,
    }
    demand(of)
    assert {name for name, user in people.items() if lacks_factor(user)} == led
    for user in people.values():
        give_factor(user)
        assert not lacks_factor(user)


def test_recovery_codes_alone_are_no_factor(administrator):
    demand(Demand.ADMINISTRATORS)
    RecoveryCodes.activate(administrator)
    assert lacks_factor(administrator)


def test_who_lacks_it_gets_nowhere_else_also_when_logged_in_before(administrator, console_for):
    browser = console_for(administrator)
    assert browser.get("/audit/").status_code == 200
    demand(Demand.ADMINISTRATORS)
    for page in ("/", "/audit/", "/users/", "/account/tokens/", "/account/sessions/", "/api/v1/docs/", "/admin/"):
        answer = browser.get(page)
        assert (answer.status_code, answer["Location"]) == (302, "/account/2fa/"), page
    refused = browser.get(ME)
    assert (refused.status_code, refused.json()["code"]) == (401, "second_factor_required")
    page = browser.get("/account/2fa/").content.decode()
    assert "demanded of you" in page and "Back to the console" not in page
    part = browser.get("/audit/", headers={"HX-Request": "true"})
    assert (part.status_code, part["HX-Redirect"], part.content) == (204, "/account/2fa/", b"")
    give_factor(administrator)
    assert browser.get("/audit/").status_code == 200 and browser.get(ME).status_code == 200


def test_a_role_that_is_raised_later_counts_at_once(viewer, cluster, console_for):
    browser = console_for(viewer)
    demand(Demand.OPERATORS)
    assert browser.get("/audit/").status_code == 200
    Membership.objects.filter(user=viewer).update(role=Role.OPERATOR)
    assert browser.get("/audit/").status_code == 302


def test_a_one_time_password_is_changed_first(administrator, console_for):
    administrator.must_change_password = True
    administrator.save()
    demand(Demand.EVERYONE)
    assert console_for(administrator).get("/account/2fa/")["Location"] == "/account/password/"


def test_a_new_one_time_password_lets_nobody_past_the_second_factor(administrator, operator, client, console_for):
    give_factor(operator)
    password = reset_password(Principal(user=administrator, via="console"), operator.pk).password
    answer = client.post("/account/login/", {"login": "operator", "password": password})
    assert answer["Location"].startswith("/account/2fa/authenticate/")
    assert "_auth_user_id" not in client.session


def test_tokens_go_on_and_none_is_made_without_it(operator, api_for, console_for):
    demand(Demand.EVERYONE)
    assert api_for(operator).get(ME).status_code == 200
    before, browser = ApiToken.objects.count(), console_for(operator)
    assert browser.post("/account/tokens/", {"name": "x", "role": "viewer", "days": 1}).status_code == 302
    made = browser.post("/api/v1/tokens/", {"name": "x"}, content_type="application/json")
    assert made.json()["code"] == "second_factor_required"
    assert ApiToken.objects.count() == before


@pytest.mark.parametrize("clusters", [1, 3])
def test_asking_costs_one_query_at_most_and_none_where_the_policy_does_not_need_it(
    clusters, viewer, console_for, cost_of
):
    for _ in range(clusters):
        Membership.objects.create(user=viewer, cluster=make_cluster(), role=Role.VIEWER)
    browser = console_for(viewer)
    before = cost_of(browser, "/account/tokens/")
    for of, more in ((Demand.OPERATORS, 1), (Demand.NOBODY, 0)):
        demand(of)
        assert cost_of(browser, "/account/tokens/") == before + more
    give_factor(viewer)
    demand(Demand.EVERYONE)
    assert cost_of(browser, "/account/tokens/") == before


def test_the_best_role_costs_the_same_for_many_clusters(viewer, django_assert_num_queries):
    for _ in range(3):
        Membership.objects.create(user=viewer, cluster=make_cluster(), role=Role.OPERATOR)
    with django_assert_num_queries(1):
        assert best_role(Principal(user=viewer, via="console")) == Role.OPERATOR


# --- demanding it ---


def test_administrators_demand_it_by_rest_and_it_is_audited(guarded, api_for):
    api = api_for(guarded)
    assert api.get(POLICY).json() == {"demanded_of": "nobody"}
    assert api.put(POLICY, {"demanded_of": "operators"}).json() == {"demanded_of": "operators"}
    assert api.put(POLICY, {"demanded_of": "operators"}).status_code == 200
    assert api.get(POLICY).json() == {"demanded_of": "operators"}
    event = AuditEvent.objects.get(action="mfa.demand")
    assert (event.actor, event.data) == ("administrator", {"before": "nobody", "after": "operators"})
    refused = api.put(POLICY, {"demanded_of": "kings"})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "demanded_of")


@pytest.mark.parametrize("of", [Demand.ADMINISTRATORS, Demand.OPERATORS, Demand.EVERYONE])
def test_nobody_demands_it_who_has_none(of, administrator, api_for, console_for):
    refused = api_for(administrator).put(POLICY, {"demanded_of": of})
    assert (refused.status_code, refused.json()["code"]) == (409, "own_second_factor_first")
    page = console_for(administrator).post("/users/second-factor/", {"demanded_of": of}).content.decode()
    assert "You have no second factor yourself. Set up your own first." in page
    assert not SecondFactorPolicy.objects.exists()


def test_nobody_else_reads_or_sets_it(operator, viewer, stranger, api_for, console_for):
    for user in (operator, viewer, stranger):
        give_factor(user)
        assert api_for(user).get(POLICY).status_code == 403
        assert api_for(user).put(POLICY, {"demanded_of": "nobody"}).status_code == 403
        assert console_for(user).get("/users/second-factor/").status_code == 403
        assert console_for(user).post("/users/second-factor/", {"demanded_of": "everyone"}).status_code == 403
    assert not SecondFactorPolicy.objects.exists()


def test_the_console_demands_it(guarded, console_for):
    browser = console_for(guarded)
    answer = browser.post("/users/second-factor/", {"demanded_of": "everyone"}, follow=True).content.decode()
    assert "in force now" in answer and re.search(r'value="everyone"\s+selected', answer)


# --- one's own ---


def test_ones_own_stays_while_it_is_demanded(guarded, console_for):
    browser = console_for(guarded)
    demand(Demand.ADMINISTRATORS)
    asked = browser.get("/account/2fa/totp/deactivate/")
    assert asked["Location"].startswith(("/account/reauthenticate/", "/account/2fa/reauthenticate/"))
    browser.post("/account/reauthenticate/", {"password": PASSWORD})
    assert "demanded of you" in browser.post("/account/2fa/totp/deactivate/").content.decode()
    assert Authenticator.objects.count() == 2
    demand(Demand.NOBODY)
    assert browser.post("/account/2fa/totp/deactivate/").status_code == 302
    assert Authenticator.objects.count() == 0


# --- a lost one ---


def test_an_administrator_removes_a_lost_one(administrator, operator, api_for, console_for):
    give_factor(operator)
    theirs = console_for(operator)
    api = api_for(administrator)
    one = f"/api/v1/users/{operator.pk}/"
    assert api.get(one).json()["second_factor"] is True
    removed = api.post(f"{one}remove-second-factor/")
    assert (removed.status_code, removed.json()["second_factor"]) == (200, False)
    assert not Authenticator.objects.exists()
    assert theirs.get(ME).status_code == 401
    event = AuditEvent.objects.get(action="mfa.lost")
    assert (event.actor, event.object_label, event.data) == ("administrator", "operator", {"sessions": 1})
    again = api.post(f"{one}remove-second-factor/")
    assert (again.status_code, again.json()["code"]) == (409, "no_second_factor")
    assert api.post("/api/v1/users/999999/remove-second-factor/").status_code == 404


def test_nobody_does_so_to_themselves_and_no_other_to_anybody(guarded, operator, viewer, api_for, console_for):
    own = api_for(guarded).post(f"/api/v1/users/{guarded.pk}/remove-second-factor/")
    assert (own.status_code, own.json()["code"]) == (409, "own_second_factor")
    for user in (operator, viewer):
        assert api_for(user).post(f"/api/v1/users/{guarded.pk}/remove-second-factor/").status_code == 403
        assert (
            console_for(user).post(f"/users/{guarded.pk}/lost-factor/", {"typed": "administrator"}).status_code == 403
        )
    assert Authenticator.objects.count() == 2


def test_the_console_asks_for_the_name(administrator, operator, console_for):
    give_factor(operator)
    browser = console_for(administrator)
    assert f"/users/{operator.pk}/lost-factor/" in browser.get(f"/users/{operator.pk}/").content.decode()
    page = f"/users/{operator.pk}/lost-factor/"
    assert "not the name" in browser.post(page, {"typed": "viewer"}).content.decode()
    assert Authenticator.objects.exists()
    done = browser.post(page, {"typed": "operator"}, follow=True).content.decode()
    assert "was removed" in done and "None is set up" in done


def test_the_last_administrator_comes_back_by_command(guarded, console_for):
    theirs, out = console_for(guarded), io.StringIO()
    call_command("reset_second_factor", "administrator", stdout=out)
    assert "password alone" in out.getvalue()
    assert not Authenticator.objects.exists() and theirs.get(ME).status_code == 401
    event = AuditEvent.objects.get(action="mfa.lost")
    assert (event.actor, event.via) == ("system", "command")
    for name, why in (("administrator", "has no second factor"), ("nobody", "no user")):
        with pytest.raises(CommandError, match=why):
            call_command("reset_second_factor", name)


# --- codes ---

PASSWORD_PAGE, CODE_PAGE = "/account/login/", "/account/2fa/authenticate/"


def code_now(steps: int = 0) -> str:
    counter = int(time.time()) // 30 + steps
    return str(format_hotp_value(hotp_value(SECRET, counter)))


def log_in(user, code: str) -> bool:
    """Whether somebody gets in with this code, served by a process that knows nothing of the others."""
    browser = Client()
    browser.post(PASSWORD_PAGE, {"login": user.username, "password": PASSWORD})
    cache.clear()
    browser.post(CODE_PAGE, {"code": code})
    return browser.get(ME).status_code == 200


def test_a_code_is_good_once_and_so_is_an_older_one(operator, monkeypatch):
    give_factor(operator)
    code, before = code_now(), code_now(-1)
    assert log_in(operator, code)
    assert not log_in(operator, code)
    assert not log_in(operator, before)
    assert log_in(operator, code_now(1))


SET_UP = "/account/2fa/totp/activate/"


@pytest.mark.parametrize("ahead", [-1, 0, 1])
def test_setting_one_up_uses_its_code_and_ends_the_other_sessions(
    operator, console_for, django_capture_on_commit_callbacks, monkeypatch, ahead
):
    monkeypatch.setattr("allauth.mfa.totp.internal.auth.generate_totp_secret", lambda: SECRET)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda *_: now)
    other, browser = console_for(operator), console_for(operator)
    browser.post("/account/reauthenticate/", {"password": PASSWORD})
    browser.get(SET_UP)
    code = code_now(ahead)
    with django_capture_on_commit_callbacks(execute=True):
        assert browser.post(SET_UP, {"code": code}).status_code == 302
    assert [face.get(ME).status_code for face in (browser, other)] == [200, 401]
    assert not log_in(operator, code)
    now += 30
    assert log_in(operator, code_now(1))


def test_its_secret_is_sealed_while_it_is_set_up(operator, console_for):
    browser = console_for(operator)
    browser.post("/account/reauthenticate/", {"password": PASSWORD})
    page = browser.get(SET_UP).content.decode()
    (secret,) = re.findall(r'aria-label="The secret"><code>(\w+)', page)
    assert secret not in str(dict(browser.session))
    again = browser.post(SET_UP, {"code": "000000"}).content.decode()
    assert secret in again


def test_a_password_that_is_gone_lets_nobody_in_who_was_to_give_the_code(operator):
    give_factor(operator)
    slow = Client()
    slow.post(PASSWORD_PAGE, {"login": operator.username, "password": PASSWORD})
    operator.set_password("a password that nobody had before")
    operator.save()
    answer = slow.post(CODE_PAGE, {"code": code_now()})
    assert "Log in again" in answer.content.decode()
    assert slow.get(ME).status_code == 401


def test_a_recovery_code_is_good_once_and_the_rest_are_counted(operator):
    give_factor(operator)
    codes = RecoveryCodes.activate(operator).get_unused_codes()
    assert log_in(operator, codes[0])
    assert not log_in(operator, codes[0])
    assert log_in(operator, codes[1])
    assert len(RecoveryCodes.activate(operator).get_unused_codes()) == len(codes) - 2


def test_recovery_codes_are_shown_once_and_made_anew_after_the_password(operator, console_for):
    give_factor(operator)
    old = RecoveryCodes.activate(operator).get_unused_codes()
    browser, shown, anew = (
        console_for(operator),
        "/account/2fa/recovery-codes/",
        "/account/2fa/recovery-codes/generate/",
    )
    for answer in (browser.get(shown), browser.get(anew), browser.post(anew)):
        assert "/reauthenticate/" in answer["Location"]
    browser.post("/account/reauthenticate/", {"password": PASSWORD})
    assert old[0] in browser.get(shown).content.decode()
    assert old[0] not in browser.get(shown).content.decode()
    assert browser.post(anew).status_code == 302
    new = RecoveryCodes.activate(operator).get_unused_codes()
    assert new[0] in browser.get(shown).content.decode() and new[0] not in browser.get(shown).content.decode()
    assert "10 recovery codes left" in browser.get("/account/2fa/").content.decode()
    assert not log_in(operator, old[0])
    assert log_in(operator, new[0])
    assert "9 recovery codes left" in browser.get("/account/2fa/").content.decode()


@pytest.mark.parametrize("page", [CODE_PAGE, "/account/2fa/reauthenticate/"])
def test_tries_are_few_whichever_process_serves_them(operator, console_for, page):
    give_factor(operator)
    browser = console_for(operator) if "re" in page.split("/")[-2][:2] else Client()
    browser.post(PASSWORD_PAGE, {"login": "operator", "password": PASSWORD})
    for number in range(TRIES):
        cache.clear()
        assert "Incorrect code" in browser.post(page, {"code": f"{number:07}"}).content.decode()
    cache.clear()
    refused = browser.post(page, {"code": code_now()})
    assert refused.status_code == 200 and "Too many failed" in refused.content.decode()
    assert AuditEvent.objects.filter(action="mfa.failed").count() == TRIES
    locked = AuditEvent.objects.get(action="mfa.locked")
    assert (locked.actor, locked.object_id, locked.remote_address) == ("(unknown)", str(operator.pk), "127.0.0.1")
    row = Authenticator.objects.get(type=Authenticator.Type.TOTP)
    row.data["tries"] = [at - WITHIN for at in row.data["tries"]]
    row.save()
    assert browser.post(page, {"code": code_now()}).status_code == 302


def test_a_right_code_forgives_the_wrong_ones(operator):
    give_factor(operator)
    for number in range(TRIES - 1):
        assert not log_in(operator, f"{number:07}")
    assert log_in(operator, code_now())
    assert not log_in(operator, "0000000")
    assert log_in(operator, code_now(1))


def test_one_that_is_sent_many_times_at_once_enters_once(transactional_db):
    """Each waits for the one before, whichever process it is in."""
    user = make_user("many")
    give_factor(user)
    code = code_now()
    threads = [Thread(lambda: take_code(user, code)) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert sum(thread.done() is not None for thread in threads) == 1
