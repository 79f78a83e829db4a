"""The validation of a new access token as its form sends it; that of the API's is in ``api_schema``. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from app.accounts.schema import MAX_EXPIRY_DAYS, TokenDraft, parse_token
from app.exceptions import FieldError, ValidationError
from app.language import say

# The days that are offered, beside a date.
PRESETS: tuple[int, ...] = (30, 90, MAX_EXPIRY_DAYS)
ON_A_DATE = "date"


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """A new access token, checked, that expires so many days after it is made, when a day ends in UTC, or at a time."""

    draft: TokenDraft
    expires_on: date | None = None
    expires_at: datetime | None = None

    def end(self, moment: datetime) -> datetime:
        """Takes when the token is made; gives when it expires."""
        if self.expires_at is not None:
            return self.expires_at
        if self.expires_on is None:
            return moment + timedelta(days=self.draft.expires_in_days)
        return datetime.combine(self.expires_on, time(23, 59, 59), UTC)


def find_last_date(today: date) -> date:
    """Gives the last day on which a token that is made today may expire."""
    # It expires when that day ends, which must not be later than so many times 24 hours from now.
    return today + timedelta(days=MAX_EXPIRY_DAYS - 1)


def parse_request(
    name: str, scopes: Sequence[str], expiry: tuple[str, str], allowed: frozenset[str], today: date
) -> TokenRequest:
    """Takes what was typed, of the expiry the choice and the date beside it, and what may be given away.

    Raises ValidationError with every broken rule.
    """
    errors: list[FieldError] = []
    days, expires_on = 1, None
    if not scopes:
        # The API would name them all; the form shows them.
        errors.append(FieldError("scopes", "required", say("Scopes are required: choose at least one.")))
    try:
        days, expires_on = _parse_expiry(*expiry, today)
    except ValidationError as error:
        errors += error.errors
    try:
        draft = parse_token(name.strip(), scopes, days, allowed)
    except ValidationError as error:
        told = {(it.field, it.code) for it in errors}
        errors = [*(it for it in error.errors if (it.field, it.code) not in told), *errors]
        raise ValidationError(errors) from None
    if errors:
        raise ValidationError(errors)
    return TokenRequest(draft, expires_on)


def _parse_expiry(choice: str, typed: str, today: date) -> tuple[int, date | None]:
    if choice in map(str, PRESETS):
        return int(choice), None
    if choice != ON_A_DATE:
        raise _refuse("expiry", "required", say("Expiry is required: a number of days, or a date."))
    if not typed.strip():
        raise _refuse("expiresOn", "required", say("Date is required, because the token is to expire on one."))
    try:
        expires_on = date.fromisoformat(typed.strip()) if len(typed.strip()) == 10 else None
    except ValueError:
        expires_on = None
    if expires_on is None:
        raise _refuse("expiresOn", "invalid_format", say("Date must look like 2031-05-28: year, month and day."))
    last = find_last_date(today)
    if not today <= expires_on <= last:
        message = say("Date must be from {first} to {last}.", first=today.isoformat(), last=last.isoformat())
        raise _refuse("expiresOn", "out_of_range", message)
    return MAX_EXPIRY_DAYS, expires_on


def _refuse(field: str, code: str, message: str) -> ValidationError:
    return ValidationError([FieldError(field, code, message)])
