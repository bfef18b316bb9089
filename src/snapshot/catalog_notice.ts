/** The notice that a catalog is rebuilt: one text for people, which the service recognises. */

const UNUSABLE = "can't be used (", END = "; rebuilding it from content/";

/** Why a catalog with that fault is replaced: continues "The catalog". */
export function unusableText(message: string): string {
  return `${UNUSABLE}${message})`;
}

/** @param why continues "The catalog" @param where continues "content/", if it isn't the file that is rebuilt */
export function rebuildingText(why: string, where: string): string {
  return `The catalog ${why}${END}${where}`;
}

/** True for the notice that the file was unusable and is rebuilt, but not that it is brought up to date. */
export function saysUnusable(notice: string): boolean {
  return notice.includes(`The catalog ${UNUSABLE}`) && notice.endsWith(END);
}
