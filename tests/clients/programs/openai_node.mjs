// OpenAI's own client for Node: chat and Responses.
import OpenAI from "openai";
import * as c from "./checks.mjs";

const client = (key = c.key) =>
  new OpenAI({ baseURL: c.base, apiKey: key, maxRetries: 0 });
const chat = ({ key, model = c.model, said = c.question, ...more } = {}) =>
  client(key).chat.completions.create({
    model,
    messages: [{ role: "user", content: said }],
    max_tokens: 24,
    ...more,
  });
const respond = ({ key, model = c.model, said = c.question, ...more } = {}) =>
  client(key).responses.create({ model, input: said, max_output_tokens: 24, ...more });

await c.check("chat", "plain", async () =>
  c.same((await chat()).choices[0].message.content, c.greeting),
);
await c.check("chat", "stream", async () => {
  let text = "";
  for await (const event of await chat({ stream: true })) {
    text += event.choices[0]?.delta?.content ?? "";
  }
  c.same(text, c.greeting);
});
await c.check("responses", "plain", async () =>
  c.same((await respond()).output_text, c.greeting),
);
await c.check("responses", "stream", async () => {
  const stream = client().responses.stream({
    model: c.model,
    input: c.question,
    max_output_tokens: 24,
  });
  c.same((await stream.finalResponse()).output_text, c.greeting);
});
if (!c.isReal) {
  const tool = { name: "weather", parameters: c.schema };
  await c.check("chat", "tools", async () => {
    const answer = await chat({ tools: [{ type: "function", function: tool }] });
    c.same(answer.choices[0].message.tool_calls[0].function.name, "weather");
  });
  await c.check("chat", "structured", async () => {
    const shape = { name: "reading", schema: c.schema, strict: true };
    const answer = await chat({
      response_format: { type: "json_schema", json_schema: shape },
    });
    const read = JSON.parse(answer.choices[0].message.content);
    c.same(read, { city: "Paris", degrees: 21 });
  });
  await c.errors("chat", chat, "context_length_exceeded");
  await c.check("responses", "tools", async () => {
    const answer = await respond({ tools: [{ type: "function", strict: false, ...tool }] });
    c.same(answer.output.at(-1).name, "weather");
  });
  await c.check("responses", "structured", async () => {
    const format = { type: "json_schema", name: "reading", schema: c.schema };
    const answer = await respond({ text: { format } });
    c.same(JSON.parse(answer.output_text), { city: "Paris", degrees: 21 });
  });
  await c.errors("responses", respond, "context_length_exceeded");
}
