"""Items in batches, with what they need, which is fetched while those before them are used."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, TypeVar

from proccli.server.labels import Needs

FIRST_BATCH: Final = 1 << 14
"""Items that are fetched for at first; then twice as many each time."""
LARGEST_BATCH: Final = 3 << 15
"""A store goes through all its ends for a batch, in half a second for 10,000 hosts; and three times
as many items are in memory, 120 MiB for each batch with what is fetched for it."""

_Item = TypeVar("_Item")
_Known = TypeVar("_Known")


def fetched(
    blocks: Iterable[Sequence[_Item]],
    needs_of: Callable[[Sequence[_Item]], Needs],
    fetch: Callable[[Needs], _Known],
    must_wait: Callable[[], bool],
) -> Iterator[tuple[Sequence[_Item], _Known]]:
    """All items in batches, each with what was fetched for it.

    A batch is fetched by a thread, while the next one is read and the one before is used: the
    store is another process. If reading `blocks` fails, those before the error are returned first.

    `must_wait`: whether the next block has not arrived yet; then those before it are returned
    first.
    """
    pool = ThreadPoolExecutor(1)
    waiting: tuple[Sequence[_Item], Future[_Known]] | None = None
    try:
        for batch, is_last, error in _batches(blocks, must_wait):
            before, waiting = waiting, (batch, pool.submit(fetch, needs_of(batch)))
            if before is not None:
                yield before[0], before[1].result()
            if is_last:
                yield waiting[0], waiting[1].result()
                waiting = None
            if error is not None:
                raise error
    finally:
        # After an error or Ctrl-C, who opened the store ends it, and so the thread.
        pool.shutdown(wait=False, cancel_futures=True)


def _batches(
    blocks: Iterable[Sequence[_Item]], must_wait: Callable[[], bool]
) -> Iterator[tuple[Sequence[_Item], bool, Exception | None]]:
    """The items, whether they are the last ones for now, and the error after them."""
    batch: list[_Item] = []
    size = FIRST_BATCH
    problem = None
    try:
        for block in blocks:
            batch += block
            is_last = must_wait()
            if is_last or len(batch) >= size:
                yield batch, is_last, None
                batch, size = [], min(2 * size, LARGEST_BATCH)
    except Exception as error:
        problem = error
    yield batch, True, problem
