// Puts an installer together from a base and a plan of `stampwright stamp --plan`: assemble.mjs BASE PLAN OUT.

import { createHash } from "node:crypto";
import { open, readFile } from "node:fs/promises";

const CHUNK = 1 << 20;

async function* range(base, start, end) {
  while (start < end) {
    const { bytesRead, buffer } = await base.read(Buffer.alloc(Math.min(CHUNK, end - start)), { position: start });
    if (bytesRead === 0) throw new Error("the base is shorter than the plan says");
    yield buffer.subarray(0, bytesRead);
    start += bytesRead;
  }
}

async function* assembled(base, plan) {
  for (const { keep, put } of plan.segments) {
    if (keep) yield* range(base, keep[0], keep[1]);
    else yield Buffer.from(put, "base64");
  }
}

const [basePath, planPath, outPath] = process.argv.slice(2);
const plan = JSON.parse(await readFile(planPath, "utf8"));
if (plan.version !== 1) throw new Error(`the plan has version ${plan.version}, must be 1`);

const base = await open(basePath);
const { size } = await base.stat();
const sha256 = createHash("sha256");
// A server does this once per base, not per installer.
for await (const chunk of range(base, 0, size)) sha256.update(chunk);
if (size !== plan.base.size || sha256.digest("hex") !== plan.base.sha256) throw new Error("the plan is of another base");

const out = await open(outPath, "wx");
let written = 0;
for await (const chunk of assembled(base, plan)) written += (await out.write(chunk)).bytesWritten;
await out.close();
await base.close();
if (written !== plan.size) throw new Error(`${written} bytes, must be ${plan.size}`);
