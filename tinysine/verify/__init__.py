"""The one conductor: model -> image -> board -> answers -> verdicts -> evidence."""

from tinysine.verify.builds import Flashing
from tinysine.verify.conduct import require_tools, verify

__all__ = ["Flashing", "require_tools", "verify"]
