/** User names and passwords over HTTP. */
import { Buffer } from "node:buffer";
import type { Credentials } from "./credentials.ts";
import type { HttpRequest } from "./http.ts";

/**
 * Returns a function that makes the headers to authenticate with.
 * @param user from the location; credentials may name another one
 */
export function webLogin(
  credentials: Credentials,
  user: string | undefined,
): (request: HttpRequest) => Promise<Readonly<Record<string, string>>> {
  return async () => {
    const secrets = await credentials.get();
    const token = secrets.get("token"), password = secrets.get("password"), name = user ?? secrets.get("user");
    if (token !== undefined) return { authorization: `Bearer ${token}` };
    if (name === undefined || password === undefined) return {};
    const both = Buffer.from(`${name}:${password}`).toString("base64");
    credentials.alsoHide(both);
    return { authorization: `Basic ${both}` };
  };
}
