"""What a browser says of itself, in two words: which it is, and on what. Pure.

It says what is written there and guesses nothing: what is not known stays empty.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

# The first that fits: most browsers also name those that they are built like.
_BROWSERS = tuple(
    (name, re.compile(pattern))
    for name, pattern in (
        ("Edge", r"\b(?:Edg|EdgA|EdgiOS)/(\d+)"),
        ("Opera", r"\b(?:OPR|OPiOS)/(\d+)"),
        ("Vivaldi", r"\bVivaldi/(\d+)"),
        ("Samsung Internet", r"\bSamsungBrowser/(\d+)"),
        ("Firefox", r"\b(?:Firefox|FxiOS)/(\d+)"),
        ("Chrome", r"\b(?:Headless)?(?:Chrome|Chromium|CriOS)/(\d+)"),
        ("Safari", r"\bVersion/(\d+)[\d.]* (?:Mobile/\S+ )?Safari/"),
        ("curl", r"\bcurl/(\d+)"),
    )
)
_SYSTEMS = tuple(
    (name, re.compile(pattern))
    for name, pattern in (
        ("Android", r"\bAndroid\b"),
        ("iPhone", r"\biPhone\b"),
        ("iPad", r"\biPad\b"),
        ("ChromeOS", r"\bCrOS\b"),
        ("Windows", r"\bWindows\b"),
        ("macOS", r"\bMac OS X\b|\bMacintosh\b"),
        ("Linux", r"\bLinux\b|\bX11\b"),
    )
)


@dataclass(frozen=True, slots=True)
class Device:
    """A browser with its version, and its system. Each is empty where it is not known."""

    browser: str
    system: str


def read_device(user_agent: str) -> Device:
    """Takes the header User-Agent; gives what it names."""
    browser = ""
    for name, pattern in _BROWSERS:
        if match := pattern.search(user_agent):
            browser = f"{name} {match[1]}"
            break
    system = next((name for name, pattern in _SYSTEMS if pattern.search(user_agent)), "")
    return Device(browser, system)
