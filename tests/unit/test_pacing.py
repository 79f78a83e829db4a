"""How a worker shares its slots out among webhooks."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from app.webhooks.pacing import SLOW_SECONDS, Candidate, Pacer, Quota

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
QUICK, SLOW = 0.01, SLOW_SECONDS + 1
TENANT = "tenant"


def build_pacer(slots: int, *, quick: Iterable[str] = (), slow: Iterable[str] = ()) -> Pacer:
    """Gives the pacer of a worker that has met these receivers often."""
    pacer = Pacer(slots)
    for webhook_id, seconds in [*((it, QUICK) for it in quick), *((it, SLOW) for it in slow)]:
        for _ in range(8):
            pacer.begin(webhook_id, TENANT)
            pacer.end(webhook_id, TENANT, seconds)
    return pacer


def want(
    webhook_id: str, *, priority: int = 0, waiting_seconds: float = 0, allowance: int = 8, tenant_id: str = "tenant"
) -> Candidate:
    """Gives a candidate whose oldest delivery has been due for so long."""
    return Candidate(webhook_id, tenant_id, priority, NOON - timedelta(seconds=waiting_seconds), allowance)


def count(quotas: Iterable[Quota]) -> dict[str, int]:
    """Gives how much each webhook got."""
    given: dict[str, int] = {}
    for quota in quotas:
        given[quota.webhook_id] = given.get(quota.webhook_id, 0) + quota.count
    return given


def begin(pacer: Pacer, quotas: Iterable[Quota]) -> None:
    """Begins what was shared out."""
    for quota in quotas:
        for _ in range(quota.count):
            pacer.begin(quota.webhook_id, TENANT)


def test_slots_go_around_in_turn_and_nobody_gets_more_than_it_may_have() -> None:
    pacer = build_pacer(11, quick=["a", "b", "c"])
    assert count(pacer.share_out([want("a"), want("b"), want("c", allowance=2)])) == {"a": 4, "b": 4, "c": 2}
    assert count(pacer.share_out([want("a", allowance=0), want("b", allowance=-3)])) == {}


def test_the_longest_due_comes_first_when_slots_are_few() -> None:
    pacer = build_pacer(2, quick=["a", "b", "c"])
    assert count(pacer.share_out([want("a"), want("b", waiting_seconds=9), want("c", waiting_seconds=5)])) == {
        "b": 1,
        "c": 1,
    }


def test_first_attempts_go_before_retries_and_retries_before_the_backlog() -> None:
    pacer = build_pacer(9, quick=["a", "b"])
    candidates = [
        want("a", priority=2, waiting_seconds=900),
        want("b", priority=1, waiting_seconds=90),
        want("a", priority=0),
    ]
    assert pacer.share_out(candidates) == [Quota("a", 0, 8), Quota("b", 1, 1)]


def test_an_unknown_receiver_begins_with_one_and_doubles_while_it_is_quick() -> None:
    pacer = Pacer(64)
    seen = []
    for _ in range(5):
        quotas = pacer.share_out([want("new", allowance=20)])
        seen.append(count(quotas)["new"])
        begin(pacer, quotas)
        for _ in range(seen[-1]):
            pacer.end("new", TENANT, QUICK)
    assert seen == [1, 2, 8, 20, 20]


def test_a_slow_receiver_falls_back_to_one_at_a_time_where_others_are_slow_too() -> None:
    others = [f"other {number}" for number in range(15)]
    pacer = build_pacer(64, quick=["a"], slow=others)
    assert count(pacer.share_out([want("a")])) == {"a": 8}
    pacer.begin("a", TENANT)
    pacer.end("a", TENANT, SLOW)
    assert count(pacer.share_out([want("a"), *map(want, others)])) == dict.fromkeys(["a", *others], 1)


def test_a_slow_receiver_has_as_much_as_its_owner_allows_while_nobody_else_wants_it() -> None:
    pacer = build_pacer(128, slow=["a"])
    assert count(pacer.share_out([want("a")])) == {"a": 8}
    begin(pacer, [Quota("a", 0, 3)])
    assert count(pacer.share_out([want("a", allowance=5)])) == {"a": 5}
    assert pacer.share_out([want("a", allowance=0)]) == []


def test_a_slow_receiver_leaves_a_slot_to_the_next_slow_one_however_much_it_has_waiting() -> None:
    pacer = build_pacer(64, slow=["hungry", "other"])
    quotas = pacer.share_out([want("hungry", allowance=64)])
    assert count(quotas) == {"hungry": 12}
    begin(pacer, quotas)
    assert pacer.share_out([want("hungry", allowance=52)]) == []
    assert count(pacer.share_out([want("hungry", allowance=52), want("other")])) == {"other": 1}


def test_what_is_left_is_dealt_evenly_among_slow_ones_by_tenant_first() -> None:
    pacer = build_pacer(64, slow=["a", "b", "c"])
    begin(pacer, [Quota("a", 0, 2)])
    assert count(pacer.share_out([want("a", allowance=9), want("b"), want("c")])) == {"a": 2, "b": 4, "c": 4}
    pacer = build_pacer(64, slow=["a", "b", "c"])
    wanted = [want("a", tenant_id="many"), want("b", tenant_id="many"), want("c", tenant_id="few")]
    assert count(pacer.share_out(wanted)) == {"a": 3, "b": 3, "c": 6}


def test_slow_ones_get_what_is_left_after_everybody_else_whatever_has_priority() -> None:
    pacer = build_pacer(16, quick=["quick"], slow=["slow"])
    given = count(pacer.share_out([want("slow"), want("quick", priority=2, allowance=64)]))
    assert given == {"slow": 1, "quick": 13}


def test_receivers_that_are_unknown_or_slow_never_take_more_than_half() -> None:
    strangers = [f"stranger {number}" for number in range(100)]
    pacer = build_pacer(16, quick=["known"], slow=strangers[:50])
    quotas = pacer.share_out([want(it, waiting_seconds=60) for it in strangers])
    given = count(quotas)
    assert sum(given.values()) == 8
    assert sum(given[it] for it in strangers[:50] if it in given) == 4
    begin(pacer, quotas)
    assert pacer.share_out([want(it) for it in strangers]) == []
    assert count(pacer.share_out([*(want(it, waiting_seconds=60) for it in strangers), want("known")])) == {"known": 6}


def test_however_many_hang_that_were_quick_the_last_eighth_is_for_whoever_has_nothing_under_way() -> None:
    turncoats = [f"turncoat {number}" for number in range(20)]
    pacer = build_pacer(128, quick=[*turncoats, "healthy"])
    quotas = pacer.share_out([want(it, allowance=64) for it in turncoats])
    assert sum(count(quotas).values()) == 112
    begin(pacer, quotas)
    assert pacer.share_out([want(it, allowance=64) for it in turncoats]) == []
    assert count(pacer.share_out([*map(want, turncoats), want("healthy")])) == {"healthy": 1}


def test_a_newcomer_does_not_wait_behind_a_tenant_with_many_receivers_that_hang() -> None:
    hanging = [want(f"hanging {number}", tenant_id="many", waiting_seconds=900) for number in range(300)]
    pacer = Pacer(16)
    for quota in pacer.share_out(hanging):
        pacer.begin(quota.webhook_id, "many")
    assert pacer.share_out(hanging) == []
    pacer.end("hanging 0", "many", SLOW)
    assert pacer.share_out([*hanging, want("newcomer", tenant_id="few")]) == [Quota("newcomer", 0, 1)]


def test_a_window_never_grows_beyond_what_any_webhook_may_have() -> None:
    pacer = Pacer(256)
    for _ in range(100):
        pacer.begin("a", TENANT)
        pacer.end("a", TENANT, QUICK)
    assert count(pacer.share_out([want("a", allowance=1000)])) == {"a": 64}


def test_a_job_that_was_broken_off_keeps_no_slots() -> None:
    pacer = build_pacer(4, quick=["a"])
    begin(pacer, pacer.share_out([want("a")]))
    assert pacer.free == 0
    pacer.clear()
    assert count(pacer.share_out([want("a")])) == {"a": 4}


def test_a_worker_of_one_slot_serves_strangers_too() -> None:
    assert count(Pacer(1).share_out([want("stranger")])) == {"stranger": 1}


def test_the_receivers_that_were_not_heard_of_for_longest_are_forgotten() -> None:
    pacer = Pacer(4)
    for number in range(10_001):
        pacer.begin(str(number), TENANT)
        pacer.end(str(number), TENANT, QUICK)
    assert not pacer.is_quick("0")
    assert pacer.is_quick("1")


@given(
    st.integers(1, 64),
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 2), st.integers(-2, 20), st.integers(0, 99)), max_size=40),
    st.sets(st.integers(0, 9)),
)
def test_whatever_waits_no_limit_is_exceeded(
    slots: int, rows: list[tuple[int, int, int, int]], quick: set[int]
) -> None:
    pacer = build_pacer(slots, quick=[str(it) for it in quick])
    allowances = {(webhook, priority): allowance for webhook, priority, allowance, _ in rows}
    candidates = [
        want(
            str(webhook),
            priority=priority,
            allowance=min(allowances[webhook, it] for it in range(3) if (webhook, it) in allowances),
            waiting_seconds=waited,
        )
        for webhook, priority, _, waited in {(row[0], row[1]): row for row in rows}.values()
    ]
    given_out = count(pacer.share_out(candidates))
    assert sum(given_out.values()) <= slots
    for candidate in candidates:
        assert given_out.get(candidate.webhook_id, 0) <= max(0, candidate.allowance)
    assert sum(number for it, number in given_out.items() if int(it) not in quick) <= max(1, slots // 2)
