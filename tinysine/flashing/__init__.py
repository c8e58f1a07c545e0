"""Putting an image on a board: one small adapter a tool behind one interface, the emulated boards among them."""

from tinysine.flashing.rig import Flasher, Rig, RigKind, open_rig

__all__ = ["Flasher", "Rig", "RigKind", "open_rig"]
