// What checks.py is to the clients in Python.
export const base = process.env.BASE_URL;
export const root = base.replace(/\/v1$/, "");
export const key = process.env.KEY;
export const limitedKey = process.env.LIMITED_KEY;
export const model = process.env.MODEL;
export const premium = process.env.PREMIUM;
export const isReal = process.env.IS_REAL === "1";
export const schema = {
  type: "object",
  properties: { city: { type: "string" }, degrees: { type: "integer" } },
  required: ["city", "degrees"],
  additionalProperties: false,
};
export const question = "Say hello.";
export const greeting = "Hello there!";
export const long = "word ".repeat(20_000);
export const huge = "x".repeat(21_000_000);

export async function check(protocol, name, run) {
  let told = "ok";
  try {
    await run();
  } catch (error) {
    told = String(error).slice(0, 400);
  }
  console.log(JSON.stringify({ protocol, check: name, told }));
}

export function same(got, wanted) {
  if (isReal && typeof got === "string" && got) return;
  if (JSON.stringify(got) !== JSON.stringify(wanted)) {
    throw new Error(`${JSON.stringify(got)} is not ${JSON.stringify(wanted)}`);
  }
}

export async function refused(run, status, { wait = false, has = "" } = {}) {
  try {
    await run();
  } catch (error) {
    if (error.status !== status) throw error;
    if (wait && !error.headers.get("retry-after")) throw new Error("no retry-after");
    if (has && !JSON.stringify(error.error).includes(has)) throw error;
    return;
  }
  throw new Error("was not refused");
}

export async function errors(protocol, ask, tooLong) {
  await check(protocol, "401", () => refused(() => ask({ key: "ds_live_wrong" }), 401));
  await check(protocol, "403", () => refused(() => ask({ model: premium }), 403));
  await check(protocol, "404", () => refused(() => ask({ model: "no-such-model" }), 404));
  await check(protocol, "413", () => refused(() => ask({ said: huge }), 413));
  await check(protocol, "429", () =>
    refused(() => ask({ key: limitedKey }), 429, { wait: true }),
  );
  await check(protocol, "context", () =>
    refused(() => ask({ said: long }), 400, { has: tooLong }),
  );
}
