"""Work on all cores at once."""

from __future__ import annotations

import os
import threading
import time

import pytest

from gflow.kernels.threads import at_once, cores


def test_results_are_in_order_and_the_first_is_of_the_callers_thread() -> None:
    assert at_once([lambda: 1, lambda: 2, lambda: 3], "test") == [1, 2, 3]
    found = at_once([threading.get_ident] * 2, "test")
    assert found[0] == threading.get_ident() != found[1]


def test_all_is_done_when_one_fails() -> None:
    done: list[str] = []

    def slow() -> None:
        time.sleep(0.05)
        done.append("slow")

    def failing() -> None:
        raise ValueError("first")

    with pytest.raises(ValueError, match="first"):
        at_once([failing, slow], "test")
    with pytest.raises(ValueError, match="first"):
        at_once([slow, failing], "test")
    assert done == ["slow", "slow"]


@pytest.mark.skipif(cores() < 2, reason="takes two cores")
def test_the_others_stay_off_the_callers_core() -> None:
    at_once([int, int], "test")  # Its threads are there now.
    mine, theirs = at_once([lambda: os.sched_getaffinity(0)] * 2, "test")
    assert len(mine) == cores() and len(theirs) == cores() - 1
