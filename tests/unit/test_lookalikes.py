"""Names that are probably meant to be one are found, and names that are meant to differ are left alone."""

from __future__ import annotations

import pytest

from app.releases.lookalikes import find_lookalike, find_lookalike_platform

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    ("typed", "known", "expected"),
    [
        ("win64", ["windows", "linux"], "windows"),
        ("Windows", ["windows"], "windows"),
        ("win-x64", ["win64", "windows"], "win64"),
        ("windows-arm64", ["win64", "windows"], "windows"),
        ("macOS", ["linux", "macos"], "macos"),
        ("osx", ["macos"], "macos"),
        ("Mac OS X", ["macos"], "macos"),
        ("darwin", ["macos"], "macos"),
        ("macos", ["osx"], "osx"),
        ("darwin-arm64", ["macos-aarch64"], "macos-aarch64"),
        ("linux-x64", ["linux"], "linux"),
        ("linux_amd64", ["linux-x86_64"], "linux-x86_64"),
        ("linux x64", ["linux-x64", "linux"], "linux-x64"),
        ("linx", ["linux"], "linux"),
        ("windwos", ["windows"], "windows"),
        ("iPhoneOS", ["ios"], "ios"),
        ("\uff57indows", ["windows"], "windows"),
    ],
)
def test_a_platform_that_looks_like_one_in_use_is_found(typed: str, known: list[str], expected: str) -> None:
    assert find_lookalike_platform(typed, known) == expected


@pytest.mark.parametrize(
    ("typed", "known"),
    [
        ("windows", ["windows", "Windows"]),
        ("win32", ["win64"]),
        ("linux-arm64", ["linux-amd64"]),
        ("linux", ["windows", "macos", "ios"]),
        ("x64", ["x86"]),
        ("arm64", ["linux-arm64"]),
        ("bee os", ["macos"]),
        ("ubuntu", []),
        ("", ["linux"]),
        ("-", ["linux"]),
    ],
)
def test_a_platform_of_its_own_is_left_alone(typed: str, known: list[str]) -> None:
    assert find_lookalike_platform(typed, known) is None


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("Beta ", "beta"),
        ("STABLE", "stable"),
        ("stabel", "stable"),
        ("stabl", "stable"),
        ("sstable", "stable"),
        ("early access", "early-access"),
        ("beta", None),
        ("beta2", None),
        ("bets1", "beta1"),
        ("rc", None),
        ("ga", None),
        ("nightly", None),
        ("win64", None),
    ],
)
def test_a_channel_is_compared_by_how_it_is_spelled(typed: str, expected: str | None) -> None:
    assert find_lookalike(typed, ["stable", "beta", "beta1", "early-access", "windows"]) == expected
