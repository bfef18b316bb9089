/** HTTP connections for `fetch` with an owner, who closes them. */
import { rawOf } from "../core/raw.ts";
import { attempt } from "./portable_calls.ts";
import { environment } from "./system.ts";

export interface HttpClient extends Disposable {
  /** Options to pass to `fetch`. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** True if the environment names a proxy for addresses of that scheme, which resolves their hosts by itself. */
export function hasProxy(scheme: string): boolean {
  const names = [scheme === "http:" ? "HTTP_PROXY" : "HTTPS_PROXY", "ALL_PROXY"];
  return names.some((name) => environment(name) !== undefined || environment(name.toLowerCase()) !== undefined);
}

/**
 * Opens a client, which uses the proxies in HTTP_PROXY, HTTPS_PROXY and NO_PROXY.
 * @param caFile absolute path of additional root certificates to trust, in PEM
 * @throws DiskFault
 */
export function openHttpClient(caFile?: string): HttpClient {
  const caCerts = caFile === undefined ? [] : [attempt("read", rawOf(caFile), () => Deno.readTextFileSync(caFile))];
  const client = Deno.createHttpClient({ caCerts, poolIdleTimeout: 30_000 });
  return { options: { client }, [Symbol.dispose]: () => client.close() };
}
