"""Keras' `fit`, for any network: one call of TensorFlow runs a whole epoch, and its validation.

Networks for microcontrollers are so small that moving between Python and TensorFlow takes most of a usual `fit`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
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
    # The order of an epoch is all that is drawn anew: the samples stay where they are.
    orders = tf.data.Dataset.range(len(train[0])).shuffle(len(train[0]), seed=seed).batch(len(train[0]))
    network.compile(optimizer=optimizer, loss=loss, metrics=[metric])

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

    with _whole_epochs(network, train=train, validation=validation, batch_size=batch_size):
        told = network.fit(
            orders.with_options(_one_thread(tf)),
            epochs=epochs,
            callbacks=[tf.keras.callbacks.LambdaCallback(on_epoch_end=end)],
            verbose=0,
        )
    return {name: np.array(values, np.float64) for name, values in told.history.items()}


@contextlib.contextmanager
def _whole_epochs(network: Any, *, train: Pairs, validation: Pairs, batch_size: int) -> Iterator[None]:
    """Let `fit` run an epoch where it would run a step, until the end of the block.

    The steps are Keras' own, as is the validation; `fit` gives the order of an epoch's samples, int64 [n].
    """
    tf = tensorflow_module()
    step = network.train_step
    (inputs, targets), held_out = map(tf.constant, train), tuple(map(tf.constant, validation))

    def epoch(order: Any) -> dict[str, Any]:
        def batch(begin: Any) -> tuple[Any]:
            rows = order[begin : begin + batch_size]
            step((tf.gather(inputs, rows), tf.gather(targets, rows)))
            return (begin + batch_size,)

        tf.while_loop(lambda begin: begin < len(inputs), batch, [tf.constant(0)])
        trained = network.get_metrics_result()
        network.reset_metrics()
        judged = network.test_step(held_out)
        return {**trained, **{f"val_{name}": figure for name, figure in judged.items()}}

    network.train_step = epoch
    try:
        yield
    finally:
        del network.train_step
        network.make_train_function(force=True)


def _one_thread(tf: Any) -> Any:
    """Return options for data that are in memory already: threads that hand them over take longer than one alone."""
    options = tf.data.Options()
    options.autotune.enabled = False
    options.deterministic = True
    options.threading.private_threadpool_size = 1
    options.threading.max_intra_op_parallelism = 1
    return options
