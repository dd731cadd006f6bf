"""The main job through the official Python SDK of the older era."""

import asyncio
import json
import sys

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

SETTING = json.loads(sys.argv[1])


async def story() -> None:
    server = StdioServerParameters(
        command=SETTING["bridge"],
        env={
            "HOME": SETTING["home"],
            "PATH": SETTING["path"],
            "REMOTE_SHELL_MCP_FORMAT": "json",
        },
    )
    async with stdio_client(server) as (read, write):
        async with ClientSession(read, write) as session:
            await session.initialize()
            tools = {tool.name for tool in (await session.list_tools()).tools}
            assert {"ssh_connect", "ssh_exec", "history"} <= tools, tools
            arguments = {"id": "sdk", "spec": SETTING["spec"]}
            connected = await session.call_tool("ssh_connect", arguments)
            assert not connected.isError, connected
            arguments = {"session_id": "sdk", "command": "echo from python"}
            result = await session.call_tool("ssh_exec", arguments)
            assert not result.isError, result
            assert json.loads(result.content[0].text)["stdout"] == "from python\n", result
            refused = await session.call_tool("ssh_info", {"id": "nobody"})
            assert refused.isError and "sdk" in refused.content[0].text, refused


asyncio.run(story())
