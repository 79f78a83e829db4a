"""The validation of a webhook. Pure: whether its URL may be reached is the guard's to say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import ConfigDict, Field, PlainValidator, ValidationInfo, field_validator

from app.language import say
from app.schemas import Line, Schema, describe_ignored, find_unknown, parse_members, refuse
from app.webhooks import signing
from app.webhooks.field_types import (
    DEFAULT_CONCURRENCY,
    DEFAULT_OVERLAP_HOURS,
    NO_TOKEN,
    Concurrency,
    Events,
    Overlap,
    Rate,
    Scheme,
    Token,
    Url,
    check_changed_headers,
    check_new_headers,
    find_spelling_rule,
    find_token_rule,
)

S = TypeVar("S", bound=Schema)

LABELS = {
    "name": say("Name"),
    "url": say("URL"),
    "events": say("Events"),
    "scheme": say("Scheme"),
    "token": say("Token"),
    "headers": say("Headers"),
    "maxConcurrency": say("Concurrency"),
    "ratePerSecond": say("Rate"),
    "active": say("Active"),
    "ping": say("Ping"),
    "overlapHours": say("Overlap"),
    "immediate": say("Immediate"),
}


class _Settings(Schema):
    # The wire's names are read from JSON, the attributes' from one schema to the other.
    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)

    @field_validator("token", mode="before", check_fields=False)
    @classmethod
    def _check_need(cls, value: Any, info: ValidationInfo) -> Any:
        # Before its spelling is judged: who mends that would only learn then that no token is wanted.
        scheme = info.data.get("scheme")
        if scheme == signing.ASYMMETRIC and isinstance(value, str) and find_spelling_rule(value):
            raise refuse(*NO_TOKEN)
        return value


class WebhookSchema(_Settings):
    """The members of ``POST /v3/webhooks``. Without a token one is made; a ping is a test that is sent at once."""

    name: Line
    url: Url
    events: Events
    scheme: Scheme = signing.CRYPTLEX
    token: Token | None = None
    headers: Annotated[dict[str, str], PlainValidator(check_new_headers)] | None = None
    max_concurrency: Concurrency = Field(default=DEFAULT_CONCURRENCY, alias="maxConcurrency")
    rate_per_second: Rate | None = Field(default=None, alias="ratePerSecond")
    active: bool = True
    ping: bool = False

    @field_validator("token")
    @classmethod
    def _check_fit(cls, value: str | None, info: ValidationInfo) -> str | None:
        # A scheme that is wrong itself is not among the data, and fits nothing.
        scheme = info.data.get("scheme")
        if value and scheme and (rule := find_token_rule(scheme, value)):
            raise refuse(*rule)
        return value


class WebhookChangeSchema(_Settings):
    """The members of ``PATCH /v3/webhooks/{id}``: what is not given stays as it is.

    ``ratePerSecond: 0`` takes the limit away, ``headers: {}`` all headers; a header whose value is the mask keeps
    the one that is stored. Whether a token fits the scheme depends on the webhook, so the service says it.
    """

    name: Line | None = None
    url: Url | None = None
    events: Events | None = None
    scheme: Scheme | None = None
    token: Token | None = None
    headers: Annotated[dict[str, str], PlainValidator(check_changed_headers)] | None = None
    max_concurrency: Concurrency | None = Field(default=None, alias="maxConcurrency")
    rate_per_second: Rate | None = Field(default=None, alias="ratePerSecond")
    active: bool | None = None


class RotationSchema(Schema):
    """The members of ``POST /v3/webhooks/{id}/rotate``: how long the former secret stays good, and the new one."""

    overlapHours: Overlap = DEFAULT_OVERLAP_HOURS  # noqa: N815 - the wire's name
    immediate: bool = False
    token: Token | None = None

    @property
    def overlap_hours(self) -> int:
        """How long the former secret stays good; 0 of what is immediate."""
        return 0 if self.immediate else self.overlapHours


class ActionSchema(Schema):
    """The members of an action that has none."""


def parse_webhook(raw: Mapping[str, Any], *, is_strict: bool = False) -> WebhookSchema:
    """Takes the members that were sent; gives a webhook's.

    Raises ValidationError with every broken rule. With ``is_strict`` an unknown member breaks one.
    """
    return _read(WebhookSchema, raw, is_strict=is_strict)


def parse_webhook_change(raw: Mapping[str, Any], *, is_strict: bool = False) -> WebhookChangeSchema:
    """Takes the members that were sent; gives those to change. Raises as above."""
    return _read(WebhookChangeSchema, raw, is_strict=is_strict)


def parse_rotation(raw: Mapping[str, Any]) -> RotationSchema:
    """Takes the members that were sent; gives a rotation. Raises ValidationError, also for an unknown member.

    What is only nearly ``immediate`` must not leave a secret good that has leaked.
    """
    return _read(RotationSchema, raw, is_strict=True)


def parse_action(raw: Mapping[str, Any]) -> None:
    """Raises ValidationError if a member was sent for an action that has none."""
    _read(ActionSchema, raw, is_strict=True)


def find_warnings(raw: Mapping[str, Any], sent: WebhookSchema | WebhookChangeSchema) -> list[str]:
    """Takes what was sent for a webhook, and what was read of it; gives in words what was not taken as it was."""
    warnings = [describe_ignored(name) for name in find_unknown(type(sent), raw)]
    if len(raw.get("events") or ()) > len(sent.events or ()):
        warnings.append("Events that are named twice count once.")
    return warnings


def _read(schema: type[S], raw: Mapping[str, Any], *, is_strict: bool) -> S:
    return parse_members(schema, raw, LABELS, find_unknown(schema, raw) if is_strict else ())
