"""RCC, PWR and FLASH: the clock tree, and the limits that it must keep at every moment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tinysine.emulation.bank import Bank, Unmodelled, Violation
from tinysine.emulation.registers import Register

HSI_HZ, HSE_HZ = 16_000_000, 25_000_000
# What RM0385 allows at 2.7 to 3.6 V.
_HCLK_MAX_HZ, _HCLK_PLAIN_MAX_HZ = 216_000_000, 180_000_000
_PCLK1_MAX_HZ, _PCLK2_MAX_HZ = 54_000_000, 108_000_000
_FLASH_HZ_PER_CYCLE = 30_000_000
_OSCILLATORS = {"HSE": (16, 17), "PLL": (24, 25), "HSI": (0, 1)}  # bits: on, ready
_PLL_FROM_HSE = 1 << 22
_ODEN, _ODSWEN, _ODRDY, _ODSWRDY = 1 << 16, 1 << 17, 1 << 16, 1 << 17
_PWREN = 1 << 28
_USART1_CLOCKS = ("APB2", "SYSCLK", "HSI", "LSE")
# Looks at a ready flag until it is up.
_LOOKS = 3


@dataclass(frozen=True)
class Clocks:
    """Frequencies in hertz."""

    sysclk: int
    hclk: int
    pclk1: int
    pclk2: int


class ClockTree:
    """The three blocks.

    Args:
        registers: of the blocks "RCC", "FLASH" and "PWR".
        core_clock: called with the core's clock in hertz when it changes.
    """

    def __init__(
        self,
        registers: dict[str, tuple[Register, ...]],
        *,
        stop: Callable[[Violation], None],
        core_clock: Callable[[int], None],
    ) -> None:
        self.bank = Bank(0x40023000, registers["RCC"] + registers["FLASH"], stop=stop)
        self.power = Bank(0x40007000, registers["PWR"], stop=stop)
        self._core_clock = core_clock
        self._looks: dict[str, int] = {}
        self._source = "HSI"
        bank = self.bank
        bank.on_write("RCC.CR", self._write_cr)
        bank.on_read("RCC.CR", self._read_cr)
        bank.on_write("RCC.PLLCFGR", self._write_pll)
        bank.on_write("RCC.CFGR", lambda _value: self._switch())
        bank.on_read("RCC.CFGR", self._read_cfgr)
        bank.on_write("FLASH.ACR", lambda _value: self.check())
        for name in ("CIR", "BDCR", "CSR"):
            bank.on_write(f"RCC.{name}", self._refuser(f"RCC.{name}"))
        for name in ("KEYR", "OPTKEYR", "CR", "OPTCR", "OPTCR1"):
            bank.on_write(f"FLASH.{name}", self._refuser(f"FLASH.{name}"))
        self.power.on_write("PWR.CR1", self._write_power)
        self.power.on_read("PWR.CSR1", self._read_power)
        self.power.guard("PWR", self._need_power_clock)

    def reset(self) -> None:
        """HSI, 16 MHz."""
        self.bank.reset()
        self.power.reset()
        self._looks = {"HSI": _LOOKS}
        self._source = "HSI"
        self._core_clock(HSI_HZ)

    def leave_pll_running(self, configuration: int, latency: int) -> None:
        """Something before the application runs the core from the PLL."""
        self.bank.set("RCC.PLLCFGR", configuration)
        self.bank.set("RCC.CR", self.bank.get("RCC.CR") | 1 << 16 | 1 << 24)
        self._looks = dict.fromkeys(_OSCILLATORS, _LOOKS)
        self.bank.set("FLASH.ACR", latency)
        self.bank.set("RCC.APB1ENR", _PWREN)
        self.power.set("PWR.CR1", self.power.get("PWR.CR1") | _ODEN | _ODSWEN)
        self._looks |= {"overdrive": _LOOKS, "overdrive switch": _LOOKS}
        self.bank.set("RCC.CFGR", 5 << 10 | 4 << 13 | 2)
        self._source = "PLL"
        self.check()
        self._core_clock(self.clocks().hclk)

    def enabled(self, register: str, bit: int) -> bool:
        """True if a block has its clock: the bit of RCC.`register` that gives it."""
        return bool(self.bank.get(f"RCC.{register}") >> bit & 1)

    def usart1_hz(self) -> int:
        """The clock of USART1.

        Raises:
            Unmodelled: the low-speed crystal was selected.
        """
        source = _USART1_CLOCKS[self.bank.get("RCC.DKCFGR2") & 3]
        clocks = self.clocks()
        hertz = {"APB2": clocks.pclk2, "SYSCLK": clocks.sysclk, "HSI": HSI_HZ}
        if source not in hertz:
            raise Unmodelled("USART1 was given the low-speed crystal as its clock")
        return hertz[source]

    def clocks(self) -> Clocks:
        """Return the clocks that follow from the settings."""
        sysclk = {"HSI": HSI_HZ, "HSE": HSE_HZ, "PLL": 0}[self._source] or self._pll_hz()
        cfgr = self.bank.get("RCC.CFGR")
        ahb = cfgr >> 4 & 0xF
        # The prescalers skip 32: 2, 4, 8, 16, 64, ... (RM0385, RCC_CFGR).
        hclk = sysclk if ahb < 8 else sysclk >> (ahb - 7 if ahb < 12 else ahb - 6)
        pclk1, pclk2 = (
            hclk if field < 4 else hclk >> (field - 3) for field in (cfgr >> 10 & 7, cfgr >> 13 & 7)
        )
        return Clocks(sysclk, hclk, pclk1, pclk2)

    def check(self) -> None:
        """Hold the clocks against their limits.

        Raises:
            Violation: one is beyond.
        """
        clocks = self.clocks()
        waits = self.bank.get("FLASH.ACR") & 0xF
        if clocks.hclk > (waits + 1) * _FLASH_HZ_PER_CYCLE:
            raise Violation(
                f"the core would run at {clocks.hclk / 1e6:g} MHz with {waits} wait states of the flash "
                f"(FLASH.ACR): they are enough for {(waits + 1) * _FLASH_HZ_PER_CYCLE / 1e6:g} MHz"
            )
        overdrive = self._up("overdrive switch")
        limits = (
            ("the core", clocks.hclk, _HCLK_MAX_HZ if overdrive else _HCLK_PLAIN_MAX_HZ),
            ("APB1", clocks.pclk1, _PCLK1_MAX_HZ),
            ("APB2", clocks.pclk2, _PCLK2_MAX_HZ),
        )
        for name, hertz, limit in limits:
            if hertz > limit:
                hint = (
                    "" if overdrive or name != "the core" else ", and 216 once the over-drive is switched on"
                )
                raise Violation(
                    f"{name} would run at {hertz / 1e6:g} MHz; it may at {limit / 1e6:g} MHz at most{hint}"
                )

    def _up(self, what: str) -> bool:
        return self._looks.get(what, 0) >= _LOOKS

    def _look(self, what: str, wanted: bool) -> bool:
        """One look at a ready flag."""
        self._looks[what] = self._looks.get(what, 0) + 1 if wanted else 0
        return self._up(what)

    def _pll_hz(self) -> int:
        value = self.bank.get("RCC.PLLCFGR")
        divider, factor = value & 0x3F, value >> 6 & 0x1FF
        source = HSE_HZ if value & _PLL_FROM_HSE else HSI_HZ
        if divider < 2 or not 1_000_000 <= source // divider <= 2_000_000:
            raise Violation(f"RCC.PLLCFGR 0x{value:08X}: the PLL's input must be 1 to 2 MHz, M is {divider}")
        vco = source // divider * factor
        if not 100_000_000 <= vco <= 432_000_000:
            raise Violation(
                f"RCC.PLLCFGR 0x{value:08X}: the PLL would run at {vco / 1e6:g} MHz; 100 to 432 MHz"
            )
        return vco // (2 * ((value >> 16 & 3) + 1))

    def _write_cr(self, value: int) -> None:
        on_bit, _ = _OSCILLATORS[self._source]
        if not value >> on_bit & 1:
            raise Violation(
                f"RCC.CR was written 0x{value:08X}, which stops the {self._source} that the core runs on"
            )
        for name, (on_bit, _) in _OSCILLATORS.items():
            if not value >> on_bit & 1:
                self._looks[name] = 0
        if value >> 24 & 1:
            if value & 1 << 24 and self.bank.get("RCC.PLLCFGR") & _PLL_FROM_HSE and not self._up("HSE"):
                raise Violation("the PLL was switched on before its source was ready (RCC.CR.HSERDY)")
            self._pll_hz()

    def _read_cr(self) -> int:
        value = self.bank.get("RCC.CR")
        for name, (on_bit, ready_bit) in _OSCILLATORS.items():
            ready = self._look(name, bool(value >> on_bit & 1))
            value = value & ~(1 << ready_bit) | int(ready) << ready_bit
        return value

    def _write_pll(self, value: int) -> None:
        if self.bank.get("RCC.CR") >> 24 & 1:
            raise Violation(f"RCC.PLLCFGR was written 0x{value:08X} while the PLL is on")

    def _switch(self) -> None:
        wanted = {0: "HSI", 1: "HSE", 2: "PLL"}.get(self.bank.get("RCC.CFGR") & 3)
        if wanted is None or not self._up(wanted):
            raise Violation(
                f"the core was switched to {wanted or 'nothing'} (RCC.CFGR.SW) before it was ready"
            )
        self._source = wanted
        self.check()
        self._core_clock(self.clocks().hclk)

    def _read_cfgr(self) -> int:
        status = {"HSI": 0, "HSE": 1, "PLL": 2}[self._source]
        return self.bank.get("RCC.CFGR") & ~0xC | status << 2

    def _need_power_clock(self, register: str) -> None:
        if not self.bank.get("RCC.APB1ENR") & _PWREN:
            raise Violation(f"PWR.{register} was used while the block has no clock: set APB1ENR.PWREN before")

    def _write_power(self, value: int) -> None:
        if value & _ODSWEN and not self._up("overdrive"):
            raise Violation(
                "the over-drive was switched to (PWR.CR1.ODSWEN) before it was ready (CSR1.ODRDY)"
            )
        for name, bit in (("overdrive", _ODEN), ("overdrive switch", _ODSWEN)):
            if not value & bit:
                self._looks[name] = 0
        self.check()

    def _read_power(self) -> int:
        control, value = self.power.get("PWR.CR1"), self.power.get("PWR.CSR1")
        for name, enable, ready in (
            ("overdrive", _ODEN, _ODRDY),
            ("overdrive switch", _ODSWEN, _ODSWRDY),
        ):
            value = value & ~ready | ready * self._look(name, bool(control & enable))
        return value

    def _refuser(self, name: str) -> Callable[[int], None]:
        def refuse(value: int) -> None:
            raise Unmodelled(f"{name} was written 0x{value:08X}")

        return refuse
