"""The one conductor: model -> image -> board -> answers -> verdicts -> evidence."""

from tinysine.verify.conduct import require_tools, verify
from tinysine.verify.examine import Flashing

__all__ = ["Flashing", "require_tools", "verify"]
