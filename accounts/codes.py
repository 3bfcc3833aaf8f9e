"""Codes of a second factor: each is good once, and tries are few. Both are written down with the factor, so that they
hold for all processes that serve the portal, and after a restart. The library keeps them in the memory of one, and a
code for half a minute of the minute and a half for which it is good."""

from __future__ import annotations

import time
from typing import Any

from allauth.account.adapter import get_adapter as get_account_adapter
from allauth.core import context
from allauth.core.internal.cryptokit import compare_user_code
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base.forms import AuthenticateForm, BaseAuthenticateForm, ReauthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.totp.internal.auth import (
    SECRET_SESSION_KEY,
    format_hotp_value,
    hotp_value,
    yield_hotp_counters_from_time,
)
from allauth.mfa.utils import decrypt, encrypt
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest

from accounts.audit import Subject, record_unknown
from accounts.models import User
from accounts.requests import remote_address

TRIES, WITHIN = 10, 900
"""Wrong codes of one user, and the seconds within which there are no more."""


class TooManyTries(Exception):
    """No code is looked at for now."""


@transaction.atomic
def take_code(user: User, code: str) -> Authenticator | None:
    """The factor that a code proves, which is used now; None for a wrong one. Raises TooManyTries."""
    rows = {row.type: row for row in Authenticator.objects.select_for_update().filter(user=user)}
    totp, recovery = rows.get(Authenticator.Type.TOTP), rows.get(Authenticator.Type.RECOVERY_CODES)
    if totp is None:
        return None
    now = int(time.time())
    tries = [at for at in totp.data.get("tries", []) if now - WITHIN < at <= now]
    if len(tries) >= TRIES:
        raise TooManyTries()
    proven = totp if _use(totp, code) else recovery if recovery and recovery.wrap().validate_code(code) else None
    totp.data["tries"] = [] if proven else [*tries, now]
    totp.save(update_fields=["data"])
    return proven


def _use(totp: Authenticator, code: str) -> bool:
    """Whether it is the code of a step of time after the last one used; notes the step."""
    secret = decrypt(totp.data["secret"])
    for step in yield_hotp_counters_from_time():
        if step > totp.data.get("used_step", 0) and compare_user_code(
            actual=code, expected=format_hotp_value(hotp_value(secret, step))
        ):
            totp.data["used_step"] = step
            return True
    return False


def use_first_code(totp: Authenticator, code: str) -> None:
    """The code that set a factor up is used."""
    _use(totp, code)
    totp.save(update_fields=["data"])


class _TakesCode(BaseAuthenticateForm):
    def clean_code(self) -> str:
        """The code, if it is the right one and was not used."""
        code = str(self.cleaned_data["code"])
        try:
            proven: Any = take_code(self.user, code)
        except TooManyTries as error:
            text = f"Codes of {self.user}'s second factor are refused for a while, after too many wrong ones."
            record_unknown(
                "mfa.locked", text, remote_address=remote_address(context.request), subject=Subject.of(self.user)
            )
            raise get_account_adapter().validation_error("too_many_login_attempts") from error
        if proven is None:
            self._emit_authentication_failed(None)
            raise get_adapter().validation_error("incorrect_code")
        proven.user, self.authenticator = self.user, proven
        return code


PASSWORD = "accounts.password"  # noqa: S105 - the name of a value in a session
"""Which password a log-in under way gave, as a session knows it."""


def note_password(request: HttpRequest, user: User) -> None:
    """The password was right; the code may follow a quarter of an hour later."""
    request.session[PASSWORD] = user.get_session_auth_hash()


class LoginCodeForm(_TakesCode, AuthenticateForm):
    """After the password, which must still be the user's."""

    def clean_code(self) -> str:
        """The code. Who gave a password that was taken away since is no further than anybody else."""
        if context.request.session.get(PASSWORD) != self.user.get_session_auth_hash():
            raise ValidationError("The password was changed meanwhile. Log in again.")
        return super().clean_code()


class FirstCodeForm(ActivateTOTPForm):
    """To set a factor up. Until its first code its secret waits in the session, sealed as it will be."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """The library keeps the secret in clear. Raises WrongKey for one that was sealed under a key that is gone."""
        session = context.request.session
        waiting = session.get(SECRET_SESSION_KEY)
        super().__init__(*args, **kwargs)
        if self.is_bound and waiting:
            self.secret = decrypt(waiting)
        else:
            session[SECRET_SESSION_KEY] = encrypt(self.secret)


class ConfirmCodeForm(_TakesCode, ReauthenticateForm):
    """Before something delicate."""
