/** Contents as text, for previews and comparisons. */
import type { Exchange } from "../exchange/route.ts";
import type { Entry } from "../../core/entry.ts";

/** The content as text; undefined if it isn't text. */
export async function textContent({ site }: Pick<Exchange, "site">, { content }: Entry): Promise<string | undefined> {
  if (content === undefined) return undefined;
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let text = "";
  try {
    for await (const part of site.reader.content(content)) text += decoder.decode(part, { stream: true });
    text += decoder.decode();
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
  return text.includes("\0") ? undefined : text;
}
