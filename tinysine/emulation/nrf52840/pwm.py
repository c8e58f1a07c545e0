"""PWM0: a sequence of compare values from RAM, played on four outputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tinysine.emulation.bank import Bank, Unmodelled, Violation
from tinysine.emulation.emulated_time import EmulatedTime
from tinysine.emulation.registers import Register

_BASE_HZ = 16_000_000
_DISCONNECTED = 1 << 31
_COMMON, _GROUPED, _INDIVIDUAL, _WAVEFORM = range(4)
_LONGEST_SEQUENCE = 4096


class Pwm:
    """The pulse-width modulator.

    Args:
        registers: of the block "PWM0".
        read_ram: (address, size) -> bytes; raises Violation where EasyDMA cannot reach.
        drive: (pin, seconds, duty 0..1): an output changes what it does at that time.
        release: (pin): an output is not driven by this block any more.
    """

    def __init__(
        self,
        registers: tuple[Register, ...],
        time: EmulatedTime,
        *,
        stop: Callable[[Violation], None],
        read_ram: Callable[[int, int], bytes],
        drive: Callable[[int, float, float], None],
        release: Callable[[int], None],
    ) -> None:
        self.bank = Bank(registers[0].address & ~0xFFF, registers, stop=stop)
        self._time = time
        self._read_ram = read_ram
        self._drive = drive
        self._release = release
        bank = self.bank
        bank.on_write("PWM0.ENABLE", self._write_enable)
        bank.on_write("PWM0.TASKS_STOP", self._stop)
        for index in range(2):
            bank.on_write(f"PWM0.TASKS_SEQSTART[{index}]", self._starter(index))
        for index in range(4):
            bank.on_write(f"PWM0.PSEL.OUT[{index}]", self._write_psel)
        for name in ("INTEN", "INTENSET", "SHORTS"):
            bank.on_write(f"PWM0.{name}", self._refuser(name))
        self.reset()

    def reset(self) -> None:
        """As after a reset of the chip."""
        self.bank.reset()

    def leave_as_loader_does(self, pin: int) -> None:
        """Enabled, OUT0 on the LED, fading as the loader does while it waits."""
        self.bank.set("PWM0.PSEL.OUT[0]", pin)
        self.bank.set("PWM0.ENABLE", 1)
        self._drive(pin, self._time.peek(), 0.5)

    def pins(self) -> dict[str, int | None]:
        """Return the pins that the driver connected: signal to pin number."""
        if not self.bank.get("PWM0.ENABLE"):
            return {}
        return {f"PWM0.OUT[{index}]": self._pin(index) for index in range(4)}

    def _pin(self, index: int) -> int | None:
        value = self.bank.get(f"PWM0.PSEL.OUT[{index}]")
        return None if value & _DISCONNECTED else value & 0x3F

    def _write_enable(self, value: int) -> None:
        for pin in filter(lambda pin: pin is not None, map(self._pin, range(4))):
            if value:
                self._drive(pin or 0, self._time.now(), 0.0)
            else:
                self._release(pin or 0)

    def _write_psel(self, _value: int) -> None:
        if self.bank.get("PWM0.ENABLE"):
            raise Violation("a PWM0.PSEL.OUT was changed while PWM0 is enabled, as the boot loader left it")

    def _refuser(self, name: str) -> Any:
        def refuse(value: int) -> None:
            if value:
                raise Unmodelled(f"PWM0.{name} was written 0x{value:08X}")

        return refuse

    def _stop(self, value: int) -> None:
        if value:
            self.bank.set("PWM0.EVENTS_STOPPED", 1)
            for pin in map(self._pin, range(4)):
                if pin is not None and self.bank.get("PWM0.ENABLE"):
                    self._drive(pin, self._time.now(), 0.0)

    def _starter(self, index: int) -> Any:
        return lambda value: self._start(index) if value else None

    def _start(self, index: int) -> None:
        bank = self.bank
        if not bank.get("PWM0.ENABLE"):
            raise Violation(f"PWM0.TASKS_SEQSTART[{index}] was triggered while PWM0 is not enabled")
        load = bank.get("PWM0.DECODER") & 3
        if bank.get("PWM0.LOOP") or bank.get("PWM0.DECODER") >> 8 or load == _WAVEFORM:
            raise Unmodelled("PWM0 was started with LOOP, NextStep or WaveForm")
        count = bank.get(f"PWM0.SEQ[{index}].CNT")
        top = bank.get("PWM0.COUNTERTOP")
        if not 3 <= top <= 0x7FFF:
            raise Violation(f"PWM0 was started with COUNTERTOP {top}; it takes 3 to 32767")
        if not 0 < count <= _LONGEST_SEQUENCE:
            raise Violation(f"PWM0.TASKS_SEQSTART[{index}] was triggered with SEQ[{index}].CNT {count}")
        data = self._read_ram(bank.get(f"PWM0.SEQ[{index}].PTR"), 2 * count)
        values = [data[at] | data[at + 1] << 8 for at in range(0, 2 * count, 2)]
        self._play(values, load, top, index)
        bank.set(f"PWM0.EVENTS_SEQSTARTED[{index}]", 1)
        bank.set(f"PWM0.EVENTS_SEQEND[{index}]", 1)
        bank.set("PWM0.EVENTS_PWMPERIODEND", 1)

    def _play(self, values: list[int], load: int, top: int, index: int) -> None:
        period_s = top * (1 << self.bank.get("PWM0.PRESCALER")) / _BASE_HZ
        if self.bank.get("PWM0.MODE"):
            period_s *= 2
        step_s = period_s * (self.bank.get(f"PWM0.SEQ[{index}].REFRESH") + 1)
        width = {_COMMON: 1, _GROUPED: 2, _INDIVIDUAL: 4}[load]
        start = self._time.now()
        for step in range(0, len(values) - width + 1, width):
            for output in range(4):
                pin = self._pin(output)
                if pin is not None:
                    value = values[step + output * width // 4]
                    high = min(value & 0x7FFF, top) / top
                    # Bit 15: the pulse starts high and ends at the compare value; else it begins there.
                    duty = high if value & 0x8000 else 1.0 - high
                    self._drive(pin, start + step // width * step_s, duty)
