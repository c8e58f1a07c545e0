"""Work that one thread does while another waits for a compiler, an emulated board, or TensorFlow."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor


@contextlib.contextmanager
def worker_beside() -> Iterator[ThreadPoolExecutor]:
    """Start one thread that does what is submitted to it, one piece after the other.

    At the end of the block, however it ends, the piece that has begun is finished, and the others are dropped.
    """
    worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="tinysine")
    try:
        yield worker
    finally:
        worker.shutdown(wait=True, cancel_futures=True)
