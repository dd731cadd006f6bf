"""The main job through the official Python SDK of the newer era."""

import asyncio
import json
import sys

from mcp import Client, StdioServerParameters

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
    async with Client(server, mode="2026-07-28") as client:
        tools = {tool.name for tool in (await client.list_tools()).tools}
        assert {"ssh_connect", "ssh_exec", "history"} <= tools, tools
        arguments = {"id": "sdk", "spec": SETTING["spec"]}
        connected = await client.call_tool("ssh_connect", arguments)
        assert not connected.is_error, connected
        arguments = {"session_id": "sdk", "command": "echo from python"}
        result = await client.call_tool("ssh_exec", arguments)
        assert not result.is_error, result
        assert json.loads(result.content[0].text)["stdout"] == "from python\n", result
        refused = await client.call_tool("ssh_info", {"id": "nobody"})
        assert refused.is_error and "sdk" in refused.content[0].text, refused


asyncio.run(story())
