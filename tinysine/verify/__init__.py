"""The one conductor: model -> image -> board -> answers -> verdicts -> evidence."""

from tinysine.verify.conduct import DEFAULT_SAMPLES, require_tools, verify
from tinysine.verify.examine import Flashing

__all__ = ["DEFAULT_SAMPLES", "Flashing", "require_tools", "verify"]
