/** Schemas of bodies, by the names that the OpenAPI document gives them. */
import * as z from "zod";

const NAMED = z.registry<{ id: string }>();

/** Gives a schema its name in the document. */
export function named<T extends z.ZodType>(id: string, schema: T): T {
  NAMED.add(schema, { id });
  return schema;
}

/** A reference to a schema in the document. @throws Error if it has no name */
export function referenceTo(schema: z.ZodType): object {
  const { id } = NAMED.get(schema) ?? {};
  if (id === undefined) throw new Error("A schema without a name");
  return { $ref: placeOf(id) };
}

/** All named schemas as JSON Schema (draft 2020-12), by name. */
export function namedSchemas(): Record<string, object> {
  const { schemas } = z.toJSONSchema(NAMED, { uri: placeOf, io: "input", unrepresentable: "any" });
  // The document says which draft it is, and where each of them is.
  return Object.fromEntries(Object.entries(schemas).map(([id, { $schema: _, $id: __, ...schema }]) => [id, schema]));
}

function placeOf(id: string): string {
  return `#/components/schemas/${id}`;
}

/** Bodies that are no JSON. */
export const BYTES = named("Bytes", z.any().describe("Bytes"));
export const WORDS = named("Words", z.string());
