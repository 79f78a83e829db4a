"""What is written to whoever is invited."""

from __future__ import annotations

from app.language import gettext as _
from app.members.models import Invitation
from app.members.schema import INVITATION_DAYS


def write_invitation(invitation: Invitation, organisation: str, link: str) -> tuple[str, str]:
    """Takes an invitation and its link; gives subject and body, in the language of whoever invites."""
    subject = _("{organisation} invites you to Slipway", organisation=organisation)
    body = _(
        "{inviter} invites you to join {organisation} on Slipway, the release portal.\n\n"
        "Accept here, within {days} days:\n{link}\n\n"
        "The link is for you alone: whoever has it can join in your place.\n"
        "If you do not know what this is about, there is nothing that you need to do.\n",
        inviter=invitation.invited_by,
        organisation=organisation,
        days=INVITATION_DAYS,
        link=link,
    )
    return subject, body
