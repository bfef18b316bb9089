/** The OpenAPI 3.1 document, generated from the table of routes. */
import * as z from "zod";
import { jsonReply } from "./json.ts";
import { named, namedSchemas, referenceTo } from "./schemas/named.ts";
import { PROBLEM } from "./schemas/stored.ts";
import type { Route, RouteInfo } from "../exchange/route.ts";
import { VERSION } from "../../core/version.ts";

const FAILED = {
  description: "What went wrong",
  content: { "application/problem+json": { schema: referenceTo(PROBLEM) } },
};
const DOCUMENT = named("Document", z.looseObject({ openapi: z.string(), paths: z.looseObject({}) }));

/** @param routes all routes; those without a description are omitted */
export function openApiRoute(routes: () => readonly Route[]): Route {
  let document: object | undefined;
  return {
    methods: ["GET"],
    path: "/openapi.json",
    access: "watch",
    about: { summary: "This document", replies: { 200: DOCUMENT } },
    handle: () => jsonReply(document ??= openApi(routes())),
  };
}

export function openApi(routes: readonly Route[]): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    if (route.about === undefined) continue;
    const path = route.path.replaceAll("...}", "}"), methods = paths[path] ??= {}, operation = operationOf(route);
    for (const method of route.methods) methods[method.toLowerCase()] = operation;
  }
  return {
    openapi: "3.1.0",
    info: { title: "backup-tool", version: VERSION },
    paths,
    components: {
      securitySchemes: { token: { type: "http", scheme: "bearer" } },
      schemas: namedSchemas(),
    },
    security: [{ token: [] }],
  };
}

function operationOf({ path, access, about }: Route): object {
  if (about === undefined) return {};
  return {
    summary: about.summary,
    description: access === "open" ? "For everybody" : `For accounts of the role ${access} and above`,
    parameters: [...pathParameters(path), ...otherParameters(about)],
    ...(about.body !== undefined && { requestBody: bodyOf(about.body) }),
    responses: { ...repliesOf(about), default: FAILED },
    ...(access === "open" && { security: [] }),
  };
}

function pathParameters(path: string): object[] {
  return [...path.matchAll(/\{([a-z]+)(\.\.\.)?\}/g)].map(([, name, dots]) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string" },
    ...(dots !== undefined && { description: "Any number of names with `/` between; each byte may be written as %XX" }),
  }));
}

function otherParameters({ query = {}, headers = {} }: RouteInfo): object[] {
  const parameter = (place: string, [name, about]: readonly [string, string | object]) => {
    const described = typeof about === "string" ? { description: about, schema: { type: "string" } } : about;
    return { name, in: place, ...described };
  };
  return [
    ...Object.entries(query).map((one) => parameter("query", one)),
    ...Object.entries(headers).map((one) => parameter("header", one)),
  ];
}

function bodyOf(body: NonNullable<RouteInfo["body"]>): object {
  const schema = typeof body === "function" ? body() : referenceTo(body);
  return { required: true, content: { "application/json": { schema } } };
}

function repliesOf({ replies, type = "application/json" }: RouteInfo): object {
  const types = typeof type === "string" ? [type] : type;
  return Object.fromEntries(
    Object.entries(replies).map(([status, schema]) => {
      if (schema === null) return [status, { description: "Done" }];
      const content = Object.fromEntries(types.map((one) => [one, { schema: referenceTo(schema) }]));
      return [status, { description: "Done", content }];
    }),
  );
}
