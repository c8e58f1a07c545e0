"""Work that one thread does while another waits for a compiler, an emulated board, or TensorFlow."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


@contextlib.contextmanager
def beside(work: Callable[[], T]) -> Iterator[Future[T]]:
    """Do some work in a thread of its own; it has ended when the block has, however that ends.

    Args:
        work: done once. What it raises is raised by the future's `result` alone.
    """
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="tinysine") as worker:
        yield worker.submit(work)
