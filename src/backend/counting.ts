/** Counts requests and bytes: for progress, and for tests that limit what an operation may request. */
import { type Backend, type ObjectKey, type ObjectKind, sizeOf } from "./backend.ts";
import { around } from "./decorator.ts";

export type Verb = "put" | "get" | "head" | "list" | "remove";

export interface Traffic {
  readonly requests: Record<Verb, number>;
  uploadedBytes: number;
  downloadedBytes: number;
}

export interface Counted {
  readonly backend: Backend;
  readonly traffic: Traffic;
}

/** Wraps a backend. @param onRequest called before each request */
export function counting(
  inner: Backend,
  onRequest: (verb: Verb, target: ObjectKey | ObjectKind) => void = () => {},
): Counted {
  const traffic: Traffic = {
    requests: { put: 0, get: 0, head: 0, list: 0, remove: 0 },
    uploadedBytes: 0,
    downloadedBytes: 0,
  };
  const count = (verb: Verb, target: ObjectKey | ObjectKind) => {
    traffic.requests[verb]++;
    onRequest(verb, target);
  };
  const backend = around(inner, {
    async put(key, body, options) {
      count("put", key);
      const result = await inner.put(key, body, options);
      if (result === "stored") traffic.uploadedBytes += sizeOf(body);
      return result;
    },
    async get(key, options) {
      count("get", key);
      const bytes = await inner.get(key, options);
      traffic.downloadedBytes += bytes.length;
      return bytes;
    },
    head(key, signal) {
      count("head", key);
      return inner.head(key, signal);
    },
    list(kind, signal) {
      count("list", kind);
      return inner.list(kind, signal);
    },
    remove(key, signal) {
      count("remove", key);
      return inner.remove(key, signal);
    },
  });
  return { backend, traffic };
}
