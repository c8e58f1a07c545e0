"""Table of all commands: what help says of each, and where its function is. Each start of the program imports this."""

from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    """One command.

    Attributes:
        panel: heading that it stands under in help.
        function: its module in `tinysine.commands`, and the function's name there.
        summary: the first line of the function's docstring, so that help need not import it.
        hidden: a name of earlier versions, which is still taken and not shown.
    """

    panel: str
    function: str
    summary: str
    hidden: bool = False


_MAIN, _STEPS, _BOARDS, _RUNS = "The main job", "Its steps, one by one", "Boards", "From run to run"
_REFERENCES = "Show how the references themselves differ on a model."

COMMANDS: dict[str, Row] = {
    "run": Row(_MAIN, "run.run", "Train, convert, build, boot a board, prove every output."),
    "verify": Row(_MAIN, "verify.verify", "Build a model's firmware, run it on a board, prove every answer."),
    "engines": Row(_MAIN, "engines.engines", "Compare the engines that can run a model."),
    "train": Row(_STEPS, "make.train", "Train a small network on a noisy sine."),
    "convert": Row(_STEPS, "convert.convert", "Convert a network to float and int8 .tflite files."),
    "zoo": Row(_STEPS, "zoo.zoo", "Write a network of a known shape with random weights."),
    "references": Row(_STEPS, "references.references", _REFERENCES),
    "c-array": Row(_STEPS, "make.c_array", "Write a model as a C array: NAME.cc and NAME.h."),
    "build": Row(_STEPS, "make.build", "Build a board's firmware around a model."),
    "export-arduino": Row(_STEPS, "export_arduino.export_arduino", "Write a model as an Arduino sketch."),
    "flash": Row(_STEPS, "rigs.flash", "Put an image on a board, and prove that it runs there."),
    "emulate": Row(_BOARDS, "rigs.emulate", "Start an emulated board, and keep it running until Ctrl-C."),
    "boards": Row(_BOARDS, "boards.boards", "List the boards: known, attached, and emulated."),
    "doctor": Row(
        _BOARDS, "doctor.doctor", "Check tools, permissions and every board, and say how to fix them."
    ),
    "explain": Row(
        _BOARDS, "explain.explain", "Show what can cause an error, or what a word of a verdict means."
    ),
    "nightly": Row(_BOARDS, "nightly.nightly", "Verify every board, run its suite, and keep the results."),
    "history": Row(_RUNS, "history.history", "Show, export or shorten the history of runs."),
    "diff": Row(_RUNS, "diff.diff", "Compare a run with an earlier one, figure by figure."),
    "compare": Row(_STEPS, "references.references", _REFERENCES, hidden=True),
}
