"""Claims as they are typed into a form: one in each line. Pure."""

from __future__ import annotations

from app.exceptions import FieldError, ValidationError
from app.language import say


def parse_claim_lines(text: str) -> dict[str, str]:
    """Takes what was typed, a claim in each line, as ``name = value``; gives the claims.

    Raises ValidationError with every broken rule.
    """
    claims: dict[str, str] = {}
    errors: list[FieldError] = []
    for number, line in enumerate(text.splitlines(), start=1):
        name, sign, value = (part.strip() for part in line.partition("="))
        if not line.strip():
            continue
        if not sign or not name or not value:
            message = say("Line {number} of the claims must look like name = value.", number=number)
            errors.append(FieldError("claims", "invalid_claim", message))
        elif name in claims:
            message = say("Line {number} of the claims names {name} again.", number=number, name=name)
            errors.append(FieldError("claims", "duplicate_claim", message))
        claims[name] = value
    if errors:
        raise ValidationError(errors)
    return claims
