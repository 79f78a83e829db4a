"""The page for receivers: its functions run in their own languages, and judge what Slipway signs."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from app import times
from app.config import Settings
from app.releases.models import Release
from app.releases.serializers import serialize_release
from app.webhooks import delivery, headers, health_words, response, retry
from app.webhooks import field_types as limits
from app.webhooks.events import ALL_EVENT_TYPES, WEBHOOK_TEST
from app.webhooks.signing import ASYMMETRIC, CRYPTLEX, STANDARD, build_headers, build_jwk, generate_token
from tests.stack import PROJECT

PAGE = (PROJECT / "docs" / "webhooks.md").read_text()
DRIVERS = Path(__file__).parent / "verifying"
BODY = '{"event":"release.created","data":{"notes":"größer 😀\\u0000"},"triggeredAt":"2026-01-02T03:04:05Z"}'.encode()
DELIVERY_ID = "5b1c8a1e-6f0f-4f6e-9d0e-0f6f2f4f7a11"
TOLERANCE_SECONDS = 300


@dataclass(frozen=True)
class Case:
    """A request as it arrives, what the receiver verifies it with, and whether it is to be accepted."""

    what: str
    scheme: str
    secret: Any
    headers: dict[str, str]
    body: bytes
    is_genuine: bool

    def change(self, what: str, *, is_genuine: bool = False, **headers: str) -> Case:
        """Gives the case with other headers."""
        changed = {**self.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        return replace(self, what=what, headers=changed, is_genuine=is_genuine)


def find_snippet(language: str) -> str:
    """Gives the one block of code in the language."""
    (snippet,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return str(snippet)


def sign(scheme: str, tokens: list[str], age_seconds: int = 0) -> dict[str, str]:
    """Gives the headers of a request that was sent so long ago, as most servers hand them on: in lower case."""
    headers = build_headers(scheme, tokens, DELIVERY_ID, int(time.time()) - age_seconds, 1, BODY)
    return {name.lower(): value for name, value in headers.items()}


def share(scheme: str, token: str) -> Any:
    """Gives what the receiver knows of a secret."""
    return [build_jwk(token)] if scheme == ASYMMETRIC else token


def build_cases() -> list[Case]:
    """Gives requests of all schemes: genuine ones, and what somebody makes of them who does not know the secret."""
    cases = []
    for scheme in (CRYPTLEX, STANDARD, ASYMMETRIC):
        new, old = generate_token(scheme), generate_token(scheme)
        good = Case("genuine", scheme, share(scheme, new), sign(scheme, [new]), BODY, is_genuine=True)
        signature = good.headers["webhook-signature"]
        cases += [
            good,
            replace(good, what="another body", body=BODY.replace(b"5Z", b"6Z"), is_genuine=False),
            replace(good, what="a shorter body", body=BODY[:-1], is_genuine=False),
            replace(good, what="another secret", secret=share(scheme, old), is_genuine=False),
            good.change("no signature", webhook_signature=""),
            good.change("half a signature", webhook_signature=signature[:-8]),
            good.change("no base64", webhook_signature=f"{signature[:-4]}*-_="),
            replace(good, what="no headers", headers={}, is_genuine=False),
        ]
        if scheme != CRYPTLEX:
            cases += build_timed_cases(good, new, old)
    return cases


def build_timed_cases(good: Case, new: str, old: str) -> list[Case]:
    """Gives those of the schemes that sign id and time."""
    scheme, sent_at = good.scheme, int(good.headers["webhook-timestamp"])
    both = sign(scheme, [new, old])
    return [
        good.change("another id", webhook_id=DELIVERY_ID.replace("5", "6")),
        good.change("another time", webhook_timestamp=str(sent_at - 1)),
        good.change("no time", webhook_timestamp="soon"),
        good.change("a time without end", webhook_timestamp="9" * 5000),
        good.change("another version", webhook_signature=good.headers["webhook-signature"].replace("v1", "v2")),
        replace(good, what="just in time", headers=sign(scheme, [new], TOLERANCE_SECONDS - 20)),
        replace(good, what="too old", headers=sign(scheme, [new], TOLERANCE_SECONDS + 20), is_genuine=False),
        replace(good, what="too new", headers=sign(scheme, [new], -TOLERANCE_SECONDS - 20), is_genuine=False),
        replace(good, what="rotated, new secret", headers=both),
        replace(good, what="rotated, old secret", headers=both, secret=share(scheme, old)),
    ]


def judge_in_python(cases: list[Case]) -> list[bool]:
    """Gives the verdicts of the functions in Python."""
    names: dict[str, Any] = {}
    exec(find_snippet("python"), names)
    return [names[f"verify_{case.scheme}"](case.secret, case.headers, case.body) for case in cases]


def judge_outside(cases: list[Case], folder: Path, *command: str, **environment: str) -> list[bool]:
    """Gives the verdicts of a program that reads the cases as JSON."""
    sent = [
        {
            "scheme": case.scheme,
            "secret": case.secret,
            "headers": case.headers,
            "body": base64.b64encode(case.body).decode(),
        }
        for case in cases
    ]
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **environment},
        input=json.dumps(sent),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    verdicts: list[bool] = json.loads(done.stdout)
    return verdicts


def judge_in_node(cases: list[Case], folder: Path) -> list[bool]:
    """Gives the verdicts of the functions in JavaScript."""
    (folder / "webhooks.mjs").write_text(find_snippet("js"))
    shutil.copy(DRIVERS / "drive.mjs", folder)
    return judge_outside(cases, folder, "node", "drive.mjs")


def judge_in_php(cases: list[Case], folder: Path) -> list[bool]:
    """Gives the verdicts of the functions in PHP."""
    (folder / "webhooks.php").write_text(find_snippet("php"))
    shutil.copy(DRIVERS / "drive.php", folder)
    return judge_outside(cases, folder, "php", "-d", "display_errors=stderr", "drive.php")


def judge_in_go(cases: list[Case], folder: Path) -> list[bool]:
    """Gives the verdicts of the functions in Go."""
    (folder / "webhooks").mkdir()
    (folder / "webhooks" / "webhooks.go").write_text(find_snippet("go"))
    (folder / "go.mod").write_text("module verifying\n\ngo 1.19\n")
    shutil.copy(DRIVERS / "drive.go", folder)
    return judge_outside(
        cases, folder, "go", "run", ".", GOFLAGS="-mod=mod", GOPROXY="off", GOCACHE=str(folder / "cache")
    )


def judge_in_csharp(cases: list[Case], folder: Path) -> list[bool]:
    """Gives the verdicts of the functions in C#."""
    (folder / "SlipwayWebhooks.cs").write_text(find_snippet("csharp"))
    for name in ("Drive.cs", "Drive.csproj"):
        shutil.copy(DRIVERS / name, folder)
    restored = subprocess.run(["dotnet", "restore"], cwd=folder, capture_output=True, timeout=300, check=False)
    if restored.returncode:
        pytest.skip("The C# of docs/webhooks.md was not run: its package NSec.Cryptography cannot be had here.")
    return judge_outside(cases, folder, "dotnet", "run", "--no-restore")


def check_verdicts(cases: list[Case], verdicts: list[bool]) -> None:
    """Says which cases were judged otherwise than they should be."""
    assert len(verdicts) == len(cases)
    wrong = [
        f"{case.scheme}: {case.what}"
        for case, verdict in zip(cases, verdicts, strict=True)
        if verdict is not case.is_genuine
    ]
    assert not wrong


def test_the_example_has_the_members_of_a_release() -> None:
    body = json.loads(find_snippet("json"))
    assert list(body) == ["event", "data", "triggeredAt"]
    assert body["event"] in ALL_EVENT_TYPES
    moment = times.now()
    release = Release(created_at=moment, updated_at=moment, published_at=moment, platforms=[], files=[])
    assert list(body["data"]) == list(serialize_release(release))


def test_the_page_names_every_event_and_every_header() -> None:
    sent = build_headers(CRYPTLEX, ["secret"], DELIVERY_ID, 0, 1, b"")
    for name in (*ALL_EVENT_TYPES, WEBHOOK_TEST, *sent):
        assert name in PAGE


def test_the_page_promises_what_the_code_does() -> None:
    hours = sum(retry._SCHEDULE) / 3600
    promises = [
        f"{retry.MAX_ATTEMPTS}, over {hours:.1f} hours",
        f"±{retry._JITTER:.0%} by chance".replace("%", " %"),
        f"obeyed up to {retry.RETRY_AFTER_LIMIT_SECONDS // 3600} hours",
        f"{delivery.DEADLINE_SECONDS:g} seconds for everything",
        f"At most {response.HEAD_BYTES // 1024} KiB and {response.HEADER_LIMIT} headers",
        f"{response.SNIPPET_BYTES:,} bytes of its body",
        f"At most {limits.DEFAULT_CONCURRENCY} requests at once (settable from 1 to {limits.CONCURRENCY_LIMIT})",
        f"(1 to {limits.RATE_LIMIT:,}; no limit by itself)",
        f"Up to {headers.COUNT_LIMIT} headers",
        f"For {limits.DEFAULT_OVERLAP_HOURS} hours, or what you choose from 1 to\n   {limits.OVERLAP_LIMIT_HOURS}",
        f"held, each event for {health_words.HELD_DAYS} days at most",
        f"After {health_words.DISABLE_AFTER.days} days in which every attempt failed",
        f"and at least {health_words.DISABLE_FAILURES} did",
        f"kept for {Settings.from_environ({}).retention_days} days",
    ]
    assert [promise for promise in promises if promise not in PAGE] == []


def test_the_python_accepts_what_is_genuine_and_nothing_else() -> None:
    cases = build_cases()
    check_verdicts(cases, judge_in_python(cases))


@pytest.mark.parametrize(
    ("command", "language", "judge"),
    [
        ("node", "JavaScript", judge_in_node),
        ("go", "Go", judge_in_go),
        ("php", "PHP", judge_in_php),
        ("dotnet", "C#", judge_in_csharp),
    ],
)
def test_the_functions_in_other_languages_accept_what_is_genuine_and_nothing_else(
    tmp_path: Path, command: str, language: str, judge: Callable[[list[Case], Path], list[bool]]
) -> None:
    if shutil.which(command) is None:
        pytest.skip(f"The {language} of docs/webhooks.md was not run: there is no {command} on this machine.")
    cases = build_cases()
    check_verdicts(cases, judge(cases, tmp_path))
