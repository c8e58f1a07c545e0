"""Words of the verdict, for `tinysine explain`: its lines, as on the page docs/verdict.md, and the words in them."""

from __future__ import annotations

WORDS = {
    "outputs": (
        "how many inputs were asked, whether these are all inputs that exist, and the reference that every answer "
        "must equal, bit for bit. If not all inputs are asked, the corners are among them: each input at its "
        "smallest, its zero and its largest code"
    ),
    "distance": (
        "only if answers differ: how far they are from the reference, in real values: largest and mean "
        "difference, root mean square, cosine of the angle. It does not change the verdict"
    ),
    "output": "for a model with several outputs: one line for each, with the name of its tensor",
    "accuracy": (
        "with labelled data: the share of inputs that device, reference and float model put into the labelled "
        "class, and the number of inputs that the device puts into another class than the reference"
    ),
    "changed": "the first inputs whose class differs between device and reference",
    "against": (
        "the other references, for comparison: how many of their answers differ from the device's, and by how "
        "much. It does not change the verdict"
    ),
    "sin(x)": (
        "only for a model of the sine: the error of the device, which must be the error of the .tflite file "
        "itself"
    ),
    "errors": (
        "the sources of the error against sin(x): `input`, the step between input codes; `network`, the error "
        "that is left after training; `quantization`, int8 instead of real numbers; `device`, wrong answers: 0 if "
        "the device is right"
    ),
    "latency": (
        "one inference: instructions on an emulator, cycles or time on hardware; if the emulator has a Cortex-M4, "
        "also the estimated cycles; and who measured the figure"
    ),
    "memory": (
        "the arena is the engine's buffer between layers; the stack is the largest stack that was ever used; "
        "static RAM is all variables"
    ),
    "flash": "size of the whole image, and of the engine and the model in it",
    "soak": "with `--soak N`: how many of the further answers were right",
    "board": "if it is unknown what is behind the port: what would prove it",
    "open": "with `--firmware foreign`: what this firmware does not prove",
    "flaky": "requests had to be sent again: the run passed, but find out why",
    "with": "everything that the image and the references were made with, and the versions",
    "refused": (
        "an interpreter that does not support the model, and its own message; the other interpreter judges. Or "
        "the reason why tinysine's own integers cannot equal an interpreter"
    ),
    "proved": "SHA-256 of model and image, and the build id, which the device itself reported",
    "verified": (
        "seconds that the check took, with building and flashing; earlier steps of `run`, such as training, are "
        "not counted"
    ),
    "broke": "on a FAIL: first the most likely cause, then what else was found, then the first wrong answers",
    "also": "on a FAIL: first the most likely cause, then what else was found, then the first wrong answers",
    "wrong": "on a FAIL: first the most likely cause, then what else was found, then the first wrong answers",
    "litert": (
        "LiteRT, formerly TensorFlow Lite; BUILTIN_REF names its plain kernels, whose answers do not depend on "
        "the computer"
    ),
    "tflm": "TensorFlow Lite Micro, the interpreter for microcontrollers",
    "integer-single": "tinysine's own exact integers, which round once, as `litert` does",
    "integer-double": "tinysine's own exact integers, which round twice, as `tflm` does",
    "tflm-float32": (
        "as `integer-double`, but the product of a dense layer's two scales is computed in float32, as TensorFlow "
        "Lite Micro does on a device"
    ),
    "other rounding": (
        "a difference that is proved to come from rounding only; firmware that follows one reference has such "
        "differences from the others"
    ),
    "builtin_ref": (
        "LiteRT's plain kernels, whose answers do not depend on the computer: the reference `litert`"
    ),
    "corners": "if not all inputs are asked: each input at its smallest, its zero and its largest code",
    "seed": "the number that chooses the random inputs: the same seed chooses the same inputs",
    "rounding": (
        "the reference that the firmware was built to equal, chosen with --reference: to scale a sum, litert "
        "rounds once and tflm twice"
    ),
    "instructions": (
        "instructions that an emulated board executes in one inference, counted exactly; a chip may need more "
        "than one cycle for an instruction"
    ),
    "cycles": "what the counter of a real board counts in one inference: cycles of the core's clock",
    "estimated cycles": (
        "cycles that a Cortex-M4 would need, which the emulator adds up from the core's manual, for memory that "
        "never waits. An estimate; instructions are counted"
    ),
    "counts": "what the counter counts, if nothing proves that these are cycles or instructions",
    "noisy clock": (
        "the board's time is measured on a computer that also does other work: the figure is the least disturbed "
        "of many, and the noise is shown beside it"
    ),
    "arena": (
        "the engine's buffer between layers: the planned size, and how much of it was used. Beside the stack, "
        "this is the RAM that inference needs"
    ),
    "stack": (
        "the largest stack that was ever used, and the size that is reserved for it; `inference` is the engine's "
        "part"
    ),
    "static ram": "all variables of the firmware, with the arena and without the stack",
    "image": "SHA-256 of the file that was flashed",
    "build": "the build id: a digest of everything that the image is made of; the device itself reports it",
    "emulated": (
        "a twin: an emulator runs the same image as the board, byte for byte; `hardware` is a real board"
    ),
    "host": "a twin: the firmware runs as a program of this computer",
    "qemu": "a twin: QEMU runs the firmware of a board with that processor",
    "hardware": "a real board, proved by its USB device or by the number in its chip; `emulated` is a twin",
    "unknown": "nothing proves whether a real board or a twin is behind the port",
    "pass": (
        "every compared answer equals the reference, bit for bit, or differs by no more than the tolerance, and "
        "nothing else is wrong: exit code 0"
    ),
    "fail": (
        "the product is wrong, and `broke` says why: exit code 1. A failure of the bench is an error, with exit "
        "code 3"
    ),
    "equal": "all bits of all answers are the same",
    "layers": (
        "with `--layers`: the values of each layer against the reference's, and its cost: one inference of the "
        "model that is cut off behind the layer, minus one of the model that is cut off before it"
    ),
    "unexplained": "a difference from another reference that rounding does not explain",
}
