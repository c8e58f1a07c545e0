"""Fixtures that the tests of flash tools and of rigs share."""

from __future__ import annotations

from unit_tests.flashing.tool_fixtures import bench, clock, image_for, nano_image, plug

__all__ = ["bench", "clock", "image_for", "nano_image", "plug"]
