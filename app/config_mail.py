"""Reads the settings of e-mail: the server that takes it, and whom it is from. As ``app.config_values`` does."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from email.headerregistry import Address
from ipaddress import IPv6Address, ip_address
from urllib.parse import parse_qsl, unquote

from app.config_values import is_host, is_loopback, split_url

# RFC 5321, section 4.5.4.2, and RFC 8314, section 7.3.
_DEFAULT_PORTS = {"smtp": 25, "smtps": 465}
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
# The dot-atom of RFC 5322, section 3.4.1, before the @; behind it a name, or an address in brackets.
_ADDRESS = re.compile(rf"(?P<local>{_ATOM}(?:\.{_ATOM})*)@(?P<domain>[^\s@<>]+)\Z")
_NAMED = re.compile(r"(?P<name>[^<>]*?) *<(?P<address>[^<>]*)>\Z")
# RFC 5321, section 4.5.3.1, less the angle brackets.
_ADDRESS_LIMIT = 254
_SMTP_RULE = (
    "must be smtp://[user:password@]host[:port], with ?starttls=required if it must be encrypted, or smtps:// the same"
)


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """The server that takes our e-mail. ``is_tls`` is from the first byte on (smtps), else STARTTLS when offered."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    is_tls: bool
    is_starttls_required: bool

    @property
    def is_tls_needed(self) -> bool:
        """Whether nothing may be said without TLS, and to no server whose certificate is not valid.

        A password is not sent in clear beyond this machine, whatever the server offers.
        """
        return self.is_tls or self.is_starttls_required or (bool(self.user) and not is_loopback(self.host))


def parse_smtp_url(text: str) -> SmtpServer | None:
    """Gives the server of an SMTP URL; None for no text, which is without e-mail."""
    if not text:
        return None
    scheme = text.partition("://")[0].lower()
    if scheme not in _DEFAULT_PORTS:
        raise ValueError(_SMTP_RULE)
    parts = split_url(text)
    options = parse_qsl(parts.query, keep_blank_values=True)
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    is_known = options in ([], [("starttls", "required")]) and not (options and scheme == "smtps")
    if parts.path not in ("", "/") or parts.fragment or not is_known or bool(user) != bool(password):
        raise ValueError(_SMTP_RULE)
    # What Python's smtplib can send.
    if not (user + password).isascii():
        raise ValueError("must have a user and a password in ASCII")
    return SmtpServer(
        host=parts.hostname or "",
        port=parts.port or _DEFAULT_PORTS[scheme],
        user=user,
        password=password,
        is_tls=scheme == "smtps",
        is_starttls_required=bool(options),
    )


def parse_mail_from(text: str) -> Address:
    """Gives the sender of a text such as ``releases@example.com`` or ``Releases <releases@example.com>``."""
    named = _NAMED.match(text)
    name, address = (named["name"].strip().strip('"'), named["address"]) if named else ("", text.strip())
    match = _ADDRESS.match(address)
    if match is None or len(address) > _ADDRESS_LIMIT or not _is_mail_domain(match["domain"]):
        raise ValueError("must be an e-mail address such as releases@example.com or Releases <releases@example.com>")
    return Address(name, match["local"], match["domain"])


def format_mail_domain(host: str) -> str:
    """Takes a host, without brackets; gives it as the part behind the @ (RFC 5321, section 4.1.3)."""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    return f"[IPv6:{address}]" if isinstance(address, IPv6Address) else f"[{address}]"


def _is_mail_domain(domain: str) -> bool:
    if not (domain.startswith("[") and domain.endswith("]")):
        return is_host(domain) and format_mail_domain(domain) == domain
    bare = domain[1:-1].removeprefix("IPv6:")
    return is_host(bare) and format_mail_domain(bare) == domain
