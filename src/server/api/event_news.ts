/** What is new since the last look: snapshots and alerts, which nobody logs. */
import { statusOf } from "./status.ts";
import { isAllowed } from "../accounts/account.ts";
import type { Exchange } from "../exchange/route.ts";
import { visibleSnapshots } from "../exchange/visible.ts";
import type { LogEvent } from "../../jobs/log/log.ts";

export class EventNews {
  readonly #asking: Pick<Exchange, "site" | "account">;
  #known: ReadonlySet<string> | undefined;

  constructor(asking: Pick<Exchange, "site" | "account">) {
    this.#asking = asking;
  }

  /** Events for what wasn't there at the last look; none at the first. @throws the faults of the status */
  async look(): Promise<readonly LogEvent[]> {
    const found = new Map([...await this.#snapshots(), ...await this.#alerts()]), known = this.#known;
    this.#known = new Set(found.keys());
    return known === undefined ? [] : [...found].filter(([id]) => !known.has(id)).map(([, event]) => event);
  }

  async #snapshots(): Promise<(readonly [string, LogEvent])[]> {
    const mayRead = isAllowed(this.#asking.account, "read");
    return (await visibleSnapshots(this.#asking)).map(({ id, host, name, time }) => {
      const fields = { id, host, name, time }, message = `New snapshot of ${name} on ${host}`;
      return [id, { level: "info", event: "snapshot", message, ...(mayRead && { fields }) }];
    });
  }

  async #alerts(): Promise<(readonly [string, LogEvent])[]> {
    const { alerts } = await statusOf(this.#asking);
    return alerts.filter(({ dismissed }) => dismissed === undefined).map(({ id, code, subject, message }) => {
      const fields = { id, code, subject };
      return [id, { level: "warning", event: "alert", message: `${subject}: ${message}`, fields }];
    });
  }
}
