import type { Notice } from "../../src/notify/notice.ts";

export const FAILED: Notice = {
  id: "0123456789abcdef0123456789abcdef",
  event: "failed",
  at: "2026-11-20T22:06:11.123Z",
  host: "nas",
  subject: "photos.json",
  kind: "backup",
  start: "2026-11-20T22:05:11.123Z",
  end: "2026-11-20T22:06:11.123Z",
  counts: { readFiles: 7, readBytes: 4096 },
  problemCount: 2,
  problems: [
    { code: "disk", message: 'Cannot open "/private/a.jpg": permission denied', hint: "" },
    { code: "changed", message: "/private/b.jpg changed", hint: "" },
  ],
  error: { code: "disk", message: 'Cannot open "/private": gone', hint: "Look there" },
};
