/** Pages. */
import { ACCOUNT_PAGES } from "./account_pages.ts";
import { activityPage } from "./activity_page.ts";
import { browsePage, seriesPage, snapshotsPage } from "./files_pages.ts";
import { changesPage } from "./changes_page.ts";
import { comparePage } from "./compare_page.ts";
import { JOB_PAGES } from "./job_pages.ts";
import { jobsPage, runPage } from "./jobs_pages.ts";
import { NOTIFICATION_PAGES } from "./notifications_page.ts";
import { PASSWORD_PAGES } from "./password_page.ts";
import { RESTORE_ROUTES } from "./restore_pages.ts";
import { searchPage } from "./search_page.ts";
import { statusPage } from "./status_page.ts";
import { VAULT_PAGES } from "./vaults_pages.ts";
import { storagePage } from "./storage_page.ts";
import type { Access } from "../accounts/account.ts";
import type { Route } from "../exchange/route.ts";

function pageAt(path: string, access: Access, handle: Route["handle"]): Route {
  return { methods: ["GET"], path, access, handle };
}

export const PAGE_ROUTES: readonly Route[] = [
  pageAt("/", "watch", statusPage),
  pageAt("/files", "read", seriesPage),
  pageAt("/series/{host}/{name}", "read", snapshotsPage),
  pageAt("/browse/{ref}/{path...}", "read", browsePage),
  pageAt("/compare/{path...}", "read", comparePage),
  { ...pageAt("/changes", "read", changesPage), share: "search" },
  { ...pageAt("/search", "read", searchPage), share: "search" },
  pageAt("/storage", "read", storagePage),
  pageAt("/jobs", "watch", jobsPage),
  pageAt("/jobs/run/{run}", "read", runPage),
  ...RESTORE_ROUTES,
  ...JOB_PAGES,
  ...ACCOUNT_PAGES,
  pageAt("/activity", "admin", activityPage),
  ...NOTIFICATION_PAGES,
  ...VAULT_PAGES,
  ...PASSWORD_PAGES,
];
