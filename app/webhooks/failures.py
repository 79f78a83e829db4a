"""Says why an attempt failed: a machine word, and a sentence for the webhook's owner. Pure."""

from __future__ import annotations

import errno
import ssl
from typing import Final

from app.webhooks.guard import GuardError, UnresolvedError
from app.webhooks.response import BadResponseError, IncompleteResponseError

# What is wrong with Slipway, and says nothing of the receiver.
INTERNAL_ERROR: Final = "internal_error"
_OWN_ERRORS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.ENOSPC})
_STAGES = {
    "dns": "The host name was not resolved",
    "connect": "The receiver did not accept the connection",
    "tls": "The receiver did not finish the TLS handshake",
    "first_byte": "The receiver did not answer",
    "head": "The receiver did not finish the head of its answer",
}


def is_own(error: OSError) -> bool:
    """Whether it is Slipway's machine that is short of something."""
    return error.errno in _OWN_ERRORS


def describe_failure(error: Exception, stage: str, deadline_seconds: float) -> tuple[str, str]:
    """Takes what ended an attempt, and how far it had come; gives the machine word and the sentence."""
    if isinstance(error, ssl.SSLError):
        return "tls_error", _describe_tls_error(error)
    if isinstance(error, OSError) and is_own(error):
        return INTERNAL_ERROR, f"Nothing was sent: Slipway is short of something: {error.strerror}."
    match error:
        case UnresolvedError():
            found = "dns_error", error.message
        case GuardError():
            found = "blocked", f"Nothing was sent: {error.message}"
        case TimeoutError():
            found = "timeout", f"{_STAGES[stage]} within {deadline_seconds:g} seconds."
        case BadResponseError():
            found = "bad_response", f"The receiver {error}."
        case IncompleteResponseError():
            found = "connection_error", "The receiver closed the connection before it had answered."
        case _:
            reason = getattr(error, "strerror", None) or str(error)
            found = "connection_error", f"The connection failed: {reason}."
    return found


def _describe_tls_error(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"The receiver's certificate is not valid: {error.verify_message}."
    reason = (error.reason or "the connection was closed").replace("_", " ").lower()
    return f"The TLS connection failed: {reason}."
