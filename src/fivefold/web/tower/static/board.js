// The board of work: drag a bar, or move it with Shift and the arrows; what follows is worked out
// on the server and shown before anything is kept. Arrows go from bar to bar, F freezes.
// @ts-check
import { address, go, say, seal, send } from "./tower.js";

/** @typedef {{ left: number, perHour: number, days: [number, number][], rows: { resource: string, top: number, bottom: number }[] }} Scale */

/** Moves that can be taken back, the last one last: the starts that stood before. @type {Record<string, string>[]} */
const done = [];

class Board {
  /** @param {HTMLElement} place */
  constructor(place) {
    this.place = place;
    this.plan = place.dataset.plan ?? "";
    this.may = place.dataset.may !== undefined;
    this.told = /** @type {HTMLElement} */ (document.getElementById("consequence"));
    // Two drawings are there, for wide and narrow windows; the one that is seen is the one used.
    this.svg = /** @type {SVGSVGElement} */ ([...place.querySelectorAll("svg.board")].find((s) => s.getBoundingClientRect().width > 0));
    if (!this.svg) return;
    this.scale = /** @type {Scale} */ (JSON.parse(this.svg.dataset.scale ?? "{}"));
    this.ops = /** @type {SVGGElement[]} */ ([...this.svg.querySelectorAll(".op")]);
    this.shift = 0;
    this.own = /** @type {SVGGElement | null} */ (null);
    const wanted = new URL(location.href).searchParams.get("order");
    const first = this.ops.find((op) => op.dataset.order === wanted) ?? this.ops[0];
    first?.setAttribute("tabindex", "0");
    if (wanted && first) place.querySelector(".scroll")?.scrollTo({ left: this.box(first).x - 220 });
    this.svg.addEventListener("pointerdown", (event) => this.press(event));
    this.svg.addEventListener("keydown", (event) => this.key(event));
    place.addEventListener("click", (event) => this.click(event));
  }

  /** @param {SVGGElement} op */
  box(op) {
    const rect = /** @type {SVGRectElement} */ (op.querySelector("rect"));
    const of = (/** @type {string} */ name) => Number(rect.getAttribute(name));
    return { x: of("x"), y: of("y"), width: of("width"), height: of("height") };
  }

  /** Pixels to seconds since 1970: nights take no room. @param {number} x */
  time(x) {
    let hours = Math.max(0, (x - this.scale.left) / this.scale.perHour);
    for (const [open, close] of this.scale.days) {
      const room = (close - open) / 3600;
      if (hours < room) return open + hours * 3600;
      hours -= room;
    }
    return this.scale.days.at(-1)?.[1] ?? 0;
  }

  /** @param {number} at */
  x(at) {
    let hours = 0;
    for (const [open, close] of this.scale.days) {
      if (at < close) return this.scale.left + (hours + Math.max(0, at - open) / 3600) * this.scale.perHour;
      hours += (close - open) / 3600;
    }
    return this.scale.left + hours * this.scale.perHour;
  }

  /** Move a bar for the eye, and mark what it would lie on. @param {SVGGElement} op @param {number} pixels */
  slide(op, pixels) {
    this.own = op;
    const { x, y, width } = this.box(op);
    this.shift = Math.max(this.scale.left - x, pixels);
    op.setAttribute("transform", `translate(${this.shift} 0)`);
    op.classList.add("held");
    const from = x + this.shift, to = from + width;
    let hit = 0;
    for (const other of this.ops) {
      const at = this.box(other);
      const over = other !== op && Math.abs(at.y - y) < 2 && at.x < to - 1 && at.x + at.width > from + 1;
      other.classList.toggle("clash", over);
      if (over) hit += 1;
    }
    op.classList.toggle("clash", hit > 0);
    this.words(op, hit);
  }

  /** @param {SVGGElement} op @param {number} hit */
  words(op, hit) {
    const at = new Date(this.time(this.box(op).x + this.shift) * 1000);
    const day = at.toLocaleString("en-GB", { weekday: "short", day: "2-digit", month: "short", hour: "2-digit", minute: "2-digit", timeZone: "UTC" });
    const live = this.place.querySelector("[data-live]");
    if (live) live.textContent = `${op.dataset.order} to ${day} UTC${hit ? `, lies on ${hit} other${hit > 1 ? "s" : ""}` : ""}`;
  }

  /** Put everything back where it was drawn. */
  rest() {
    for (const op of this.ops) {
      op.removeAttribute("transform");
      op.classList.remove("held", "clash", "pushed");
    }
    this.shift = 0;
    this.own = null;
    if (this.told) this.told.replaceChildren();
    const live = this.place.querySelector("[data-live]");
    if (live) live.textContent = "";
  }

  /** @param {PointerEvent} event */
  press(event) {
    const op = /** @type {SVGGElement | null} */ (/** @type {Element} */ (event.target).closest(".op"));
    if (!op || event.button) return;
    event.preventDefault();
    this.focus(op);
    if (this.own && this.own !== op) this.rest();
    const zoom = this.svg.getBoundingClientRect().width / this.svg.viewBox.baseVal.width;
    const from = event.clientX, before = this.own === op ? this.shift : 0;
    let moved = false;
    const drag = (/** @type {PointerEvent} */ to) => {
      if (!this.may || op.classList.contains("frozen")) return;
      if (!moved && Math.abs(to.clientX - from) < 4) return;
      moved = true;
      this.slide(op, before + (to.clientX - from) / zoom);
    };
    const up = () => {
      removeEventListener("pointermove", drag);
      removeEventListener("pointerup", up);
      if (moved) void this.look(false);
      else void this.choose(op);
    };
    addEventListener("pointermove", drag);
    addEventListener("pointerup", up);
  }

  /** @param {SVGGElement} op */
  focus(op) {
    for (const other of this.ops) other.setAttribute("tabindex", other === op ? "0" : "-1");
    op.focus({ preventScroll: true });
    const scroll = this.place.querySelector(".scroll");
    const { x, width } = this.box(op);
    if (scroll && (x < scroll.scrollLeft + this.scale.left || x + width > scroll.scrollLeft + scroll.clientWidth)) scroll.scrollLeft = x - this.scale.left - 40;
  }

  /** @param {SVGGElement} op */
  async choose(op) {
    await go(address({ order: op.dataset.order ?? null }), { regions: ["board", "chosen-work"] });
    this.place.ownerDocument.querySelector(`.op[tabindex="0"]`)?.dispatchEvent(new Event("focus"));
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const op = /** @type {SVGGElement | null} */ (/** @type {Element} */ (event.target).closest(".op"));
    if (!op) return;
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z") { event.preventDefault(); void undo(this.plan); return; }
    const side = { ArrowLeft: -1, ArrowRight: 1 }[event.key] ?? 0;
    const far = { PageUp: -1, PageDown: 1 }[event.key] ?? 0;
    if (this.may && ((event.shiftKey && side) || far)) {
      event.preventDefault();
      if (op.classList.contains("frozen")) { say("It is frozen; F frees it.", true); return; }
      const at = this.scale.days[0];
      const step = far ? far * ((at[1] - at[0]) / 3600) * this.scale.perHour : side * 0.5 * this.scale.perHour;
      this.slide(op, (this.own === op ? this.shift : 0) + step);
      return;
    }
    if (side || event.key === "ArrowUp" || event.key === "ArrowDown" || event.key === "Home" || event.key === "End") {
      event.preventDefault();
      const next = this.near(op, event.key);
      if (next) { if (this.own) this.rest(); this.focus(next); }
    } else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      if (this.own === op && this.shift) void this.look(true);
      else void this.choose(op).then(() => /** @type {HTMLElement | null} */ (document.querySelector(".op[tabindex='0']"))?.focus());
    } else if (event.key === "Escape" && this.own) { event.stopPropagation(); this.rest(); }
    else if (event.key.toLowerCase() === "f" && this.may) void this.freeze([op.dataset.order ?? ""], !op.classList.contains("frozen"));
  }

  /** @param {SVGGElement} op @param {string} key */
  near(op, key) {
    const own = this.box(op);
    const row = this.ops.filter((o) => o.dataset.resource === op.dataset.resource).sort((a, b) => this.box(a).x - this.box(b).x || this.box(a).y - this.box(b).y);
    if (key === "Home") return row[0];
    if (key === "End") return row.at(-1);
    if (key === "ArrowLeft" || key === "ArrowRight") return row[row.indexOf(op) + (key === "ArrowLeft" ? -1 : 1)];
    const down = key === "ArrowDown";
    const others = this.ops.filter((o) => (down ? this.box(o).y > own.y + 2 : this.box(o).y < own.y - 2));
    const cost = (/** @type {SVGGElement} */ o) => Math.abs(this.box(o).y - own.y) * 10 + Math.abs(this.box(o).x - own.x);
    return others.sort((a, b) => cost(a) - cost(b))[0];
  }

  /** Ask what follows, and show it with the bars that give way. @param {boolean} keyboard */
  async look(keyboard) {
    const op = this.own;
    if (!op) return;
    const start = new Date(Math.round(this.time(this.box(op).x + this.shift)) * 1000).toISOString();
    this.starts = { [op.dataset.order ?? ""]: start };
    const answer = await fetch("/make/look", {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRF-Token": seal() },
      body: JSON.stringify({ plan: this.plan, starts: this.starts }),
    });
    if (!(answer.headers.get("content-type") ?? "").startsWith("text/html")) {
      const told = await answer.json().catch(() => ({}));
      say(told.detail ?? "It cannot be put there.", true);
      this.rest();
      return;
    }
    this.told.innerHTML = await answer.text();
    const moves = /** @type {{ order: string, start: string }[]} */ (JSON.parse(/** @type {HTMLElement | null} */ (this.told.querySelector("[data-moves]"))?.dataset.moves ?? "[]"));
    for (const move of moves) {
      const other = this.ops.find((o) => o.dataset.order === move.order);
      if (!other) continue;
      other.classList.remove("clash");
      other.classList.add("pushed");
      other.setAttribute("transform", `translate(${this.x(Date.parse(move.start) / 1000) - this.box(other).x} 0)`);
    }
    if (keyboard) /** @type {HTMLElement | null} */ (this.told.querySelector("button"))?.focus();
    else this.told.scrollIntoView({ block: "nearest" });
  }

  /** @param {MouseEvent} event */
  click(event) {
    const button = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("[data-act]"));
    if (!button) return;
    const act = button.dataset.act;
    if (act === "cancel") { const op = this.own; this.rest(); if (op) this.focus(op); }
    else if (act === "keep" || act === "keep-freeze") void this.keep(act === "keep-freeze");
    else if (act === "undo") void undo(this.plan);
    else if (act === "freeze" || act === "free") void this.freeze([button.dataset.order ?? ""], act === "freeze");
  }

  /** @param {boolean} freezes */
  async keep(freezes) {
    const told = await send("/make/move", { plan: this.plan, starts: this.starts, freeze: freezes }).catch(() => null);
    if (!told) return;
    done.push(told.undo);
    say(told.message);
    await this.again(Object.keys(this.starts ?? {})[0]);
  }

  /** @param {string[]} orders @param {boolean} frozen */
  async freeze(orders, frozen) {
    const told = await send("/make/freeze", { plan: this.plan, orders, frozen }).catch(() => null);
    if (!told) return;
    say(told.message);
    await this.again(orders[0]);
  }

  /** @param {string} order */
  async again(order) {
    await go(address({ order }), { push: false, focus: false });
    /** @type {HTMLElement | null} */ (document.querySelector("svg.board .op[tabindex='0']"))?.focus();
  }
}

/** @param {string} plan */
async function undo(plan) {
  const last = done.pop();
  if (!last) { say("There is nothing to undo."); return; }
  const told = await send("/make/undo", { plan, starts: last }).catch(() => null);
  if (!told) { done.push(last); return; }
  say(told.message);
  await go(location.pathname + location.search, { push: false, focus: false });
}

// Wherever the eye rests on the page: while the board is drawn anew, no bar has the focus.
document.addEventListener("keydown", (event) => {
  const place = /** @type {HTMLElement | null} */ (document.querySelector("[data-board]"));
  const target = /** @type {Element} */ (event.target);
  if (!place || event.defaultPrevented || target.closest("input, select, textarea, [data-grid]")) return;
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z") { event.preventDefault(); void undo(place.dataset.plan ?? ""); }
});

export function mountBoard() {
  const place = /** @type {HTMLElement | null} */ (document.querySelector("[data-board]"));
  if (!place || place.dataset.mounted) return;
  place.dataset.mounted = "1";
  new Board(place);
}
