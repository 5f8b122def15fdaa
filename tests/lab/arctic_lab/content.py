"""Pseudo-random content that both ends can make for themselves: any size, the same for the same seed.

Every chunk carries its number, so that content that is whole but in the wrong order, or twice, does not pass.
"""

import hashlib
import random
from collections.abc import Iterator

CHUNK_BYTES = 262139  # a prime, so that no buffer size hides a shift by whole buffers
NUMBER_BYTES = 8


class Content:
    """Endless content; its users take a beginning of it."""

    def __init__(self, seed: int = 0) -> None:
        self._body = random.Random(seed).randbytes(CHUNK_BYTES - NUMBER_BYTES)

    def _chunk(self, number: int) -> bytes:
        return number.to_bytes(NUMBER_BYTES, "big") + self._body

    def chunks(self, size: int) -> Iterator[bytes]:
        """The first `size` bytes, in pieces."""
        for number in range(size // CHUNK_BYTES):
            yield self._chunk(number)
        if size % CHUNK_BYTES:
            yield self._chunk(size // CHUNK_BYTES)[: size % CHUNK_BYTES]

    def read(self, size: int, offset: int = 0) -> bytes:
        """`size` bytes from `offset` on."""
        first, skip = divmod(offset, CHUNK_BYTES)
        last = (offset + size + CHUNK_BYTES - 1) // CHUNK_BYTES
        return b"".join(map(self._chunk, range(first, last)))[skip : skip + size]

    def sha256(self, size: int) -> str:
        """The digest of the first `size` bytes, in hexadecimal."""
        digest = hashlib.sha256()
        for chunk in self.chunks(size):
            digest.update(chunk)
        return digest.hexdigest()


class ContentCheck:
    """Compares what arrives with what was sent."""

    def __init__(self, seed: int = 0) -> None:
        self._content = Content(seed)
        self.received = 0

    def feed(self, data: bytes | memoryview) -> None:
        """Takes the next bytes; ValueError at the first that differs."""
        expected = self._content.read(len(data), self.received)
        if data != expected:
            wrong = next(index for index, (a, b) in enumerate(zip(data, expected, strict=True)) if a != b)
            raise ValueError(f"content differs at byte {self.received + wrong}")
        self.received += len(data)
