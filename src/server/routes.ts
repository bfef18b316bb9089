/** The table of all routes. The front door, the OpenAPI document and the tests of roles read it. */
import { ACCOUNT_ROUTES } from "./api/account_routes.ts";
import { ALERT_ROUTES } from "./api/alert_routes.ts";
import { EVENT_ROUTES } from "./api/events.ts";
import { openApiRoute } from "./api/openapi.ts";
import { JOB_ROUTES } from "./api/job_routes.ts";
import { FOLDER_ROUTES } from "./api/folder_routes.ts";
import { NOTIFICATION_ROUTES } from "./api/notification_routes.ts";
import { VAULT_ROUTES } from "./api/vault_routes.ts";
import { RECURRING_ROUTES } from "./api/recurring_routes.ts";
import { API_ROUTES } from "./api/routes.ts";
import { DAV_ROUTES } from "./dav/routes.ts";
import { METRICS_ROUTE } from "./metrics.ts";
import { OBJECT_ROUTES } from "./objects/routes.ts";
import { ASSET_ROUTES } from "./pages/assets.ts";
import { PAGE_ROUTES } from "./pages/routes.ts";
import { SETUP_ROUTES } from "./pages/setup_page.ts";
import { SIGN_IN_ROUTES } from "./pages/sign_in.ts";
import { WORDS } from "./api/schemas/named.ts";
import type { Route } from "./exchange/route.ts";

const HEALTH: Route = {
  methods: ["GET"],
  path: "/healthz",
  access: "open",
  about: { summary: "Says `ok` while the server runs", replies: { 200: WORDS }, type: "text/plain" },
  handle: () => ({ status: 200, headers: { "content-type": "text/plain; charset=utf-8" }, body: "ok\n" }),
};

export const ROUTES: readonly Route[] = [
  HEALTH,
  openApiRoute(() => ROUTES),
  ...API_ROUTES,
  ...ALERT_ROUTES,
  ...EVENT_ROUTES,
  ...JOB_ROUTES,
  ...RECURRING_ROUTES,
  ...FOLDER_ROUTES,
  ...ACCOUNT_ROUTES,
  ...NOTIFICATION_ROUTES,
  ...VAULT_ROUTES,
  ...SIGN_IN_ROUTES,
  ...SETUP_ROUTES,
  ...ASSET_ROUTES,
  METRICS_ROUTE,
  ...DAV_ROUTES,
  ...OBJECT_ROUTES,
  ...PAGE_ROUTES,
];
