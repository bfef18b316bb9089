/** Connections for `fetch` that belong to somebody, and are closed with him. */
import { rawOf } from "../core/raw.ts";
import { attempt } from "./portable_calls.ts";

export interface HttpClient extends Disposable {
  /** What `fetch` takes, on this runtime. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** Proxies are those of HTTP_PROXY, HTTPS_PROXY and NO_PROXY. @param caFile absolute path of more roots to trust, as PEM @throws DiskFault */
export function openHttpClient(caFile?: string): HttpClient {
  const caCerts = caFile === undefined ? [] : [attempt("read", rawOf(caFile), () => Deno.readTextFileSync(caFile))];
  const client = Deno.createHttpClient({ caCerts, poolIdleTimeout: 30_000 });
  return { options: { client }, [Symbol.dispose]: () => client.close() };
}
