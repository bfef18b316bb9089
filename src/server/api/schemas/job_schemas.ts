/** JSON Schemas of the jobs that an account may write: those of job files, without the keys that it may not use. */
import { fieldsOf } from "../../../core/json.ts";
import { type JobForm, jsonSchema } from "../../../jobs/schema/schema.ts";
import { keysFor, kindsFor } from "../../../jobs/schema/web_keys.ts";

/** Filled in by the server. */
const OWN_KEYS = ["by", "limits"];

/** @param kind absent: all kinds that the role admin may write, except restores, which have a body of their own */
export function jobSchemas(form: JobForm, kind?: string): readonly object[] {
  const { anyOf = [], oneOf = anyOf } = fieldsOf(jsonSchema(form)), wanted = kindsFor({ role: "admin", remove: true });
  return (Array.isArray(oneOf) ? oneOf : []).flatMap((one: unknown) => {
    const shape = fieldsOf(one), own = String(fieldsOf(fieldsOf(shape.properties).kind).const);
    const isAsked = own === (kind ?? own) && own !== "restore" && wanted.includes(own);
    return isAsked ? [restricted(shape, keysFor(own, "admin"))] : [];
  });
}

function restricted({ properties, ...shape }: Readonly<Record<string, unknown>>, keys: readonly string[]): object {
  const entries = Object.entries(fieldsOf(properties)).filter(([key]) => keys.includes(key) && !OWN_KEYS.includes(key));
  return { ...shape, properties: Object.fromEntries(entries) };
}
