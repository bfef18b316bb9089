/** Files that pages refer to. Their names change with their contents, so browsers can cache them forever. */
import { ICON, SCRIPT, STYLE } from "./asset_texts.ts";
import { sha256 } from "../accounts/passwords.ts";
import type { Route } from "../exchange/route.ts";

interface Asset {
  readonly address: string;
  readonly type: string;
  readonly text: string;
}

const HASH_DIGITS = 12;
const FOR_GOOD = "public, max-age=31536000, immutable";

function asset(name: string, ending: string, type: string, text: string): Asset {
  return { address: `/assets/${name}.${sha256(text).slice(0, HASH_DIGITS)}.${ending}`, type, text };
}

export const ASSETS = {
  style: asset("style", "css", "text/css; charset=utf-8", STYLE),
  script: asset("page", "js", "text/javascript; charset=utf-8", SCRIPT),
  icon: asset("icon", "svg", "image/svg+xml", ICON),
} as const;

export const ASSET_ROUTES: readonly Route[] = Object.values(ASSETS).map(({ address, type, text }): Route => ({
  methods: ["GET"],
  path: address,
  access: "open",
  handle: () => ({ status: 200, headers: { "content-type": type, "cache-control": FOR_GOOD }, body: text }),
}));
