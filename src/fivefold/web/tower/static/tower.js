// The frame of the tower: pages swapped by fetch, the Why drawer, search, theme, running work.
// @ts-check
import { mountGrids } from "./grid.js";
import { mountDrop } from "./drop.js";
import { mountBoard } from "./board.js";
import { listen, mountDocument } from "./live.js";

const doc = document;

/** @param {string} selector @param {ParentNode} [within] @returns {HTMLElement | null} */
const one = (selector, within = doc) => within.querySelector(selector);

/** Say something to eyes and to screen readers.
 * @param {string} words @param {boolean} [bad] */
export function say(words, bad = false) {
  const toast = one("#toast");
  if (!toast) return;
  toast.textContent = words;
  toast.classList.toggle("bad", bad);
  toast.hidden = false;
  clearTimeout(Number(toast.dataset.timer));
  toast.dataset.timer = String(setTimeout(() => { toast.hidden = true; }, bad ? 9000 : 5000));
}

/** The token that forms and edits carry, so that no other site can send them. */
export const seal = () => one("meta[name=csrf]")?.getAttribute("content") ?? "";

let sentAt = 0;

/** When this page last wrote something itself. @param {boolean} [now] */
export function lastSent(now = false) {
  if (now) sentAt = Date.now();
  return sentAt;
}

/** Send JSON and read the answer; an answer that is no success is told and thrown.
 * @param {string} url @param {unknown} body */
export async function send(url, body) {
  const answer = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRF-Token": seal() },
    body: JSON.stringify(body),
  });
  lastSent(true);
  const told = await answer.json().catch(() => ({ detail: answer.statusText }));
  if (!answer.ok) {
    const words = typeof told.detail === "string" ? told.detail : told.message || "That did not work.";
    say(words, true);
    throw new Error(words);
  }
  return told;
}

/** Fetch a page and put its parts in place of those that are shown.
 * @param {string} url @param {{ push?: boolean, regions?: string[], focus?: boolean }} [how] */
export async function go(url, how = {}) {
  const { push = true, regions = [], focus = true } = how;
  doc.documentElement.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(url, { headers: { "X-Fragment": "1" } });
    if (!(answer.headers.get("content-type") ?? "").startsWith("text/html")) {
      location.href = url;
      return;
    }
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    const wanted = regions.length ? regions : ["main", "rail", "facts"];
    for (const id of wanted) {
      const from = fresh.getElementById(id);
      const to = doc.getElementById(id);
      if (from && to) to.replaceWith(doc.importNode(from, true));
    }
    if (push) history.pushState({}, "", url);
    doc.title = fresh.title || doc.title;
    mount();
    if (!regions.length && focus) {
      one("#main")?.focus({ preventScroll: true });
      scrollTo(0, 0);
    }
    await showDrawer();
  } finally {
    doc.documentElement.removeAttribute("aria-busy");
  }
}

/** Change query parameters of this page's address; null takes one out.
 * @param {Record<string, string | null>} changes */
export function address(changes) {
  const url = new URL(location.href);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === "") url.searchParams.delete(name);
    else url.searchParams.set(name, value);
  }
  return url.pathname + url.search;
}

let opener = /** @type {HTMLElement | null} */ (null);

/** Show what the address asks the drawer to explain, or close it. */
async function showDrawer() {
  const drawer = one("#drawer");
  if (!drawer) return;
  const name = new URL(location.href).searchParams.get("why");
  if (!name) {
    if (!drawer.hidden) { drawer.hidden = true; opener?.focus(); }
    return;
  }
  if (drawer.dataset.name === name && !drawer.hidden) return;
  const plan = new URL(location.href).searchParams.get("plan");
  const query = new URLSearchParams({ name, ...(plan ? { plan } : {}) });
  const answer = await fetch(`/why?${query}`, { headers: { "X-Fragment": "1" } });
  drawer.innerHTML = await answer.text();
  drawer.dataset.name = name;
  drawer.hidden = false;
  one("h2", drawer)?.focus();
}

/** @param {string} name */
export async function openWhy(name) {
  opener = /** @type {HTMLElement} */ (doc.activeElement);
  history.pushState({}, "", address({ why: name }));
  await showDrawer();
}

function closeDrawer() {
  history.pushState({}, "", address({ why: null }));
  void showDrawer();
}

/** Fields of a form; numbers where the field is one.
 * @param {HTMLFormElement} form @param {Record<string, FormDataEntryValue>} fields */
function typed(form, fields) {
  /** @type {Record<string, unknown>} */ const told = {};
  for (const [name, value] of Object.entries(fields)) {
    const field = form.elements.namedItem(name);
    const number = field instanceof HTMLInputElement && field.type === "number"
      || field instanceof HTMLElement && field.dataset.number !== undefined;
    if (number && value === "") continue;
    told[name] = number ? Number(value) : value;
  }
  return told;
}

/** @param {SubmitEvent} event @param {HTMLFormElement} form */
async function submit(event, form) {
  event.preventDefault();
  const clicked = /** @type {HTMLButtonElement | null} */ (event.submitter);
  const fields = Object.fromEntries(new FormData(form));
  if (form.dataset.here !== undefined) fields.address = location.pathname + location.search;
  if (clicked?.name) fields[clicked.name] = clicked.value;
  // A field may be named "action" and would stand in the way of the form's own.
  const path = form.getAttribute("action") || location.pathname;
  if (form.getAttribute("method") !== "post") {
    const query = new URLSearchParams(/** @type {Record<string, string>} */ (fields));
    await go(`${path}?${query}`, { regions: form.dataset.region?.split(" ") ?? [], focus: false });
    return;
  }
  if (clicked) clicked.disabled = true;
  try {
    const told = await send(path, typed(form, fields));
    if (form.dataset.said ?? told.message) say(form.dataset.said ?? told.message);
    if (told.job && told.state) { await follow(told.job); return; }
    await go(told.go || location.pathname + location.search, { push: Boolean(told.go), focus: false });
    showPanel(told.panel, told.then);
  } finally {
    if (clicked) clicked.disabled = false;
  }
}

let panels = 0;

/** Put what a change would do into the place the page keeps for it; the rest when it is known.
 * @param {string | undefined} html @param {string} [then] where the rest is asked for */
export function showPanel(html, then) {
  const place = one("[data-panel]");
  if (!html || !place) return;
  const turn = ++panels;
  place.innerHTML = html;
  place.scrollIntoView({ block: "nearest" });
  if (then) void rest(then, turn);
}

/** @param {string} url @param {number} turn a later change takes the place of an earlier one */
async function rest(url, turn) {
  const answer = await fetch(url, { headers: { "X-Fragment": "1" } }).catch(() => null);
  const text = answer?.ok ? await answer.text() : "";
  const place = one("[data-panel]");
  if (turn !== panels || !place) return;
  if (text) place.innerHTML = text;
  else place.replaceChildren("Its orders could not be worked out now; Run plan does.");
}

/** Follow long work until it ends, with its step and share, and a way to stop it.
 * @param {string} job */
async function follow(job) {
  const place = one("#running");
  if (!place) return;
  place.hidden = false;
  const bar = /** @type {HTMLProgressElement | null} */ (one("progress", place));
  const words = one(".words", place);
  const stop = /** @type {HTMLButtonElement | null} */ (one("button", place));
  const begin = doc.querySelectorAll("[data-run]");
  begin.forEach((button) => button.setAttribute("hidden", ""));
  if (stop) stop.onclick = () => fetch(`/api/v1/jobs/${job}`, { method: "DELETE", headers: { "X-CSRF-Token": seal() } });
  const source = new EventSource(`/api/v1/jobs/${job}/events`);
  const ended = (/** @type {string} */ message, bad = false) => {
    source.close();
    place.hidden = true;
    begin.forEach((button) => button.removeAttribute("hidden"));
    say(message, bad);
    if (!bad) void go(address({ plan: null }), { push: false, focus: false });
  };
  const began = Date.now();
  source.addEventListener("progress", (event) => {
    const told = JSON.parse(event.data);
    if (bar) bar.value = told.share;
    const left = told.share > 0.05 ? Math.round((Date.now() - began) / 1000 * (1 - told.share) / told.share) : 0;
    if (words) words.textContent = `${told.step || "waiting"} · ${Math.round(told.share * 100)} %${left ? ` · ${left} s left` : ""}`;
  });
  source.addEventListener("ended", (event) => {
    const told = JSON.parse(event.data);
    /** @type {Record<string, string>} */ const ready = { proof: "The proof is ready.", review: "The review is ready.", comparison: "The scenarios were played.", scenario: "The scenario is planned.", watch: "New facts were looked at.", network: "The network is planned.", sites: "The next buildings are chosen.", workforce: "The people are planned." };
    if (told.state === "done") ended(ready[told.kind] ?? "The plan is ready.");
    else if (told.state === "cancelled") ended("Cancelled. The plan before it stands.");
    else ended(told.problem?.detail ?? "That did not work.", true);
  });
  source.onerror = () => { if (source.readyState === EventSource.CLOSED) ended("The connection was lost; the work goes on.", true); };
}

/** Search: names as you type, arrows to choose, Enter to go. */
function mountSearch() {
  const dialog = /** @type {HTMLDialogElement | null} */ (one("#finder"));
  const input = /** @type {HTMLInputElement | null} */ (one("#finder input"));
  const list = one("#finder ul");
  if (!dialog || !input || !list) return;
  let asked = 0;
  const choose = (/** @type {number} */ step) => {
    const all = [...list.querySelectorAll("a")];
    const at = all.findIndex((a) => a.classList.contains("on"));
    all[at]?.classList.remove("on");
    const next = all[(at + step + all.length) % all.length];
    next?.classList.add("on");
    next?.scrollIntoView({ block: "nearest" });
    if (next) input.setAttribute("aria-activedescendant", next.parentElement?.id ?? "");
  };
  input.oninput = async () => {
    const turn = ++asked;
    const answer = await fetch(`/search?q=${encodeURIComponent(input.value)}`);
    if (turn !== asked) return;
    list.innerHTML = await answer.text();
    choose(1);
  };
  input.onkeydown = (event) => {
    if (event.key === "ArrowDown") { event.preventDefault(); choose(1); }
    if (event.key === "ArrowUp") { event.preventDefault(); choose(-1); }
    if (event.key === "Enter") { event.preventDefault(); /** @type {HTMLElement | null} */ (one("a.on", list))?.click(); }
  };
  list.onclick = () => dialog.close();
}

function openSearch() {
  const dialog = /** @type {HTMLDialogElement | null} */ (one("#finder"));
  const input = /** @type {HTMLInputElement | null} */ (one("#finder input"));
  if (!dialog || !input || dialog.open) return;
  dialog.showModal();
  input.select();
  input.dispatchEvent(new Event("input"));
}

function turnTheme() {
  const root = doc.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  doc.cookie = `theme=${root.dataset.theme};path=/;max-age=31536000;samesite=strict`;
}

doc.addEventListener("click", (event) => {
  const target = /** @type {HTMLElement} */ (event.target);
  const why = /** @type {HTMLElement | null} */ (target.closest("[data-why]"));
  if (why) { event.preventDefault(); void openWhy(why.dataset.why ?? ""); return; }
  if (target.closest("[data-close]")) { closeDrawer(); return; }
  if (target.closest("[data-search]")) { openSearch(); return; }
  if (target.closest("[data-theme-turn]")) { turnTheme(); return; }
  const open = doc.querySelectorAll("details.pick[open]");
  open.forEach((one) => { if (!one.contains(target)) one.removeAttribute("open"); });
  const link = target.closest("a");
  if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
  if (link.origin !== location.origin || link.hasAttribute("download") || link.target || link.hash || link.dataset.plain !== undefined) return;
  event.preventDefault();
  void go(link.pathname + link.search, { regions: link.dataset.region?.split(" ") ?? [], focus: !link.dataset.region });
});
doc.addEventListener("submit", (event) => {
  const form = /** @type {HTMLFormElement} */ (event.target);
  if (form.dataset.plain === undefined && form.dataset.document === undefined && form.method !== "dialog") void submit(/** @type {SubmitEvent} */ (event), form).catch(() => {});
});
doc.addEventListener("change", (event) => {
  const field = /** @type {HTMLElement} */ (event.target);
  if (field.dataset.submit !== undefined) /** @type {HTMLFormElement | null} */ (field.closest("form"))?.requestSubmit();
});
doc.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") { event.preventDefault(); openSearch(); }
  if (event.key !== "Escape" || one("dialog[open]")) return;
  const menu = one("details.pick[open]");
  if (menu) { menu.removeAttribute("open"); one("summary", menu)?.focus(); return; }
  if (one("#drawer:not([hidden])")) closeDrawer();
});
addEventListener("popstate", () => { void go(location.pathname + location.search, { push: false, focus: false }); });

/** Give what was swapped in its islands. */
export function mount() {
  mountGrids();
  mountDrop();
  mountBoard();
  mountDocument();
}
mountSearch();
mount();
listen();
void showDrawer();
const working = one("#running")?.dataset.job;
if (working) void follow(working);
