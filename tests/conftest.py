"""Every test run has a cache folder of its own: nothing is read from the user's, and nothing is left there."""

from __future__ import annotations

import os
import shutil
import tempfile

import pytest

_MADE: list[str] = []


def pytest_configure(config: pytest.Config) -> None:
    # Workers of a parallel run are children, and find the folder set.
    if not hasattr(config, "workerinput"):
        _MADE.append(tempfile.mkdtemp(prefix="gflow-tests-"))
        os.environ["GFLOW_CACHE"] = _MADE[0]


def pytest_unconfigure(config: pytest.Config) -> None:
    for folder in _MADE:
        shutil.rmtree(folder, ignore_errors=True)
