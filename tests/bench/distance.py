"""Google at a distance: a proxy on loopback that delays bytes as a line with a round-trip time would.

`connect` on loopback succeeds at once. What is sent within the first round trip counts as sent at its end, so that
opening a connection costs one round trip here as there.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def at_a_distance(port: int, *, round_trip: float) -> Iterator[int]:
    """Forward a new loopback port to `port`, half a round trip (in seconds) each way. Yields the new port."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    line = _Line(port, round_trip)
    server = asyncio.run_coroutine_threadsafe(
        asyncio.start_server(line.accept, "127.0.0.1", 0, backlog=100), loop
    ).result()
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        asyncio.run_coroutine_threadsafe(_end_all(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _end_all() -> None:
    """Cancel what still waits for bytes."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


class _Line:
    def __init__(self, port: int, round_trip: float) -> None:
        self._port = port
        self._round_trip = round_trip

    async def accept(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        connected_at = loop.time() + self._round_trip
        far, onward = await asyncio.open_connection("127.0.0.1", self._port)
        # Cancelled at the end; asyncio would report that of a task it started itself.
        with suppress(asyncio.CancelledError):
            await asyncio.gather(
                self._carry(near, onward, not_before=connected_at), self._carry(far, back, not_before=0.0)
            )

    async def _carry(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, not_before: float
    ) -> None:
        loop, last = asyncio.get_running_loop(), 0.0
        # A side that resets the connection ends it like one that closes it.
        with suppress(ConnectionError):
            while data := await source.read(65536):
                # Strictly later than the piece before it, since a loop may run calls for one instant in any order.
                last = max(loop.time(), not_before, last + 1e-6)
                loop.call_at(last + self._round_trip / 2, target.write, data)
        loop.call_at(max(loop.time(), last + 1e-6) + self._round_trip / 2, target.close)
