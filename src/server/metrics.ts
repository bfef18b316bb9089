/** Metrics for Prometheus. */
import { WORDS } from "./api/schemas/named.ts";
import type { Exchange, Reply, Route } from "./exchange/route.ts";
import { visibleSnapshots } from "./exchange/visible.ts";
import { runFactsOf } from "../jobs/state/run_facts.ts";
import { EXPOSITION_TYPE, expositionOf } from "../operations/metrics/exposition.ts";
import { type MetricFacts, metricsOf } from "../operations/metrics/metrics.ts";

/** Number of newest runs that are read: older ones add nothing about any job. */
const MOST_RUNS = 10_000;

export const METRICS_ROUTE: Route = {
  methods: ["GET"],
  path: "/metrics",
  access: "watch",
  about: { summary: "What monitoring wants to know, for Prometheus", replies: { 200: WORDS }, type: "text/plain" },
  handle: metrics,
};

async function metrics(exchange: Exchange): Promise<Reply> {
  const { account, site: { reader, objects, requests } } = exchange, snapshots = await visibleSnapshots(exchange);
  const seesAll = account?.series === undefined;
  const facts = seesAll ? await ofAll(reader, snapshots) : { snapshots, runs: [] };
  const traffic = seesAll ? [requests.family(), ...objects?.traffic.families() ?? []] : [];
  const body = expositionOf([...metricsOf(facts), ...traffic]);
  return { status: 200, headers: { "content-type": EXPOSITION_TYPE }, body };
}

/**
 * Facts about everything. An account that may see only some series doesn't get them: sums and jobs would reveal the
 * others.
 */
async function ofAll(
  reader: Exchange["site"]["reader"],
  snapshots: MetricFacts["snapshots"],
): Promise<MetricFacts> {
  const [storage, history] = await Promise.all([reader.stats(), reader.jobHistory(MOST_RUNS)]);
  return { snapshots, storage, runs: runFactsOf(history) };
}
