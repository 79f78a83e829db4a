"""When a webhook counts as failing, when Slipway switches it off, and how both are put into words. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from app.language import gettext as _
from app.language import ngettext
from app.languages import spell_time

# So long nothing but failures, and so many of them, and a webhook is switched off; its owner is warned a day before.
DISABLE_AFTER: Final = timedelta(days=5)
DISABLE_FAILURES: Final = 20
WARN_AFTER: Final = timedelta(days=4)
WARNED_FOR: Final = timedelta(days=1)
HELD_DAYS: Final = 30

State = Literal["healthy", "failing", "disabled", "paused", "inactive", "new"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the row of a webhook says of its health. Times are aware and in UTC."""

    is_active: bool
    paused_at: datetime | None
    failing_since: datetime | None
    failure_count: int
    warned_at: datetime | None
    disabled_at: datetime | None
    disabled_reason: str

    def find_state(self, success_count: int) -> State:
        """Takes how many of the last attempts succeeded; gives the state, the gravest word that is true."""
        if not self.is_active:
            return "disabled" if self.disabled_at else "inactive"
        if self.paused_at:
            return "paused"
        if self.failing_since:
            return "failing"
        # Switched on again after nothing but failures, it is as good as new.
        return "healthy" if success_count else "new"

    def find_disabling(self, moment: datetime) -> datetime | None:
        """Takes the current time; gives when the webhook is switched off if it goes on like this.

        None while it does not fail, and while it is paused or off. By then it must have failed often enough, too.
        """
        if not self.is_active or self.paused_at or self.failing_since is None:
            return None
        warned_at = self.warned_at or max(moment, self.failing_since + WARN_AFTER)
        return max(self.failing_since + DISABLE_AFTER, warned_at + WARNED_FOR)


def format_moment(moment: datetime) -> str:
    """Gives a time as people read it, such as ``21 Nov 2026, 14:05 UTC``."""
    return spell_time(moment)


def describe_state(state: State, standing: Standing, attempt_count: int, success_count: int, moment: datetime) -> str:
    """Gives the state in a sentence or two for the webhook's owner."""
    match state:
        case "disabled" if standing.disabled_at:
            since = format_moment(standing.disabled_at)
            words = _("Switched off by Slipway on {time}.", time=since)
            return f"{words} {standing.disabled_reason}"
        case "paused" if standing.paused_at:
            since = format_moment(standing.paused_at)
            return _("Paused since {time}: events are held, each for {days} days at most.", time=since, days=HELD_DAYS)
        case "failing":
            return describe_failing(standing, moment)
        case "healthy":
            return describe_success(attempt_count, success_count)
        case "new":
            return _("Nothing was sent since it was switched on.") if attempt_count else _("New: nothing was sent yet.")
        case _:
            return _("Switched off: no event is recorded for it.")


def describe_success(attempt_count: int, success_count: int) -> str:
    """Takes the counts of the last attempts of a webhook that does not fail now; gives what they say."""
    if success_count < attempt_count:
        return _(
            "Healthy at present: {successes} of the last {count} attempts succeeded.",
            successes=success_count,
            count=attempt_count,
        )
    return ngettext(
        "Healthy: the last attempt succeeded.", "Healthy: all of the last {count} attempts succeeded.", attempt_count
    )


def describe_failing(standing: Standing, moment: datetime) -> str:
    """Gives since when a webhook fails, and when it will be switched off."""
    since, disables_at = standing.failing_since, standing.find_disabling(moment)
    if since is None or disables_at is None:
        return ""
    failing = ngettext(
        "Failing since {time}: 1 attempt failed.",
        "Failing since {time}: {count} attempts in a row failed.",
        standing.failure_count,
        time=format_moment(since),
    )
    return f"{failing} {announce(standing, disables_at)}"


def announce(standing: Standing, disables_at: datetime) -> str:
    """Gives the sentence that says when a webhook is switched off."""
    time = format_moment(disables_at)
    if standing.failure_count < DISABLE_FAILURES:
        return _(
            "It will be switched off on {time} if none succeeds until then and at least {count} have failed.",
            time=time,
            count=DISABLE_FAILURES,
        )
    return _("It will be switched off on {time} if none succeeds until then.", time=time)


def give_reason(standing: Standing) -> str:
    """Gives the sentence that says why a webhook was switched off for its failures."""
    since = format_moment(standing.failing_since) if standing.failing_since else "the beginning"
    return f"All {standing.failure_count} attempts since {since} failed."


def write_warning(name: str, organisation: str, link: str, standing: Standing, moment: datetime) -> tuple[str, str]:
    """Gives subject and text of the e-mail that warns of a webhook that fails."""
    text = (
        f'The webhook "{name}" of {organisation} does not arrive.\n\n'
        f"{describe_failing(standing, moment)}\n\n"
        f"{_PROMISE}\n\nWhat was sent, and what came back:\n{link}\n"
    )
    return f"Webhook is failing: {name}", text


def write_goodbye(name: str, organisation: str, link: str, reason: str) -> tuple[str, str]:
    """Gives subject and text of the e-mail that tells of a webhook that Slipway switched off."""
    text = (
        f'Slipway has switched off the webhook "{name}" of {organisation}.\n\n'
        f"{reason}\n\n"
        f"{_PROMISE}\n\nSwitch it on again here:\n{link}\n"
    )
    return f"Webhook was switched off: {name}", text


_PROMISE = (
    "While it is switched off no new event is recorded for it. What it is owed already is held for "
    f"{HELD_DAYS} days, and sent once it is switched on again."
)
