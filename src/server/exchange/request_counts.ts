/** Counts requests by route and status, since the server was started. */
import type { Family } from "../../operations/metrics/exposition.ts";

interface Count {
  readonly labels: Readonly<Record<string, string>>;
  value: number;
}

export class RequestCounts {
  readonly #counts = new Map<string, Count>();

  /**
   * Counts a request. @param route its path in the table of routes; undefined if there is none: clients can invent any
   * number
   */
  add(route: string | undefined, status: number): void {
    const key = `${status} ${route}`, known = this.#counts.get(key);
    if (known !== undefined) known.value++;
    else this.#counts.set(key, { labels: { route: route ?? "none", code: String(status) }, value: 1 });
  }

  family(): Family {
    const samples = [...this.#counts.values()].map(({ labels, value }) => ({ labels, value }));
    return { name: "backup_tool_http_requests_total", type: "counter", help: "Requests that were answered", samples };
  }
}
