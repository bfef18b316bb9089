/** The OpenAPI 3.1 document, generated from the table of routes. */
import { jsonReply } from "./json.ts";
import type { Route } from "../exchange/route.ts";
import { VERSION } from "../../core/version.ts";

const PROBLEM = {
  description: "What went wrong, as RFC 9457 has it",
  content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
};

/** @param routes all routes; those without a description are omitted */
export function openApiRoute(routes: () => readonly Route[]): Route {
  return {
    methods: ["GET"],
    path: "/openapi.json",
    access: "watch",
    about: { summary: "This document" },
    handle: () => jsonReply(openApi(routes())),
  };
}

export function openApi(routes: readonly Route[]): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes.filter(({ about }) => about !== undefined)) {
    const path = route.path.replaceAll("...}", "}"), methods = paths[path] ??= {};
    for (const method of route.methods) methods[method.toLowerCase()] = operationOf(route);
  }
  return {
    openapi: "3.1.0",
    info: { title: "backup-tool", version: VERSION },
    paths,
    components: {
      securitySchemes: { token: { type: "http", scheme: "bearer" } },
      schemas: {
        Problem: {
          type: "object",
          required: ["type", "title", "status", "code", "detail", "hint"],
          properties: {
            type: { type: "string" },
            title: { type: "string" },
            status: { type: "integer" },
            code: { type: "string", description: "That of the command line" },
            detail: { type: "string" },
            hint: { type: "string" },
          },
        },
      },
    },
    security: [{ token: [] }],
  };
}

function operationOf({ path, access, about }: Route): object {
  const { summary = "", query = {}, type = "application/json" } = about ?? {};
  const inPath = [...path.matchAll(/\{([a-z]+)(\.\.\.)?\}/g)].map(([, name, dots]) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string" },
    ...(dots !== undefined && { description: "Any number of names with `/` between; each byte may be written as %XX" }),
  }));
  const inQuery = Object.entries(query).map(([name, about]) => {
    const described = typeof about === "string" ? { description: about, schema: { type: "string" } } : about;
    return { name, in: "query", ...described };
  });
  return {
    summary,
    description: access === "open" ? "For everybody" : `For accounts of the role ${access} and above`,
    parameters: [...inPath, ...inQuery],
    responses: { "2XX": { description: "Done", content: { [type]: {} } }, default: PROBLEM },
    ...(access === "open" && { security: [] }),
  };
}
