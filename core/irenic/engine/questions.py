"""Questions that items put to the user."""

import asyncio


class Questions:
    """Questions of one execution that wait for an answer."""

    def __init__(self) -> None:
        self._waiting: dict[str, asyncio.Future[str]] = {}
        self._count = 0

    def put(self) -> tuple[str, asyncio.Future[str]]:
        """Return a new question's id and the future of its answer."""
        self._count += 1
        ask_id = str(self._count)
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._waiting[ask_id] = answer
        return ask_id, answer

    def answer(self, ask_id: str, text: str) -> bool:
        """Answer a question; returns whether anybody still waited."""
        waiting = self._waiting.pop(ask_id, None)
        if waiting is None or waiting.done():
            return False
        waiting.set_result(text)
        return True

    def forget(self, ask_id: str) -> None:
        """Take no answer to a question any more."""
        self._waiting.pop(ask_id, None)

    def close(self) -> None:
        """Forget all questions."""
        self._waiting.clear()
