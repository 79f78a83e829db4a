"""Shares a worker's slots out among webhooks, so that a slow receiver waits for itself and nobody else. Pure.

What a worker knows of a receiver is how long it took lately. A receiver that is not known yet gets one attempt at a
time, then two, four, up to what its owner allows, as long as it is quick; one that is slow falls back to one. All
those that are unknown or slow share one half of the slots, however many there are, and those that are known to be slow
one half of that: the rest is always free for those that are quick, and for newcomers. Whoever has least under way gets
the next slot: no tenant waits because another one has many receivers.

What nobody else wants of the share of the slow ones is dealt among them, up to what their owners allow: a receiver
that always takes two seconds is not kept at one attempt at a time by slots that idle. A quarter of that share is left
over, so that the next slow one finds a slot at once, and not when an attempt of those before it has timed out.

Who was quick a moment ago may hang now, and nobody knows before a second has passed. So the last eighth of the slots is
for receivers that have nothing under way: however many hang at once, the others have their turn.
"""

from __future__ import annotations

import heapq
from collections import Counter, OrderedDict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

# An attempt that took longer than this holds a slot that many quick ones could have used.
SLOW_SECONDS: Final = 1.0
# No webhook may have more under way, so no window needs to be wider.
_WIDEST_WINDOW = 64
_KNOWN_LIMIT = 10_000


@dataclass(frozen=True, slots=True)
class Candidate:
    """A webhook that has something due of one priority. ``allowance`` is how many attempts it may begin now at most.

    ``oldest_at`` is since when the oldest of them has been due.
    """

    webhook_id: str
    tenant_id: str
    priority: int
    oldest_at: datetime
    allowance: int


@dataclass(frozen=True, slots=True)
class Quota:
    """How many deliveries of one webhook and one priority to claim."""

    webhook_id: str
    priority: int
    count: int


class Pacer:
    """What one worker knows of the receivers, and which of them it has under way."""

    def __init__(self, slots: int) -> None:
        """Takes how many attempts the worker can have under way at once."""
        self._slots = slots
        self._windows: OrderedDict[str, int] = OrderedDict()
        self._under_way: Counter[str] = Counter()
        self._under_way_of_tenant: Counter[str] = Counter()

    @property
    def free(self) -> int:
        """How many more attempts can begin now."""
        return self._slots - self._under_way.total()

    @property
    def kept_slots(self) -> int:
        """How many slots only those may have that have nothing under way."""
        return self._slots // 8

    def clear(self) -> None:
        """Says that nothing is under way: a job begins, and whatever broke off the last one is over."""
        self._under_way.clear()
        self._under_way_of_tenant.clear()

    def begin(self, webhook_id: str, tenant_id: str) -> None:
        """Says that an attempt has begun."""
        self._under_way[webhook_id] += 1
        self._under_way_of_tenant[tenant_id] += 1

    def end(self, webhook_id: str, tenant_id: str, seconds: float) -> None:
        """Says that an attempt is over, and how long it took."""
        for counter, key in ((self._under_way, webhook_id), (self._under_way_of_tenant, tenant_id)):
            counter[key] -= 1
            if not counter[key]:
                del counter[key]
        window = self._windows.pop(webhook_id, 1)
        # Its own row in the order of use: the receivers that were not heard of for longest are forgotten first.
        self._windows[webhook_id] = 0 if seconds > SLOW_SECONDS else min(max(1, window) * 2, _WIDEST_WINDOW)
        if len(self._windows) > _KNOWN_LIMIT:
            self._windows.popitem(last=False)

    def is_quick(self, webhook_id: str) -> bool:
        """Whether the receiver is known to answer quickly."""
        return self._windows.get(webhook_id, 0) > 0

    def is_slow(self, webhook_id: str) -> bool:
        """Whether the receiver is known to be slow."""
        return self._windows.get(webhook_id) == 0

    def share_out(self, candidates: Iterable[Candidate]) -> list[Quota]:
        """Gives what to claim now: by priority, then to the tenant with least under way, then to webhooks in turn.

        Among equals the longest due comes first.
        """
        share = _Share(self)
        by_priority: dict[int, list[Candidate]] = {}
        for candidate in sorted(candidates, key=lambda it: (it.priority, it.oldest_at, it.webhook_id)):
            by_priority.setdefault(candidate.priority, []).append(candidate)
        for waiting in by_priority.values():
            share.deal(waiting)
        for waiting in by_priority.values():
            share.deal_rest([it for it in waiting if self.is_slow(it.webhook_id)])
        return share.list_quotas()

    @property
    def slow_share(self) -> int:
        """How many slots those that are known to be slow have together."""
        return max(1, self._slots // 4)

    def count_free_unproven(self) -> tuple[int, int]:
        """Gives how many more attempts may begin at receivers that are unknown or slow, and at slow ones of these."""
        slow = sum(count for webhook_id, count in self._under_way.items() if self.is_slow(webhook_id))
        unknown = sum(count for webhook_id, count in self._under_way.items() if webhook_id not in self._windows)
        return max(1, self._slots // 2) - unknown - slow, self.slow_share - slow

    def count_under_way(self, webhook_id: str) -> int:
        """Gives how many attempts a webhook has under way here."""
        return self._under_way[webhook_id]

    def count_under_way_of_tenant(self, tenant_id: str) -> int:
        """Gives how many attempts a tenant has under way here."""
        return self._under_way_of_tenant[tenant_id]

    def get_room(self, webhook_id: str) -> int:
        """Gives how many more attempts may begin at this receiver, as far as it is known here."""
        return max(1, self._windows.get(webhook_id, 1)) - self._under_way[webhook_id]


class _Share:
    """One round of sharing out."""

    def __init__(self, pacer: Pacer) -> None:
        self._pacer = pacer
        self._free = pacer.free
        self._free_unproven, self._free_slow = pacer.count_free_unproven()
        self._given: Counter[str] = Counter()
        self._given_to_tenant: Counter[str] = Counter()
        self._quotas: Counter[tuple[str, int]] = Counter()

    def deal(self, candidates: Sequence[Candidate]) -> None:
        """Deals slots until none is left, or none of the candidates, the longest due first, may have one more."""
        waiting: dict[str, deque[Candidate]] = {}
        for candidate in candidates:
            waiting.setdefault(candidate.tenant_id, deque()).append(candidate)
        turns = [(self._count_of(tenant_id), place, tenant_id) for place, tenant_id in enumerate(waiting)]
        heapq.heapify(turns)
        while turns and self._free > 0:
            _, place, tenant_id = heapq.heappop(turns)
            own = waiting[tenant_id]
            candidate = own.popleft()
            if self._give(candidate):
                own.append(candidate)
            if own:
                heapq.heappush(turns, (self._count_of(tenant_id), place, tenant_id))

    def deal_rest(self, slow: Sequence[Candidate]) -> None:
        """Deals what is left of the share of slow ones among them: the next slot to whoever has least under way.

        To be called once everybody had a turn. There are no more of them than that share has slots, for each has
        one already.
        """
        kept = self._pacer.slow_share // 4
        while self._free_slow > kept:
            hungry = [it for it in slow if self._given[it.webhook_id] < it.allowance]
            if not hungry or not self._give(min(hungry, key=self._rank), is_rest=True):
                break

    def _count_of(self, tenant_id: str) -> int:
        return self._pacer.count_under_way_of_tenant(tenant_id) + self._given_to_tenant[tenant_id]

    def _rank(self, candidate: Candidate) -> tuple[int, int]:
        webhook_id = candidate.webhook_id
        return self._count_of(candidate.tenant_id), self._pacer.count_under_way(webhook_id) + self._given[webhook_id]

    def _give(self, candidate: Candidate, *, is_rest: bool = False) -> bool:
        webhook_id = candidate.webhook_id
        room = candidate.allowance if is_rest else self._pacer.get_room(webhook_id)
        has_some = self._given[webhook_id] or self._pacer.count_under_way(webhook_id)
        kept = self._pacer.kept_slots if has_some else 0
        if self._free <= kept or self._given[webhook_id] >= min(candidate.allowance, room):
            return False
        is_slow = self._pacer.is_slow(webhook_id)
        if not self._pacer.is_quick(webhook_id):
            if self._free_unproven <= 0 or (is_slow and self._free_slow <= 0):
                return False
            self._free_unproven -= 1
            self._free_slow -= is_slow
        self._free -= 1
        self._given[webhook_id] += 1
        self._given_to_tenant[candidate.tenant_id] += 1
        self._quotas[webhook_id, candidate.priority] += 1
        return True

    def list_quotas(self) -> list[Quota]:
        return [Quota(webhook_id, priority, count) for (webhook_id, priority), count in self._quotas.items()]
