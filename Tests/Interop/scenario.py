"""What a scenario is, and how its steps say what is wrong."""

import dataclasses
from collections.abc import Callable

from lab import Lab


@dataclasses.dataclass
class Scenario:
    """A list of steps that share one fresh fednode and its peers."""

    name: str
    steps: list[tuple[str, Callable[[Lab], None]]]
    # fednode's configuration keys and their values.
    settings: dict | None = None


def equal(what: str, seen, wanted):
    if seen != wanted:
        raise AssertionError(f"{what} is {seen!r}, not {wanted!r}")


def contains(what: str, seen, wanted):
    if wanted not in seen:
        raise AssertionError(f"{what} lacks {wanted!r}: {seen!r}")
