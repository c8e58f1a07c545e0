"""The core's own registers: SCB, NVIC, SysTick, DWT, MPU, FPU, debug."""

from __future__ import annotations

from typing import Any

from tinysine.emulation.bank import PAGE, Bank, Unmodelled, Violation
from tinysine.emulation.caches import Caches
from tinysine.emulation.core import DWT_PAGE, Core
from tinysine.emulation.cycle_counter import CycleCounter
from tinysine.emulation.emulated_time import EmulatedTime
from tinysine.emulation.registers import Register, load_registers
from tinysine.emulation.systick import SysTick

SCS_PAGE = 0xE000E000
_VECTKEY = 0x05FA
_VECTKEYSTAT = 0xFA050000


class SystemControl:
    """Core peripherals at 0xE0000000: enough for firmware without interrupts; the rest is refused.

    Args:
        core: whose registers these are.
        time: SysTick counts it.
        clock_hz: of the core after reset.
        ram: name of the memory region that the loader's MPU settings make execute-never.
        model: "cortex-m4", or "cortex-m7", which has caches and a lock on its DWT besides.
    """

    def __init__(
        self, core: Core, time: EmulatedTime, *, clock_hz: int, ram: str, model: str = "cortex-m4"
    ) -> None:
        self._core = core
        self._ram = ram
        self._flags = {"SCB.CFSR": 0, "SCB.HFSR": 0, "SCB.DFSR": 0}
        registers = _registers(model)
        self.scs = Bank(
            SCS_PAGE,
            [register for register in registers if register.address - SCS_PAGE in range(PAGE)],
            stop=core.stop,
            narrow=("NVIC", "SCB"),
        )
        self.dwt = Bank(
            DWT_PAGE,
            [register for register in registers if register.address - DWT_PAGE in range(PAGE)],
            stop=core.stop,
        )
        locked = model == "cortex-m7"
        self._cycle_counter = CycleCounter(self.scs, self.dwt, core, locked=locked)
        self._clock_hz = clock_hz
        self._systick = SysTick(self.scs, time)
        self._caches = Caches(self.scs) if model == "cortex-m7" else None
        self._connect()

    def _connect(self) -> None:
        scs = self.scs
        for index in range(8):
            scs.on_write(f"NVIC.ISER{index}", self._refuse_interrupt)
            scs.on_write(f"NVIC.ISPR{index}", self._refuse_interrupt)
            for name in ("ICER", "ICPR"):
                scs.on_write(f"NVIC.{name}{index}", self._clearer(f"NVIC.{name}{index}"))
        scs.on_write("NVIC.STIR", self._refuse_interrupt)
        scs.on_read("SCB.ICSR", lambda: self._core.read("IPSR"))
        scs.on_write("SCB.ICSR", self._write_icsr)
        scs.on_write("SCB.AIRCR", self._write_aircr)
        scs.on_write("SCB.CPACR", self._write_cpacr)
        scs.on_write("SCB.CCR", self._write_ccr)
        scs.on_write("MPU.CTRL", self._write_mpu_ctrl)
        for name in ("CFSR", "HFSR", "DFSR"):
            self._write_one_to_clear(f"SCB.{name}")

    def reset(self) -> None:
        """As after a reset of the core."""
        self.scs.reset()
        self.dwt.reset()
        self._flags.update(dict.fromkeys(self._flags, 0))
        self._cycle_counter.reset()
        self._systick.reset()
        self._systick.set_clock(self._clock_hz)
        if self._caches is not None:
            self._caches.reset()
        self._core.set_executable(self._ram, True)

    def set_clock(self, clock_hz: int) -> None:
        """The core runs at another speed from now on."""
        self._systick.set_clock(clock_hz)

    def guard_ram(self) -> None:
        """The MPU as the boot loader leaves it: on, all RAM execute-never."""
        self.scs.set("MPU.CTRL", 5)
        self._core.set_executable(self._ram, False)

    def vector_table(self) -> int:
        """VTOR."""
        return self.scs.get("SCB.VTOR")

    def set_vector_table(self, address: int) -> None:
        """VTOR, as a loader sets it."""
        self.scs.set("SCB.VTOR", address)

    def fault_enabled(self, number: int) -> bool:
        """True if SHCSR lets MemManage (4), BusFault (5) or UsageFault (6) be more than a HardFault."""
        return bool(self.scs.get("SCB.SHCSR") >> (12 + number) & 1)

    def raise_flags(self, *, cfsr: int = 0, hfsr: int = 0) -> None:
        """Set bits of the fault status registers."""
        self._flags["SCB.CFSR"] |= cfsr
        self._flags["SCB.HFSR"] |= hfsr

    def _write_one_to_clear(self, name: str) -> None:
        def clear(value: int) -> None:
            self._flags[name] &= ~value

        self.scs.on_read(name, lambda: self._flags[name])
        self.scs.on_write(name, clear)

    def _clearer(self, name: str) -> Any:
        # Nothing can be enabled or pending, so there is nothing to clear.
        return lambda _value: self.scs.set(name, 0)

    def _refuse_interrupt(self, value: int) -> None:
        if value:
            raise Unmodelled("an interrupt was enabled or made pending; the emulated board delivers none")

    def _write_icsr(self, value: int) -> None:
        if value & (1 << 31 | 1 << 28 | 1 << 26):
            raise Unmodelled(
                f"0xE000ED04 (SCB.ICSR) was written 0x{value:08X}, which makes an exception pending"
            )
        self.scs.set("SCB.ICSR", 0)

    def _write_aircr(self, value: int) -> None:
        self.scs.set("SCB.AIRCR", _VECTKEYSTAT | value & 0x700)
        if value >> 16 != _VECTKEY:
            raise Violation(
                f"0xE000ED0C (SCB.AIRCR) was written 0x{value:08X} without the key 0x05FA: the chip ignores that"
            )
        if value & 4:
            self._core.request_reset()

    def _write_cpacr(self, value: int) -> None:
        self._core.fpu_enabled = value >> 20 & 0xF == 0xF

    def _write_ccr(self, value: int) -> None:
        if value & 0x18:
            raise Unmodelled("trapping of unaligned accesses or of divisions by zero was enabled in SCB.CCR")
        if self._caches is not None:
            self._caches.check_enabled(value)

    def _write_mpu_ctrl(self, value: int) -> None:
        if value & 1:
            raise Unmodelled("the MPU was enabled with the firmware's own regions")
        self._core.set_executable(self._ram, True)


def _registers(model: str) -> list[Register]:
    """Those of ARMv7-M, and what the core `model` has besides or otherwise."""
    sources = ["armv7m"] if model == "cortex-m4" else ["armv7m", model]
    by_address = {
        register.address: register
        for source in sources
        for block in load_registers(source).values()
        for register in block
    }
    return list(by_address.values())
