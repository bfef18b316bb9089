/** A form whose session ended before it was sent: what somebody has written waits until they have signed in again. */
import { type Html, markup } from "./markup.ts";
import { page } from "./page.ts";
import { readText } from "../exchange/form.ts";
import { encodedSegment, parseQuery } from "../exchange/target.ts";
import type { Exchange, Reply } from "../exchange/route.ts";
import { rawOfBytes, textOf } from "../../core/raw.ts";

export interface KeptForm {
  /** Path that it was sent to. */
  readonly to: string;
  /** The fields as a form's body, without secrets. */
  readonly fields: string;
}

const MOST_KEPT = 256 * 1024;
/** Names of fields that are never shown again. */
const SECRET = /pass|secret|token|^old$|^again$/i;
/** Forms in which nothing is written. */
const NOT_KEPT: readonly string[] = ["/sign-out", "/session", "/setup", "/password"];

type Sent = Pick<Exchange, "target" | "headers" | "body">;

/** The form of a request; undefined if it is none, or nothing of it can be kept. */
export async function keptForm(sent: Sent): Promise<KeptForm | undefined> {
  const type = sent.headers.get("content-type") ?? "", length = Number(sent.headers.get("content-length") ?? Infinity);
  const to = `/${sent.target.segments.map(encodedSegment).join("/")}`;
  if (!/^application\/x-www-form-urlencoded(?:;|$)/i.test(type) || length > MOST_KEPT || NOT_KEPT.includes(to)) {
    return undefined;
  }
  const pairs = parseQuery(await readText(sent))?.pairs.filter(([name]) => !SECRET.test(name)) ?? [];
  const fields = pairs.map(([name, value]) => `${encodedSegment(bytesText(name))}=${encodedSegment(value)}`).join("&");
  return pairs.length === 0 ? undefined : { to, fields };
}

function bytesText(text: string): string {
  return rawOfBytes(new TextEncoder().encode(text));
}

/** The field by which the page for signing in passes it on. */
export function keptField({ fields }: KeptForm): Html {
  return markup`<input type="hidden" name="kept" value="${fields}">`;
}

/** The page from which it is sent after all: nothing is done before somebody has said so. */
export function keptPage({ site }: Pick<Exchange, "site">, { to, fields }: KeptForm, headers: Reply["headers"]): Reply {
  const pairs = parseQuery(fields)?.pairs ?? [];
  const body = markup`<p>You were signed out meanwhile. What you had written is still here, except passwords.</p>
<form method="post" action="${to}">${
    pairs.map(([name, value]) =>
      markup`<input type="hidden" name="${name}" value="${textOf(value).replaceAll("\r\n", "\n")}">`
    )
  }<p class="actions"><button class="main">Go on with it</button> <a class="button" href="/">Drop it</a></p></form>`;
  return page({ site, account: undefined }, { title: "Signed in again", body, ...(headers && { headers }) });
}
