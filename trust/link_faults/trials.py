"""One trial: a device is asked over a faulty line, and everything it says is held against the truth."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from tinysine.device import Device
from tinysine.errors import (
    BenchError,
    DeviceError,
    LinkTimeout,
    PortUnavailable,
    ProtocolError,
    TinysineError,
)
from tinysine.link import Capability, Request, Session
from tinysine.link.deadlines import Patience
from trust.link_faults.firmware import INPUTS, Firmware, expected_answers
from trust.link_faults.kinds import KINDS, fault_of
from trust.link_faults.line import Line

CONNECT_S = 8.0
LATE_S = 1e-9  # of arithmetic with floats
NO_FAULT = "none"
CODES = np.random.default_rng(0).integers(-128, 128, (8192, INPUTS), np.int8)
ANSWERS = expected_answers(CODES)
NAMES = (NO_FAULT, *KINDS)


@dataclass
class Tally:
    """Results of the trials of one kind.

    Attributes:
        trials: of them.
        clean: all calls were answered and nothing had to be repeated or dropped.
        recovered: all calls were answered.
        refused: the rest by the error that ended them.
        wrong: faults of ours: answers that are not the device's.
        unspecific: errors that do not say what happened.
        late: calls that ended after their deadline.
        twice: repeated requests that the device ran again.
        stuck: lines that were well again and could not be used.
        examples: seeds of those, with what happened.
    """

    trials: int = 0
    clean: int = 0
    recovered: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    wrong: int = 0
    unspecific: int = 0
    late: int = 0
    twice: int = 0
    stuck: int = 0
    examples: list[str] = field(default_factory=list)

    @property
    def faults(self) -> int:
        """Number of our own faults."""
        return self.wrong + self.unspecific + self.late + self.twice + self.stuck

    def add(self, other: Tally) -> None:
        """Take in the tally of more trials."""
        for name in ("trials", "clean", "recovered", "wrong", "unspecific", "late", "twice", "stuck"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.refused += other.refused
        self.examples += other.examples


class _Overdue(Exception):
    """A call ended after its deadline."""


class _Wrong(Exception):
    """An answer that is not the device's."""


class TimedSession(Session):
    """A session whose every exchange is held against its deadline."""

    def _exchange(
        self, request: Request, payload: bytes, patience: Patience, *, counted: bool, last_s: float = 0.0
    ) -> bytes:
        with _in_time(self._clock, patience.timeout_s, request.name):
            return super()._exchange(request, payload, patience, counted=counted, last_s=last_s)


class _in_time:
    """Raises if the block ends late, whatever else it raises."""

    def __init__(self, clock: Callable[[], float], seconds: float, what: str) -> None:
        self._clock, self._until, self._what = clock, clock() + seconds + LATE_S, what

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        if (late_s := self._clock() - self._until) > 0:
            raise _Overdue(f"{self._what} ended {late_s:.3f} s late")


def run_trial(firmware: Firmware, seed: int, session: type[Session] = TimedSession) -> tuple[str, Tally]:
    """Run the trial of a seed.

    Args:
        firmware: of this process.
        seed: decides everything; the kinds take turns.
        session: the class under test.
    Returns:
        The kind of fault, and a tally of one.
    """
    name = NAMES[seed % len(NAMES)]
    return name, _Trial(firmware, seed, name, session).run()


class _Trial:
    def __init__(self, firmware: Firmware, seed: int, name: str, session: type[Session]) -> None:
        self.rng = random.Random(seed)
        self.line = Line(firmware, self.rng)
        self.name = name
        self.session = session
        self.seed = seed
        self.tally = Tally(trials=1)
        self.device: Device | None = None

    def run(self) -> Tally:
        self._guard(self._calls)
        self.line.heal()
        self._guard(self._again, healed=True)
        return self.tally

    def _guard(self, calls: Callable[[], None], *, healed: bool = False) -> None:
        tally = self.tally
        try:
            calls()
        except _Wrong as error:
            self._note("wrong", str(error))
        except _Overdue as error:
            self._note("late", str(error))
        except (BenchError, ProtocolError, DeviceError) as error:
            if healed:
                self._note("stuck", repr(error))
            elif name := _specific(error):
                tally.refused[name] += 1
            else:
                self._note("unspecific", repr(error))
        except Exception as error:
            self._note("unspecific", repr(error))

    def _note(self, what: str, words: str) -> None:
        setattr(self.tally, what, getattr(self.tally, what) + 1)
        self.tally.examples.append(f"seed {self.seed} ({self.name}): {what}: {words}")

    def _begin_fault(self) -> None:
        if self.name != NO_FAULT:
            self.line.fault = fault_of(KINDS[self.name], self.rng)

    def _open(self) -> Session:
        if self.line.now < self.line.gone_until:
            raise PortUnavailable("port line does not exist", port="line", cause="missing")
        return self.session(self.line, clock=self.line.clock, nonces=lambda: self.rng.randbytes(4))

    def _connect(self) -> Device:
        with _in_time(self.line.clock, CONNECT_S, "connect"):
            return Device.connect(
                "line", timeout_s=CONNECT_S, opener=self._open, pause=self.line.pause, clock=self.line.clock
            )

    def _calls(self) -> None:
        during_boot = self.rng.random() < 0.3
        if during_boot:
            self._begin_fault()
        self.device = self._connect()
        self._hold(
            self.device.identity.board == "bench" and self.device.identity.engine == "link bench", "identity"
        )
        if not during_boot:
            self._begin_fault()
        for _ in range(self.rng.randint(1, 4)):
            self._call(self.device)
        stats = self.device.stats
        self.tally.recovered = 1
        self.tally.clean = int(not (stats.retries or stats.stale or stats.corrupt or stats.noise_bytes))

    def _call(self, device: Device) -> None:
        if self.rng.random() < 0.15:
            memory = device.memory()
            self._hold(memory.arena_planned_bytes == 0 and memory.static_ram_bytes == 0, "memory")
        elif self.rng.random() < 0.1:
            resets = self.line.firmware.resets
            device.reset()
            self._hold(self.line.firmware.resets > resets, "reset")
        else:
            self._infer(device)

    def _infer(self, device: Device) -> None:
        in_parts, whole = self.rng.random() < 0.4, device.identity
        if in_parts:
            _cut_in_parts(device, self.rng.randint(5, 8))
        n = self.rng.randint(1, 3 if in_parts else 20)
        at = self.rng.randrange(len(CODES) - n)
        codes = CODES[at : at + n]
        resets, inferred = self.line.firmware.resets, self.line.firmware.inferred
        answers = device.infer(codes)
        device._connection.identity = whole
        self._hold(bool(np.array_equal(answers, ANSWERS[at : at + n])), f"infer of {n}")
        firmware = self.line.firmware
        if self.name not in _RUNS_AGAIN and firmware.resets == resets and firmware.inferred - inferred > n:
            self._note("twice", f"{firmware.inferred - inferred} inferences for {n}")

    def _again(self) -> None:
        if self.device is None:
            self.device = self._connect()
        else:
            with _in_time(self.line.clock, CONNECT_S, "resync"):
                self.device.resync()
        self._infer(self.device)

    def _hold(self, right: bool, what: str) -> None:
        if not right:
            raise _Wrong(what)


def _cut_in_parts(device: Device, payload_max: int) -> None:
    """Let the host take the device for one whose frames carry a few bytes of a tensor: WRITE, RUN and READ."""
    capabilities = device.identity.capabilities & ~Capability.INFER
    device._connection.identity = replace(device.identity, capabilities=capabilities, payload_max=payload_max)


# Somebody else's requests are run between ours, and so are ours that arrive after a later one: they do no harm.
_RUNS_AGAIN = (
    "another program asks, too",
    "frame delivered twice",
    "frames reordered",
    "delayed, also beyond the deadline",
    "in pieces, with pauses",
)


def _specific(error: TinysineError) -> str:
    """The name of an error that says what happened; "" for one that does not."""
    if isinstance(error, LinkTimeout) and error.facts.get("diagnosis") and error.hint:
        return f"LinkTimeout, {error.facts['diagnosis']}"
    if isinstance(error, ProtocolError) and error.facts.get("cause") == "overwritten" and error.hint:
        return "ProtocolError, overwritten"
    if isinstance(error, PortUnavailable) and error.facts.get("cause"):
        return f"PortUnavailable, {error.facts['cause']}"
    return ""
