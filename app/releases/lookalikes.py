"""Names of channels and platforms that are probably meant to be one: ``Beta`` and ``beta``, ``win64`` and ``windows``.

Pure. Names are never changed by themselves, for they are a release's own; what looks alike is only suggested.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

# What a system is called, in letters alone, and the one name for all of these.
_SYSTEMS = {
    **dict.fromkeys(("win", "windows", "mswindows", "microsoftwindows", "winnt"), "windows"),
    **dict.fromkeys(("mac", "macos", "macosx", "osx", "darwin", "applemacos"), "macos"),
    **dict.fromkeys(("linux", "gnulinux", "lin"), "linux"),
    **dict.fromkeys(("ios", "iphone", "iphoneos"), "ios"),
    **dict.fromkeys(("android", "droid"), "android"),
    **dict.fromkeys(("freebsd", "bsd"), "freebsd"),
    **dict.fromkeys(("web", "browser", "wasm"), "web"),
}
# The same for processors. They are looked for from the left, so the longer of two comes first.
_PROCESSORS = {
    "x86_64": "64", "x86-64": "64", "amd64": "64", "x64": "64", "64bit": "64", "64-bit": "64",
    "aarch64": "arm64", "arm64": "arm64", "applesilicon": "arm64", "armv7": "arm", "armhf": "arm", "arm32": "arm",
    "arm": "arm", "universal": "", "i386": "32", "i686": "32", "ia32": "32", "x86": "32", "32bit": "32",
    "32-bit": "32", "64": "64", "32": "32",
}  # fmt: skip
_PROCESSOR = re.compile("(?:" + "|".join(map(re.escape, _PROCESSORS)) + r")\Z")
_SEPARATORS = re.compile(r"[\s._/\-+()]+")
# Of shorter names, too many that differ by one letter are meant.
_SHORTEST_SLIP = 4


def find_lookalike(name: str, known: Iterable[str]) -> str | None:
    """Takes a name of a channel and those that are in use; gives the one that was probably meant, or None.

    A name that is in use itself is meant.
    """
    names = list(known)
    return None if name in names else _find_spelling(name, names) or _find_slip(name, names)


def find_lookalike_platform(name: str, known: Iterable[str]) -> str | None:
    """The same for a platform: of one system, too, unless both names say for which processor, and not for one."""
    names = list(known)
    if name in names:
        return None
    return _find_spelling(name, names) or _find_system(name, names) or _find_slip(name, names)


def _find_spelling(name: str, names: Sequence[str]) -> str | None:
    return next((other for other in names if _fold(other) == _fold(name)), None)


def _find_slip(name: str, names: Sequence[str]) -> str | None:
    return next((other for other in names if _is_slip(_fold(name), _fold(other))), None)


def _find_system(name: str, names: Sequence[str]) -> str | None:
    system, processor = _split(name)
    if system is None:
        return None
    kin = [other for other in names if _split(other)[0] == system]
    # One of the same processor is nearer than one that names none.
    return next(
        (other for other in kin if _split(other)[1] == processor),
        next((other for other in kin if not processor or not _split(other)[1]), None),
    )


def _split(name: str) -> tuple[str | None, str]:
    """Gives the system and the processor that a platform names, each empty if it names none that is known."""
    folded = unicodedata.normalize("NFKC", name).casefold().strip()
    processor = ""
    if match := _PROCESSOR.search(folded):
        processor, folded = _PROCESSORS[match[0]], folded[: match.start()]
    return _SYSTEMS.get(_SEPARATORS.sub("", folded)), processor


def _fold(name: str) -> str:
    """Gives a name as it sounds: without case, blanks, and what stands between its words."""
    return _SEPARATORS.sub("", unicodedata.normalize("NFKC", name).casefold())


def _is_slip(typed: str, other: str) -> bool:
    """Whether one letter was typed wrong, left out or doubled, or two were swapped. A digit that differs is meant."""
    if typed == other or min(len(typed), len(other)) < _SHORTEST_SLIP:
        return False
    shortest = min(len(typed), len(other))
    start = next((place for place in range(shortest) if typed[place] != other[place]), shortest)
    left, right = typed[start:], other[start:]
    if left[:1].isdigit() or right[:1].isdigit():
        return False
    is_swapped = left[:2] == right[:2][::-1] and left[2:] == right[2:]
    return is_swapped or left[1:] == right[1:] or left[1:] == right or left == right[1:]
