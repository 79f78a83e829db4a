"""What can be changed of an organisation. Commits once or not at all."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app import times
from app.accounts.actors import Actor
from app.accounts.models import Tenant
from app.audit import service as audit
from app.database import transaction
from app.exceptions import ConflictError, FieldError, ValidationError
from app.language import say
from app.organisation import queries
from app.organisation.schema import OrganisationChange

_TAKEN = {
    "name": FieldError("name", "taken", say("Name is taken: another organisation has it.")),
    "slug": FieldError("slug", "taken", say("Address is taken: another organisation has it.")),
}
# The columns that the form changes, with what the audit log calls them.
_COLUMNS = {
    "name": "name",
    "slug": "address",
    "description": "description",
    "requires_two_factor": "requiresTwoFactor",
}


class ChangedMeanwhileError(ConflictError):
    """The settings are not those any more that the change was made from. ``updated_at`` is theirs now."""

    code = "changed_meanwhile"
    title = "Changed meanwhile"

    def __init__(self, updated_at: datetime) -> None:
        super().__init__(
            say("The settings were changed meanwhile. Look at what is stored, and save again to replace it.")
        )
        self.updated_at = updated_at


def update_organisation(actor: Actor, change: OrganisationChange, seen_at: datetime | None = None) -> list[str]:
    """Commits the settings that ``schema.parse_organisation`` gave; gives the names of those that are new.

    ``seen_at`` is the ``updated_at`` that the change was made from, None if nobody looked. Raises ValidationError for
    what another organisation has, ChangedMeanwhileError unless what is stored is what is wanted, PermissionDeniedError.
    """
    actor.require("account:read")
    actor.require("user:write")
    try:
        with transaction() as session:
            query = select(Tenant).where(Tenant.id == actor.tenant_id).with_for_update(key_share=True)
            tenant = session.scalars(query).one()
            before = _find_changed(tenant, change)
            if before and seen_at not in (None, tenant.updated_at):
                raise ChangedMeanwhileError(tenant.updated_at)
            if before:
                for column in _COLUMNS:
                    setattr(tenant, column, getattr(change, column))
                tenant.updated_at = times.now()
                session.flush()
                after = {name: getattr(tenant, column) for column, name in _COLUMNS.items() if name in before}
                audit.record(session, actor, "organisation.updated", tenant.id, {"before": before, "after": after})
    except IntegrityError:
        taken = queries.list_taken(actor.tenant_id, change.name, change.slug)
        if not taken:
            raise
        raise ValidationError([error for field, error in _TAKEN.items() if field in taken]) from None
    return list(before)


def _find_changed(tenant: Tenant, change: OrganisationChange) -> dict[str, Any]:
    """Gives what is stored of whatever the change makes different."""
    return {
        name: getattr(tenant, column)
        for column, name in _COLUMNS.items()
        if getattr(tenant, column) != getattr(change, column)
    }
