// Runs the worker on a loopback port in front of a service: listen.mjs ORIGIN. Prints the port.

import { createServer } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

import worker from "./worker.mjs";

const env = { ORIGIN: process.argv[2], fetch };

const server = createServer(async (incoming, outgoing) => {
  const chunks = [];
  for await (const chunk of incoming) chunks.push(chunk);
  const url = `http://edge.example${incoming.url}`;
  const answer = await worker.fetch(new Request(url, { method: "POST", headers: incoming.headers, body: Buffer.concat(chunks) }), env);
  outgoing.writeHead(answer.status, Object.fromEntries(answer.headers));
  // A body that breaks off must break the connection off as well.
  if (answer.body) await pipeline(Readable.fromWeb(answer.body), outgoing).catch(() => outgoing.destroy());
  else outgoing.end();
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
