"""Examples for `tinysine run`: a network, trained and converted, and the plot at the end."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from tinysine.commands import make
from tinysine.commands.drawings import Drawings
from tinysine.result_files import INT8_FILE, TRAINING_JSON
from tinysine.whole_files import write_files

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from tinysine.commands.screen import Progress
    from tinysine.evidence import Evidence
    from tinysine.training import Converted, Trained, TrainingSettings
    from tinysine.training.dataset import FloatArray
    from tinysine.zoo.digits import Digits

SKIPPED_EPOCHS = 50  # the steep beginning hides what comes after
MOST_PICTURES = 24


class Made(Protocol):
    """An example's network in a folder, ready to be asked."""

    @property
    def model_file(self) -> str:
        """Name of its int8 file in the folder."""

    @property
    def converted(self) -> Converted:
        """The network's forms."""

    @property
    def parameters(self) -> int:
        """Weights and biases."""

    def asked(self, folder: Path) -> Mapping[str, Any]:
        """Return what `verify` is told of the inputs; nothing where it chooses them."""

    def training_figures(self) -> Mapping[str, Figure]:
        """Draw the way from the data to the network; by file name without its ending."""

    def device_figures(self, evidence: Evidence) -> Mapping[str, Figure]:
        """Draw the device's answers; by file name without its ending."""


@dataclass(frozen=True, eq=False)
class MadeSine:
    """The article's network, as Made."""

    trained: Trained
    converted: Converted
    model_file: str = INT8_FILE

    @property
    def parameters(self) -> int:
        """Weights and biases."""
        return self.trained.parameters

    def asked(self, folder: Path) -> Mapping[str, Any]:
        """Let `verify` ask every code."""
        del folder
        return {}

    def training_figures(self) -> Mapping[str, Figure]:
        """Draw training and predictions; `draw_data` draws what is there sooner."""
        from tinysine import plots  # noqa: PLC0415

        data, history = self.trained.dataset, self.trained.history
        x = _one_turn()
        figures = {
            "4_loss": plots.plot_loss(history),
            "6_mae": plots.plot_mae(history),
            "7_predictions": plots.plot_predictions(
                data.test.x, data.test.y, x, {self.trained.settings.network: self.trained.predict(x)}
            ),
        }
        if len(history["loss"]) > SKIPPED_EPOCHS:
            figures["5_loss_later"] = plots.plot_loss(history, first=SKIPPED_EPOCHS + 1)
        return figures

    def device_figures(self, evidence: Evidence) -> Mapping[str, Figure]:
        """Draw the network's forms, and the device's curve."""
        from tinysine import plots  # noqa: PLC0415
        from tinysine.graph import parse_network  # noqa: PLC0415
        from tinysine.oracles import litert_oracle  # noqa: PLC0415
        from tinysine.quantization import dequantize  # noqa: PLC0415
        from tinysine.training import run_float_tflite  # noqa: PLC0415

        figures = {}
        x = _one_turn()
        model = parse_network(self.converted.int8_tflite, file=INT8_FILE)
        inputs, answers = evidence.inputs, evidence.device
        into, out_of = model.input.quantization, model.output.quantization
        if inputs is not None and answers is not None and into is not None and out_of is not None:
            reals = dequantize(inputs[:, 0], into)
            int8 = dequantize(litert_oracle(model).run(inputs)[:, 0], out_of)
            device = dequantize(answers[:, 0], out_of)
            figures["8_forms"] = plots.plot_comparison(
                {
                    "float TFLite": (x, run_float_tflite(self.converted.float_tflite, x)),
                    "int8 TFLite": (reals, int8),
                }
            )
            figures["9_device"] = plots.plot_device(
                reals,
                device,
                int8,
                step=float(out_of.scale),
                title=f"The answers of {evidence.board.name} ({evidence.board.kind})",
            )
        return figures


@dataclass(frozen=True, eq=False)
class MadeDigits:
    """The reader of handwritten digits, as Made."""

    digits: Digits
    model_file: str = "digits_int8.tflite"
    float_file: str = "digits_float.tflite"
    test_file: str = "digits_test.npz"

    @property
    def converted(self) -> Converted:
        """The network's forms."""
        return self.digits.converted

    @property
    def parameters(self) -> int:
        """Weights and biases."""
        return self.digits.parameters

    def asked(self, folder: Path) -> Mapping[str, Any]:
        """Ask every picture that took no part in training, and the float network, too."""
        return {"data": folder / self.test_file, "float_model": folder / self.float_file}

    def training_figures(self) -> Mapping[str, Figure]:
        """Draw the training."""
        from tinysine import plots  # noqa: PLC0415

        history = self.digits.history
        return {"1_loss": plots.plot_loss(history), "2_accuracy": plots.plot_accuracy(history)}

    def device_figures(self, evidence: Evidence) -> Mapping[str, Figure]:
        """Draw the device's confusion matrix, and the pictures that it reads wrongly."""
        from tinysine import plots  # noqa: PLC0415

        digits, figures = self.digits, {}
        where = f"{evidence.board.name} ({evidence.board.kind})"
        if evidence.classes is not None:
            figures["3_confusion"] = plots.plot_confusion(
                evidence.classes.device_confusion, title=f"What {where} reads"
            )
        if evidence.device is not None:
            found = evidence.device.argmax(axis=1)
            wrong = (found != digits.test.labels).nonzero()[0][:MOST_PICTURES]
            figures["4_wrong"] = plots.plot_pictures(
                digits.test.x[wrong, :, :, 0],
                [f"{digits.test.labels[i]}, read as {found[i]}" for i in wrong],
                title=f"Digits that {where} reads wrongly: {int((found != digits.test.labels).sum())} "
                f"of {len(found)}",
            )
        return figures


def _one_turn() -> FloatArray:
    """Return float32 [400], radians."""
    import numpy as np  # noqa: PLC0415

    return np.linspace(0, 2 * np.pi, 400, dtype=np.float32)


def draw_data(settings: TrainingSettings) -> Mapping[str, Figure]:
    """Draw the sine's samples, with noise, too, and split; by file name without its ending."""
    from tinysine import plots  # noqa: PLC0415
    from tinysine.training import make_dataset  # noqa: PLC0415

    data = make_dataset(settings)
    parts = {"training": data.train, "validation": data.validation, "test": data.test}
    return {
        "1_samples": plots.plot_samples(data.clean.x, data.clean.y),
        "2_noisy_samples": plots.plot_samples(
            data.noisy.x, data.noisy.y, title="The same samples with noise"
        ),
        "3_split": plots.plot_splits({name: (part.x, part.y) for name, part in parts.items()}),
    }


def make_sine(
    progress: Progress, settings: TrainingSettings, folder: Path, *, drawings: Drawings
) -> MadeSine:
    """Train, convert, and write the sine's files to a folder.

    Args:
        progress: shows how far it is.
        settings: of the training.
        folder: for the files.
        drawings: get the samples as soon as epochs run.
    """
    from tinysine.training import convert, save  # noqa: PLC0415

    def on_epoch(epoch: int, epochs: int) -> None:
        drawings.on_epoch(epoch, epochs)
        if epoch == 1:
            drawings.begin(partial(draw_data, settings))

    trained = make.train_with(progress, settings, on_epoch=on_epoch)
    with progress.stage("convert"):
        converted = convert(trained)
        save(folder, trained, converted)
        write_files(folder, make.array_files(converted.int8_tflite, Path(INT8_FILE).stem))
    return MadeSine(trained, converted)


def make_digits(
    progress: Progress, folder: Path, *, seed: int, epochs: int, drawings: Drawings
) -> MadeDigits:
    """Train, convert, and write the files of the digits to a folder."""
    import io  # noqa: PLC0415

    import numpy as np  # noqa: PLC0415

    from tinysine.training import tflite_files  # noqa: PLC0415
    from tinysine.zoo import digits as zoo  # noqa: PLC0415

    with progress.stage("train", steps=epochs) as step:

        def on_epoch(epoch: int, epochs: int, loss: float, accuracy: float) -> None:
            step(epoch, f"epoch {epoch}/{epochs}  loss {loss:.4f}  accuracy {accuracy:.3f}")
            drawings.on_epoch(epoch, epochs)

        digits = zoo.make_digits(seed=seed, epochs=epochs, on_epoch=on_epoch)
    made = MadeDigits(digits)
    packed = io.BytesIO()
    np.savez_compressed(packed, x=digits.test.x, labels=digits.test.labels)
    contents = {
        TRAINING_JSON: json.dumps(zoo.provenance(digits, seed=seed, epochs=epochs), indent=2).encode()
        + b"\n",
        made.test_file: packed.getvalue(),
        **tflite_files(digits.converted, name=zoo.NAME),
        **make.array_files(digits.converted.int8_tflite, Path(made.model_file).stem),
    }
    write_files(folder, contents)
    return made
