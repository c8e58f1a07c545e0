"""CLKGEN and PWRCTRL: the core's clock behind its key, and which blocks have power."""

from __future__ import annotations

from collections.abc import Callable

from tinysine.emulation.bank import Bank, Unmodelled, Violation
from tinysine.emulation.registers import Register

FAST_HZ, SLOW_HZ = 48_000_000, 24_000_000
_CLOCK_KEY = 0x47
_UART0_ON = 1 << 7
_HCPA_UP = 1 << 2  # the domain that UART0 is in
# Looks at the status until the domain is up.
_LOOKS = 3


class ClockAndPower:
    """The two blocks.

    Args:
        registers: of the blocks "CLKGEN" and "PWRCTRL".
        core_clock: called with the core's clock in hertz when it changes.
    """

    def __init__(
        self,
        registers: dict[str, tuple[Register, ...]],
        *,
        stop: Callable[[Violation], None],
        core_clock: Callable[[int], None],
    ) -> None:
        self.clocks = Bank(0x40004000, registers["CLKGEN"], stop=stop)
        self.power = Bank(0x40021000, registers["PWRCTRL"], stop=stop)
        self._core_clock = core_clock
        self._looks = 0
        self.clocks.on_write("CLKGEN.CCTRL", self._write_core_clock)
        self.power.on_write("PWRCTRL.DEVPWREN", self._write_power)
        self.power.on_read("PWRCTRL.DEVPWRSTATUS", self._read_status)
        for name in ("MEMPWREN", "MEMPWDINSLEEP"):
            self.power.on_write(f"PWRCTRL.{name}", self._refuse_memory_change(name))

    def reset(self) -> None:
        """24 MHz, and nothing has power."""
        self.clocks.reset()
        self.power.reset()
        self._looks = 0
        self._core_clock(SLOW_HZ)

    def leave_as_loader_does(self) -> None:
        """48 MHz, and UART0 has power."""
        self.clocks.set("CLKGEN.CCTRL", 0)
        self._core_clock(FAST_HZ)
        self.power.set("PWRCTRL.DEVPWREN", _UART0_ON)
        self._looks = _LOOKS
        self._read_status()

    def need_uart(self, register: str) -> None:
        """Refuse an access to UART0 that comes too early.

        Raises:
            Violation: UART0 has no power, or nobody has waited for it.
        """
        if self._looks >= _LOOKS:
            return
        if not self.power.get("PWRCTRL.DEVPWREN") & _UART0_ON:
            raise Violation(f"UART0.{register} was used while UART0 has no power: set DEVPWREN bit 7 before")
        raise Violation(
            f"UART0.{register} was used before its power had come: wait for DEVPWRSTATUS bit 2 (HCPA)"
        )

    def _write_core_clock(self, value: int) -> None:
        if self.clocks.get("CLKGEN.CLKKEY") != _CLOCK_KEY:
            raise Violation(
                f"CLKGEN.CCTRL was written 0x{value:08X} while it is locked: the chip ignores that. Write "
                f"0x{_CLOCK_KEY:02X} to CLKKEY before"
            )
        self._core_clock(SLOW_HZ if value & 1 else FAST_HZ)

    def _write_power(self, value: int) -> None:
        if not value & _UART0_ON:
            self._looks = 0
            self.power.set("PWRCTRL.DEVPWRSTATUS", self.power.get("PWRCTRL.DEVPWRSTATUS") & ~_HCPA_UP)

    def _read_status(self) -> int:
        if self.power.get("PWRCTRL.DEVPWREN") & _UART0_ON:
            self._looks += 1
            if self._looks >= _LOOKS:
                self.power.set("PWRCTRL.DEVPWRSTATUS", self.power.get("PWRCTRL.DEVPWRSTATUS") | _HCPA_UP)
        return self.power.get("PWRCTRL.DEVPWRSTATUS")

    def _refuse_memory_change(self, name: str) -> Callable[[int], None]:
        def refuse(value: int) -> None:
            raise Unmodelled(f"PWRCTRL.{name} was written 0x{value:08X}: memories are always powered here")

        return refuse
