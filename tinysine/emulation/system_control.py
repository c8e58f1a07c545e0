"""The core's own registers: SCB, NVIC, SysTick, DWT, MPU, FPU, debug."""

from __future__ import annotations

from typing import Any

from tinysine.emulation.bank import PAGE, Bank, Unmodelled, Violation
from tinysine.emulation.caches import Caches
from tinysine.emulation.core import DWT_PAGE, Core
from tinysine.emulation.emulated_time import EmulatedTime
from tinysine.emulation.registers import Register, load_registers

SCS_PAGE = 0xE000E000
_VECTKEY = 0x05FA
_VECTKEYSTAT = 0xFA050000
_TRCENA = 1 << 24
_LOCK_KEY = 0xC5ACCE55
_WORD = 0xFFFFFFFF


class SystemControl:
    """What sits at 0xE0000000: enough for firmware without interrupts, and a refusal of the rest.

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
        self._cycle_counter = _CycleCounter(self.scs, self.dwt, core, locked=locked)
        self._clock_hz = clock_hz
        self._systick = _SysTick(self.scs, time)
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


class _CycleCounter:
    """DWT's cycle counter, which here counts instructions.

    Args:
        locked: whether writes are ignored until the lock access register is given its key.
    """

    def __init__(self, scs: Bank, dwt: Bank, core: Core, *, locked: bool) -> None:
        self._scs = scs
        self._dwt = dwt
        self._core = core
        self._has_lock = locked
        self.reset()
        if locked:
            dwt.on_write("DWT.LAR", self._write_lock)
            dwt.on_read("DWT.LSR", lambda: 1 | int(self._locked) << 1)
        scs.on_write("DCB.DEMCR", lambda _value: self._switch())
        for offset in list(dwt.readers):
            dwt.readers[offset] = self._guarded(dwt.readers[offset])
        dwt.readers[dwt.offset("DWT.CYCCNT")] = self._read
        dwt.on_write("DWT.CYCCNT", self._write)
        dwt.on_write("DWT.CTRL", self._write_ctrl)

    def reset(self) -> None:
        self._locked = self._has_lock
        self._frozen = 0  # while it does not count
        self._start = 0  # of the core's count, while it does

    def _guarded(self, reader: Any) -> Any:
        def read() -> int:
            self._need_trace()
            return int(reader())

        return read

    def _need_trace(self) -> None:
        if not self._scs.get("DCB.DEMCR") & _TRCENA:
            raise Violation("a register of the DWT was used before DEMCR.TRCENA was set")

    def _read(self) -> int:
        self._need_trace()
        if not self._core.counter.running:
            return self._frozen
        return (self._core.counter.executed() - self._start) & _WORD

    def _write(self, value: int) -> None:
        self._need_trace()
        if self._locked:
            return
        self._frozen = value
        if self._core.counter.running:
            # The write itself is done when the counter takes its new value.
            self._start = self._core.counter.executed() + 1 - value

    def _write_ctrl(self, _value: int) -> None:
        self._need_trace()
        if self._locked:
            self._dwt.set("DWT.CTRL", self._dwt.reset_value("DWT.CTRL"))
            return
        self._switch()

    def _write_lock(self, value: int) -> None:
        self._need_trace()
        self._locked = value != _LOCK_KEY

    def _switch(self) -> None:
        wanted = bool(self._scs.get("DCB.DEMCR") & _TRCENA and self._dwt.get("DWT.CTRL") & 1)
        counter = self._core.counter
        if counter.running and not wanted:
            self._frozen = (counter.executed() - self._start) & _WORD
        elif wanted and not counter.running:
            self._start = -self._frozen
        self._core.count(wanted)


class _SysTick:
    """The core's timer, on the board's own time."""

    def __init__(self, scs: Bank, time: EmulatedTime) -> None:
        self._scs = scs
        self._time = time
        self._clock_hz = 0
        self.reset()
        scs.on_write("SysTick.CSR", self._write_csr)
        scs.on_read("SysTick.CSR", self._read_csr)
        scs.on_write("SysTick.RVR", lambda value: setattr(self, "_reload", value))
        scs.on_read("SysTick.CVR", self._read_cvr)
        scs.on_write("SysTick.CVR", self._write_cvr)

    def reset(self) -> None:
        self._enabled = False
        self._reload = 0
        self._origin_ns = 0
        self._counted = 0  # clocks before the origin
        self._stopped_at = 0
        self._seen_wraps = 0

    def set_clock(self, clock_hz: int) -> None:
        """Count faster or slower from now on."""
        if self._enabled:
            self._counted = self._elapsed()
            self._origin_ns = self._time.peek_ns()
        self._clock_hz = clock_hz

    def _elapsed(self) -> int:
        # Whole numbers: even steps of time are even numbers of clocks.
        return self._counted + (self._time.now_ns() - self._origin_ns) * self._clock_hz // 1_000_000_000

    def _write_csr(self, value: int) -> None:
        if value & 2:
            raise Unmodelled("SysTick's interrupt was enabled; the emulated board delivers none")
        if value & 1 and not value & 4:
            raise Unmodelled("SysTick was given its external reference clock")
        enabled = bool(value & 1)
        if enabled and not self._enabled:
            self._restart()
        elif self._enabled and not enabled:
            self._stopped_at = self._read_cvr()
        self._enabled = enabled

    def _restart(self) -> None:
        self._origin_ns = self._time.now_ns()
        self._counted = 0
        self._seen_wraps = 0

    def _write_cvr(self, _value: int) -> None:
        # Any write clears the counter and COUNTFLAG; it reloads at the next clock.
        self._stopped_at = 0
        self._restart()

    def _read_cvr(self) -> int:
        if not self._enabled:
            return self._stopped_at
        return self._reload - self._elapsed() % (self._reload + 1)

    def _read_csr(self) -> int:
        value = self._scs.get("SysTick.CSR") & 7
        if self._enabled:
            wraps = self._elapsed() // (self._reload + 1)
            if wraps > self._seen_wraps:
                self._seen_wraps = wraps
                value |= 1 << 16
        return value
