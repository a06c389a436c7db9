"""Answers `status`, `why NAME` and `restart NAME` in a chat, and tells when a process fails.

The chat is stdin and stdout here: replace `heard` and `say` by those of your chat.
"""

import asyncio
import sys
from collections.abc import AsyncIterator

import procman


async def heard() -> AsyncIterator[str]:
    """What people write."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        yield line.decode().strip()


def say(text: str) -> None:
    """Write to all."""
    print(text, flush=True)


async def answer(client: procman.AsyncClient, line: str) -> str:
    """What the bot says to that."""
    match line.split():
        case ["status"]:
            return "\n".join(f"{one['namespec']}: {one['statename']}" for one in await client.processes())
        case ["why", name]:
            return "\n".join(one["sentence"] for one in (await client.why(name))["explanations"])
        case ["restart", name]:
            await client.restart(name)
            return f"{name} is up again"
        case _:
            return "I know: status, why NAME, restart NAME"


async def watch(client: procman.AsyncClient) -> None:
    """Tell of failures as they happen."""
    async with client.follow_journal(kind="state") as records:
        async for record in records:
            if record.get("to") == "FATAL":
                say(f"{record['name']} has failed: {record.get('reason', '')}")


async def main() -> None:
    """Until the chat ends."""
    async with procman.AsyncClient() as client, asyncio.TaskGroup() as tasks:
        watching = tasks.create_task(watch(client))
        async for line in heard():
            try:
                say(await answer(client, line))
            except procman.ProcmanError as error:
                say(str(error))
        watching.cancel()


if __name__ == "__main__":
    asyncio.run(main())
