"""What browsers are told: a policy without inline code, cookies, who may keep what."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache

import pytest
from django.conf import settings

PAGES = ["/account/login/", "/account/tokens/", "/audit/", "/api/v1/me/", "/api/v1/docs/", "/healthz", "/nonsense/"]


def policy(answer) -> dict[str, str]:
    parts = (part.strip().partition(" ") for part in answer["Content-Security-Policy"].split(";"))
    return {name: sources for name, _, sources in parts}


@pytest.mark.parametrize("page", PAGES)
def test_every_answer_carries_them(administrator, console_for, page):
    answer = console_for(administrator).get(page, headers={"Origin": "https://evil.example"})
    assert [name for name in answer.headers if name.startswith("Access-Control")] == []
    found = policy(answer)
    assert found["default-src"] == found["object-src"] == "'none'"
    assert found["script-src"] == found["style-src"] == found["form-action"] == "'self'"
    assert found["frame-ancestors"] == found["base-uri"] == "'none'"
    assert "unsafe" not in answer["Content-Security-Policy"]
    assert "http" not in answer["Content-Security-Policy"]
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Referrer-Policy"] == "same-origin"
    assert "camera=()" in answer["Permissions-Policy"]
    assert "no-store" in answer["Cache-Control"]


def test_pages_hold_no_inline_code(administrator, console_for):
    for page in ("/account/login/", "/account/tokens/", "/audit/", "/users/", "/account/2fa/", "/account/sessions/"):
        text = console_for(administrator).get(page).content.decode()
        assert " style=" not in text and "<style" not in text, page
        assert " onclick=" not in text and "javascript:" not in text, page
        for script in text.split("<script")[1:]:
            assert "src=" in script.split(">")[0] or "application/json" in script.split(">")[0], page


def test_logging_out_clears_what_the_browser_kept(operator, console_for):
    browser = console_for(operator)
    assert "Clear-Site-Data" not in browser.get("/account/logout/")
    assert browser.post("/account/logout/")["Clear-Site-Data"] == '"cache", "storage"'


@pytest.mark.parametrize("method", ["TRACE", "TRACK", "CONNECT", "PROPFIND"])
def test_methods_that_nothing_here_uses_are_refused(administrator, console_for, method):
    for page in PAGES:
        assert console_for(administrator).generic(method, page).status_code == 405, page


def test_the_session_cookie_is_out_of_reach_of_scripts(client, operator):
    client.post("/account/login/", {"login": "operator", "password": "correct horse battery staple"})
    cookie = client.cookies[settings.SESSION_COOKIE_NAME]
    assert cookie["httponly"] and cookie["samesite"] == "Lax"


BEHIND = """
from clusterportal import settings as s
print(s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE, s.SESSION_COOKIE_NAME, s.SECURE_HSTS_SECONDS,
      s.SECURE_HSTS_INCLUDE_SUBDOMAINS)
from django.core.management import execute_from_command_line
execute_from_command_line(["manage.py", "check", "--deploy", "--tag", "security"])
"""


@cache
def behind(tls: str) -> subprocess.CompletedProcess[str]:
    """What a portal of its own says of its cookies, and what the deploy checks say of it."""
    environment = {**os.environ, "CLUSTERPORTAL_TLS": tls, "DJANGO_SETTINGS_MODULE": "clusterportal.settings"}
    return subprocess.run([sys.executable, "-c", BEHIND], env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("tls", "expected"), [("true", "True True __Host-session 31536000 True"), ("false", "False False sessionid 0 True")]
)
def test_behind_tls_cookies_are_secure(tls, expected):
    assert behind(tls).stdout.splitlines()[0] == expected


def test_error_pages_are_the_portals_own(administrator, stranger, console_for):
    missing = console_for(administrator).get("/nonsense/")
    assert missing.status_code == 404 and "There is no such page" in missing.content.decode()
    refused = console_for(stranger).get("/users/")
    assert refused.status_code == 403 and "needs the role Administrator" in refused.content.decode()


def test_a_failure_shows_no_traceback(administrator, console_for, monkeypatch):
    def fail(*args: object) -> None:
        raise RuntimeError("inner detail")

    monkeypatch.setattr("accounts.views.users_visible_to", fail)
    browser = console_for(administrator)
    browser.raise_request_exception = False
    answer = browser.get("/users/")
    assert answer.status_code == 500
    assert "The portal failed" in answer.content.decode() and "inner detail" not in answer.content.decode()


def test_the_tables_of_last_resort_want_a_superuser_with_a_second_factor(administrator, console_for, django_user_model):
    administrator.is_staff = True
    administrator.save()
    root = django_user_model.objects.create_superuser("root", password="x")
    for user in (administrator, root):
        answer = console_for(user).get("/admin/", follow=True)
        assert answer.status_code == 403, user


@pytest.mark.parametrize(("tls", "finding"), [("true", ""), ("false", "clusterportal.W001")])
def test_the_deploy_checks_complain_of_nothing_but_missing_tls(tls, finding):
    ours = [
        line for line in behind(tls).stderr.splitlines() if line.startswith("?: (") and "clusterportal.E00" not in line
    ]
    assert [line.split("(")[1].split(")")[0] for line in ours] == ([finding] if finding else [])
