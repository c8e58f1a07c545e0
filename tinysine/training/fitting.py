"""Keras' `fit`, for any network: the data stay in memory, and one call of TensorFlow runs a whole epoch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinysine.errors import ConfigError
from tinysine.training.messages import messages_shown
from tinysine.training.tensorflow_import import tensorflow_module

History = dict[str, NDArray[np.float64]]
"""Figures of each epoch by Keras' names, such as "loss" and "val_loss"; float64 [epochs] each.

Those of the training set are averages over an epoch's batches, taken while the weights were moving. Those of the
validation set belong to the weights at the end of the epoch.
"""

OnEpoch = Callable[[int, int, float, float], None]
"""Called after each epoch with (epoch counted from 1, epochs, training loss, training metric)."""

Pairs = tuple[NDArray[Any], NDArray[Any]]
"""Inputs [n, ...] and targets [n, ...] of a network."""


def fit(
    network: Any,
    *,
    train: Pairs,
    validation: Pairs,
    optimizer: Any,
    loss: str,
    metric: str,
    epochs: int,
    batch_size: int,
    seed: int,
    on_epoch: OnEpoch | None = None,
) -> History:
    """Train a Keras network; `tensorflow_quietly` has to be around it.

    Same network, data, seed and versions, same weights to the last bit on the same machine. Where the optimizer
    averages weights (`use_ema=True`), the network has the averages afterwards.

    Args:
        network: keras.Model with one input; compiled here, and trained in place.
        train: what the weights are fitted to.
        validation: what each epoch is judged on.
        optimizer: keras.optimizers.Optimizer.
        loss, metric: by Keras' names.
        epochs: passes over the training data.
        batch_size: samples of an optimizer's step; the last batch of an epoch may be shorter.
        seed: decides the order of the samples.
        on_epoch: told how each epoch went; what it prints is shown.
    Returns:
        What each epoch came to.
    Raises:
        ConfigError: the loss stopped being a number.
    """
    tf = tensorflow_module()
    inputs, targets = train
    steps = -(-len(inputs) // batch_size)
    batches = tf.data.Dataset.from_tensor_slices((inputs, targets)).cache()
    batches = batches.shuffle(len(inputs), seed=seed, reshuffle_each_iteration=True).batch(batch_size)
    held_out = tf.data.Dataset.from_tensor_slices(validation).batch(len(validation[0])).cache()
    # An epoch at a time: by the single step, most of `fit` is moving between Python and TensorFlow.
    network.compile(optimizer=optimizer, loss=loss, metrics=[metric], steps_per_execution=steps)

    def end(epoch: int, logs: dict[str, float]) -> None:
        if not all(map(np.isfinite, logs.values())):
            raise ConfigError(
                f"training diverged in epoch {epoch + 1}: the loss is no longer a number",
                hint="lower the learning rate",
                key="learning_rate",
                allowed=None,
            )
        if on_epoch is not None:
            with messages_shown():
                on_epoch(epoch + 1, epochs, float(logs["loss"]), float(logs[metric]))

    told = network.fit(
        batches.with_options(_one_thread(tf)),
        validation_data=held_out.with_options(_one_thread(tf)),
        epochs=epochs,
        callbacks=[tf.keras.callbacks.LambdaCallback(on_epoch_end=end)],
        verbose=0,
    )
    return {name: np.array(values, np.float64) for name, values in told.history.items()}


def _one_thread(tf: Any) -> Any:
    """Return options for data that are in memory already: threads that hand them over take longer than one alone."""
    options = tf.data.Options()
    options.autotune.enabled = False
    options.deterministic = True
    options.threading.private_threadpool_size = 1
    options.threading.max_intra_op_parallelism = 1
    return options
