"""Where a webhook may lead: the spelling of its URL, and the addresses of its host."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.webhooks.guard import GuardError, Network, Resolve, check_webhook_url, parse_webhook_url, pin_addresses
from app.webhooks.reserved import is_public_address
from tests.corpora import load_corpus, load_corpus_lines

PUBLIC = "93.184.215.14"
LOOPBACK: Sequence[Network] = (ip_network("127.0.0.0/8"),)
# Redirects, and what the environment may do to a sender, are judged where something is sent.
URLS: list[dict[str, Any]] = [
    row for row in load_corpus("ssrf_urls")["cases"] if not row["id"].startswith(("redirect/", "env/"))
]
MORE = load_corpus_lines("ssrf_more")


def answer_with(addresses: Sequence[str]) -> Resolve:
    """Gives a resolver that knows these addresses for every name."""
    return lambda _host: addresses


def find_answers(row: dict[str, Any]) -> Sequence[str]:
    """Gives what DNS answers at delivery by a row of either corpus; a public address if it does not say."""
    dns = row.get("dns", [PUBLIC])
    if isinstance(dns, dict):
        return next(iter(dns.values()))[0]  # type: ignore[no-any-return]
    return [text.partition("at save, ")[2].partition(" ")[0] or text for text in dns if text != "SERVFAIL"]


def judge(url: str, addresses: Sequence[str]) -> tuple[str, str]:
    """Gives the verdict on an attempt, and the reason as a machine word."""
    try:
        pin_addresses(parse_webhook_url(url), (), answer_with(addresses))
    except GuardError as error:
        return "deny", error.code
    return "allow", ""


@pytest.mark.parametrize("row", MORE, ids=lambda row: row["id"])
def test_each_url_gets_its_verdict_for_its_reason(row: dict[str, Any]) -> None:
    assert judge(row["url"], find_answers(row)) == (row["expect"], row["code"])


@pytest.mark.parametrize("row", URLS, ids=lambda row: row["id"])
def test_each_url_gets_its_verdict(row: dict[str, Any]) -> None:
    expected = {"block": {"deny"}, "allow": {"allow"}, "silent": {"allow", "deny"}}
    assert judge(row["url"], find_answers(row))[0] in expected[row["expect"]]


# A name that does not resolve is let through when it is saved, though one row would refuse it: other rows save names
# that nobody can resolve, and a resolver that is away must not keep anybody from saving.
@pytest.mark.parametrize("row", [row for row in MORE if row["code"] != "dns_error"], ids=lambda row: row["id"])
def test_the_verdict_when_a_url_is_saved_is_that_of_an_attempt(row: dict[str, Any]) -> None:
    verdict = "allow", ""
    try:
        check_webhook_url(row["url"], (), answer_with(find_answers(row)))
    except GuardError as error:
        verdict = "deny", error.code
    assert verdict == (row["expect"], row["code"])


@pytest.mark.parametrize("error", [socket.gaierror(-2, "unknown"), socket.gaierror(-3, "try again"), TimeoutError()])
def test_a_name_that_does_not_resolve_can_be_saved_unless_it_could_never_be_public(error: OSError) -> None:
    def fail(_host: str) -> Sequence[str]:
        raise error

    check_webhook_url("https://hook.test/", (), fail)
    for url in ("http://redis/", "http://printer.lan/", "http://hook.test:6379/"):
        for networks in ((), LOOPBACK):
            with pytest.raises(GuardError):
                check_webhook_url(url, networks, fail)


def test_a_name_is_asked_for_once_and_what_was_judged_is_what_is_pinned() -> None:
    answers = iter([["1.1.1.1"], ["127.0.0.1"]])
    pinned = pin_addresses(parse_webhook_url("https://rebind.example.com/h"), (), lambda _host: next(answers))
    assert [str(address) for address in pinned] == ["1.1.1.1"]
    assert next(answers) == ["127.0.0.1"]


@pytest.mark.parametrize(
    ("answers", "pinned"),
    [
        (["1.1.1.1"] * 40, ["1.1.1.1"]),
        (["1.1.1.1", "8.8.8.8", "9.9.9.9"], ["1.1.1.1", "8.8.8.8"]),
        (["2606:4700:4700::1111", "2606:4700:4700::1001", "1.1.1.1"], ["2606:4700:4700::1111", "1.1.1.1"]),
    ],
)
def test_at_most_two_addresses_are_pinned_one_of_each_family_if_there_are_both(
    answers: list[str], pinned: list[str]
) -> None:
    found = pin_addresses(parse_webhook_url("https://many.example.com/"), (), answer_with(answers))
    assert [str(address) for address in found] == pinned


@pytest.mark.parametrize("network", load_corpus("ssrf_urls")["reference_block_v4"])
def test_a_reserved_network_ends_where_it_ends(network: str) -> None:
    blocked = [ip_network(text) for text in load_corpus("ssrf_urls")["reference_block_v4"]]
    inside = ip_network(network)
    assert not is_public_address(inside[0])
    assert not is_public_address(inside[-1])
    for number in (int(inside[0]) - 1, int(inside[-1]) + 1):
        if 0 <= number < 2**32 and not any(IPv4Address(number) in other for other in blocked):
            assert is_public_address(IPv4Address(number))


@given(st.ip_addresses())
def test_no_address_is_public_that_python_knows_to_be_reserved(address: IPv4Address | IPv6Address) -> None:
    assert address.is_global or not is_public_address(address)


SPELLINGS: list[Callable[[int], str]] = [str, hex, "0{:o}".format, "{:03}".format]
PARTS = st.one_of(st.integers(0, 255), st.integers(0, 2**32 + 1))


@given(st.lists(st.builds(lambda spell, part: spell(part), st.sampled_from(SPELLINGS), PARTS), min_size=1, max_size=5))
def test_what_the_system_reads_as_an_ipv4_address_is_spelled_plainly_or_refused(parts: list[str]) -> None:
    host = ".".join(parts)
    try:
        read = socket.inet_ntoa(socket.inet_aton(host))
    except OSError:
        read = None
    assert judge(f"http://{host}/", []) == ("deny", "bad_host") or read == host


@given(st.text(max_size=60))
def test_any_text_gets_a_verdict(text: str) -> None:
    for url in (text, f"https://{text}", f"https://hook.test{text}", f"https://{text}.example.com/"):
        assert judge(url, [PUBLIC])[0] in ("allow", "deny")


def test_an_allowed_network_lets_its_addresses_names_and_ports_through() -> None:
    for url in ("http://127.0.0.1:9/", "http://127.9.9.9/", "http://localhost:6379/", "http://receiver/"):
        check_webhook_url(url, LOOPBACK, answer_with(["127.0.0.1"]))


@pytest.mark.parametrize(
    ("url", "answers"),
    [
        ("http://10.0.0.1/", []),
        ("http://[::ffff:127.0.0.1]/", []),
        ("http://0x7f.1/", []),
        ("http://127.1/", []),
        ("http://127.0.0.1./", []),
        ("http://user@127.0.0.1/", []),
        ("http://127.0.0.1:0/", []),
        ("http://localhost/", ["127.0.0.1", "::1"]),
        ("http://redis/", [PUBLIC]),
        ("http://hook.test:6379/", [PUBLIC]),
        ("http://mix.hook.test:6379/", ["127.0.0.1", PUBLIC]),
    ],
)
def test_an_allowed_network_lets_nothing_else_through(url: str, answers: list[str]) -> None:
    with pytest.raises(GuardError):
        check_webhook_url(url, LOOPBACK, answer_with(answers))


def test_the_refusal_does_not_tell_what_dns_said() -> None:
    with pytest.raises(GuardError) as refused:
        check_webhook_url("https://inside.example.com/", (), answer_with(["10.11.12.13"]))
    assert refused.value.message.startswith("URL must ")
    assert "10.11" not in refused.value.message


@pytest.mark.parametrize(
    ("url", "authority", "target"),
    [
        ("https://Hook.Example.com", "hook.example.com", "/"),
        ("https://hook.example.com.:443?a=b", "hook.example.com", "/?a=b"),
        ("HTTP://hook.example.com:443/a%2Fb;c?d[]=e", "hook.example.com:443", "/a%2Fb;c?d[]=e"),
        ("http://[2606:4700:4700:0:0::1111]:8080/", "[2606:4700:4700::1111]:8080", "/"),
        ("https://r3---sn-4g5e.example.com/", "r3---sn-4g5e.example.com", "/"),
        ("https://my_app.example.com:8443/", "my_app.example.com:8443", "/"),
    ],
)
def test_what_is_sent_is_what_the_url_says(url: str, authority: str, target: str) -> None:
    parsed = parse_webhook_url(url)
    assert (parsed.authority, parsed.target) == (authority, target)


@pytest.mark.parametrize(
    ("character", "name"), [(" ", "a space"), ("\\", "\\"), ('"', '"'), ("{", "{"), ("é", "é"), ("\x01", "U+0001")]
)
def test_a_character_that_must_be_encoded_is_named(character: str, name: str) -> None:
    with pytest.raises(GuardError) as refused:
        parse_webhook_url(f"https://hook.example.com/a{character}b")
    message = (
        f"URL must not hold {name} as it is: percent-encode it, or write it in Punycode if the host's name has it."
    )
    assert (refused.value.code, refused.value.message) == ("bad_url", message)
