/** JSON bodies of requests. */
import { readText } from "../exchange/form.ts";
import { BadRequest } from "../exchange/problem.ts";
import type { Exchange } from "../exchange/route.ts";

/** Reads and parses a JSON body. @throws BadRequest */
export async function jsonBody(exchange: Exchange): Promise<unknown> {
  const type = exchange.headers.get("content-type") ?? "";
  if (!/^application\/json(?:;|$)/i.test(type)) throw new BadRequest("The body is no application/json");
  try {
    return JSON.parse(await readText(exchange));
  } catch (error) {
    if (error instanceof SyntaxError) throw new BadRequest("The body is no JSON");
    throw error;
  }
}
