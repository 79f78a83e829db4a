"""What can be done with organisations and their users. Each function commits once or not at all."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app import times
from app.accounts import actors, attempts, passwords, queries, second_factor, user_sessions
from app.accounts.actors import Actor, SignedInUser
from app.accounts.attempts import Attempt
from app.accounts.models import Tenant, User
from app.accounts.schema import EMAIL_LIMIT, NAME_LIMIT, OrganisationDraft, normalize_email, parse_organisation
from app.accounts.second_step import PendingSignIn, SecondStepNeededError
from app.audit import service as audit
from app.database import generate_id, lock_name, transaction
from app.exceptions import ConflictError, FieldError, NotFoundError, ValidationError
from app.language import say
from app.slugs import build_slug

logger = logging.getLogger(__name__)

get_tenant = queries.get_tenant
build_actor = actors.build_actor

# Whoever creates an organisation holds this to the end: setting up is for the first one only.
CREATION_LOCK = "organisations"

_WRONG = FieldError("", "wrong_credentials", say("E-mail address or password is wrong."))
_ASK_ORGANISATION = FieldError(
    "organisation",
    "required",
    say("Organisation is required: this e-mail address belongs to several, and the password fits more than one."),
)
_NAME_TAKEN = FieldError("organisation", "taken", say("Organisation is taken: another one has this name."))


def create_organisation(name: str, email: str, password: str) -> User:
    """Commits an organisation and its owner; gives the owner. Raises ValidationError with every broken rule."""
    draft = parse_organisation(name, email, password)
    password_hash = passwords.hash_password(draft.password)
    try:
        with transaction() as session:
            lock_name(session, CREATION_LOCK)
            _, user = insert_organisation(session, draft, password_hash)
            session.expunge_all()
    except IntegrityError:
        raise ValidationError([_NAME_TAKEN]) from None
    return user


def insert_organisation(session: Session, draft: OrganisationDraft, password_hash: str) -> tuple[Tenant, User]:
    """Takes the session of a transaction; adds an organisation and its owner, and gives both."""
    moment = times.now()
    stamps = {"created_at": moment, "updated_at": moment}
    # Slugs are few and this is rare: all of them are read, and the constraint decides between two at once.
    slug = build_slug(draft.name, set(session.scalars(select(Tenant.slug))), "organisation")
    tenant = Tenant(id=generate_id(), name=draft.name, slug=slug, **stamps)
    session.add(tenant)
    session.flush()
    user = User(
        id=generate_id(),
        tenant_id=tenant.id,
        email=draft.email,
        password_hash=password_hash,
        role="owner",
        is_active=True,
        **stamps,
    )
    session.add(user)
    session.flush()
    audit.record(session, build_actor(user), "organisation.created", tenant.id, {"name": tenant.name})
    return tenant, user


def bootstrap_organisation(name: str, email: str, password: str) -> str:
    """Makes sure that an organisation with this owner exists, and gives its id. What exists is not changed.

    The password is only that of a new owner: the same call succeeds again after they have chosen another one.
    Raises ConflictError if the organisation exists without such an owner, and ValidationError.
    """
    draft = parse_organisation(name, email, password)
    if queries.find_tenant(name) is None:
        try:
            return create_organisation(name, email, password).tenant_id
        except ValidationError as error:
            if error.errors != (_NAME_TAKEN,):
                raise
    owners = [user for user in _list_members(draft.email, name) if user.role == "owner"]
    if not owners:
        raise ConflictError(f"Organisation {name!r} exists already, and {draft.email} is not an owner of it.")
    return owners[0].tenant_id


def get_owner_actor(tenant_name: str) -> Actor:
    """Gives the actor of an organisation's first owner, for commands. Raises NotFoundError."""
    owner = queries.find_owner(queries.get_tenant_named(tenant_name).id)
    if owner is None:
        raise NotFoundError(f"Organisation {tenant_name!r} has no active owner.")
    return build_actor(owner)


def get_user_actor(email: str, tenant_name: str | None = None) -> Actor:
    """Gives the actor of a user, for commands. Raises NotFoundError, or ConflictError if several fit."""
    users = [user for user in _list_members(normalize_email(email), tenant_name) if user.is_active]
    if not users:
        raise NotFoundError(f"There is no active user {email[:EMAIL_LIMIT]!r}{_name_tenant(tenant_name)}.")
    if len(users) > 1:
        raise ConflictError(f"{email!r} belongs to several organisations: name one.")
    return build_actor(users[0])


def _list_members(email: str, tenant_name: str | None) -> list[User]:
    # A command means the name: an organisation whose address is spelled like it is another one.
    return [user for user, tenant in queries.find_users(email, tenant_name) if tenant_name in (None, tenant.name)]


def _name_tenant(tenant_name: str | None) -> str:
    return f" in an organisation named {tenant_name[:NAME_LIMIT]!r}" if tenant_name else ""


def sign_in(
    email: str, password: str, organisation: str | None = None, address: str = "", user_agent: str = ""
) -> SignedInUser:
    """Opens a session for whoever knows the password; gives the user, who is not in any cookie yet.

    Raises ValidationError: one and the same for an unknown address, a wrong password and a user who was switched
    off; on the field ``organisation`` if the password fits several. Raises SecondStepNeededError if there is a second
    factor, and ThrottledError.
    """
    account = normalize_email(email)
    with transaction() as session:
        attempt = attempts.admit_attempt(session, account, address)
    matching = find_matching(account, password, organisation)
    if not matching:
        logger.info("sign-in refused", extra={"address": address})
        raise ValidationError([_WRONG])
    if len(matching) > 1:
        raise ValidationError([_ASK_ORGANISATION])
    signed_in = _open_session(matching[0], password, attempt, address, user_agent)
    if isinstance(signed_in, PendingSignIn):
        raise SecondStepNeededError(signed_in)
    return signed_in


def sign_in_within_form(email: str, password: str, address: str, user_agent: str = "") -> SignedInUser:
    """Does the same by two fields within another form, and names them in what is wrong.

    Raises ValidationError on ``signInEmail`` and ``signInPassword``, SecondStepNeededError, ThrottledError.
    """
    labels = (
        ("signInEmail", say("E-mail address is required."), email),
        ("signInPassword", say("Password is required."), password),
    )
    if missing := [FieldError(field, "required", message) for field, message, value in labels if not value]:
        raise ValidationError(missing)
    try:
        return sign_in(email, password, address=address, user_agent=user_agent)
    except ValidationError as error:
        raise ValidationError(_move_to_form(error.errors)) from None


def sign_out(user: SignedInUser) -> None:
    """Ends a user's session: its cookie is worth nothing from now on, wherever a copy of it may be."""
    with transaction() as session:
        user_sessions.close_session(session, user)
        audit.record(session, user.actor, "user.signed_out", user.id, {})


def find_matching(account: str, password: str, organisation: str | None) -> list[tuple[User, Tenant]]:
    """Takes a normalized e-mail address, of which a try was written down; gives the active users of this password.

    It takes as long whatever is wrong, and whether anything is.
    """
    candidates = queries.find_users(account, organisation)
    if not candidates:
        passwords.pretend_check(password)
    # Each is checked, also one who was switched off: time tells nothing of what is wrong.
    checked = [(user, tenant, passwords.is_password(user.password_hash, password)) for user, tenant in candidates]
    return [(user, tenant) for user, tenant, is_right in checked if is_right and user.is_active]


def _open_session(
    found: tuple[User, Tenant], password: str, attempt: Attempt, address: str, user_agent: str
) -> SignedInUser | PendingSignIn:
    user_id, tenant_id, checked_hash = found[0].id, found[1].id, found[0].password_hash
    new_hash = passwords.hash_password(password) if passwords.is_outdated(checked_hash) else None
    # The hash is what was checked: if it was changed meanwhile, the password that was typed is the old one.
    query = select(User).where(
        User.tenant_id == tenant_id, User.id == user_id, User.password_hash == checked_hash, User.is_active
    )
    with transaction() as session:
        user = session.scalars(query.with_for_update()).one_or_none()
        if user is None:
            raise ValidationError([_WRONG])
        if new_hash:
            user.password_hash = new_hash
            # They are over: what proves them goes by the hash.
            user_sessions.close_others(session, tenant_id, user_id)
        attempts.clear_attempt(session, attempt, is_shared=len(queries.find_users(user.email)) > 1)
        if second_factor.is_on(user):
            return PendingSignIn.begin(user)
        tenant = queries.get_tenant(tenant_id)
        signed_in = user_sessions.open_session(session, user, tenant, address=address, user_agent=user_agent)
        audit.record(session, signed_in.actor, "user.signed_in", user_id, {"method": "password"})
    return signed_in


def _move_to_form(errors: Sequence[FieldError]) -> list[FieldError]:
    if errors == (_ASK_ORGANISATION,):
        message = say(
            "This e-mail address belongs to several organisations. Sign in in another tab, then send this again."
        )
        return [FieldError("signInEmail", "ambiguous", message)]
    return [FieldError("signInPassword", error.code, error.message) for error in errors]
