"""Why an identity token is not swapped, in words for whoever wrote the job of CI. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from app.exceptions import ConflictError, FieldError, SlipwayError, UnavailableError, ValidationError


class IdentityTokenError(ValidationError):
    """The identity token is not one that can be believed; the error's ``code`` says why."""

    code = "invalid_identity_token"
    title = "Identity token refused"

    def __init__(self, code: str, message: str) -> None:
        super().__init__([FieldError("token", code, message)])


class InvalidPublisherError(SlipwayError):
    """The identity token is genuine, and no product trusts its job; ``claims`` are those that say which job it is."""

    status = 403
    code = "invalid_publisher"
    title = "No trusted publisher"

    def __init__(self, message: str, claims: Mapping[str, str]) -> None:
        super().__init__(message)
        self.claims = dict(claims)


class AmbiguousPublisherError(ConflictError):
    """Several products trust the job."""

    code = "ambiguous_publisher"
    title = "Several products"


class SpentTokenError(ConflictError):
    """The identity token has been swapped before."""

    code = "identity_token_used"
    title = "Identity token used"


class IssuerUnavailableError(UnavailableError):
    """The issuer's keys cannot be fetched at the moment, so nothing that it signs can be believed."""

    code = "issuer_unavailable"
    title = "Issuer unavailable"
