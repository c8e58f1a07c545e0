"""The one conductor: model -> image -> board -> answers -> verdicts -> evidence."""

from tinysine.rigs import Flashing
from tinysine.verify.announced_layers import announced_layers
from tinysine.verify.builds import build_firmware
from tinysine.verify.conduct import require_tools, verify
from tinysine.verify.contradictions import contradiction, refuse_miscount
from tinysine.verify.figures import measure_figures
from tinysine.verify.layers import layer_inputs, verify_layers
from tinysine.verify.layers_of_run import cut_builder
from tinysine.verify.model_file import require_unchanged
from tinysine.verify.question import Question, Watcher, check_question

__all__ = [
    "Flashing",
    "Question",
    "Watcher",
    "announced_layers",
    "build_firmware",
    "check_question",
    "contradiction",
    "cut_builder",
    "layer_inputs",
    "measure_figures",
    "refuse_miscount",
    "require_tools",
    "require_unchanged",
    "verify",
    "verify_layers",
]
