"""Logins that are under way: ended at once, by whom it concerns."""

from __future__ import annotations

from allauth.usersessions.models import UserSession

from accounts.sessions import end_sessions

ME = "/api/v1/me/"


def test_all_sessions_of_a_user_end_but_the_one_named(operator, viewer, console_for):
    mine, other, somebody_elses = console_for(operator), console_for(operator), console_for(viewer)
    assert end_sessions(operator, but=mine.session.session_key) == 1
    assert [face.get(ME).status_code for face in (mine, other, somebody_elses)] == [200, 401, 200]
    assert end_sessions(operator) == 1
    assert [face.get(ME).status_code for face in (mine, somebody_elses)] == [401, 200]
    assert list(UserSession.objects.values_list("user__username", flat=True)) == ["viewer"]
    assert end_sessions(operator) == 0
