"""NVMC, and the pages of information that the chip carries: FICR and UICR."""

from __future__ import annotations

from collections.abc import Callable

from tinysine.emulation.bank import Bank, Unmodelled, Violation
from tinysine.emulation.registers import Register

_RESET_PIN = 18


class FlashController:
    """NVMC: always ready; programming from the firmware is not modelled.

    Args:
        registers: of the block "NVMC".
    """

    def __init__(self, registers: tuple[Register, ...], *, stop: Callable[[Violation], None]) -> None:
        self.bank = Bank(registers[0].address & ~0xFFF, registers, stop=stop)
        self.bank.on_write("NVMC.CONFIG", self._refuse)
        for name in ("ERASEPAGE", "ERASEALL", "ERASEPCR0", "ERASEUICR", "ERASEPAGEPARTIAL"):
            self.bank.on_write(f"NVMC.{name}", self._refuse)
        self.reset()

    def reset(self) -> None:
        """As after a reset of the chip."""
        self.bank.reset()
        self.bank.set("NVMC.READYNEXT", 1)

    def leave_as_loader_does(self) -> None:
        """The instruction cache is on."""
        self.bank.set("NVMC.ICACHECNF", 1)

    def _refuse(self, value: int) -> None:
        if value:
            raise Unmodelled("the firmware started to erase or program its own flash")


def information_banks(
    registers: dict[str, tuple[Register, ...]],
    *,
    stop: Callable[[Violation], None],
    unique_id: bytes,
) -> tuple[Bank, Bank]:
    """FICR and UICR of one chip. `unique_id`: 8 bytes, DEVICEID."""
    ficr = Bank(0x10000000, registers["FICR"], stop=stop)
    for index in range(2):
        ficr.set(f"FICR.DEVICEID[{index}]", int.from_bytes(unique_id[4 * index : 4 * index + 4], "little"))
    ficr.set("FICR.CODEPAGESIZE", 4096)
    ficr.set("FICR.CODESIZE", 256)
    ficr.set("FICR.INFO.RAM", 256)
    ficr.set("FICR.INFO.FLASH", 1024)
    uicr = Bank(0x10001000, registers["UICR"], stop=stop)
    for index in range(2):
        uicr.set(f"UICR.PSELRESET[{index}]", _RESET_PIN)
    uicr.set("UICR.NFCPINS", 0xFFFFFFFE)
    for register in registers["UICR"]:
        uicr.on_write(f"UICR.{register.name}", _refuse_uicr)
    return ficr, uicr


def _refuse_uicr(_value: int) -> None:
    raise Violation("UICR was written; it is flash, and takes writes only while NVMC.CONFIG says so")
