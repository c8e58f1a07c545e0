"""The STM32F746 on an STM32F746G-DISCO, as its reset leaves it."""

from tinysine.emulation.stm32f746.chip import Stm32f746

__all__ = ["Stm32f746"]
