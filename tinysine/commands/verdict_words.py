"""Words of the verdict, for `tinysine explain`: its lines, as on the page docs/verdict.md, and what stands in them."""

from __future__ import annotations

WORDS = {
    "outputs": (
        "how many inputs were asked, whether these are all there are, and the reference that every "
        "answer had to equal, bit for bit. The corners, of a sample, are each input at its least, its "
        "zero and its largest code"
    ),
    "distance": (
        "only if answers differ: how far they are from the reference, as real values: largest and mean "
        "difference, root of the mean square, cosine of the angle. It judges nothing"
    ),
    "output": "for a model with several outputs: each by itself, with its tensor's name",
    "accuracy": (
        "with labelled data: the share of inputs that device, reference and float model put into the "
        "labelled class, and how many the device puts into another class than the reference"
    ),
    "changed": "the first inputs whose class differs between device and reference",
    "against": (
        "the other references, for comparison: how many of their answers differ, and by how much. It "
        "decides nothing"
    ),
    "sin(x)": (
        "only for a model of the sine: the device's error, which must be the error of the .tflite file itself"
    ),
    "errors": (
        "where the error against sin(x) comes from: `input`, the step of the input codes; `network`, what training "
        "left; `quantization`, int8 instead of real numbers; `device`, wrong answers, 0 on a device that"
        " is right"
    ),
    "latency": (
        "one inference: instructions on an emulator, what the board counts on hardware; the cycles of a "
        "Cortex-M4 as they are estimated, where the emulator has one; and who vouches for the figure"
    ),
    "memory": (
        "the arena is the engine's buffer between layers; the stack is the most that was ever used; "
        "static RAM is all variables"
    ),
    "flash": "the whole image; the engine and the model in it",
    "soak": "with `--soak N`: how many further answers were right",
    "board": "where it is unknown what is behind the port: what would prove it",
    "open": "with `--firmware foreign`: what that firmware does not prove",
    "flaky": "requests had to be sent again: a pass that deserves a look",
    "with": "everything that made the image and the references, with versions",
    "refused": (
        "an interpreter that does not take the model, in its own words; the other one judges; "
        "or why tinysine's own integers cannot equal an interpreter"
    ),
    "proved": "SHA-256 of model and image, and the build id, which the device itself reported",
    "verified": (
        "seconds that judging took, with building and flashing; what `run` does before, such as "
        "training, is not in it"
    ),
    "broke": "on a FAIL: the likeliest cause first, what else was found, and the first wrong answers",
    "also": "on a FAIL: the likeliest cause first, what else was found, and the first wrong answers",
    "wrong": "on a FAIL: the likeliest cause first, what else was found, and the first wrong answers",
    "litert": (
        "LiteRT, which was called TensorFlow Lite; BUILTIN_REF are its plain kernels, which do not "
        "depend on the computer"
    ),
    "tflm": "TensorFlow Lite Micro, the interpreter for microcontrollers",
    "integer-single": "tinysine's own exact integers, rounding once, as `litert` does",
    "integer-double": "tinysine's own exact integers, rounding twice, as `tflm` does",
    "tflm-float32": (
        "as `integer-double`, with the product of a dense layer's two scales in float32, as TensorFlow "
        "Lite Micro has it on a device"
    ),
    "other rounding": (
        "a difference that is shown to come from rounding alone; firmware that follows one reference has"
        " some to the others"
    ),
    "builtin_ref": ("LiteRT's plain kernels, which do not depend on the computer: the reference `litert`"),
    "corners": "of a sample: each input at its least, its zero and its largest code",
    "seed": "the number that decides which inputs a sample has: the same seed asks the same",
    "rounding": (
        "which reference the firmware was built to equal: litert rounds once where it scales a sum, tflm twice; "
        "--reference says which"
    ),
    "instructions": (
        "what an emulated board counts in one inference, exactly; a chip may take more than one cycle for one"
    ),
    "cycles": "what the counter of a real board counts in one inference, at the clock of its core",
    "estimated cycles": (
        "cycles that a Cortex-M4 would take, as the emulator adds them up by the core's manual, with memory that never "
        "waits; an estimate, where instructions are a count"
    ),
    "counts": "what a counter counts where nothing proves whether that are cycles or instructions",
    "noisy clock": (
        "the board's time is that of a computer with other work: the figure is the least disturbed of many, with the "
        "noise beside it"
    ),
    "arena": (
        "the engine's buffer between layers, as it is planned, and how much of it was used: what inference needs of "
        "RAM beside the stack"
    ),
    "stack": "the most of the stack that was ever used, of what is reserved; `inference`, the part of the engine",
    "static ram": "all variables of the firmware together, with the arena, without the stack",
    "image": "SHA-256 of the file that was flashed",
    "build": "the build id: a digest over all that made the image, which the device itself reports",
    "emulated": "a twin: an emulator runs the firmware, byte for byte that of the board; `hardware` is a real board",
    "host": "a twin: the firmware runs as a program of this computer",
    "qemu": "a twin: QEMU runs the firmware of a board of that processor",
    "hardware": "a real board, which its USB device or its chip's own number proves; `emulated` is a twin",
    "unknown": "nothing proves whether hardware or a twin is behind the port",
    "pass": (
        "every answer that was compared equals the reference, bit for bit, or within the tolerance asked for, and "
        "nothing else was found: exit code 0"
    ),
    "fail": "the product is wrong: `broke` says why; exit code 1. A bench in trouble is an error, with exit code 3",
    "equal": "no bit of any answer differs",
    "layers": (
        "with `--layers`: each layer's values against the reference's, and what it costs: one inference of the model "
        "cut off behind it, less that of the model cut off before"
    ),
    "unexplained": "a difference to another reference that rounding does not explain",
}
