"""Spoils the answers of Graph in random places: ``python -m tests.mutations [COUNT] [SEED]``, by default 10,000 of them.

Prints what became more reassuring by it, and ends with exit code 1 if anything did.
"""

import asyncio
import sys
import time

from tenant import turns
from tests.mutations.check import mutations


async def _main(count: int, seed: int) -> int:
    turns.CONDITIONAL_ACCESS_SECONDS = 0.0  # this Graph lets in more than one request a second
    started, found = time.monotonic(), 0
    async for one in mutations(count, seed):
        if one is not None:
            found += 1
            sys.stdout.write(f"{one.tenant}: {one.mutation}\n    {one.change}\n")
    took = time.monotonic() - started
    sys.stdout.write(f"{count:,} mutations, {found} more reassuring, seed {seed}, {took:.0f} s\n")
    return 1 if found else 0


if __name__ == "__main__":
    given = [int(one) for one in sys.argv[1:3]]
    count, seed = [*given, *(10_000, 1)[len(given) :]]
    sys.exit(asyncio.run(_main(count, seed)))
