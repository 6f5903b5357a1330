// A reference edge worker: it takes the requests of `POST /v1/installers`, asks the service for the plan alone, and puts the plan's few bytes between
// ranges of the base, which it may keep: a base has no token in it. In the form that edge platforms share, `export default { fetch(request, env) }`.
// `env.ORIGIN` is the service's URL, `env.fetch` asks it; where there is a cache, it belongs around the requests for ranges of the base.

const PLAN = "application/vnd.stampwright.splice+json";

/** The steps of a plan with their places in the installer, cut to the bytes from `start` to `end`. */
export function* cut(segments, start, end) {
  let at = 0;
  for (const { keep, put } of segments) {
    const bytes = put === undefined ? null : Uint8Array.from(atob(put), (letter) => letter.charCodeAt(0));
    const length = bytes ? bytes.length : keep[1] - keep[0];
    const from = Math.max(start - at, 0);
    const to = Math.min(end - at, length);
    if (from < to) yield bytes ? { put: bytes.subarray(from, to) } : { keep: [keep[0] + from, keep[0] + to] };
    at += length;
  }
}

/** The one range that a request asks for, as `[start, end]`; null for all of it, or where it is to be ignored (RFC 9110, section 14.2). */
export function range(value, size) {
  const found = /^bytes=(\d*)-(\d*)$/.exec(value ?? "");
  if (!found || (!found[1] && !found[2])) return null;
  const [first, last] = [found[1], found[2]].map((digits) => (digits ? Number(digits) : undefined));
  if (first === undefined) return last === 0 || size === 0 ? "unsatisfiable" : [Math.max(size - last, 0), size];
  if (last !== undefined && last < first) return null;
  return first >= size ? "unsatisfiable" : [first, Math.min((last ?? size - 1) + 1, size)];
}

async function* body(plan, start, end, kept) {
  for (const { keep, put } of cut(plan.segments, start, end)) {
    if (put) yield put;
    else yield* kept(...keep);
  }
}

export default {
  async fetch(request, env) {
    const head = { authorization: request.headers.get("authorization") ?? "" };
    const asked = { method: "POST", headers: { ...head, accept: PLAN, "content-type": "application/json" }, body: await request.text() };
    const answer = await env.fetch(`${env.ORIGIN}/v1/installers`, asked);
    // A refusal is the service's own.
    if (answer.status !== 200) return answer;
    const plan = await answer.json();
    if (plan.version !== 1) return new Response("the plan's version is not known here", { status: 502 });

    async function* kept(from, to) {
      const range = { ...head, range: `bytes=${from}-${to - 1}` };
      const part = await env.fetch(`${env.ORIGIN}/v1/bases/${plan.base.sha256}`, { headers: range });
      if (part.status !== 206) throw new Error(`the base cannot be read: ${part.status}`);
      let left = to - from;
      for await (const chunk of part.body) {
        left -= chunk.length;
        yield chunk;
      }
      if (left !== 0) throw new Error("the base is not of the length that the plan says");
    }

    const wanted = request.headers.get("if-range") ?? plan.etag;
    const part = wanted === plan.etag ? range(request.headers.get("range"), plan.size) : null;
    const headers = { etag: plan.etag, "cache-control": "no-store", "accept-ranges": "bytes", "content-type": plan.media_type };
    headers["content-disposition"] = `attachment; filename="${plan.file_name}"`;
    if (part === "unsatisfiable") return new Response(null, { status: 416, headers: { "content-range": `bytes */${plan.size}` } });
    const [start, end] = part ?? [0, plan.size];
    headers["content-length"] = String(end - start);
    if (part) headers["content-range"] = `bytes ${start}-${end - 1}/${plan.size}`;
    return new Response(ReadableStream.from(body(plan, start, end, kept)), { status: part ? 206 : 200, headers });
  },
};
