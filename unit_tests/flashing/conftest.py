"""Fixtures that the tests of flash tools and of rigs share."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from tool_fixtures import bench, clock, image_for, nano_image, plug

__all__ = ["bench", "clock", "image_for", "nano_image", "plug"]
