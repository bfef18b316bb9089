/** Names and passwords by HTTP. */
import { Buffer } from "node:buffer";
import type { Credentials } from "./credentials.ts";
import type { HttpRequest } from "./http.ts";

/** Headers that say who we are. @param user what the location says; credentials may say another one */
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
