"""What the entries of the audit log say, in words: of each action, and of what stands in the details. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from app.language import Message, say, translate

# By the first step of the action's name, in the order in which people look for them.
GROUP_WORDS: Final[Mapping[str, Message]] = {
    "release": say("Releases"),
    "product": say("Products"),
    "download_key": say("Download keys"),
    "note_template": say("Templates of notes"),
    "channel": say("Channels"),
    "platform": say("Platforms"),
    "webhook": say("Webhooks"),
    "delivery": say("Deliveries"),
    "replay": say("Replays"),
    "import": say("Imports"),
    "user": say("Members and signing in"),
    "invitation": say("Invitations"),
    "token": say("Access tokens"),
    "publisher": say("Trusted publishing"),
    "organisation": say("Organisation"),
}
ACTION_WORDS: Final[Mapping[str, Message]] = {
    "release.created": say("Release created"),
    "release.updated": say("Release changed"),
    "release.file.created": say("File of a release added"),
    "release.published": say("Release published"),
    "release.not_published": say("Release could not be published as planned"),
    "release.planned": say("Publication of a release planned"),
    "release.unplanned": say("Planned publication called off"),
    "release.archived": say("Release archived"),
    "release.deleted": say("Release deleted"),
    "release.restored": say("Deleted release brought back"),
    "product.created": say("Product created"),
    "product.updated": say("Product changed"),
    "product.deleted": say("Product deleted"),
    "product.restricted": say("Product restricted"),
    "product.opened": say("Product opened to everybody"),
    "download_key.created": say("Download key made"),
    "download_key.updated": say("Download key renamed"),
    "download_key.revoked": say("Download key revoked"),
    "channel.created": say("Channel created"),
    "channel.updated": say("Channel renamed"),
    "channel.deleted": say("Channel deleted"),
    "platform.created": say("Platform created"),
    "platform.updated": say("Platform renamed"),
    "platform.deleted": say("Platform deleted"),
    "note_template.created": say("Template of notes created"),
    "note_template.updated": say("Template of notes changed"),
    "note_template.deleted": say("Template of notes deleted"),
    "webhook.created": say("Webhook created"),
    "webhook.updated": say("Webhook changed"),
    "webhook.deleted": say("Webhook deleted"),
    "webhook.tested": say("Test of a webhook sent"),
    "webhook.secret_rotated": say("Secret of a webhook replaced"),
    "webhook.secret_cut_over": say("Former secrets of a webhook ended"),
    "webhook.paused": say("Webhook paused"),
    "webhook.resumed": say("Webhook resumed"),
    "webhook.disabled": say("Webhook switched off because it failed"),
    "webhook.notice_dismissed": say("Notice about a webhook dismissed"),
    "delivery.resent": say("Delivery sent again"),
    "replay.created": say("Replay begun"),
    "replay.cancelled": say("Replay cancelled"),
    "import.started": say("Import of releases started"),
    "import.stopped": say("Import of releases stopped"),
    "import.finished": say("Import of releases finished"),
    "user.signed_in": say("Signed in"),
    "user.signed_out": say("Signed out"),
    "user.second_factor_refused": say("Second factor refused"),
    "user.joined": say("Joined by an invitation"),
    "user.role_changed": say("Role changed"),
    "user.deactivated": say("Member deactivated"),
    "user.reactivated": say("Member let in again"),
    "user.profile_changed": say("Profile changed"),
    "user.email_change_requested": say("New e-mail address asked for"),
    "user.email_changed": say("E-mail address changed"),
    "user.password_changed": say("Password changed"),
    "user.password_reset_requested": say("New password asked for"),
    "user.password_reset": say("Forgotten password replaced"),
    "user.session_revoked": say("Session ended"),
    "user.sessions_revoked": say("All other sessions ended"),
    "user.two_factor_enabled": say("Second factor switched on"),
    "user.two_factor_disabled": say("Second factor switched off"),
    "user.recovery_codes_created": say("New recovery codes made"),
    "user.identity_linked": say("Account of a provider connected"),
    "user.identity_unlinked": say("Account of a provider disconnected"),
    "invitation.created": say("Member invited"),
    "invitation.renewed": say("New link made for an invitation"),
    "invitation.revoked": say("Invitation withdrawn"),
    "token.created": say("Access token made"),
    "token.updated": say("Access token renamed"),
    "token.revoked": say("Access token revoked"),
    "token.deleted": say("Access token deleted"),
    "publisher.created": say("Trusted publisher added"),
    "publisher.deleted": say("Trusted publisher removed"),
    "publisher.token_minted": say("Token given to a trusted publisher"),
    "publisher.tokens_revoked": say("Tokens of a trusted publisher revoked"),
    "organisation.created": say("Organisation created"),
    "organisation.updated": say("Settings of the organisation changed"),
}
# What stands in the details, where its name alone would not say it.
_DETAIL_WORDS: Final[Mapping[str, Message]] = {
    "address": say("Address"),
    "archived": say("Archived"),
    "changed": say("Changed"),
    "channel": say("Channel"),
    "conflict": say("In conflict"),
    "count": say("Count"),
    "deliveryId": say("Delivery"),
    "description": say("Description"),
    "displayName": say("Display name"),
    "display_name": say("Display name"),
    "email": say("E-mail address"),
    "environment": say("Environment"),
    "endedSessions": say("Sessions that ended"),
    "expiresAt": say("Expires"),
    "file": say("File"),
    "held": say("Held back"),
    "invitedBy": say("Invited by"),
    "issuer": say("Provider"),
    "locale": say("Language"),
    "metadata": say("Metadata"),
    "method": say("By"),
    "name": say("Name"),
    "notes": say("Notes"),
    "overlapHours": say("Hours that the former one stays good"),
    "ownerId": say("Owner"),
    "platforms": say("Platforms"),
    "private": say("Private"),
    "productId": say("Product"),
    "product_id": say("Product"),
    "reason": say("Reason"),
    "released": say("Sent on"),
    "requiresTwoFactor": say("Second factor required"),
    "ref": say("Branch or tag"),
    "repository": say("Repository"),
    "role": say("Role"),
    "runAttempt": say("Attempt"),
    "runId": say("Run"),
    "scopes": say("Scopes"),
    "sessions": say("Sessions that ended"),
    "sha": say("Commit"),
    "slug": say("Address"),
    "state": say("State"),
    "startedBy": say("Started by"),
    "theme": say("Appearance"),
    "through": say("Through"),
    "tokenId": say("Access token"),
    "tokens": say("Access tokens that ended"),
    "total": say("Total"),
    "url": say("URL"),
    "version": say("Version"),
    "webhookId": say("Webhook"),
    "workflow": say("Workflow"),
}


def describe_action(action: str) -> str:
    """Takes an action; gives what happened, in the reader's language. One without words is shown by its name."""
    return translate(ACTION_WORDS.get(action, action))


def describe_detail(name: str) -> str:
    """Takes the name of a detail; gives what it is called, in the reader's language."""
    if name in _DETAIL_WORDS:
        return translate(_DETAIL_WORDS[name])
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|_", " ", name).lower()
    return words[:1].upper() + words[1:]


def find_group(action: str) -> str:
    """Takes an action; gives the group that it belongs to."""
    return action.partition(".")[0]
