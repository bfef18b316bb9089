/** The protocol of restic's REST servers, versions 1 and 2, with the same status codes as rest-server. */
import {
  isName,
  isType,
  type ObjectPath,
  type ObjectStore,
  type ObjectType,
  type Repository,
} from "../object_store/object_store.ts";
import { NotSignedIn } from "../exchange/problem.ts";
import type { Exchange, Method, Reply, Route } from "../exchange/route.ts";
import { tell, tellOnce } from "../exchange/tell.ts";
import { textOf } from "../../core/raw.ts";

const V1 = "application/vnd.x.restic.rest.v1", V2 = "application/vnd.x.restic.rest.v2";
const NOT_FOUND = answer(404, "Not Found");

/** What a path refers to. */
type Place =
  | { readonly kind: "repository"; readonly repository: Repository }
  | { readonly kind: "list"; readonly repository: Repository; readonly type: ObjectType }
  | { readonly kind: "object"; readonly path: ObjectPath };

export const OBJECT_ROUTES: readonly Route[] = [{
  methods: ["GET", "HEAD", "POST", "DELETE"],
  path: "/objects/{path...}",
  access: "objects",
  basic: "objects",
  mostBytes: Infinity,
  handle: (exchange) => handle(exchange),
}];

async function handle(exchange: Exchange): Promise<Reply> {
  const { site: { objects }, account, rest, target: { isDirectory } } = exchange;
  const segments = rest.map(textOf), [user = ""] = segments;
  if (objects === undefined) return NOT_FOUND;
  // Another one's repositories are nobody's business: not even whether they are there.
  if (account?.name !== user) throw new NotSignedIn();
  const place = placeOf(segments, isDirectory);
  if (place === undefined) return NOT_FOUND;
  if (place.kind === "repository") return repositoryReply(exchange, objects, place.repository);
  if (place.kind === "list") return listReply(exchange, objects, place);
  return await objectReply(exchange, objects, place.path);
}

function placeOf(
  [user = "", name = "", type, id, ...more]: readonly string[],
  isDirectory: boolean,
): Place | undefined {
  const repository = { user, name };
  if (!isName(user) || !isName(name) || more.length > 0) return undefined;
  if (type === undefined) return isDirectory ? { kind: "repository", repository } : undefined;
  if (type === "config") {
    return id === undefined && !isDirectory ? { kind: "object", path: { ...repository, type, id: "" } } : undefined;
  }
  if (!isType(type)) return undefined;
  if (id === undefined) return isDirectory ? { kind: "list", repository, type } : undefined;
  if (isDirectory || !/^[0-9a-f]{64}$/.test(id)) return undefined;
  return { kind: "object", path: { ...repository, type, id } };
}

function repositoryReply(exchange: Exchange, objects: ObjectStore, repository: Repository): Reply {
  const { method, target } = exchange;
  if (method !== "POST") return notAllowed("POST");
  if (target.query.get("create") !== "true") return answer(400, "Bad Request");
  objects.create(repository);
  tell(exchange, `made the repository ${repository.user}/${repository.name}`);
  return answer(200, "");
}

function listReply(
  { method, headers }: Exchange,
  objects: ObjectStore,
  { repository, type }: Extract<Place, { readonly kind: "list" }>,
): Reply {
  if (method !== "GET" && method !== "HEAD") return notAllowed("GET", "HEAD");
  const found = objects.list(repository, type);
  if (found === undefined) return NOT_FOUND;
  // Whoever asks otherwise is a client of the first version.
  const isV2 = headers.get("accept") === V2;
  const body = JSON.stringify(isV2 ? found : found.map(({ name }) => name));
  return { status: 200, headers: { "content-type": isV2 ? V2 : V1 }, body };
}

async function objectReply(exchange: Exchange, objects: ObjectStore, path: ObjectPath): Promise<Reply> {
  const { method } = exchange;
  if (method === "POST") return await storeReply(exchange, objects, path);
  if (method === "DELETE") return removeReply(exchange, objects, path);
  return method === "GET" || method === "HEAD"
    ? readReply(exchange, objects, path)
    : notAllowed("GET", "HEAD", "POST", "DELETE");
}

async function storeReply(
  exchange: Exchange,
  objects: ObjectStore,
  path: ObjectPath,
): Promise<Reply> {
  const { body, bodyBytes, account } = exchange;
  const outcome = await objects.put(path, body(), { bytes: bodyBytes, quotaBytes: account?.quotaBytes });
  switch (outcome) {
    case "stored":
      objects.traffic.add("write", path, objects.open(path)?.size ?? 0);
      if (path.type !== "locks") tellOnce(exchange, `stored into the repository ${path.user}/${path.name}`);
      return answer(200, "");
    case "there":
      return answer(403, "Forbidden");
    case "other-bytes":
      return answer(400, "Bad Request");
    case "full":
      return answer(507, "Insufficient Storage");
    case "no-repository":
      return NOT_FOUND;
  }
}

function removeReply(exchange: Exchange, objects: ObjectStore, path: ObjectPath): Reply {
  const isKept = objects.appendOnly || exchange.account?.appendOnly === true;
  if (isKept && path.type !== "locks") return answer(403, "Forbidden");
  // A client that retries because the answer was lost gets the same answer.
  const bytes = objects.remove(path);
  if (bytes !== undefined) {
    objects.traffic.add("delete", path, bytes);
    if (path.type !== "locks") tellOnce(exchange, `removed from the repository ${path.user}/${path.name}`);
  }
  return answer(200, "");
}

function readReply({ method, headers }: Exchange, objects: ObjectStore, path: ObjectPath): Reply {
  const found = objects.open(path);
  if (found === undefined) return NOT_FOUND;
  const { size } = found, range = rangeOf(headers.get("range"), size), isHead = method === "HEAD";
  const common = {
    "accept-ranges": "bytes",
    "content-type": "application/octet-stream",
    "cache-control": "no-transform",
  };
  if (range === "unsatisfiable") return { status: 416, headers: { ...common, "content-range": `bytes */${size}` } };
  const [from, to] = range ?? [0, size], length = { "content-length": String(to - from) };
  const part = range === undefined ? {} : { "content-range": `bytes ${from}-${to - 1}/${size}` };
  const status = range === undefined ? 200 : 206;
  if (!isHead) objects.traffic.add("read", path, to - from);
  const body = isHead ? "" : found.read(from, to);
  return { status, headers: { ...common, ...length, ...part }, body };
}

/** The requested range: its start, and the first byte after it. An unreadable one is ignored. */
function rangeOf(text: string | null, size: number): readonly [number, number] | "unsatisfiable" | undefined {
  const [, first = "", last = ""] = /^bytes=(\d*)-(\d*)$/.exec(text ?? "") ?? [];
  if (first === "" && last === "") return undefined;
  if (first === "") {
    return Number(last) === 0 || size === 0 ? "unsatisfiable" : [Math.max(0, size - Number(last)), size];
  }
  const from = Number(first), to = last === "" ? size : Math.min(size, Number(last) + 1);
  if (last !== "" && Number(last) < from) return undefined;
  return from >= size ? "unsatisfiable" : [from, to];
}

function notAllowed(...methods: readonly Method[]): Reply {
  return { ...answer(405, "Method Not Allowed"), headers: { "content-type": TEXT, allow: methods.join(", ") } };
}

const TEXT = "text/plain; charset=utf-8";

function answer(status: number, text: string): Reply {
  return { status, headers: { "content-type": "text/plain; charset=utf-8" }, body: text === "" ? "" : `${text}\n` };
}
