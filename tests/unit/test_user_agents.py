"""What a browser says of itself, and nothing that it does not say."""

from __future__ import annotations

import pytest

from app.accounts.user_agents import Device, read_device

pytestmark = pytest.mark.once

APPLE = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
CASES = {
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/126.0.0.0 Safari/537.36": ("Chrome 126", "Windows"),
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/126.0 Safari/537.36 Edg/126.0": ("Edge 126", "Windows"),
    f"Mozilla/5.0 (X11; Linux x86_64) {WEBKIT} HeadlessChrome/126.0 Safari/537.36": ("Chrome 126", "Linux"),
    f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {WEBKIT} Chrome/126.0 Safari/537.36": ("Chrome 126", "ChromeOS"),
    f"Mozilla/5.0 (Linux; Android 10; K) {WEBKIT} Chrome/126.0 Mobile Safari/537.36": ("Chrome 126", "Android"),
    f"Mozilla/5.0 (Linux; Android 14) {WEBKIT} SamsungBrowser/25.0 Chrome/121.0 Mobile Safari/537.36": (
        "Samsung Internet 25",
        "Android",
    ),
    f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {WEBKIT} Chrome/126.0 Safari/537.36 OPR/112.0": (
        "Opera 112",
        "macOS",
    ),
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 14.5; rv:127.0) Gecko/20100101 Firefox/127.0": ("Firefox 127", "macOS"),
    "Mozilla/5.0 (Android 14; Mobile; rv:127.0) Gecko/127.0 Firefox/127.0": ("Firefox 127", "Android"),
    f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {APPLE} Version/17.5 Safari/605.1.15": ("Safari 17", "macOS"),
    f"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) {APPLE} Version/17.5 Mobile/15E148 Safari/604.1": (
        "Safari 17",
        "iPhone",
    ),
    f"Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) {APPLE} CriOS/126.0 Mobile/15E148 Safari/604.1": (
        "Chrome 126",
        "iPad",
    ),
    "curl/8.5.0": ("curl 8", ""),
    "Something new on Windows": ("", "Windows"),
    "": ("", ""),
    "Mozilla/5.0": ("", ""),
    "Chrome": ("", ""),
}


@pytest.mark.parametrize("user_agent", CASES, ids=range(len(CASES)))
def test_browser_and_system_are_named_as_far_as_they_are_known(user_agent: str) -> None:
    assert read_device(user_agent) == Device(*CASES[user_agent])
