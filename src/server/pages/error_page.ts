/** The page for failures. */
import { coded, markup } from "./markup.ts";
import { page, redirect } from "./page.ts";
import { problemOf } from "../exchange/problem.ts";
import { encodedSegment } from "../exchange/target.ts";
import type { Exchange, Reply } from "../exchange/route.ts";
import type { Site } from "../exchange/site.ts";

const TITLES: Readonly<Record<number, string>> = {
  403: "Not allowed",
  404: "Not found",
  413: "Too large",
  421: "Another name",
  429: "Too many tries",
  503: "Busy",
};

/** The page for an error; users who are not signed in are asked to sign in. */
export function errorPage(error: unknown, exchange: Partial<Exchange> & { readonly site: Site }): Reply {
  const { status, detail, hint, code } = problemOf(error), { target, site } = exchange;
  if (status === 401 && target !== undefined) {
    const path = `/${target.segments.map(encodedSegment).join("/")}`;
    return redirect(path === "/" ? "/sign-in" : `/sign-in?to=${encodedSegment(path)}`);
  }
  const body = markup`
    <div class="alert" role="alert">
      <p><strong class="bad">${detail}</strong></p>
      <p class="soft">${coded(hint)}</p>
    </div>
    <p class="actions"><a class="button" href="/">To the first page</a></p>
    <p class="soft">Code: <code>${code}</code></p>
  `;
  return page({ site, account: exchange.account }, { title: TITLES[status] ?? "That did not work", status, body });
}
