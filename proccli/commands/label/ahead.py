"""Items in batches, with what they need, which is fetched while those before them are used."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, TypeVar

from proccli.server.labels import Needs

FIRST_BATCH: Final = 1 << 14
"""Items that are fetched for at first; then twice as many each time."""
LARGEST_BATCH: Final = 1 << 17
"""A store goes through all its ends for a batch, in half a second for 10,000 hosts; and as many
items are in memory."""

_Item = TypeVar("_Item")
_Known = TypeVar("_Known")


def fetched(
    items: Iterable[_Item],
    add_needs: Callable[[_Item, Needs], None],
    fetch: Callable[[Needs], _Known],
) -> Iterator[tuple[Sequence[_Item], _Known]]:
    """All items in batches, each with what was fetched for it.

    A batch is fetched by a thread, while the next one is read and the one before is used: the
    store is another process. If there is an error in `items`, those before it come first.
    """
    pool = ThreadPoolExecutor(1)
    waiting: tuple[Sequence[_Item], Future[_Known]] | None = None
    try:
        for batch, error in _batches(items):
            needs = Needs(set(), set())
            for item in batch:
                add_needs(item, needs)
            last, waiting = waiting, (batch, pool.submit(fetch, needs))
            if last is not None:
                yield last[0], last[1].result()
            if error is not None:
                yield waiting[0], waiting[1].result()
                raise error
        if waiting is not None:
            yield waiting[0], waiting[1].result()
    finally:
        # After an error or Ctrl-C, who opened the store ends it, and so the thread.
        pool.shutdown(wait=False, cancel_futures=True)


def _batches(items: Iterable[_Item]) -> Iterator[tuple[Sequence[_Item], Exception | None]]:
    """The items, and the error in them, if there is one."""
    batch: list[_Item] = []
    size = FIRST_BATCH
    try:
        for item in items:
            batch.append(item)
            if len(batch) == size:
                yield batch, None
                batch, size = [], min(2 * size, LARGEST_BATCH)
    except Exception as error:
        yield batch, error
        return
    if batch:
        yield batch, None
