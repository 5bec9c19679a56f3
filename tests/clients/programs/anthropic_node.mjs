// Anthropic's own client for Node.
import Anthropic from "@anthropic-ai/sdk";
import * as c from "./checks.mjs";

const client = (key = c.key) =>
  new Anthropic({ baseURL: c.root, apiKey: key, maxRetries: 0 });
const messages = [{ role: "user", content: c.question }];
const ask = ({ key, model = c.model, said = c.question, ...more } = {}) =>
  client(key).messages.create({
    model,
    max_tokens: 24,
    messages: [{ role: "user", content: said }],
    ...more,
  });

await c.check("messages", "plain", async () =>
  c.same((await ask()).content[0].text, c.greeting),
);
await c.check("messages", "stream", async () => {
  const stream = client().messages.stream({ model: c.model, max_tokens: 24, messages });
  c.same(await stream.finalText(), c.greeting);
});
await c.check("messages", "count", async () => {
  const counted = await client().messages.countTokens({ model: c.model, messages });
  if (!(counted.input_tokens > 0)) throw new Error(JSON.stringify(counted));
});
if (!c.isReal) {
  await c.check("messages", "tools", async () => {
    const tools = [{ name: "weather", input_schema: c.schema }];
    const call = (await ask({ tools })).content.at(-1);
    c.same([call.name, call.input], ["weather", { city: "Paris", degrees: 21 }]);
  });
  await c.check("messages", "structured", async () => {
    const format = { type: "json_schema", schema: c.schema };
    const answer = await ask({ output_config: { format } });
    c.same(JSON.parse(answer.content[0].text), { city: "Paris", degrees: 21 });
  });
  await c.errors("messages", ask, "prompt is too long");
}
