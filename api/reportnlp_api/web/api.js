// Calls of the service. Whatever goes wrong becomes a `Problem`.

import { askForKey, currentKey } from "./key.js";

/** What went wrong (RFC 9457), or why there was no answer at all. */
export class Problem extends Error {
  constructor({ title, status = 0, detail = "", errors = [], request_id: requestId = "" }, retryAfter = null) {
    super(detail || title);
    Object.assign(this, { title, status, detail, errors, requestId, retryAfter });
  }
}

/**
 * Asks the service; with 401 the page asks for a key and tries again.
 * @param {string} path
 * @param {{method?: string, body?: unknown, type?: string, signal?: AbortSignal}} given
 *   a body that is no string is sent as JSON
 * @returns {Promise<Response>} an answer that is no problem
 */
export async function ask(path, { method = "GET", body, type = "application/json", signal } = {}) {
  const key = currentKey();
  const headers = { Accept: "application/json, application/x-ndjson, application/problem+json" };
  if (key) headers.Authorization = `Bearer ${key}`;
  if (body !== undefined) headers["Content-Type"] = type;
  const sent = body === undefined || typeof body === "string" || body instanceof Blob ? body : JSON.stringify(body);
  const response = await reach(path, { method, headers, body: sent, signal, cache: "no-store" });
  if (response.ok) return response;
  if (response.status !== 401) throw await problemOf(response);
  if (currentKey() === key) await askForKey(key !== "");
  return ask(path, { method, body, type, signal });
}

/** The same, as JSON. */
export const askJson = async (path, given) => (await ask(path, given)).json();

async function reach(path, given) {
  try {
    return await fetch(path, given);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem({ title: "No answer", detail: "The service cannot be reached. Is it running?" });
  }
}

async function problemOf(response) {
  const wait = Number(response.headers.get("Retry-After"));
  const told = await response.json().catch(() => ({}));
  const title = typeof told.title === "string" ? told.title : `The service answered ${response.status}`;
  return new Problem({ ...told, title, status: response.status }, wait > 0 ? wait : null);
}

/** Seconds to wait before the same is asked again; null where that would not help. */
export function patience(error) {
  if (!(error instanceof Problem)) return null;
  if (error.status === 0) return 3;
  return [429, 503].includes(error.status) ? (error.retryAfter ?? 3) : null;
}
