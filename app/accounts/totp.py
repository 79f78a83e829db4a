"""Codes of a second factor that change with the time (RFC 6238). Pure: the clock is an argument."""

from __future__ import annotations

import hmac
import re
from datetime import datetime
from typing import Final

import pyotp

STEP_SECONDS: Final = 30
# A code may be read in one step and sent in the next, and clocks differ a little (RFC 6238, section 5.2).
_TOLERATED_STEPS = 1
_ISSUER = "Slipway"
_CODE = re.compile(r"[0-9]{6}\Z")
_BLANKS = str.maketrans("", "", " \t\u00a0-")


def generate_secret() -> str:
    """Gives a new secret of 160 bits in base32, as RFC 4226, section 4, recommends."""
    return pyotp.random_base32()


def fold_code(typed: str) -> str | None:
    """Takes what was typed; gives six digits without the blanks that apps show between them, None if it is no code."""
    code = typed[:32].translate(_BLANKS)
    return code if _CODE.match(code) else None


def find_step(secret: str, code: str, moment: datetime) -> int | None:
    """Takes a secret, a folded code and a time; gives the time step that the code belongs to, None if to none by then.

    Every step of the window is compared, in constant time.
    """
    generator = pyotp.TOTP(secret)
    current = generator.timecode(moment)
    steps = range(max(0, current - _TOLERATED_STEPS), current + _TOLERATED_STEPS + 1)
    found = [step for step in steps if hmac.compare_digest(generator.generate_otp(step), code)]
    return found[-1] if found else None


def generate_code(secret: str, moment: datetime) -> str:
    """Takes a secret and a time; gives the code that an app shows then."""
    return pyotp.TOTP(secret).at(moment)


def build_address(secret: str, email: str, organisation: str) -> str:
    """Gives the otpauth address that an app reads out of a QR code. The organisation tells two accounts apart."""
    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=f"{_ISSUER} ({organisation[:64]})")


def group_secret(secret: str) -> list[str]:
    """Gives a secret in groups of four, as people read it from one screen and type it on another."""
    return [secret[begin : begin + 4] for begin in range(0, len(secret), 4)]
