"""What becomes of a webhook's own headers when it is changed: what was given to one receiver is told to no other."""

from __future__ import annotations

from collections.abc import Mapping

from app.exceptions import FieldError, ValidationError
from app.language import say
from app.schemas import complete_rule
from app.webhooks import guard, headers, sealing
from app.webhooks.models import Webhook
from app.webhooks.schema import LABELS


def choose_headers(webhook: Webhook, url: str | None, sent: Mapping[str, str] | None) -> bytes | None:
    """Takes a webhook as it is stored, and the URL and the headers that were sent for it; gives those to store, sealed.

    None stands for what was not sent. Raises ValidationError if a value is to be kept that is not stored, or that is
    and would go to another origin: whoever sets the URL need not be the one who was trusted with the value.
    """
    is_kept = sent is None or headers.MASK in sent.values()
    if is_kept and webhook.headers and url is not None and not _is_same_origin(webhook.url, url):
        raise _refuse(headers.NOT_KEPT, say("must be given anew, because the URL leads to another host."))
    return webhook.headers if sent is None else sealing.seal_headers(_fill_masks(webhook, sent))


def _fill_masks(webhook: Webhook, sent: Mapping[str, str]) -> dict[str, str]:
    kept = [name for name, value in sent.items() if value == headers.MASK]
    if not kept:
        return dict(sent)
    stored = {name.lower(): value for name, value in sealing.open_headers(webhook.headers).items()}
    if unknown := [name for name in kept if name.lower() not in stored]:
        rule = say("must have a value for {name}: none is stored that could be kept.", name=headers.quote(unknown[0]))
        raise _refuse("required", rule)
    return {**sent, **{name: stored[name.lower()] for name in kept}}


def _is_same_origin(first: str, second: str) -> bool:
    return first == second or (_find_origin(first) or first) == (_find_origin(second) or second)


def _find_origin(url: str) -> tuple[str, str, int] | None:
    """Gives scheme, host and port (RFC 6454, section 4), or None if rules have changed and forbid a stored URL."""
    try:
        parsed = guard.parse_webhook_url(url)
    except guard.GuardError:
        return None
    return parsed.scheme, parsed.host, parsed.port


def _refuse(code: str, rule: str) -> ValidationError:
    return ValidationError([FieldError("headers", code, complete_rule(LABELS["headers"], rule))])
