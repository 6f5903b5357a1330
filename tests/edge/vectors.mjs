// Asks the worker for each case of vectors.json, with a service that knows one base and one plan.

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";

import worker from "./worker.mjs";

const { base, plan, cases } = JSON.parse(await readFile(new URL("vectors.json", import.meta.url)));
const bytes = Buffer.from(base, "base64");
const sha256 = (data) => createHash("sha256").update(data).digest("hex");
if (sha256(bytes) !== plan.base.sha256) throw new Error("the vectors' base is another one");

const env = {
  ORIGIN: "http://origin.example",
  async fetch(url, { method = "GET", headers }) {
    if (headers.authorization !== "Bearer key") return new Response("who are you", { status: 401 });
    if (method === "POST" && url === `${env.ORIGIN}/v1/installers`) return Response.json(plan);
    if (url !== `${env.ORIGIN}/v1/bases/${plan.base.sha256}`) return new Response(null, { status: 404 });
    const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(headers.range).map(Number);
    return new Response(bytes.subarray(from, to + 1), { status: 206 });
  },
};

function ask(one, key = "Bearer key") {
  const headers = new Headers({ authorization: key });
  for (const name of ["range", "if-range"]) if (name in one) headers.set(name, one[name]);
  return worker.fetch(new Request("http://edge.example/v1/installers", { method: "POST", headers, body: "{}" }), env);
}

let failed = 0;
const expect = (why, found, wanted) => {
  if (found === wanted) return;
  failed += 1;
  console.error(`${why}: found ${found}, expected ${wanted}`);
};
for (const one of cases) {
  const answer = await ask(one);
  const body = Buffer.from(await answer.arrayBuffer());
  expect(one.why, answer.status, one.status);
  expect(`${one.why}, Content-Range`, answer.headers.get("content-range"), one["content-range"] ?? null);
  if (!("sha256" in one)) continue;
  expect(`${one.why}, Content-Length`, answer.headers.get("content-length"), String(one.length));
  expect(`${one.why}, digest`, sha256(body), one.sha256);
}
expect("a refusal is passed on", (await ask({}, "Bearer other")).status, 401);
console.log(`${cases.length} cases, ${failed} failed`);
process.exitCode = failed ? 1 : 0;
