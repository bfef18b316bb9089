/** The pages that open vaults and storages in a browser, as scripts/make_recover_page.ts builds them from recover/. */
import page from "./recover.html" with { type: "text" };
import { hashBytes } from "../../core/digest.ts";
import { bytesOf, rawOf } from "../../core/raw.ts";

/** A field for a secret, and what belongs to it. */
const SECRET = /<!-- secret -->[^]*?<!-- \/secret -->/g;

export const PAGE: string = page;

/**
 * May lie in a storage, which needs no key: it has no field for one, so nobody gets used to giving it to a page whose
 * origin they don't know.
 */
export const STORAGE_PAGE: string = page.replaceAll(SECRET, "");

/** Digest of a page; printed beside a key on paper, so that a copy can be distinguished from a forgery. */
export function pageDigest(of: string = page): string {
  return hashBytes("sha256", bytesOf(rawOf(of)));
}
