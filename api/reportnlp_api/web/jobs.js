// Archive jobs of the service: made, followed, fetched and ended.

import { ask, askJson, patience } from "./api.js";

/** Milliseconds between two looks at a job: the first, and the longest. */
const SOON = 400;
const LATE = 4000;

export const ENDED = ["done", "failed", "cancelled"];

/** An id that no other job has; the day in front is for people. */
export function newJobId() {
  const random = crypto.getRandomValues(new Uint8Array(8));
  const day = new Date().toISOString().slice(0, 10);
  return `page-${day}-${[...random].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

const addressOf = (id, part = "") => `/v1/jobs/${encodeURIComponent(id)}${part}`;

/** Sends reports as a job. The id makes it safe to send them again where no answer came. */
export async function startJob(id, reports, { panel, method, abstain }) {
  const query = new URLSearchParams({ panel, method, abstain: String(abstain) });
  const lines = reports.map((report) => `${JSON.stringify(report)}\n`);
  const body = new Blob(lines, { type: "application/x-ndjson" });
  return askJson(`${addressOf(id)}?${query}`, { method: "PUT", body, type: "application/x-ndjson" });
}

export const readJob = (id, signal) => askJson(addressOf(id), { signal });
export const readJobs = async () => (await askJson("/v1/jobs")).jobs;
export const endJob = (id) => ask(addressOf(id), { method: "DELETE" });
export const readResults = async (id) => (await ask(addressOf(id, "/results"))).blob();
export const readErrors = async (id) => (await ask(addressOf(id, "/errors"))).blob();

/** Looks at a job until it has ended; `see` hears of every look, `stumble` of what goes wrong and passes. */
export async function follow(id, signal, see, stumble) {
  let pause = SOON;
  while (!signal.aborted) {
    try {
      const job = await readJob(id, signal);
      if (signal.aborted) return;
      see(job);
      if (ENDED.includes(job.state)) return;
      await wait(pause, signal);
    } catch (error) {
      const seconds = patience(error);
      if (seconds === null) throw error;
      stumble(error);
      await wait(seconds * 1000, signal);
    }
    pause = Math.min(LATE, pause * 1.2);
  }
}

/** Ends early, without a word, where the signal says so. */
function wait(milliseconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}
