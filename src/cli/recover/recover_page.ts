/** The page that opens vaults in a browser, as scripts/make_recover_page.ts builds it from recover/. */
import page from "./recover.html" with { type: "text" };
import { hashBytes } from "../../core/digest.ts";
import { bytesOf, rawOf } from "../../core/raw.ts";

export const PAGE: string = page;

/** Digest of the page; printed beside a key on paper, so that a copy can be distinguished from a forgery. */
export function pageDigest(): string {
  return hashBytes("sha256", bytesOf(rawOf(page)));
}
