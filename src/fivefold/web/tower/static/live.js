// What others change shows by itself; an order is saved against the version that was seen.
// @ts-check
import { go, lastSent, mount, say, seal } from "./tower.js";

/** Bring what is shown up to date without touching what somebody is typing. */
async function freshen() {
  const main = document.getElementById("main");
  if (!main) return;
  const answer = await fetch(location.pathname + location.search, { headers: { "X-Fragment": "1" } });
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const id of ["facts", "rail"]) {
    const from = fresh.getElementById(id), to = document.getElementById(id);
    if (from && to && from.innerHTML !== to.innerHTML) to.replaceWith(document.importNode(from, true));
  }
  const from = fresh.getElementById("main");
  if (!from) return;
  // Forms that are being filled and the board under a hand stay; their save tells what changed.
  if (main.querySelector(".dirty, .board .held, .grid input:focus") || main.contains(document.activeElement) && document.activeElement?.matches("input, select, textarea")) {
    say("Somebody changed something here; your own entries stand.");
    return;
  }
  const old = [...main.children], young = [...from.children];
  if (old.length !== young.length) { main.replaceChildren(...young.map((node) => document.importNode(node, true))); mount(); return; }
  young.forEach((node, number) => {
    const grid = /** @type {any} */ (old[number].querySelector("[data-grid]"));
    if (grid?.grid && node.querySelector("[data-grid]")?.getAttribute("data-src") === grid.dataset.src) { void grid.grid.load(); return; }
    if (old[number].outerHTML !== node.outerHTML && !old[number].matches("[data-panel]")) old[number].replaceWith(document.importNode(node, true));
  });
  mount();
}

/** @type {ReturnType<typeof setTimeout> | undefined} */ let soon;
let books = -1, plan = /** @type {string | null | undefined} */ (undefined);

/** Listen for changes of the company; begin again where the server ends the stream. */
export function listen() {
  const source = new EventSource("/api/v1/events");
  source.addEventListener("changed", (event) => {
    const told = JSON.parse(event.data);
    const first = books < 0;
    const moved = told.books !== undefined && told.books !== books;
    const planned = told.latest_plan !== undefined && told.latest_plan !== plan;
    if (told.books !== undefined) books = told.books;
    if (told.latest_plan !== undefined) plan = told.latest_plan;
    if (first || document.querySelector("#running:not([hidden])")) return;
    if (planned && !new URL(location.href).searchParams.get("plan")) { say("A new plan is there."); void go(location.pathname + location.search, { push: false, focus: false }); return; }
    if (!moved) return;
    // What this page sent itself it shows by itself; a look a moment later finds the rest.
    clearTimeout(soon);
    soon = setTimeout(freshen, Math.max(0, 2000 - (Date.now() - lastSent())));
  });
  addEventListener("pagehide", () => source.close());
}

export function mountDocument() {
  const form = /** @type {HTMLFormElement | null} */ (document.querySelector("form[data-document]"));
  if (!form || form.dataset.mounted) return;
  form.dataset.mounted = "1";
  form.addEventListener("input", () => form.classList.add("dirty"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    event.stopPropagation();
    void save(form);
  });
}

/** @param {HTMLFormElement} form */
async function save(form) {
  const lines = [];
  for (const row of /** @type {NodeListOf<HTMLElement>} */ (form.querySelectorAll("[data-line]"))) {
    /** @type {Record<string, string | number>} */ const line = { line: Number(row.dataset.line) };
    for (const field of /** @type {NodeListOf<HTMLInputElement>} */ (row.querySelectorAll("[data-field]")))
      if (field.value !== field.dataset.was) line[field.dataset.field ?? ""] = field.type === "number" ? Number(field.value) : field.value;
    if (Object.keys(line).length > 1) lines.push(line);
  }
  if (!lines.length) { say("Nothing was changed."); return; }
  const reason = /** @type {HTMLInputElement | null} */ (form.elements.namedItem("reason"))?.value ?? "";
  const answer = await fetch(form.dataset.document ?? "", {
    method: "PATCH",
    headers: { "Content-Type": "application/json", "X-CSRF-Token": seal(), "If-Match": `"${form.dataset.version}"` },
    body: JSON.stringify({ lines, reason }),
  });
  const told = await answer.json().catch(() => ({}));
  if (answer.ok) {
    lastSent(true);
    form.classList.remove("dirty");
    say("Saved.");
    await go(location.pathname + location.search, { push: false, focus: false });
    return;
  }
  if (answer.status !== 412) { say(told.detail ?? "It could not be saved.", true); return; }
  conflict(form, told, (answer.headers.get("etag") ?? "").replaceAll('"', ""));
}

/** Say what another person changed, keep what was typed, and let the reader choose.
 * @param {HTMLFormElement} form @param {{ changes: { line: number, column: string, from: unknown, to: unknown }[] }} told @param {string} version */
function conflict(form, told, version) {
  const place = /** @type {HTMLElement} */ (document.querySelector("[data-conflict]"));
  const box = document.createElement("div");
  box.className = "notice warn";
  const title = document.createElement("b");
  title.textContent = "Somebody else saved this order meanwhile. Nothing of yours is lost; nothing was saved yet.";
  const list = document.createElement("ul");
  for (const change of told.changes ?? []) {
    const item = document.createElement("li");
    item.textContent = `Line ${change.line}, ${change.column.replaceAll("_", " ")}: ${change.from} became ${change.to}`;
    list.append(item);
    const field = /** @type {HTMLInputElement | null} */ (form.querySelector(`[data-line="${change.line}"] [data-field="${change.column}"]`));
    if (!field) continue;
    const mine = field.value !== field.dataset.was;
    field.dataset.was = String(change.to);
    // A field this person did not touch takes what the other wrote.
    if (!mine) field.value = String(change.to);
  }
  const button = (/** @type {string} */ words, /** @type {() => void} */ act, main = false) => {
    const made = document.createElement("button");
    made.type = "button";
    made.className = main ? "btn main" : "btn";
    made.textContent = words;
    made.onclick = act;
    return made;
  };
  const acts = document.createElement("div");
  acts.className = "form";
  acts.append(
    button("Save mine on top", () => { place.replaceChildren(); form.dataset.version = version; void save(form); }, true),
    button("Take theirs", () => { form.classList.remove("dirty"); void go(location.pathname + location.search, { push: false }); }),
  );
  box.append(title, list, acts);
  place.replaceChildren(box);
  acts.querySelector("button")?.focus();
}
