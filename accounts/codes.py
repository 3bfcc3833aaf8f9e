"""Codes of a second factor: each is good once, and tries are few. Both are written down with the factor, so that they
hold for all processes that serve the portal, and after a restart. The library keeps them in the memory of one, and a
code for half a minute of the minute and a half for which it is good."""

from __future__ import annotations

import time
from typing import Any

from allauth.account.adapter import get_adapter as get_account_adapter
from allauth.core.internal.cryptokit import compare_user_code
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base.forms import AuthenticateForm, BaseAuthenticateForm, ReauthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from allauth.mfa.utils import decrypt
from django.db import transaction

from accounts.models import User

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


def use_first_code(totp: Authenticator) -> None:
    """The code that set a factor up is used."""
    steps = list(yield_hotp_counters_from_time())
    totp.data["used_step"] = steps[len(steps) // 2]  # the present one; those beside it are for clocks that go wrong
    totp.save(update_fields=["data"])


class _TakesCode(BaseAuthenticateForm):
    def clean_code(self) -> str:
        """The code, if it is the right one and was not used."""
        code = str(self.cleaned_data["code"])
        try:
            proven: Any = take_code(self.user, code)
        except TooManyTries as error:
            raise get_account_adapter().validation_error("too_many_login_attempts") from error
        if proven is None:
            self._emit_authentication_failed(None)
            raise get_adapter().validation_error("incorrect_code")
        proven.user, self.authenticator = self.user, proven
        return code


class LoginCodeForm(_TakesCode, AuthenticateForm):
    """After the password."""


class ConfirmCodeForm(_TakesCode, ReauthenticateForm):
    """Before something delicate."""
