"""Pieces on a few threads: in order, no more at once than allowed, no results piling up."""

from __future__ import annotations

import itertools
import threading
import time
import weakref
from typing import TYPE_CHECKING

import pytest

from include.recommender.parallel import parallel_map

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.mark.parametrize("threads", [1, 2, 5, 50])
@pytest.mark.parametrize("count", [0, 1, 7])
def test_results_come_in_the_order_of_the_pieces_whichever_is_done_first(threads: int, count: int) -> None:
    def slower_the_earlier(piece: int) -> int:
        time.sleep(0.002 * (count - piece))
        return piece * piece

    assert list(parallel_map(slower_the_earlier, range(count), threads)) == [piece**2 for piece in range(count)]


def test_as_many_pieces_as_there_are_threads_run_at_once() -> None:
    together = threading.Barrier(3, timeout=10)
    # Each piece waits for two others: with fewer threads than three none would ever end.
    assert len(list(parallel_map(lambda _: together.wait(), range(9), 3))) == 9


@pytest.mark.parametrize("threads", [1, 3])
def test_no_more_pieces_than_there_are_threads_run_at_once(threads: int) -> None:
    running: set[int] = set()
    at_once: list[int] = []

    def counted(piece: int) -> None:
        running.add(piece)
        at_once.append(len(running))
        time.sleep(0.002)
        running.discard(piece)

    list(parallel_map(counted, range(20), threads))
    assert len(at_once) == 20
    assert max(at_once) <= threads


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_a_slow_reader_never_has_more_than_a_result_per_thread_waiting(threads: int) -> None:
    drawn: list[int] = []

    def pieces() -> Iterator[int]:
        for piece in itertools.count():
            drawn.append(piece)
            yield piece

    results = parallel_map(lambda piece: piece, pieces(), threads)
    for received in range(1, 6):
        assert next(results) == received - 1
        assert len(drawn) == received + threads
    results.close()  # type: ignore[attr-defined]
    assert len(drawn) == 5 + threads


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_a_result_that_was_handed_out_is_not_kept(threads: int) -> None:
    class Result:
        pass

    handed: list[weakref.ref[Result]] = []
    for result in parallel_map(lambda _: Result(), range(5), threads):
        assert [at for at, earlier in enumerate(handed[:-1]) if earlier()] == []
        handed.append(weakref.ref(result))
    assert len(handed) == 5


def test_nothing_is_done_before_the_first_result_is_asked_for() -> None:
    done: list[int] = []
    results = parallel_map(done.append, range(3), 2)
    assert done == []
    list(results)
    assert sorted(done) == [0, 1, 2]


@pytest.mark.parametrize("threads", [1, 3])
def test_the_error_of_a_piece_is_raised_in_its_place_and_later_pieces_are_not_begun(threads: int) -> None:
    begun: list[int] = []

    def failing(piece: int) -> int:
        begun.append(piece)
        if piece == 2:
            raise ValueError("piece 2")
        return piece

    results = parallel_map(failing, range(100), threads)
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ValueError, match="piece 2"):
        next(results)
    assert max(begun) <= 2 + threads


def test_threads_left_behind_by_a_reader_who_stops_end() -> None:
    before = threading.active_count()
    results = parallel_map(lambda piece: piece, range(100), 4)
    next(results)
    assert threading.active_count() > before
    results.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before
