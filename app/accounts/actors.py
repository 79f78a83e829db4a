"""Who acts: a signed-in user, an access token or Slipway itself, with what each may do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from app.exceptions import OtherProductError, PermissionDeniedError

SCOPES: tuple[str, ...] = (
    "release:read",
    "release:write",
    "product:read",
    "product:write",
    "webhook:read",
    "webhook:write",
    "personalAccessToken:write",
    "user:read",
    "user:write",
    "account:read",
)

_READ_ONLY = frozenset({"release:read", "product:read"})
_EDITOR = _READ_ONLY | {"release:write", "product:write", "personalAccessToken:write"}

# The nil UUID (RFC 9562, section 5.9): nobody's id.
_NOBODY = "00000000-0000-0000-0000-000000000000"

# What a role may do. A token never may more than the role of its owner, whatever scopes it was made with.
ROLE_SCOPES: dict[str, frozenset[str]] = {
    "owner": frozenset(SCOPES),
    "admin": frozenset(SCOPES),
    "editor": frozenset(_EDITOR),
    "viewer": _READ_ONLY,
}


@dataclass(frozen=True, slots=True)
class Actor:
    """A user or a token of one tenant. ``scopes`` are already cut to what the user's role allows.

    ``publisher`` is a job of CI that a product trusts. There is no user behind it: ``user_id`` is the publisher,
    ``email`` says in words which one, ``product_id`` is the one product that it may act for, and ``run`` says for the
    audit log which run of the job it is. ``system`` is Slipway itself, whom nobody asked: it has no scope, and is
    named in the audit log.
    """

    tenant_id: str
    user_id: str
    email: str
    role: str
    scopes: frozenset[str]
    kind: Literal["user", "token", "publisher", "system"] = "user"
    token_id: str | None = None
    product_id: str | None = None
    run: Mapping[str, str] | None = None

    @property
    def caller_id(self) -> str:
        """The id that an Idempotency-Key belongs to: the token, the user in the browser, or the publisher.

        Each job of a publisher has a token of its own, and one that is run again repeats what the one before sent.
        """
        return self.user_id if self.kind == "publisher" else self.token_id or self.user_id

    def has_scope(self, scope: str) -> bool:
        """Whether the actor may do what the scope names."""
        return scope in self.scopes

    def require(self, scope: str) -> None:
        """Raises PermissionDeniedError, naming the scope, if the actor lacks it."""
        if scope not in self.scopes:
            raise PermissionDeniedError(scope)

    def can_reach(self, product_id: str) -> bool:
        """Whether the actor may act for this product of the tenant: for any, unless it is limited to one."""
        return self.product_id is None or self.product_id == product_id

    def require_product(self, product_id: str) -> None:
        """Raises OtherProductError if the actor is limited to another product."""
        if not self.can_reach(product_id):
            raise OtherProductError


class UserRow(Protocol):
    """What an actor is made of: a user as they are stored."""

    @property
    def id(self) -> str:
        """The user."""

    @property
    def tenant_id(self) -> str:
        """The organisation."""

    @property
    def email(self) -> str:
        """The address by which the audit log names them."""

    @property
    def role(self) -> str:
        """The role that says what they may do."""


def build_actor(user: UserRow) -> Actor:
    """Gives the actor that a user is."""
    scopes = ROLE_SCOPES.get(user.role, frozenset())
    return Actor(user.tenant_id, user.id, user.email, user.role, scopes)


def build_system_actor(tenant_id: str) -> Actor:
    """Gives the actor of what Slipway does to a tenant's rows by itself."""
    return Actor(tenant_id, _NOBODY, "", "", frozenset(), kind="system")


@dataclass(frozen=True, slots=True)
class SignedInUser:
    """Who is signed in; Flask-Login's ``current_user``."""

    id: str
    email: str
    name: str
    role: str
    tenant_id: str
    tenant_name: str
    tenant_slug: str
    session_id: str
    session_secret: str = field(repr=False)
    locale: str = ""
    theme: str = ""
    has_two_factor: bool = False
    # How and when this session began.
    method: str = "password"
    signed_in_at: datetime | None = None
    # The organisation wants a second factor that this user does not have yet.
    needs_two_factor: bool = False

    is_authenticated = True
    is_active = True
    is_anonymous = False

    def get_id(self) -> str:
        """What the cookie holds: which session, and the proof that it is this browser's."""
        return f"{self.session_id}.{self.session_secret}"

    @property
    def actor(self) -> Actor:
        """Whom the services know."""
        scopes = ROLE_SCOPES.get(self.role, frozenset())
        return Actor(self.tenant_id, self.id, self.email, self.role, scopes)

    @property
    def can_write(self) -> bool:
        """Whether this user may create releases."""
        return self.actor.has_scope("release:write")
