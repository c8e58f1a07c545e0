"""The nRF52840 on an Arduino Nano 33 BLE, as its boot loader leaves it."""

from tinysine.emulation.nrf52840.chip import Nrf52840

__all__ = ["Nrf52840"]
