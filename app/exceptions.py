"""What can go wrong, in Slipway's own words. Pure: how an exception is shown is the business of ``errors``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from app.language import say


@dataclass(frozen=True, slots=True)
class FieldError:
    """One broken rule: the field as the API names it, a stable machine word, and a sentence for people."""

    field: str
    code: str
    message: str


class SlipwayError(Exception):
    """The base of all refusals: an HTTP status, a stable machine word, a title and a sentence for people."""

    status = 500
    code = "internal_error"
    title = "Internal error"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class ValidationError(SlipwayError):
    """What was sent breaks rules: all of them, at once."""

    status = 400
    code = "validation_failed"
    title = "Validation failed"

    def __init__(self, errors: Iterable[FieldError]) -> None:
        self.errors = tuple(errors)
        super().__init__(" ".join(error.message for error in self.errors))


class MalformedBodyError(SlipwayError):
    """The body is not what its Content-Type says."""

    status = 400
    code = "malformed_body"
    title = "Malformed body"


class InvalidRequestError(SlipwayError):
    """A header or a query parameter breaks a rule."""

    status = 400
    code = "invalid_request"
    title = "Invalid request"


class UnsupportedMediaTypeError(SlipwayError):
    """The Content-Type or Content-Encoding is not one that is read here."""

    status = 415
    code = "unsupported_media_type"
    title = "Unsupported media type"


class AuthenticationError(SlipwayError):
    """Nobody we know: no token, or one that is invalid, expired or revoked (RFC 6750, section 3.1)."""

    status = 401
    code = "invalid_token"
    title = "Authentication needed"

    def __init__(self, message: str, *, code: str = "invalid_token", status: int = 401) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


class PermissionDeniedError(SlipwayError):
    """The actor is known and may not do this; ``scope`` is the one that is missing (RFC 6750, section 3.1)."""

    status = 403
    code = "insufficient_scope"
    title = "Not allowed"

    def __init__(self, scope: str) -> None:
        super().__init__(say("This needs the scope {scope}.", scope=scope))
        self.scope = scope


class OtherProductError(SlipwayError):
    """The actor may act for one product only, and this is not of that one."""

    status = 403
    code = "other_product"
    title = "Not allowed"

    def __init__(self) -> None:
        super().__init__(say("This token is for the releases of one product only, and this is something else."))


class NotFoundError(SlipwayError):
    """There is no such thing for this tenant: absent and another tenant's look alike."""

    status = 404
    code = "not_found"
    title = "Not found"


class ConflictError(SlipwayError):
    """What is asked does not fit what is stored."""

    status = 409
    code = "conflict"
    title = "Conflict"


class DuplicateError(ConflictError):
    """There is one already; the API's answer names it, by its id and its address ``{collection}/{id}``."""

    code = "duplicate"
    title = "Exists already"

    def __init__(self, message: str, collection: str, existing_id: str) -> None:
        super().__init__(message)
        self.existing_id = existing_id
        self.path = f"{collection}/{existing_id}"


class DuplicateReleaseError(DuplicateError):
    """Another release holds this product, channel, platform and version; ``release_id`` names it."""

    code = "duplicate_release"
    title = "Release exists"

    def __init__(self, message: str, release_id: str) -> None:
        super().__init__(message, "/v3/releases", release_id)
        self.release_id = release_id


class ReadOnlyError(SlipwayError):
    """Whatever belongs to a published release stays as it is."""

    status = 403
    code = "release_published"
    title = "Release is published"


class IdempotencyMismatchError(SlipwayError):
    """The Idempotency-Key came before with another body."""

    status = 422
    code = "idempotency_key_reused"
    title = "Idempotency-Key reused"


class StillRunningError(ConflictError):
    """A request with this Idempotency-Key has not ended yet, so that nobody can say what comes of it."""

    code = "idempotency_key_in_use"
    title = "Still running"


class PreconditionFailedError(SlipwayError):
    """What is stored is not what the caller has seen, by the entity tags that came with the request."""

    status = 412
    code = "precondition_failed"
    title = "Changed meanwhile"


class RangeNotSatisfiableError(SlipwayError):
    """The part of a file that is asked for lies beyond its end; ``size`` says where that is."""

    status = 416
    code = "range_not_satisfiable"
    title = "No such part"

    def __init__(self, size: int) -> None:
        super().__init__(say("The file has {size} bytes, and none of those that are asked for.", size=size))
        self.size = size


class ThrottledError(SlipwayError):
    """Too much, too fast; ``retry_after_seconds`` says when to come back."""

    status = 429
    code = "too_many_requests"
    title = "Too many requests"

    def __init__(self, message: str, retry_after_seconds: int) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class UnavailableError(SlipwayError):
    """Something that Slipway needs is not there at the moment."""

    status = 503
    code = "unavailable"
    title = "Temporarily unavailable"


class OutcomeUnknownError(UnavailableError):
    """Something that Slipway needs went away before it said whether what was asked for is done."""

    code = "outcome_unknown"
    title = "Outcome unknown"
