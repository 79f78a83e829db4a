"""Judges where a webhook may lead: the spelling of its URL, and every address of its host. Pure but for the resolver.

A URL must be spelled plainly, because programs disagree about odd spellings: ``http://127.0.0.1\\@example.com/`` leads
here to one host and there to the other, and ``2130706433``, ``0x7f.1`` or circled digits are loopback to some. What is
not plain is refused, so that what is judged and what is connected to cannot differ.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from app.language import say
from app.webhooks.field_types import URL_LIMIT
from app.webhooks.reserved import is_public_address, is_reserved_name, is_service_port
from app.webhooks.resolver import resolve_name

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Resolve = Callable[[str], Sequence[str]]

# Somebody waits for the answer while a webhook is saved.
_SAVING_SECONDS = 2.0
_DEFAULT_PORTS = {"http": 80, "https": 443}
_LAST_PORT = 65535

# What is none of the characters of RFC 3986, nor "%", which is judged where it stands.
_FOREIGN = re.compile(r"[^!#-;=?-\[\]_a-z~]")
_URL = re.compile(r"(?P<scheme>https?)://(?P<authority>[^/?]*)(?P<target>.*)\Z", re.IGNORECASE)
_SCHEME = re.compile(r"https?:", re.IGNORECASE)
_AUTHORITY = re.compile(r"(?P<host>\[[^\]]*\]|[^:\[\]]*)(?::(?P<port>[^:]*))?\Z")
# RFC 3986, sections 3.3 and 3.4, and brackets in a query, which many programs leave as they are.
_TARGET = re.compile(r"(?:/(?:[!$&-;=@-Z_a-z~]|%[0-9A-Fa-f]{2})*)?(?:\?(?:[!$&-;=?-\[\]_a-z~]|%[0-9A-Fa-f]{2})*)?\Z")
_PORT = re.compile(r"[1-9][0-9]{0,4}\Z")
_IPV6 = re.compile(r"\[([0-9A-Fa-f:.]+)\]\Z")
_IPV4 = re.compile(r"[0-9]+(?:\.[0-9]+){3}\Z")
# RFC 1123, section 2.1, and the underscore that some names have. No top-level domain begins with a digit, and every
# odd spelling of an IPv4 address has a last part that does.
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(?=.{{1,253}}\Z)(?:{_LABEL}\.)*(?![0-9]){_LABEL}\Z")
_PUNYCODE_PREFIX = "xn--"


class GuardError(Exception):
    """A webhook must not lead there: a stable machine word, and a sentence that begins with ``URL``."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class UnresolvedError(GuardError):
    """The host has no address, or nobody can say which: not forbidden, but nothing can be sent there now."""


@dataclass(frozen=True, slots=True)
class WebhookUrl:
    """A URL that is spelled plainly. ``target`` is what stands in the request line, ``address`` a literal host.

    ``refusal`` is set if its name or port is fit for an allowed network only: the code and message of a GuardError.
    """

    scheme: str
    host: str
    port: int
    target: str
    address: Address | None
    refusal: tuple[str, str] | None

    @property
    def authority(self) -> str:
        """What the header ``Host`` says (RFC 9110, section 7.2)."""
        host = f"[{self.host}]" if isinstance(self.address, IPv6Address) else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


def check_webhook_url(url: str, allowed_networks: Sequence[Network], resolve: Resolve | None = None) -> None:
    """Takes a URL that is about to be saved. Raises GuardError if nothing may be sent there.

    A name that does not resolve now is let through: it may be about to be made, or its server be away for a moment.
    Every attempt asks anew, and sends nothing to an address that is not allowed then.
    """
    parsed = parse_webhook_url(url)
    try:
        pin_addresses(parsed, allowed_networks, resolve or partial(resolve_name, timeout_seconds=_SAVING_SECONDS))
    except (UnresolvedError, TimeoutError):
        if parsed.refusal:
            raise GuardError(*parsed.refusal) from None


def check_before_lookup(url: WebhookUrl, allowed_networks: Sequence[Network]) -> None:
    """Raises GuardError for a name or port that no address could make right: it is not even asked for."""
    if url.refusal and not allowed_networks:
        raise GuardError(*url.refusal)


def pin_addresses(url: WebhookUrl, allowed_networks: Sequence[Network], resolve: Resolve) -> tuple[Address, ...]:
    """Asks once for the addresses of the host; gives the one or two to connect to, and to no others.

    ``resolve`` takes the host name and gives its addresses. Raises GuardError if any address is neither public nor in
    an allowed network, UnresolvedError if there is none, TimeoutError if ``resolve`` does.
    """
    check_before_lookup(url, allowed_networks)
    addresses = (url.address,) if url.address else _resolve(url.host, resolve)
    # One bad address refuses the whole name: whoever mixes them hopes that the other one is tried.
    for address in addresses:
        if any(address in network for network in allowed_networks):
            continue
        if url.refusal:
            raise GuardError(*url.refusal)
        if not is_public_address(address):
            # The address is not named: in a network of one's own, DNS tells insiders what others should not learn.
            raise GuardError(
                "forbidden_ip", say("URL must lead to a public address, not to a private or reserved one.")
            )
    # The second chance is an address of the other family, if there is one: often only one family is reachable.
    first, *others = addresses
    others.sort(key=lambda address: address.version == first.version)
    return (first, *others[:1])


def _resolve(host: str, resolve: Resolve) -> tuple[Address, ...]:
    reason = "it has no address"
    found: Sequence[str] = ()
    try:
        found = resolve(host)
    except TimeoutError:
        raise
    except OSError as error:
        reason = error.strerror or str(error)
    if not found:
        raise UnresolvedError(
            "dns_error",
            say("URL must name a host that exists; {host} does not resolve: {reason}.", host=host, reason=reason),
        )
    return tuple(ip_address(text) for text in dict.fromkeys(found))


def parse_webhook_url(url: str) -> WebhookUrl:
    """Takes a URL; gives its parts, which no two programs can read differently. Raises GuardError."""
    if len(url) > URL_LIMIT:
        raise GuardError(
            "bad_url", say("URL must have at most {limit} characters; it has {count}.", limit=URL_LIMIT, count=len(url))
        )
    if foreign := _FOREIGN.search(url):
        raise _build_character_error(foreign[0])
    if "#" in url:
        raise GuardError("bad_url", say("URL must not have a fragment (#)."))
    if not _SCHEME.match(url):
        raise GuardError("bad_scheme", say("URL must begin with http:// or https://."))
    parts = _URL.match(url)
    if parts is None:
        raise _build_host_error()
    if "@" in parts["authority"]:
        raise GuardError("userinfo", say("URL must not hold a user name or a password."))
    if not _TARGET.match(parts["target"]):
        raise GuardError("bad_url", say("URL must have a path and a query in which all is encoded that must be."))
    scheme = parts["scheme"].lower()
    host, port, address = _parse_authority(parts["authority"], scheme)
    # An empty path is "/" (RFC 9110, section 4.2.3).
    target = parts["target"] if parts["target"].startswith("/") else f"/{parts['target']}"
    return WebhookUrl(scheme, host, port, target, address, _find_refusal(host, port, address))


def _parse_authority(authority: str, scheme: str) -> tuple[str, int, Address | None]:
    match = _AUTHORITY.match(authority)
    if match is None:
        raise _build_host_error()
    address = _parse_address(match["host"])
    host = str(address) if address else _parse_name(match["host"])
    if match["port"] is None:
        return host, _DEFAULT_PORTS[scheme], address
    if not _PORT.match(match["port"]) or int(match["port"]) > _LAST_PORT:
        raise GuardError("bad_port", say("URL must have a port from 1 to {limit}, or none.", limit=_LAST_PORT))
    return host, int(match["port"]), address


def _parse_address(host: str) -> Address | None:
    try:
        if host.startswith("["):
            match = _IPV6.match(host)
            return IPv6Address(match[1] if match else "")
        return IPv4Address(host) if _IPV4.match(host) else None
    except ValueError:
        raise _build_host_error() from None


def _parse_name(host: str) -> str:
    # One dot at the end is the DNS root: the same name, which TLS and Host spell without it (RFC 6066, section 3).
    name = host.lower().removesuffix(".")
    labels = [label for label in name.split(".") if label.startswith(_PUNYCODE_PREFIX)]
    if not _NAME.match(name) or not all(_is_punycode(label) for label in labels):
        raise _build_host_error()
    return name


def _is_punycode(label: str) -> bool:
    # RFC 5890, section 2.3.1: what looks like Punycode must be it, and stand for something that ASCII cannot say.
    try:
        text = label.removeprefix(_PUNYCODE_PREFIX).encode().decode("punycode")
        return label == f"{_PUNYCODE_PREFIX}{text.encode('punycode').decode()}" and not text.isascii()
    except UnicodeError:
        return False


def _find_refusal(host: str, port: int, address: Address | None) -> tuple[str, str] | None:
    if address is None and is_reserved_name(host):
        return "bad_host", say("URL must name a public host by its full name, not one of a local network.")
    if is_service_port(port):
        return "bad_port", say("URL must have port 80, 443, or one from 1024 that belongs to no well-known service.")
    return None


def _build_character_error(character: str) -> GuardError:
    name = "a space" if character == " " else character if character.isprintable() else f"U+{ord(character):04X}"
    return GuardError(
        "bad_url",
        say(
            "URL must not hold {name} as it is: percent-encode it, or write it in Punycode if the host's name has it.",
            name=name,
        ),
    )


def _build_host_error() -> GuardError:
    return GuardError(
        "bad_host", say("URL must name its host plainly, such as example.com, 192.0.2.1 or [2001:db8::1].")
    )
