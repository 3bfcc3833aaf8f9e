"""Login, second factor, own tokens, users and the audit log; mounted at the root.

Only those of allauth's pages are mounted that the portal wants: no sign-up, no reset by mail.
"""

from __future__ import annotations

from allauth.account import views as allauth_views
from django.urls import URLPattern, URLResolver, include, path

from accounts import session_views, sign_in_views, views

urlpatterns: list[URLPattern | URLResolver] = [
    path("account/login/", allauth_views.login, name="account_login"),
    path("account/logout/", allauth_views.logout, name="account_logout"),
    path("account/inactive/", allauth_views.account_inactive, name="account_inactive"),
    path("account/reauthenticate/", allauth_views.reauthenticate, name="account_reauthenticate"),
    path("account/password/", allauth_views.password_change, name="account_change_password"),
    path("account/2fa/", include("allauth.mfa.urls")),
    path("account/sessions/", session_views.sessions, name="usersessions_list"),
    path("account/tokens/", views.tokens, name="tokens"),
    path("account/tokens/<slug:token_key>/revoke/", views.revoke, name="token-revoke"),
    path("users/", views.users, name="users"),
    path("users/new/", views.new_user, name="user-new"),
    path("users/second-factor/", sign_in_views.second_factor_policy, name="second-factor-policy"),
    path("users/<int:pk>/", views.user, name="user"),
    path("users/<int:pk>/lost-factor/", sign_in_views.lost_factor, name="lost-factor"),
    path("audit/", views.AuditView.as_view(), name="audit"),
    path("audit/hash/", views.audit_hash, name="audit-hash"),
]
