/** Parts of the form for a job: its groups and fields, each with its help and with what is wrong about it. */
import { type Field, type FieldGroup, type Help, KEEP_KEYS, KEEP_RULES, type Written } from "./job_fields.ts";
import { coded, type Html, markup, type Part } from "./markup.ts";
import { options } from "./restore_pages.ts";
import type { Site } from "../exchange/site.ts";

export function groupPart(
  { title, fields, isRare }: FieldGroup,
  part: (field: Field) => Part,
  wrong: ReadonlyMap<string, string>,
) {
  const inner = fields.map(part);
  if (isRare !== true) return markup`<fieldset><legend>${title}</legend>${inner}</fieldset>`;
  const isOpen = fields.some(({ key }) => wrong.has(key));
  return markup`<details${isOpen && markup` open`}><summary>${title}</summary><fieldset><legend class="unseen">${title}
</legend>${inner}</fieldset></details>`;
}

interface Beside {
  readonly help: Help | undefined;
  /** What is wrong with the field. */
  readonly wrong: string | undefined;
  readonly site: Pick<Site, "mayRemove" | "vaults">;
}

export function fieldPart(field: Field, form: Written, { help, wrong, site }: Beside): Part {
  if (field.isRemoving === true && !site.mayRemove && !form.get(field.key)) return undefined;
  const { key, label, kind } = field, isTicked = kind === "yes" || kind === "no";
  const marks = markup` id="${key}" name="${key}" aria-describedby="${key}-help"${
    wrong !== undefined && markup` aria-invalid="true"`
  }`;
  const words = markup`<p class="soft help" id="${key}-help">${
    wrong !== undefined && markup`<strong class="bad">${coded(wrong)}</strong><br>`
  }${coded(help?.text ?? "")}</p>`;
  if (kind === "keep") return markup`${keepPart(field, form, { marks, mayRemove: site.mayRemove })}${words}`;
  if (kind === "many") return markup`${manyPart(field, form, help?.values ?? [])}${words}`;
  if (isTicked) {
    return markup`<label class="inline"><input type="checkbox"${marks}${
      form.get(key) === "on" && markup` checked`
    }>${label}</label>${words}`;
  }
  return markup`<label for="${key}">${label}</label>${
    inputPart(withNames(field, site), form.get(key) ?? "", marks)
  }${words}`;
}

/** A vault is chosen by its name, if the configuration has some. */
function withNames(field: Field, { vaults }: Beside["site"]): Field {
  if (field.kind !== "vault") return field;
  const values = [...vaults?.places.keys() ?? []];
  return values.length === 0 ? { ...field, kind: "text" } : { ...field, kind: "one", values };
}

function inputPart({ kind, values = [] }: Field, value: string, marks: Html): Html {
  if (kind === "lines") {
    return markup`<textarea class="few" rows="3"${marks}>
${value.replaceAll("\r\n", "\n")}</textarea>`;
  }
  if (kind === "text") return markup`<input value="${value}" maxlength="4000"${marks}>`;
  // A name that is not among them stays what it was.
  const shown = value === "" || values.includes(value) ? values : [...values, value];
  return markup`<select${marks}>${
    options([["", "as usual"], ...shown.map((one) => [one, one] as const)], value)
  }</select>`;
}

interface KeepTerms {
  readonly marks: Html;
  /** True if a job may have rules of its own. */
  readonly mayRemove: boolean;
}

/** Which snapshots stay: all, those of the storage's policy, or those of rules. */
function keepPart({ key, label, allText }: Field, form: Written, { marks, mayRemove }: KeepTerms): Html {
  const choices = [["", allText ?? "all of them"], ["policy", "those that the policy of the storage keeps"]] as const;
  const own = [KEEP_RULES, "those that the rules below keep"] as const, chosen = form.get(key) ?? "";
  const hasRules = mayRemove || chosen === KEEP_RULES;
  return markup`<label for="${key}">${label}</label><select${marks}>${
    options(hasRules ? [...choices, own] : choices, chosen)
  }</select>${
    hasRules &&
    markup`<fieldset class="rules"><legend>Rules, if they are chosen above</legend>${
      KEEP_KEYS.map(([rule, text]) =>
        markup`<label for="${key}.${rule}">${text}</label>
<input id="${key}.${rule}" name="${key}.${rule}" value="${form.get(`${key}.${rule}`) ?? ""}" maxlength="20">`
      )
    }</fieldset>`
  }`;
}

function manyPart({ key, label }: Field, form: Written, values: readonly string[]): Html {
  return markup`<div role="group" aria-labelledby="${key}" aria-describedby="${key}-help"><p id="${key}">${label}</p>${
    values.map((value) =>
      markup`<label class="inline"><input type="checkbox" name="${key}.${value}"${
        form.get(`${key}.${value}`) === "on" && markup` checked`
      }>${value}</label>`
    )
  }</div>`;
}
