/** The page of what accounts have done, for admins. */
import { markup } from "./markup.ts";
import { ago, page, table } from "./page.ts";
import { activityOf } from "../api/account_routes.ts";
import type { Exchange, Reply } from "../exchange/route.ts";

const SHOWN = 200;

export function activityPage(exchange: Exchange): Reply {
  const rows = activityOf(exchange, SHOWN).map(({ at, user, token, address, act }) => [
    act,
    markup`${user}${token !== undefined && markup` <span class="soft">by the token ${token}</span>`}`,
    address === "" ? "socket" : address,
    ago(exchange, at),
  ]);
  const columns = [{ name: "What" }, { name: "Who" }, { name: "From" }, { name: "When", right: true }];
  const body = markup`<p class="soft">What accounts have done here or through the interface, newest first. What jobs
did is on the page of jobs; failed sign-ins are in the log.</p>
${rows.length === 0 ? markup`<p>Nothing yet.</p>` : table("Activity", columns, rows, "brief")}`;
  return page(exchange, { title: "Activity", part: "/activity", body });
}
