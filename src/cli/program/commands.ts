/**
 * All commands. For a new one, add a file in ../commands, its import, its place in the list, and its line in
 * one_command.ts.
 */
import type { Define } from "../commands/command.ts";
import { defineAccount } from "../commands/account.ts";
import { defineAlarm } from "../commands/alarm.ts";
import { defineBackup } from "../commands/backup.ts";
import { defineCat } from "../commands/cat.ts";
import { defineCheck } from "../commands/check.ts";
import { defineCompletions } from "../commands/completions.ts";
import { defineConfig } from "../commands/config.ts";
import { defineCopy } from "../commands/copy.ts";
import { defineDiff } from "../commands/diff.ts";
import { defineDoctor } from "../commands/doctor.ts";
import { defineDrill } from "../commands/drill.ts";
import { defineDump } from "../commands/dump.ts";
import { defineFind } from "../commands/find.ts";
import { defineForget } from "../commands/forget.ts";
import { defineHistory } from "../commands/history.ts";
import { defineInit } from "../commands/init.ts";
import { defineJob } from "../commands/job.ts";
import { defineKey } from "../commands/key.ts";
import { defineLs } from "../commands/ls.ts";
import { defineMetrics } from "../commands/metrics.ts";
import { defineNotify } from "../commands/notify.ts";
import { definePlan } from "../commands/plan.ts";
import { definePolicy } from "../commands/policy.ts";
import { definePrune } from "../commands/prune.ts";
import { defineRebuild } from "../commands/rebuild.ts";
import { defineRecover } from "../commands/recover.ts";
import { defineRecoverPage } from "../commands/recover_page.ts";
import { defineRepair } from "../commands/repair.ts";
import { defineRestore } from "../commands/restore.ts";
import { defineRewrite } from "../commands/rewrite.ts";
import { defineSalvage } from "../commands/salvage.ts";
import { defineServe } from "../commands/serve.ts";
import { defineSnapshots } from "../commands/snapshots.ts";
import { defineStats } from "../commands/stats.ts";
import { defineTag } from "../commands/tag.ts";
import { defineTree } from "../commands/tree.ts";
import { defineVersion } from "../commands/version.ts";

/** Commands by group, in the order of the help page. */
export const COMMANDS: Readonly<Record<string, readonly Define[]>> = {
  "Back up": [defineInit, defineBackup, definePlan, defineCopy],
  "Inspect": [defineSnapshots, defineLs, defineFind, defineHistory, defineDiff, defineStats],
  "Restore": [defineRestore, defineCat, defineDump],
  "Retention and keys": [
    defineForget,
    definePrune,
    definePolicy,
    defineAlarm,
    defineTag,
    defineRewrite,
    defineTree,
    defineKey,
  ],
  "Verify and repair": [
    defineCheck,
    defineDrill,
    defineRepair,
    defineSalvage,
    defineRecover,
    defineRecoverPage,
    defineRebuild,
  ],
  "Automation": [defineServe, defineAccount, defineJob, defineNotify, defineMetrics],
  "Other": [defineConfig, defineDoctor, defineCompletions, defineVersion],
};
