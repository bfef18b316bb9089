/** A small server for restic's REST protocol, in this process, which may be told to do single things wrong. */

/** What it does wrong. */
export type Flaw =
  | "says stored and stores nothing"
  | "stores half"
  | "says removed and removes nothing"
  | "lies about sizes"
  | "leaves things out of lists"
  | "gives another part"
  | "changes a bit"
  | "gives a page for people";

export interface RestServer extends AsyncDisposable {
  readonly port: number;
  readonly objects: Map<string, Uint8Array<ArrayBuffer>>;
  /** Of all requests: method and path. */
  readonly requests: string[];
}

type Handler = (request: Request) => Response | undefined | Promise<Response | undefined>;

/** @param before answers in the place of the server; undefined: it does it itself @param hostname where it listens */
export function restServer(
  flaw?: Flaw,
  before: Handler = () => undefined,
  hostname = "127.0.0.1",
): RestServer {
  const objects = new Map<string, Uint8Array<ArrayBuffer>>(), requests: string[] = [];
  const handle = async (request: Request) => {
    const { pathname } = new URL(request.url);
    requests.push(`${request.method} ${pathname}`);
    return await before(request) ?? await answer(objects, request, pathname, flaw);
  };
  const server = Deno.serve({
    hostname,
    port: 0,
    onListen: () => {},
    onError: () => new Response("bug", { status: 500 }),
  }, handle);
  return { port: server.addr.port, objects, requests, [Symbol.asyncDispose]: () => server.shutdown() };
}

async function answer(
  objects: Map<string, Uint8Array<ArrayBuffer>>,
  request: Request,
  path: string,
  flaw: Flaw | undefined,
): Promise<Response> {
  const page = () => new Response("<html>Log in</html>", { headers: { "content-type": "text/html; charset=utf-8" } });
  if (flaw === "gives a page for people" && request.method !== "HEAD") return page();
  if (path.endsWith("/")) return request.method === "GET" ? list(objects, path, flaw) : new Response();
  switch (request.method) {
    case "POST":
      return store(objects, path, new Uint8Array(await request.arrayBuffer()), flaw);
    case "DELETE":
      if (flaw !== "says removed and removes nothing") objects.delete(path);
      return new Response();
    default:
      return read(objects.get(path), request, flaw);
  }
}

function store(
  objects: Map<string, Uint8Array<ArrayBuffer>>,
  path: string,
  body: Uint8Array<ArrayBuffer>,
  flaw?: Flaw,
): Response {
  if (flaw === "says stored and stores nothing") return new Response();
  if (objects.has(path)) return new Response("", { status: 403 });
  objects.set(path, flaw === "stores half" ? body.slice(0, body.length >> 1) : body);
  return new Response();
}

function list(objects: Map<string, Uint8Array>, path: string, flaw?: Flaw): Response {
  const found = [...objects].filter(([key]) => key.startsWith(path) && !key.slice(path.length).includes("/"));
  const items = found.map(([key, { length }]) => ({ name: key.slice(path.length), size: length }));
  const shown = flaw === "leaves things out of lists" ? items.slice(0, 50) : items;
  return Response.json(shown, { headers: { "content-type": "application/vnd.x.restic.rest.v2" } });
}

function read(bytes: Uint8Array<ArrayBuffer> | undefined, request: Request, flaw?: Flaw): Response {
  if (bytes === undefined) return new Response("", { status: 404 });
  const size = flaw === "lies about sizes" ? bytes.length + 1 : bytes.length;
  if (request.method === "HEAD") return new Response(null, { headers: { "content-length": String(size) } });
  const given = flaw === "changes a bit" ? changed(bytes) : bytes;
  const [, from, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.get("range") ?? "") ?? [];
  if (from === undefined) return new Response(given);
  if (Number(from) >= bytes.length) return new Response("", { status: 416 });
  const end = Math.min(Number(last) + 1, bytes.length),
    shift = flaw === "gives another part" && Number(from) > 0 ? 1 : 0;
  const headers = { "content-range": `bytes ${from}-${end - 1}/${bytes.length}` };
  return new Response(given.slice(Number(from) - shift, end - shift), { status: 206, headers });
}

function changed(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const copy = bytes.slice();
  if (copy.length > 0) copy[copy.length >> 1]! ^= 1;
  return copy;
}
