/** Finds the route for a request. */
import type { Method, Route } from "../exchange/route.ts";
import type { Raw } from "../../core/raw.ts";

export interface Match {
  readonly route: Route;
  readonly params: Readonly<Record<string, Raw>>;
  readonly rest: readonly Raw[];
}

type Part = { readonly word: string } | { readonly name: string } | { readonly rest: string };

interface Compiled {
  readonly route: Route;
  readonly parts: readonly Part[];
}

export class Matcher {
  /** Routes by their first word, which is fixed for all of them; "" is the top. */
  readonly #routes: ReadonlyMap<string, readonly Compiled[]>;

  /** @param routes the first match wins */
  constructor(routes: readonly Route[]) {
    const compiled = routes.map((route) => ({ route, parts: partsOf(route.path) }));
    this.#routes = Map.groupBy(
      compiled,
      ({ parts: [first] }) => first !== undefined && "word" in first ? first.word : "",
    );
  }

  /** @returns the match; else the allowed methods if the path is known; undefined if it isn't */
  find(method: string, segments: readonly Raw[]): Match | readonly Method[] | undefined {
    const others = new Set<Method>();
    for (const { route, parts } of this.#routes.get(segments[0] ?? "") ?? []) {
      const fitting = fit(parts, segments);
      if (fitting === undefined) continue;
      const wanted = method === "HEAD" && !route.methods.includes("HEAD") ? "GET" : method;
      if (route.methods.some((one) => one === wanted)) return { route, ...fitting };
      for (const one of route.methods) others.add(one);
    }
    return others.size === 0 ? undefined : [...others];
  }
}

function partsOf(path: string): Part[] {
  return path.split("/").filter((part) => part !== "").map((part) => {
    const [, name, dots] = /^\{([a-z]+)(\.\.\.)?\}$/.exec(part) ?? [];
    if (name === undefined) return { word: part };
    return dots === undefined ? { name } : { rest: name };
  });
}

function fit(parts: readonly Part[], segments: readonly Raw[]): Omit<Match, "route"> | undefined {
  const params: Record<string, Raw> = {};
  for (const [at, part] of parts.entries()) {
    if ("rest" in part) return { params, rest: segments.slice(at) };
    const segment = segments[at];
    if (segment === undefined || "word" in part && part.word !== segment) return undefined;
    if ("name" in part) params[part.name] = segment;
  }
  return parts.length === segments.length ? { params, rest: [] } : undefined;
}
