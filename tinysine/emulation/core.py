"""A Cortex-M with a single-precision FPU: Unicorn for the instructions, and what Unicorn leaves out."""

from __future__ import annotations

import ctypes
from typing import Any

from tinysine.emulation.bank import PAGE, Bank, Violation
from tinysine.emulation.core_events import Event, Region, Stop
from tinysine.emulation.counting import InstructionCounter
from tinysine.emulation.hooks import Hooks
from tinysine.emulation.requirements import unicorn_is_missing
from tinysine.emulation.thumb import first_double_precision, first_floating_point, straight_line
from tinysine.emulation.witness import Witness

DWT_PAGE = 0xE0001000
_NEVER = 0xFFFFFFFF
# Unicorn stops at WFE and YIELD as at an undefined instruction, but with the program counter behind them. They may do
# nothing at all. What lies there is then executed alone: only if that fails on the spot is it undefined itself.
_WFE_YIELD = (0xBF20, 0xBF10)
_WFI = 0xBF30
_LONGEST_BLOCK = 256
_THUMB = 1 << 24


class Core:
    """The core and its memory. One thread runs it; any other may call `interrupt`, and nothing else.

    Args:
        regions: memory to map.
        model: "cortex-m4" or "cortex-m7".

    Raises:
        ConfigError: the `unicorn` package is not installed.
    """

    def __init__(self, regions: tuple[Region, ...], *, model: str = "cortex-m4") -> None:
        try:
            import unicorn  # noqa: PLC0415 - optional, and heavy
            from unicorn import arm_const  # noqa: PLC0415
        except ImportError as error:
            raise unicorn_is_missing() from error
        self._unicorn = unicorn
        self._const = arm_const
        self.uc: Any = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS)
        models = {"cortex-m4": arm_const.UC_CPU_ARM_CORTEX_M4, "cortex-m7": arm_const.UC_CPU_ARM_CORTEX_M7}
        self.uc.ctl_set_cpu_model(models[model])
        self._regions = regions
        self._bytes: dict[str, Any] = {}
        for region in regions:
            self._map(region)
        self.uc.hook_add(unicorn.UC_HOOK_MEM_INVALID, self._on_bad_memory)
        self.uc.hook_add(unicorn.UC_HOOK_INTR, self._on_exception)
        self.uc.hook_add(unicorn.UC_HOOK_INSN_INVALID, self._on_invalid_instruction)
        self.uc.hook_add(unicorn.UC_HOOK_EDGE_GENERATED, self._on_new_block)
        self.uc.hook_add(unicorn.UC_HOOK_MEM_READ, self._on_device_read, None, 0x40000000, 0xFFFFFFFF)
        hooks = Hooks(self.uc)
        self.leave_it_block = hooks.leave_it_block
        looking: Any = {
            "watched": (DWT_PAGE, DWT_PAGE + PAGE - 1),
            "read_code": lambda address, size: bytes(self.uc.mem_read(address, size)),
            "is_fixed": self._is_fixed,
            "estimates_cycles": model == "cortex-m4",
        }
        self.counter = InstructionCounter(hooks, read_pc=lambda: self.read("PC"), **looking)
        self.witness = Witness(self.uc, hooks, read=self.read, **looking)
        self.fpu_enabled = False
        self._event: tuple[Event, Violation | None, int, int] | None = None
        self._counting_wanted: bool | None = None

    def _map(self, region: Region) -> None:
        bytes_ = self._bytes.get(region.alias_of)
        if bytes_ is None:
            bytes_ = ctypes.create_string_buffer(region.length)
        self._bytes[region.name] = bytes_  # Unicorn keeps none of its own
        protection = self._protection(region, region.executable)
        self.uc.mem_map_ptr(region.origin, region.length, protection, ctypes.cast(bytes_, ctypes.c_void_p))

    def map_bank(self, bank: Bank) -> None:
        """Put a page of registers into the address space."""
        self.uc.mmio_map(bank.base, PAGE, bank.read, None, bank.write, None)

    def read(self, register: str) -> int:
        """A core register: "R0", "SP", "PC", "XPSR", "CONTROL", ..."""
        return int(self.uc.reg_read(getattr(self._const, f"UC_ARM_REG_{register}")))

    def write(self, register: str, value: int) -> None:
        """Set a core register."""
        self.uc.reg_write(getattr(self._const, f"UC_ARM_REG_{register}"), value)

    def read_word(self, address: int) -> int:
        """A 32-bit word of plain memory."""
        return int.from_bytes(self.uc.mem_read(address, 4), "little")

    def write_word(self, address: int, value: int) -> None:
        """Set a 32-bit word of plain memory."""
        self.uc.mem_write(address, value.to_bytes(4, "little"))

    def region_of(self, address: int, size: int = 1) -> Region | None:
        """The memory that holds all of [address, address + size), if one does."""
        for region in self._regions:
            if region.origin <= address and address + size <= region.origin + region.length:
                return region
        return None

    def set_executable(self, name: str, executable: bool) -> None:
        """Allow or forbid instruction fetches from a region, as an MPU does."""
        for region in self._regions:
            if region.name == name:
                self.uc.mem_protect(region.origin, region.length, self._protection(region, executable))

    def _protection(self, region: Region, executable: bool) -> int:
        unicorn = self._unicorn
        protection = unicorn.UC_PROT_READ
        protection |= unicorn.UC_PROT_WRITE if region.writable else 0
        protection |= unicorn.UC_PROT_EXEC if executable else 0
        return int(protection)

    def reset(self) -> None:
        """Registers as after a reset; no instruction is executed. Memory keeps what it holds."""
        if self.counter.running:
            self.counter.stop()
        self._counting_wanted = None
        self.fpu_enabled = False
        for index in range(13):
            self.write(f"R{index}", 0)
        self.write("LR", 0xFFFFFFFF)
        self.write("CONTROL", 0)
        self.write("PRIMASK", 0)
        self.write("FAULTMASK", 0)
        self.write("BASEPRI", 0)
        self.write("FPSCR", 0)
        self.write("CPSR", 0x1F3)  # nothing left of an IT block, Thumb
        self.write("XPSR", 0x01000000)
        self.witness.restart()
        self.forget_code()

    def forget_code(self) -> None:
        """Memory that holds code was changed from outside."""
        self.uc.ctl_flush_tb()
        for counter in (self.counter, self.witness):
            counter.forget_code()

    def stop(self, violation: Violation) -> None:
        """From inside an access to memory: the firmware must not go on."""
        self._raise(Event.VIOLATION, violation)

    def request_reset(self) -> None:
        """From inside an access to memory: the firmware asked for a reset."""
        self._raise(Event.RESET_REQUEST)

    def count(self, wanted: bool) -> None:
        """From inside an access to memory: count instructions from now on, or no more.

        Unicorn then stops with the program counter on the access and repeats it, which the registers concerned bear.
        """
        if wanted != self.counter.running:
            self._counting_wanted = wanted
            self.uc.emu_stop()

    def interrupt(self) -> None:
        """From another thread: stop soon. May cut an access to memory in two, so a reset has to follow. May come too
        early to have an effect: ask again until the core has stopped.
        """
        self.uc.emu_stop()

    def run(self) -> Stop:
        """Execute until something stops the core."""
        behind_hint = -1
        self.witness.narrow()
        while True:
            self._event = None
            if not self.fpu_enabled:
                self._check_first_block()
            one_step = self.read("PC") == behind_hint
            failure = self._execute(one_step=one_step) if self._event is None else ""
            pc = self.read("PC")
            for counter in (self.counter, self.witness):
                if counter.running:
                    counter.left_block()
            if self._event is not None:
                event, violation, number, address = self._event
                if event is Event.UNDEFINED:
                    if self._halfword_before(pc) in _WFE_YIELD and not (one_step and pc == behind_hint):
                        behind_hint = pc
                        continue
                    if not self.read("XPSR") & _THUMB:
                        event = Event.NOT_THUMB
                return Stop(event, pc, violation, number, address)
            if failure:
                return Stop(Event.VIOLATION, pc, Violation(f"the core stopped: {failure}"))
            behind_hint = -1
            if self._counting_wanted is not None:
                self._switch_counting()
            elif self._halfword_before(pc) == _WFI:
                return Stop(Event.WAITING, pc)
            elif not one_step:
                return Stop(Event.INTERRUPTED, pc)

    def _execute(self, *, one_step: bool) -> str:
        try:
            self.uc.emu_start(self.read("PC") | 1, _NEVER, 0, int(one_step))
        except self._unicorn.UcError as error:
            return str(error)
        return ""

    def _switch_counting(self) -> None:
        wanted, self._counting_wanted = self._counting_wanted, None
        if wanted and not self.counter.running:
            self.counter.start()
        elif not wanted and self.counter.running:
            self.counter.stop()

    def _halfword_before(self, pc: int) -> int:
        if self.region_of(pc - 2, 2) is None:
            return 0
        return int.from_bytes(self.uc.mem_read(pc - 2, 2), "little")

    def _raise(
        self, event: Event, violation: Violation | None = None, number: int = 0, address: int = 0
    ) -> None:
        if self._event is None:
            self._event = (event, violation, number, address)
        self.uc.emu_stop()

    def _on_bad_memory(
        self, _uc: Any, access: int, address: int, size: int, value: int, _data: object
    ) -> bool:
        unicorn = self._unicorn
        if access in (unicorn.UC_MEM_FETCH_UNMAPPED, unicorn.UC_MEM_FETCH_PROT):
            if access == unicorn.UC_MEM_FETCH_PROT:
                self._raise(Event.NOT_EXECUTABLE, address=address)
            else:
                self._raise(
                    Event.VIOLATION,
                    Violation(f"instruction fetch from 0x{address:08X}, where the chip has no memory"),
                )
            return False
        if access in (unicorn.UC_MEM_WRITE_UNMAPPED, unicorn.UC_MEM_WRITE_PROT):
            mask = (1 << 8 * size) - 1
            what = f"{size} bytes (0x{value & mask:0{2 * size}X}) were written to 0x{address:08X}"
        else:
            what = f"{size} bytes were read from 0x{address:08X}"
        region = self.region_of(address)
        where = (
            f"in {region.name}, which cannot be written like RAM" if region else "where the chip has nothing"
        )
        self._raise(Event.VIOLATION, Violation(f"{what}, {where}{self._overflow_note(address)}"))
        return False

    def _on_device_read(
        self, _uc: Any, _access: int, address: int, size: int, _value: int, _data: object
    ) -> None:
        self.leave_it_block()
        # Unicorn makes two aligned loads of an unaligned one, so that the registers themselves cannot tell.
        if address & (size - 1):
            self.stop(Violation(f"0x{address:08X} was read unaligned, {size} bytes wide"))

    def _is_fixed(self, address: int) -> bool:
        region = self.region_of(address)
        return region is not None and not region.writable

    def _overflow_note(self, address: int) -> str:
        ram = next(region for region in self._regions if region.writable)
        if ram.origin - 0x1000 <= address < ram.origin:
            return " (just below RAM: a stack that starts at the bottom of RAM has overflowed)"
        return ""

    def _on_exception(self, _uc: Any, number: int, _data: object) -> None:
        self._raise(Event.EXCEPTION, number=number)

    def _on_invalid_instruction(self, _uc: Any, _data: object) -> bool:
        self._raise(Event.UNDEFINED, address=self.read("PC"))
        return False

    def _on_new_block(self, _uc: Any, block: Any, _previous: Any, _data: object) -> None:
        self._check_fpu(int(block.pc), int(block.size))

    def _check_first_block(self) -> None:
        # Unicorn does not announce the first block of a run.
        pc = self.read("PC") & ~1
        region = self.region_of(pc, 2)
        if region is not None and region.executable:
            size = min(_LONGEST_BLOCK, region.origin + region.length - pc)
            self._check_fpu(pc, straight_line(bytes(self.uc.mem_read(pc, size))))

    def _check_fpu(self, pc: int, size: int) -> None:
        """Unicorn's FPU is always on, and on a Cortex-M7 double; the chip's is off until CPACR says otherwise."""
        code = bytes(self.uc.mem_read(pc, size))
        at = first_double_precision(code) if self.fpu_enabled else first_floating_point(code)
        if at is None:
            return
        what = (
            "is of double precision, which this chip's FPU does not have"
            if self.fpu_enabled
            else "is about to run while the FPU is off: enable CP10 and CP11 in CPACR, then ISB, before"
        )
        self._raise(Event.VIOLATION, Violation(f"the floating-point instruction at 0x{pc + at:08X} {what}"))
