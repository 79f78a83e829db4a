"""What a webhook may not lead to: addresses, names and ports that are not those of public web servers. Pure."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

# IANA's registry of special-purpose IPv4 addresses (RFC 6890), and what it does not list. ``ipaddress.is_global`` is
# not enough: depending on Python's version it lets multicast, 192.0.0.0/24 or the relays of 6to4 through.
_RESERVED_IPV4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        # Azure's metadata and DNS answer at this address, which is public by its look.
        "168.63.129.16/32",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
# Of IPv6 only the global unicast range is public (RFC 4291, section 2.4). Everything that carries an IPv4 address lies
# outside of it (mapped, compatible, translated, NAT64) or is taken out here (Teredo, 6to4): whatever it would lead to
# has a plain spelling.
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_RESERVED_IPV6 = tuple(IPv6Network(network) for network in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"))

# Names that never belong to the public DNS (RFC 6761, 6762, 7686, 8375, 9476), and those that ICANN keeps out of it
# because so many internal networks use them.
_RESERVED_SUFFIXES = (
    "alt",
    "arpa",
    "corp",
    "home",
    "internal",
    "intranet",
    "invalid",
    "lan",
    "local",
    "localdomain",
    "localhost",
    "onion",
    "private",
    "svc",
)

# Below 1024 only the Web's own. Above, the well-known ports of databases, caches, mail, telephony and the control of
# machines: a request there can do harm even if its answer is never seen (https://fetch.spec.whatwg.org/#port-blocking).
_WEB_PORTS = frozenset({80, 443})
_FIRST_FREE_PORT = 1024
_SERVICE_PORTS = frozenset(
    {1433, 1434, 1521, 1719, 1720, 1723, 2049, 2181, 2375, 2376, 2379, 2380, 3306, 3389, 3659, 4045, 4190, 5060, 5061}
    | {5432, 5433, 5672, 5900, 5984, 6000, 6379, 6380, 6443, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 8500, 9042}
    | {9092, 9160, 9200, 9300, 10080, 10250, 10255, 11211, 26379, 27017, 27018, 27019, 33060}
)


def is_public_address(address: IPv4Address | IPv6Address) -> bool:
    """Whether the address can be that of a server on the public Internet."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _RESERVED_IPV4)
    return address in _GLOBAL_UNICAST and not any(address in network for network in _RESERVED_IPV6)


def is_reserved_name(name: str) -> bool:
    """Takes a host name in lower case; whether it can only mean something in a network of one's own."""
    return "." not in name or name.rpartition(".")[2] in _RESERVED_SUFFIXES


def is_service_port(port: int) -> bool:
    """Whether the port belongs to a service that no webhook has business with."""
    return port in _SERVICE_PORTS or (port < _FIRST_FREE_PORT and port not in _WEB_PORTS)
