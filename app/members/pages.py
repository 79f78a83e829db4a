"""What the pages show of members and invitations: from rows to what a template needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Row
from werkzeug.datastructures import MultiDict

from app import times
from app.accounts.actors import Actor
from app.accounts.models import User
from app.accounts.scope_words import ROLE_EFFECTS, ROLE_WORDS
from app.language import gettext as _
from app.language import ngettext
from app.members.membership import OWNER
from app.members.models import Invitation
from app.members.queries import MemberFilter
from app.members.schema import ROLES

PAGE_SIZE = 50
_ACTIVE = {"active": True, "deactivated": False}


@dataclass(frozen=True, slots=True)
class MemberQuery:
    """Which members are asked for: as the page shows it, and as the query knows it."""

    values: dict[str, str]
    filters: MemberFilter
    after: str

    @property
    def address(self) -> dict[str, Any]:
        """The parameters of an address that leads here."""
        return {name: value for name, value in self.values.items() if value}


def read_query(arguments: MultiDict[str, str]) -> MemberQuery:
    """Takes the URL's arguments; gives what to list. What makes no sense filters nothing, and is not shown."""
    role, state = arguments.get("role", ""), arguments.get("state", "")
    values = {
        "q": arguments.get("q", "").strip(),
        "role": role if role in ROLES else "",
        "state": state if state in _ACTIVE else "",
    }
    filters = MemberFilter(values["q"], values["role"], _ACTIVE.get(values["state"]))
    return MemberQuery(values, filters, arguments.get("after", ""))


def build_rows(found: Sequence[Row[User, datetime | None]], own_id: str) -> list[SimpleNamespace]:
    """Takes members with when they were seen; gives what the list shows of them."""
    return [build_member(row, own_id) for row in found]


def build_member(row: Row[User, datetime | None], own_id: str) -> SimpleNamespace:
    """Takes a member with when they were seen; gives what a page shows of them."""
    user, seen_at = row
    return SimpleNamespace(
        id=user.id,
        name=user.name or user.email,
        email=user.email,
        role=user.role,
        role_word=ROLE_WORDS[user.role],
        is_active=user.is_active,
        is_self=user.id == own_id,
        has_two_factor=user.totp_confirmed_at is not None,
        seen_at=seen_at,
        created_at=user.created_at,
    )


def list_role_choices(actor: Actor | None, current: str = "") -> list[SimpleNamespace]:
    """Gives the roles that the actor may give away, each with its effect, and the one that somebody has.

    Of nobody is known what they may: all of them, and the service decides.
    """
    is_owner = actor is None or actor.role == OWNER
    return [
        SimpleNamespace(value=role, label=ROLE_WORDS[role], effect=ROLE_EFFECTS[role])
        for role in ROLES
        if is_owner or role != OWNER or role == current
    ]


def can_manage(actor: Actor, role: str) -> bool:
    """Whether the actor may change a member of this role. It is the service that decides."""
    return actor.has_scope("user:write") and (role != OWNER or actor.role == OWNER)


def describe_deactivation(sessions: int, tokens: int, invitations: int) -> list[str]:
    """Takes how many sessions and tokens a member has in force, and how many invitations they have sent.

    Gives what switching them off does, in sentences.
    """
    said = [_("They can no longer sign in. What they did stays, under their name.")]
    if sessions:
        said.append(ngettext("{count} session ends at once.", "{count} sessions end at once.", sessions))
    if tokens:
        said.append(
            ngettext(
                "{count} access token ends at once, for good: whatever uses it needs another one.",
                "{count} access tokens end at once, for good: whatever uses them needs others.",
                tokens,
            )
        )
    if invitations:
        said.append(
            ngettext(
                "{count} invitation that they have sent is withdrawn.",
                "{count} invitations that they have sent are withdrawn.",
                invitations,
            )
        )
    return said


def build_invitations(found: Sequence[Invitation]) -> list[SimpleNamespace]:
    """Takes invitations that are neither accepted nor revoked; gives what the list shows of them."""
    moment = times.now()
    return [
        SimpleNamespace(
            id=it.id,
            email=it.email,
            role_word=ROLE_WORDS[it.role],
            invited_by=it.invited_by,
            created_at=it.created_at,
            expires_at=it.expires_at,
            is_expired=it.expires_at <= moment,
        )
        for it in found
    ]
