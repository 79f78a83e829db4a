"""What is done with invitations by those who invite. Each function commits once or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app import times
from app.accounts import queries as accounts
from app.accounts.actors import Actor
from app.accounts.models import User
from app.audit import service as audit
from app.database import generate_id, transaction
from app.exceptions import ConflictError, FieldError, NotFoundError, ValidationError
from app.idempotency import rows as keys
from app.idempotency.fingerprints import build_fingerprint
from app.language import Message, say
from app.mail import outbox
from app.members import letters, links, queries
from app.members.membership import OWNER, lock_for
from app.members.models import Invitation
from app.members.schema import INVITATION_DAYS, InvitationDraft
from app.text import is_canonical_id


@dataclass(frozen=True, slots=True)
class Invited:
    """An invitation, and its link, which cannot be had again; None if the form was sent before.

    ``is_mailed``: the link goes out by e-mail, too.
    """

    invitation: Invitation
    link: str | None
    is_mailed: bool = False


def invite(actor: Actor, draft: InvitationDraft, key: str | None = None) -> Invited:
    """Commits an invitation that ``schema.parse_invitation`` gave, and the e-mail that tells of it if any can be sent.

    Whoever sends the same form twice, by its key, gets the first one back without its link. Raises ValidationError on
    ``email`` for who is a member or invited already and on ``role`` for what only owners may do,
    IdempotencyMismatchError, PermissionDeniedError.
    """
    actor.require("user:write")
    fingerprint = build_fingerprint(draft.email, draft.role)
    used = keys.find_used(actor, key, [fingerprint])
    if used is not None and used.made_id:
        return Invited(queries.get_invitation(actor.tenant_id, used.made_id), None)
    secret = links.generate_secret()
    try:
        with transaction() as session:
            own_role = lock_for(session, actor)
            _check(session, actor, draft, own_role)
            invitation = _insert(session, actor, draft, secret)
            if key:
                keys.insert_key(session, actor, key, fingerprint, made_id=invitation.id)
            link = links.build_link(invitation.id, secret)
            is_mailed = _owe_mail(session, invitation, link)
            session.expunge(invitation)
    except IntegrityError:
        # Another request with this key was quicker, and what it made is what was asked for.
        if key is None:
            raise
        return invite(actor, draft, key)
    return Invited(invitation, link, is_mailed)


def renew_invitation(actor: Actor, invitation_id: str, key: str | None = None) -> Invited:
    """Makes a new link and starts the time anew; the link before is worth nothing. A second click makes no other one.

    Raises ConflictError if it was accepted or revoked, NotFoundError, PermissionDeniedError.
    """
    actor.require("user:write")
    fingerprint = build_fingerprint("renew", invitation_id)
    secret = links.generate_secret()
    with transaction() as session:
        own_role = lock_for(session, actor)
        invitation = _get_open(session, actor.tenant_id, invitation_id)
        if keys.find_used(actor, key, [fingerprint]) is not None:
            session.expunge(invitation)
            return Invited(invitation, None)
        if invitation.role == OWNER and own_role != OWNER:
            raise ConflictError(say("Only owners may invite owners."))
        moment = times.now()
        invitation.secret_hash, invitation.expires_at = links.hash_secret(secret), _end(moment)
        session.flush()
        if key:
            keys.insert_key(session, actor, key, fingerprint, made_id=invitation.id)
        audit.record(session, actor, "invitation.renewed", invitation.id, {"email": invitation.email})
        link = links.build_link(invitation.id, secret)
        is_mailed = _owe_mail(session, invitation, link)
        session.expunge(invitation)
    return Invited(invitation, link, is_mailed)


def revoke_invitation(actor: Actor, invitation_id: str) -> Invitation:
    """Withdraws an invitation: its link is worth nothing. Doing it again changes nothing.

    Raises ConflictError if it was accepted, NotFoundError, PermissionDeniedError.
    """
    actor.require("user:write")
    with transaction() as session:
        lock_for(session, actor)
        invitation = _find(session, actor.tenant_id, invitation_id)
        if invitation.accepted_at:
            raise ConflictError(say("{email} has accepted already.", email=invitation.email))
        if invitation.revoked_at is None:
            invitation.revoked_at = times.now()
            session.flush()
            details = {"email": invitation.email, "role": invitation.role}
            audit.record(session, actor, "invitation.revoked", invitation.id, details)
        session.expunge(invitation)
    return invitation


def _check(session: Session, actor: Actor, draft: InvitationDraft, own_role: str) -> None:
    errors = []
    member = session.scalar(select(User).where(User.tenant_id == actor.tenant_id, User.email == draft.email))
    if member is not None and member.is_active:
        errors.append(_taken(say("E-mail address belongs to a member already.")))
    elif member is not None:
        errors.append(_taken(say("E-mail address belongs to a member who was deactivated: let them in again.")))
    elif _has_open(session, actor.tenant_id, draft.email):
        errors.append(_taken(say("E-mail address is invited already: make a new link for that invitation instead.")))
    if draft.role == OWNER and own_role != OWNER:
        errors.append(FieldError("role", "not_allowed", say("Role must not be owner: only owners may invite owners.")))
    if errors:
        raise ValidationError(errors)


def _taken(message: Message) -> FieldError:
    return FieldError("email", "taken", message)


def _has_open(session: Session, tenant_id: str, email: str) -> bool:
    # One that has expired does not count: it stands in the list until it is renewed or revoked.
    query = select(Invitation.id).where(
        Invitation.tenant_id == tenant_id,
        Invitation.email == email,
        Invitation.accepted_at.is_(None),
        Invitation.revoked_at.is_(None),
        Invitation.expires_at > times.now(),
    )
    return session.scalar(query.limit(1)) is not None


def _insert(session: Session, actor: Actor, draft: InvitationDraft, secret: str) -> Invitation:
    moment = times.now()
    invitation = Invitation(
        id=generate_id(),
        tenant_id=actor.tenant_id,
        email=draft.email,
        role=draft.role,
        secret_hash=links.hash_secret(secret),
        invited_by=actor.email,
        created_at=moment,
        expires_at=_end(moment),
    )
    session.add(invitation)
    session.flush()
    details = {"email": draft.email, "role": draft.role, "expiresAt": times.format_time(invitation.expires_at)}
    audit.record(session, actor, "invitation.created", invitation.id, details)
    return invitation


def _owe_mail(session: Session, invitation: Invitation, link: str) -> bool:
    organisation = accounts.get_tenant(invitation.tenant_id).name
    subject, body = letters.write_invitation(invitation, organisation, link)
    return outbox.owe(session, invitation.tenant_id, [invitation.email], subject, body) > 0


def _find(session: Session, tenant_id: str, invitation_id: str) -> Invitation:
    query = select(Invitation).where(Invitation.tenant_id == tenant_id, Invitation.id == invitation_id)
    invitation = session.scalar(query) if is_canonical_id(invitation_id) else None
    if invitation is None:
        raise NotFoundError("There is no such invitation.")
    return invitation


def _get_open(session: Session, tenant_id: str, invitation_id: str) -> Invitation:
    invitation = _find(session, tenant_id, invitation_id)
    if invitation.accepted_at:
        raise ConflictError(say("{email} has accepted already.", email=invitation.email))
    if invitation.revoked_at:
        raise ConflictError(say("This invitation was withdrawn: invite {email} anew.", email=invitation.email))
    return invitation


def _end(moment: datetime) -> datetime:
    return moment + timedelta(days=INVITATION_DAYS)
