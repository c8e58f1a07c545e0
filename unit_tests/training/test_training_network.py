"""The Keras model, and that our fit is Keras' fit."""

from __future__ import annotations

import numpy as np
import pytest

from tinysine.training import TrainingSettings, build_network, make_dataset, tensorflow_quietly, train
from tinysine.training.dataset import generator
from tinysine.training.descent import descend, initial_layers


@pytest.mark.parametrize(
    ("network", "widths", "parameters"), [("model_1", [16, 1], 49), ("model_2", [16, 16, 1], 321)]
)
def test_network_is_the_articles(network: str, widths: list[int], parameters: int) -> None:
    """Dense layers of the right widths, relu on all but the last, rmsprop and mean squared error."""
    model = build_network(TrainingSettings(network=network))
    assert [layer.units for layer in model.layers] == widths
    assert [layer.activation.__name__ for layer in model.layers] == ["relu"] * (len(widths) - 1) + ["linear"]
    assert model.count_params() == parameters
    assert type(model.optimizer).__name__ == "RMSprop"
    assert model.loss == "mse"


@pytest.mark.long
def test_weights_and_history_are_those_of_keras() -> None:
    """Fed the same batches in the same order, Keras arrives at the same weights and the same losses."""
    settings = TrainingSettings(samples=200, epochs=3, batch_size=16, averaged=0.0)
    dataset = make_dataset(settings)
    start = initial_layers(settings.layer_sizes, generator(settings, "weights"))
    fitted, history = descend(
        start,
        dataset.train,
        dataset.validation,
        epochs=3,
        batch_size=16,
        learning_rate=settings.learning_rate,
        rng=generator(settings, "order"),
    )
    order = generator(settings, "order")
    model = build_network(settings, layers=start)
    with tensorflow_quietly():
        for epoch in range(3):
            chosen = order.permutation(len(dataset.train))
            told = model.fit(
                dataset.train.x[chosen],
                dataset.train.y[chosen],
                validation_data=(dataset.validation.x, dataset.validation.y),
                batch_size=16,
                shuffle=False,
                verbose=0,
            ).history
            for name in ("loss", "mae", "val_loss", "val_mae"):
                assert told[name][0] == pytest.approx(getattr(history, name)[epoch], rel=1e-4), name
        theirs = model.get_weights()
    mine = [array for layer in fitted for array in (layer.kernel, layer.bias)]
    for ours, keras in zip(mine, theirs, strict=True):
        np.testing.assert_allclose(ours, keras, rtol=1e-3, atol=1e-5)


def test_trained_model_predicts_what_predict_does() -> None:
    """The Keras model carries the fitted weights."""
    trained = train(TrainingSettings(epochs=3))
    x = np.linspace(0.0, 6.28, 40, dtype=np.float32)
    with tensorflow_quietly():
        theirs = trained.model.predict(x.reshape(-1, 1), verbose=0)[:, 0]
    np.testing.assert_allclose(trained.predict(x), theirs, atol=1e-6)
    assert trained.model is trained.model  # made once
