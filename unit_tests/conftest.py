"""What tests of every room share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def _own_leases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Lease boards that are not there in a folder of one's own: another session may make up the same."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TINYSINE_LOCKS", str(tmp_path_factory.mktemp("locks")))
        yield
