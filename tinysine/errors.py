"""Every error tinysine raises, in one tree, sorted by whose fault it is.

A message says what happened, where, and what to try. The facts behind it are attributes, so that a test or a
nightly report can sort by them without reading prose. `exit_code` is what the command line returns.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NoReturn

from tinysine.outside_text import one_line

EXIT_PASS = 0
EXIT_PRODUCT_FAILURE = 1
EXIT_USAGE = 2
EXIT_BENCH_FAILURE = 3
EXIT_INTERRUPTED = 130  # 128 + SIGINT, as shells have it


@dataclass(frozen=True)
class Cause:
    """Cause of the end of a run, a test or a night, in the same words everywhere.

    Attributes:
        name: one word; the pytest plugin's `tinysine.cause` of a test.
        exit_code: what the command line returns.
        words: what a report of many tests says; the pytest plugin's `tinysine.verdict` of a session.
        sentence: what the page of a night says.
    """

    name: str
    exit_code: int
    words: str
    sentence: str


PASS = Cause("pass", EXIT_PASS, "pass", "pass")
PRODUCT = Cause("product", EXIT_PRODUCT_FAILURE, "product failure", "the product failed")
BAD_INPUT = Cause("input", EXIT_USAGE, "bad input", "the input was bad")
BENCH = Cause("bench", EXIT_BENCH_FAILURE, "bench failure", "the bench failed")
INTERRUPTED = Cause("interruption", EXIT_INTERRUPTED, "interrupted", "it was interrupted")

# Of several causes the first one counts. A wrong product is known, whatever else went wrong. Bad input goes before the
# bench: as long as it is not corrected, no bench can pass. What was interrupted says nothing about the rest.
CAUSES = (PRODUCT, BAD_INPUT, BENCH, INTERRUPTED, PASS)


def worst(causes: Iterable[Cause]) -> Cause:
    """The cause that counts of several: the first of `CAUSES`. Of none at all, the bench: nothing was tested."""
    return min(causes, key=CAUSES.index, default=BENCH)


class TinysineError(Exception):
    """Root of the tree.

    Args:
        message: one line: what happened, and where.
        hint: one line: what to try next; empty when there is nothing useful to say.
        facts: what the message was made of, kept under `facts` and as attributes of the same names. Each class
            lists its own; one that was not known where the error was raised is absent.
    """

    exit_code = EXIT_BENCH_FAILURE

    def __init__(self, message: str, *, hint: str = "", **facts: object) -> None:
        # Whatever a device, a file or a tool put into them: they are printed in many places.
        message, hint = one_line(message), one_line(hint)
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.facts = facts

    def __getattr__(self, name: str) -> object:
        facts = self.__dict__.get("facts", {})
        if name in facts:
            return facts[name]
        raise AttributeError(f"{type(self).__name__} has no fact named {name!r}; it has {sorted(facts)}")

    def __reduce__(self) -> tuple[object, ...]:
        # Exceptions cross process borders under pytest-xdist; keyword-only facts need help to do so.
        return (_rebuild, (type(self), self.message, self.hint, self.facts))

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


def _rebuild(kind: type[TinysineError], message: str, hint: str, facts: dict[str, object]) -> TinysineError:
    return kind(message, hint=hint, **facts)


class ConfigError(TinysineError):
    """An option, a file or a name that is not valid here. Facts: file, key, allowed, nearest, expected, got."""

    exit_code = EXIT_USAGE


LIKE_A_NAME = 0.4
LIKE_A_BEGINNING = 0.7  # as people shorten board names


def nearest_name(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that looks most like `name`, whole or by its beginning; None where none does."""

    def likeness(other: str) -> tuple[float, float]:
        whole = difflib.SequenceMatcher(None, name, other).ratio()
        start = difflib.SequenceMatcher(None, name, other[: len(name)]).ratio() if len(name) > 2 else 0.0
        return max(whole, start if start >= LIKE_A_BEGINNING else 0.0), whole

    best = max(known, key=likeness, default="")
    return best if best and likeness(best)[0] >= LIKE_A_NAME else None


def unknown_name(message: str, name: str, known: Iterable[str], **facts: object) -> ConfigError:
    """The error for a name that is none of those that mean something: the hint is the nearest, or all of them.

    Args:
        message: which name, and where.
        name: that was given.
        known: those that mean something.
        facts: of ConfigError; `allowed` and `nearest` are added.
    """
    known = tuple(known)
    nearest = nearest_name(name, known)
    hint = f"did you mean {nearest!r}?" if nearest else f"one of {', '.join(sorted(known))}"
    return ConfigError(message, hint=hint, allowed=known, nearest=nearest, **facts)


class ModelError(TinysineError):
    """A model that cannot be used. Facts: file, operator, tensor, shapes."""

    exit_code = EXIT_USAGE


class BuildError(TinysineError):
    """The toolchain is missing or failed. Facts: tool, command, output, exit_code (of a tool that ended by itself)."""


class ImageTooLarge(BuildError):
    """A model whose image does not fit its board. Facts, beside BuildError's: memory, needed_bytes, available_bytes."""

    exit_code = EXIT_USAGE


class BenchError(TinysineError):
    """The test setup failed, not the product: board, port, tool or computer."""


class BoardNotFound(BenchError):
    """No such board is attached or running. Facts: board, found."""


class PlaceLost(BoardNotFound):
    """A place of a farm is no longer reserved for this run: somebody else may use the board. Facts: place, board."""


class PortUnavailable(BenchError):
    """The port is missing, is busy, or vanished while it was in use. Facts: port, cause, holders."""


class FlashError(BenchError):
    """The image could not be written to the board. Facts: tool, command, output."""


class LinkTimeout(BenchError):
    """A deadline passed without an answer. Facts: port, request, timeout_s, received (the last bytes), diagnosis."""


class LeaseHeld(BenchError):
    """Somebody else is using the board. Facts: board, port, holder, pid, since."""


class ProtocolError(TinysineError):
    """Bytes arrived, but they are not a valid answer. Facts: request, payload."""


class FrameCorrupt(ProtocolError):
    """A frame failed its checks. Facts: frame."""


class StaleReply(ProtocolError):
    """A valid reply arrived, but it answers another request. Facts: expected, got."""


class VersionMismatch(ProtocolError):
    """The device speaks another version of the protocol. Facts: device, host."""


class DeviceError(TinysineError):
    """The firmware refused a request. Facts: status, request, detail (a number that comes with the status, or None)."""

    exit_code = EXIT_PRODUCT_FAILURE


class IdentityMismatch(DeviceError):
    """The device does not run the firmware that was built. Facts: field, expected, got."""

    exit_code = EXIT_BENCH_FAILURE


class FirmwareWrong(DeviceError):
    """The firmware is wrong, and this was found while no test ran."""


def missing_package(error: BaseException) -> str:
    """The module that an import failed for because its package is not installed; "" for any other error."""
    name = error.name if isinstance(error, ModuleNotFoundError) else None
    return "" if name is None or name.startswith("tinysine") else name


def raise_as(better: TinysineError | None, error: TinysineError) -> NoReturn:
    """Raise the one of two errors that says more.

    Raising `better or error` from `error` would make an error its own cause where there is no better one, and whoever
    follows the causes would never come to an end.

    Args:
        better: what `error` means here; None where nothing more is known of it.
        error: what was caught, the cause of `better`.
    """
    if better is None:
        raise error
    raise better from error


def cause_of(error: BaseException) -> Cause:
    """Return the cause of an error. An error of no class of this tree is a crash and proves nothing."""
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    if missing_package(error):
        return BAD_INPUT
    code = error.exit_code if isinstance(error, TinysineError) else EXIT_BENCH_FAILURE
    return next(cause for cause in CAUSES if cause.exit_code == code)
