// The main job through the official TypeScript SDK.
// Arguments: the folder whose node_modules has the SDK, the setting as JSON.

import assert from "node:assert";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [folder, text] = process.argv.slice(2);
const setting = JSON.parse(text);
const sdk = createRequire(`${folder}/package.json`);
const load = (name) => import(pathToFileURL(sdk.resolve(`@modelcontextprotocol/sdk/${name}`)));
const { Client } = await load("client/index.js");
const { StdioClientTransport } = await load("client/stdio.js");

const transport = new StdioClientTransport({
  command: setting.bridge,
  env: { HOME: setting.home, PATH: setting.path, REMOTE_SHELL_MCP_FORMAT: "json" },
});
const client = new Client({ name: "story", version: "1" });
await client.connect(transport);

const { tools } = await client.listTools();
assert(tools.some((tool) => tool.name === "ssh_exec"));

const call = (name, args) => client.callTool({ name, arguments: args });
const connected = await call("ssh_connect", { id: "sdk", spec: setting.spec });
assert(!connected.isError, JSON.stringify(connected));

const result = await call("ssh_exec", { session_id: "sdk", command: "echo from typescript" });
assert.equal(JSON.parse(result.content[0].text).stdout, "from typescript\n");

const refused = await call("ssh_info", { id: "nobody" });
assert(refused.isError && refused.content[0].text.includes("sdk"));

await client.close();
