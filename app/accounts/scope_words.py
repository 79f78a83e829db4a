"""What scopes and roles let do, for people. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from app.accounts.actors import ROLE_SCOPES, SCOPES
from app.language import Message, say

# In the order of SCOPES. Each sentence also stands in the table of what each role may do.
SCOPE_WORDS: Final[Mapping[str, Message]] = {
    "release:read": say("Read releases, drafts and their files"),
    "release:write": say("Write, publish, archive and delete releases"),
    "product:read": say("Read products"),
    "product:write": say("Create and change products"),
    "webhook:read": say("Read webhooks and deliveries, with their secrets"),
    "webhook:write": say("Create and change webhooks, and send again"),
    "personalAccessToken:write": say("Create and revoke access tokens"),
    "user:read": say("See members and who is invited"),
    "user:write": say("Invite members, change roles, deactivate"),
    "account:read": say("Read the audit log and the settings of the organisation"),
}
ROLE_WORDS: Final[Mapping[str, Message]] = {
    "owner": say("Owner"),
    "admin": say("Admin"),
    "editor": say("Editor"),
    "viewer": say("Viewer"),
}
ROLE_EFFECTS: Final[Mapping[str, Message]] = {
    "owner": say("May do everything, and make or unmake other owners."),
    "admin": say("May do everything but make or unmake owners."),
    "editor": say("Writes and publishes releases, and makes access tokens for that."),
    "viewer": say("Reads releases and products, drafts too, and changes nothing."),
}


def build_role_table() -> list[tuple[Message, list[bool]]]:
    """Gives what each role may do: a row for each scope, and in it whether each role has it, in the roles' order."""
    return [(SCOPE_WORDS[scope], [scope in scopes for scopes in ROLE_SCOPES.values()]) for scope in SCOPES]
