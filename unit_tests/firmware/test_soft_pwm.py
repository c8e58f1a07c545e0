"""Dimming by software: right in every period when polled in time, right in the long run when not."""

from __future__ import annotations

import ctypes
import itertools
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

FIRMWARE = Path(__file__).parent.parent.parent / "firmware"
STEP = 6912
PERIOD = 255 * STEP


class _Pwm:
    """The compiled code, its state as after reset."""

    def __init__(self, library: Path) -> None:
        self._code = ctypes.CDLL(str(library))
        self._code.ts_soft_pwm_lit.restype = ctypes.c_bool
        self._code.ts_soft_pwm_lit.argtypes = [ctypes.c_uint32, ctypes.c_uint32]
        self.now = 0

    def set(self, brightness: int) -> None:
        self._code.ts_soft_pwm_set(ctypes.c_uint8(brightness))

    def shown(self, after: int = STEP) -> list[bool]:
        """Return the states to which the LED is switched so many ticks later."""
        self.now += after
        switched: list[bool] = []
        show = ctypes.CFUNCTYPE(None, ctypes.c_bool)(switched.append)
        self._code.poll(ctypes.c_uint32(self.now), ctypes.c_uint32(PERIOD), show)
        return switched

    def lit(self, after: int = STEP) -> bool:
        """So many ticks later."""
        self.now += after
        return bool(self._code.ts_soft_pwm_lit(self.now & 0xFFFFFFFF, PERIOD))


@pytest.fixture(scope="module")
def new_pwm(tmp_path_factory: pytest.TempPathFactory, host_cc: Callable[..., None]) -> Callable[[], _Pwm]:
    """Makes one, each with a state of its own."""
    folder = tmp_path_factory.mktemp("soft_pwm")
    library = folder / "soft_pwm.so"
    source = folder / "poll.c"
    source.write_text(
        '#include "soft_pwm.c"\n'
        "void poll(uint32_t now, uint32_t period, void (*show)(bool lit));\n"
        "void poll(uint32_t now, uint32_t period, void (*show)(bool lit)) {\n"
        "    ts_soft_pwm_poll(now, period, show);\n"
        "}\n"
    )
    options = ("-std=c11", "-Wall", "-Wextra", "-Werror", "-O1", "-shared", "-fPIC")
    host_cc(*options, f"-I{FIRMWARE / 'ports' / 'cortex_m'}", source, "-o", library)
    numbers = itertools.count()

    def make() -> _Pwm:
        copy = folder / f"{next(numbers)}.so"
        shutil.copy(library, copy)
        return _Pwm(copy)

    return make


fewer = settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])


@fewer
@given(brightness=st.integers(0, 255), start=st.integers(0, 0xFFFFFFFF))
def test_each_period_is_lit_for_its_brightness(
    new_pwm: Callable[[], _Pwm], brightness: int, start: int
) -> None:
    """Polled once a 255th of the period, each period is one pulse of exactly so many steps; the clock may wrap."""
    pwm = new_pwm()
    pwm.now = start
    pwm.lit()
    pwm.set(brightness)
    for _ in range(3):
        shown = [pwm.lit() for _ in range(255)]
        assert shown == [True] * brightness + [False] * (255 - brightness)


@fewer
@given(
    brightness=st.integers(1, 254),
    gaps=st.lists(st.integers(1, PERIOD // 2), min_size=400, max_size=600),
)
def test_late_polls_are_made_good(new_pwm: Callable[[], _Pwm], brightness: int, gaps: list[int]) -> None:
    """However irregular the polls, over many periods the LED is lit for its share of the time."""
    pwm = new_pwm()
    pwm.set(brightness)
    pwm.lit()
    lit_ticks = 0
    for gap in gaps:
        before = pwm.lit(0)
        lit_ticks += gap if before else 0
        pwm.lit(gap)
    assert abs(lit_ticks / sum(gaps) - brightness / 255) < 2 * PERIOD / sum(gaps)


def test_the_led_is_switched_at_edges_only(new_pwm: Callable[[], _Pwm]) -> None:
    """On and off once a period, and not at all while dark or full."""
    pwm = new_pwm()
    assert [level for _ in range(255) for level in pwm.shown()] == []
    pwm.set(100)
    assert [level for _ in range(2 * 255) for level in pwm.shown()] == [True, False] * 2
    pwm.set(255)
    assert [level for _ in range(2 * 255) for level in pwm.shown()] == [True]
    pwm.set(0)
    assert [level for _ in range(2 * 255) for level in pwm.shown()] == [False]


@fewer
@given(first=st.integers(1, 254), second=st.integers(0, 255), at=st.integers(1, 254))
def test_a_period_has_one_brightness(new_pwm: Callable[[], _Pwm], first: int, second: int, at: int) -> None:
    """A change in the middle of a period counts from the next one on."""
    pwm = new_pwm()
    pwm.set(first)
    shown = [pwm.lit() for _ in range(at)]
    pwm.set(second)
    shown += [pwm.lit() for _ in range(255 - at)]
    assert sum(shown) == first
    assert sum(pwm.lit() for _ in range(255)) == second


@pytest.mark.parametrize("steady", [0, 255])
def test_a_steady_led_changes_at_once(new_pwm: Callable[[], _Pwm], steady: int) -> None:
    """From dark or full there is nothing to wait for: the new period begins with the change."""
    pwm = new_pwm()
    pwm.set(steady)
    for _ in range(300):
        assert pwm.lit() is (steady == 255)
    pwm.set(100)
    assert sum(pwm.lit() for _ in range(255)) == 100


def test_a_long_silence_is_forgotten(new_pwm: Callable[[], _Pwm]) -> None:
    """After seconds without a poll, the next period is right: nothing of the silence is made good."""
    pwm = new_pwm()
    pwm.set(50)
    assert pwm.lit() is True
    pwm.lit(300 * PERIOD)
    assert 49 <= sum(pwm.lit() for _ in range(255)) <= 50
