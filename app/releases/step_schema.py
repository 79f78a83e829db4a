"""What the steps of a release's life can be asked for with: archiving, and publishing at a time. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, TypeVar

from pydantic import AfterValidator

from app import times
from app.exceptions import FieldError, ValidationError
from app.language import say
from app.schemas import Schema, describe_unknown, refuse, validate
from app.text import find_encoding_error, is_canonical_id

S = TypeVar("S", bound=Schema)

REASON_LIMIT: Final = 1024
# Who plans further ahead than this has mistyped the year.
PLAN_DAYS: Final = 366

ARCHIVE_LABELS: Final = {"reason": say("Reason"), "replacementId": say("Replacement")}
PLAN_LABELS: Final = {"publishAt": say("Publish at")}
UNKNOWN_REPLACEMENT: Final = FieldError(
    "replacementId", "unknown_release", say("Replacement must be another release of the same product.")
)


def _check_reason(value: str) -> str:
    value = value.replace("\r\n", "\n").replace("\r", "\n").strip()
    if error := find_encoding_error(value):
        raise refuse(*error)
    if len(value) > REASON_LIMIT:
        raise refuse(
            "too_long",
            say("must have at most {limit} characters; it has {count}.", limit=REASON_LIMIT, count=len(value)),
        )
    return value


def _check_replacement(value: str) -> str:
    # A form sends the empty text for none.
    if value and not is_canonical_id(value):
        raise refuse("unknown_release", say("must be another release of the same product."))
    return value


def _check_time(value: str) -> str:
    if not value:
        raise refuse("required", say("is required."))
    if times.parse_time(value) is None:
        raise refuse("invalid_time", say("must be a date and time by RFC 3339, such as 2030-08-24T14:15:00Z."))
    return value


class ArchiveSchema(Schema):
    """The members of ``POST /v3/releases/{id}/archive``."""

    reason: Annotated[str, AfterValidator(_check_reason)] = ""
    replacementId: Annotated[str, AfterValidator(_check_replacement)] = ""  # noqa: N815 - the wire's name


class PlanSchema(Schema):
    """The member of ``POST /v3/releases/{id}/publish``."""

    publishAt: Annotated[str, AfterValidator(_check_time)]  # noqa: N815 - the wire's name


@dataclass(frozen=True, slots=True)
class Archiving:
    """Why a release is archived, for the tenant's own people, and which release stands in its place, if one does."""

    reason: str = ""
    replacement_id: str | None = None


def parse_archiving(raw: Mapping[str, Any]) -> Archiving:
    """Takes the members that were sent, none of which is needed; gives what to archive with.

    Whether the replacement is there, only the stored releases can tell. Raises ValidationError with every broken rule;
    a member that is not known breaks one.
    """
    sent = _read(ArchiveSchema, raw, ARCHIVE_LABELS)
    return Archiving(sent.reason, sent.replacementId or None)


def parse_publication(raw: Mapping[str, Any], now: datetime) -> datetime | None:
    """Takes the members that were sent and the current time; gives when to publish, aware and in UTC.

    Gives None if nothing was sent: that is at once. Raises ValidationError with every broken rule. A member that is
    not known is one, and so is ``null``: whoever meant a time must not publish at once.
    """
    if not raw:
        return None
    moment = times.parse_time(_read(PlanSchema, raw, PLAN_LABELS).publishAt)
    if moment is None or moment <= now:
        message = say("Publish at must be in the future. To publish now, publish without a time.")
        raise ValidationError([FieldError("publishAt", "in_the_past", message)])
    if moment > now + timedelta(days=PLAN_DAYS):
        message = say("Publish at must be within the next {days} days.", days=PLAN_DAYS)
        raise ValidationError([FieldError("publishAt", "too_late", message)])
    return moment


def _read(schema: type[S], raw: Mapping[str, Any], labels: Mapping[str, str]) -> S:
    errors = [describe_unknown(name) for name in raw if name not in labels]
    try:
        sent = validate(schema, raw, labels)
    except ValidationError as error:
        raise ValidationError([*error.errors, *errors]) from None
    if errors:
        raise ValidationError(errors)
    return sent
