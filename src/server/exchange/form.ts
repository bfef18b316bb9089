/** Reads the forms of pages. */
import { BadRequest } from "./problem.ts";
import { parseQuery, type Query } from "./target.ts";
import type { Exchange } from "./route.ts";

/** The text of a body. @throws BadRequest if it is no UTF-8 */
export async function readText(exchange: Pick<Exchange, "body">): Promise<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let text = "";
  try {
    for await (const part of exchange.body()) text += decoder.decode(part, { stream: true });
    return text + decoder.decode();
  } catch (error) {
    if (error instanceof TypeError) throw new BadRequest("The body is no UTF-8");
    throw error;
  }
}

/** Reads a form. @throws BadRequest */
export async function readForm(exchange: Exchange): Promise<Query> {
  const type = exchange.headers.get("content-type") ?? "";
  if (!/^application\/x-www-form-urlencoded(?:;|$)/i.test(type)) throw new BadRequest("That is no form of this page");
  const form = parseQuery(await readText(exchange));
  if (form === undefined) throw new BadRequest("The form can't be read");
  return form;
}
