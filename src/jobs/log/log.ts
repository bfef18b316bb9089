/** Log levels of a service, which logs one line per event. */
export const LEVELS = ["info", "warning", "error"] as const;
export type Level = typeof LEVELS[number];

export interface LogEvent {
  readonly level: Level;
  /** Name of the event, in kebab case; stable. */
  readonly event: string;
  /** Message for people: one sentence without a final period. */
  readonly message: string;
  /** Data for programs. */
  readonly fields?: Readonly<Record<string, unknown>>;
}

/** The event with the token for making a server's first account: for standard error alone, not for a log that is kept. */
export const SETUP_EVENT = "setup-token";

export type Log = (event: LogEvent) => void;

export type LogFormat = "text" | "json";

// deno-lint-ignore no-control-regex -- these would break a line, or disturb a terminal
const UNSAFE = /[\x00-\x1f\x7f-\x9f\u2028\u2029]|\p{Surrogate}/gu;

/** Formats an event as one line, including the newline. @param atMs time of the event */
export function logLine({ level, event, message, fields = {} }: LogEvent, atMs: number, format: LogFormat): string {
  const time = new Date(atMs).toISOString();
  if (format === "json") return `${JSON.stringify({ time, level, event, message, ...fields })}\n`;
  const safe = message.replace(UNSAFE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
  return `${time} ${level.padEnd(7)} ${safe}\n`;
}
