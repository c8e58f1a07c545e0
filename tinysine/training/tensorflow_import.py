"""The one place that imports tensorflow: late, quickly, and with its talk going to a log."""

from __future__ import annotations

import contextlib
import gc
import sys
from collections.abc import Iterator
from typing import Any

from tinysine.errors import ConfigError
from tinysine.extras import is_installed
from tinysine.training.messages import messages_to_log


@contextlib.contextmanager
def tensorflow_quietly() -> Iterator[Any]:
    """Import tensorflow and yield the module; what is printed until the end of the block goes to a log.

    Raises:
        ConfigError: tensorflow is not installed.
    """
    with messages_to_log():
        yield tensorflow_module()


def require_tensorflow() -> None:
    """Find out before any work that there is no tensorflow, without importing it, which takes seconds.

    Raises:
        ConfigError: tensorflow is not installed.
    """
    if not is_installed("tensorflow"):
        raise _not_installed()


def _not_installed() -> ConfigError:
    return ConfigError(
        "training and conversion need tensorflow, which is not installed",
        hint='pip install "tinysine[train]"',
        key="tensorflow",
        allowed=None,
    )


def tensorflow_module() -> Any:
    """Import tensorflow; only inside `tensorflow_quietly`, because it prints.

    Raises:
        ConfigError: tensorflow is not installed.
    """
    if "tensorflow" in sys.modules:
        return sys.modules["tensorflow"]
    # 7.1 s became 5.8 s: the garbage collector finds nothing to free among modules that stay, and Keras
    # imports matplotlib, where there is one, for two galleries of pictures that have no use here.
    collecting = gc.isenabled()
    gc.disable()
    hidden = "matplotlib" not in sys.modules
    if hidden:
        sys.modules["matplotlib"] = None  # type: ignore[assignment]  # None makes the import fail, as documented
    try:
        import tensorflow  # noqa: PLC0415 - seconds long, so only where it is used
        import tensorflow.keras  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if error.name != "tensorflow":
            raise
        raise _not_installed() from error
    finally:
        if hidden:
            del sys.modules["matplotlib"]
        if collecting:
            gc.enable()
    return tensorflow
