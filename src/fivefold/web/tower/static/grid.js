// A grid of rows that live on the server: only what is seen is fetched and drawn.
// Arrows move, Shift extends, Ctrl+C copies a range, typing edits, Ctrl+Z takes an edit back.
// @ts-check
import { address, openWhy, say, send, showPanel } from "./tower.js";

const ROW = 34;
const BLOCK = 200;
const TALLEST = 8_000_000;
const STEPS_KEPT = 100;

/**
 * @typedef {{ name: string, title: string, numeric: boolean, width: number, editable: boolean, why: boolean, help: string }} Column
 * @typedef {{ columns: Column[], total: number, offset: number, keys: string[], cells: string[][], raw: (string | number | null)[][], tones: (string | null)[][] }} Page
 * @typedef {{ key: string, column: string, from: string, to: string }} Edit
 */

class Grid {
  /** @param {HTMLElement} place */
  constructor(place) {
    this.place = place;
    this.source = new URL(place.dataset.src ?? "", location.href);
    this.prefix = place.dataset.name ?? "";
    /** @type {Column[]} */ this.columns = [];
    /** @type {Map<number, Page>} */ this.blocks = new Map();
    /** @type {Set<number>} */ this.asked = new Set();
    this.total = 0;
    this.at = { row: 0, column: 0 };
    this.from = { row: 0, column: 0 };
    /** @type {Edit[][]} */ this.done = [];
    /** @type {Edit[][]} */ this.undone = [];
    const query = new URL(location.href).searchParams;
    this.sort = query.get(`${this.prefix}sort`) ?? this.source.searchParams.get("sort") ?? "";
    /** @type {Record<string, string>} */ this.filters = {};
    for (const [name, value] of query) {
      const start = `${this.prefix}f.`;
      if (name.startsWith(start)) this.filters[name.slice(start.length)] = value;
    }
    this.head = document.createElement("div");
    this.head.className = "head";
    this.head.setAttribute("role", "rowgroup");
    this.lines = document.createElement("div");
    this.lines.className = "lines";
    this.lines.setAttribute("role", "rowgroup");
    place.replaceChildren(this.head, this.lines);
    place.tabIndex = 0;
    place.setAttribute("role", "grid");
    place.addEventListener("scroll", () => this.draw(true), { passive: true });
    place.addEventListener("keydown", (event) => this.key(event));
    place.addEventListener("mousedown", (event) => this.press(event));
    place.addEventListener("dblclick", () => this.edit(null));
    place.addEventListener("copy", (event) => this.copy(event));
    place.addEventListener("paste", (event) => this.paste(event));
    place.addEventListener("focus", () => this.mark());
    new ResizeObserver(() => this.draw()).observe(place);
    this.link({
      ...(this.sort ? { [`${this.prefix}sort`]: this.sort } : {}),
      ...Object.fromEntries(Object.entries(this.filters).map(([name, value]) => [`${this.prefix}f.${name}`, value])),
    });
  }

  /** @param {number} block */
  async fetchBlock(block) {
    if (this.asked.has(block)) return;
    this.asked.add(block);
    const url = new URL(this.source);
    url.searchParams.set("offset", String(block * BLOCK));
    url.searchParams.set("limit", String(BLOCK));
    url.searchParams.set("sort", this.sort);
    for (const [name, value] of Object.entries(this.filters)) if (value) url.searchParams.set(`f.${name}`, value);
    if (!this.columns.length) this.place.setAttribute("aria-busy", "true");
    const answer = await fetch(url);
    this.place.removeAttribute("aria-busy");
    if (!answer.ok) { say((await answer.json().catch(() => ({}))).detail ?? "The rows could not be read.", true); return; }
    /** @type {Page} */ const page = await answer.json();
    const first = !this.columns.length;
    this.columns = page.columns;
    this.total = page.total;
    this.blocks.set(block, page);
    if (first) this.drawHead();
    this.draw();
    this.foot();
  }

  async load() {
    this.blocks.clear();
    this.asked.clear();
    await this.fetchBlock(0);
  }

  drawHead() {
    const titles = line("row");
    titles.setAttribute("aria-rowindex", "1");
    const filters = line("row filters");
    filters.setAttribute("aria-rowindex", "2");
    this.columns.forEach((column, number) => {
      const cell = box("columnheader", column, number);
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = column.title;
      if (column.help) button.title = column.help;
      button.onclick = () => this.turn(column.name);
      cell.append(button);
      titles.append(cell);
      const under = box("gridcell", column, number);
      const input = document.createElement("input");
      input.setAttribute("aria-label", `Filter ${column.title}`);
      input.placeholder = column.numeric ? "> 0" : "";
      input.value = this.filters[column.name] ?? "";
      let timer = 0;
      input.oninput = () => {
        clearTimeout(timer);
        timer = window.setTimeout(() => this.filter(column.name, input.value.trim()), 250);
      };
      input.onkeydown = (event) => event.stopPropagation();
      under.append(input);
      filters.append(under);
    });
    this.head.replaceChildren(...(this.place.dataset.unfiltered === undefined ? [titles, filters] : [titles]));
    this.place.setAttribute("aria-colcount", String(this.columns.length));
    this.showSort();
  }

  showSort() {
    const [name, down] = this.sort.startsWith("-") ? [this.sort.slice(1), true] : [this.sort, false];
    [...(this.head.firstElementChild?.children ?? [])].forEach((cell, number) => {
      const column = this.columns[number];
      const on = column.name === name;
      if (on) cell.setAttribute("aria-sort", down ? "descending" : "ascending");
      else cell.removeAttribute("aria-sort");
      const button = cell.querySelector("button");
      if (button) button.textContent = column.title + (on ? (down ? " ↓" : " ↑") : "");
    });
  }

  /** @param {string} column */
  turn(column) {
    this.sort = this.sort === column ? `-${column}` : this.sort === `-${column}` ? "" : column;
    this.remember({ [`${this.prefix}sort`]: this.sort || null });
    this.showSort();
    this.place.scrollTop = 0;
    void this.load();
  }

  /** @param {string} column @param {string} value */
  filter(column, value) {
    this.filters[column] = value;
    this.remember({ [`${this.prefix}f.${column}`]: value || null });
    this.place.scrollTop = 0;
    this.at = { row: 0, column: this.at.column };
    this.from = this.at;
    void this.load();
  }

  /** @param {Record<string, string | null>} changes */
  remember(changes) {
    history.replaceState({}, "", address(changes));
    this.link(changes);
  }

  /** Let the exports give what is shown, filters and order included.
   * @param {Record<string, string | null>} changes */
  link(changes) {
    const link = this.place.parentElement?.querySelectorAll("[data-export]");
    link?.forEach((each) => {
      const url = new URL(/** @type {HTMLAnchorElement} */ (each).href);
      for (const [name, value] of Object.entries(changes)) {
        const plain = name.slice(this.prefix.length);
        if (value === null) url.searchParams.delete(plain);
        else url.searchParams.set(plain, value);
      }
      /** @type {HTMLAnchorElement} */ (each).href = url.href;
    });
  }

  /** @param {number} row @returns {{ page: Page, at: number } | null} */
  find(row) {
    const block = Math.floor(row / BLOCK);
    const page = this.blocks.get(block);
    return page && row - block * BLOCK < page.keys.length ? { page, at: row - block * BLOCK } : null;
  }

  view() {
    const tall = this.total * ROW;
    const shown = Math.min(tall, TALLEST);
    const room = Math.max(ROW, this.place.clientHeight - this.head.offsetHeight);
    const most = Math.max(1, shown - room);
    const share = tall > TALLEST ? (tall - room) / most : 1;
    const first = Math.max(0, Math.floor((this.place.scrollTop * share) / ROW) - 4);
    const last = Math.min(this.total, first + Math.ceil(room / ROW) + 10);
    return { first, last, shown, share };
  }

  /**
   * Draw the rows in view. While only the view moves, rows that stay are left as they are.
   * @param {boolean} [moved]
   */
  draw(moved = false) {
    if (!this.columns.length) return;
    const { first, last, shown, share } = this.view();
    this.lines.style.height = `${shown}px`;
    this.place.classList.toggle("short", this.total * ROW < 560);
    this.place.setAttribute("aria-rowcount", String(this.total + 2));
    const low = Math.min(this.at.row, this.from.row), high = Math.max(this.at.row, this.from.row);
    const left = Math.min(this.at.column, this.from.column), right = Math.max(this.at.column, this.from.column);
    const many = low !== high || left !== right;
    /** @type {HTMLElement[]} */ const rows = [];
    /** @type {Map<string | undefined, HTMLElement>} */ const standing = new Map();
    if (moved) for (const each of this.lines.querySelectorAll(":scope > .row:not(.loading)")) {
      const drawn = /** @type {HTMLElement} */ (each);
      standing.set(drawn.dataset.row, drawn);
    }
    for (let row = first; row < last; row++) {
      const found = this.find(row);
      if (!found) void this.fetchBlock(Math.floor(row / BLOCK));
      const top = `${share === 1 ? row * ROW : this.place.scrollTop + (row - this.place.scrollTop * share / ROW) * ROW}px`;
      const stays = found && standing.get(String(row));
      if (stays) {
        if (share !== 1) stays.style.top = top;
        rows.push(stays);
        continue;
      }
      const drawn = line(found ? "row" : "row loading");
      drawn.setAttribute("aria-rowindex", String(row + 3));
      drawn.dataset.row = String(row);
      drawn.style.top = top;
      this.columns.forEach((column, number) => {
        const cell = box("gridcell", column, number);
        cell.id = `${this.prefix || "g"}-${row}-${number}`;
        cell.textContent = found ? found.page.cells[number][found.at] : "…";
        const tone = found?.page.tones[number]?.[found.at];
        if (tone) cell.classList.add("mark", tone);
        if (tone) cell.style.display = "block";
        if (column.editable) cell.classList.add("editable");
        if (many && row >= low && row <= high && number >= left && number <= right) cell.classList.add("within");
        if (row === this.at.row && number === this.at.column) {
          cell.classList.add("at");
          cell.setAttribute("aria-selected", "true");
        }
        drawn.append(cell);
      });
      rows.push(drawn);
    }
    if (!this.lines.querySelector("input")) arrange(this.lines, rows);
    this.mark();
  }

  mark() {
    this.place.setAttribute("aria-activedescendant", `${this.prefix || "g"}-${this.at.row}-${this.at.column}`);
  }

  foot() {
    const foot = this.place.parentElement?.querySelector("[data-foot]");
    if (!foot) return;
    const filtered = Object.values(this.filters).some(Boolean);
    foot.textContent = `${this.total.toLocaleString("en")} ${filtered ? "rows match" : "rows"}`;
  }

  /** @param {number} row @param {number} column @param {boolean} [extend] */
  move(row, column, extend = false) {
    this.at = {
      row: Math.max(0, Math.min(this.total - 1, row)),
      column: Math.max(0, Math.min(this.columns.length - 1, column)),
    };
    if (!extend) this.from = this.at;
    const { share } = this.view();
    const room = this.place.clientHeight - this.head.offsetHeight;
    const top = (this.at.row * ROW) / share;
    if (top < this.place.scrollTop) this.place.scrollTop = top;
    else if (top + ROW > this.place.scrollTop + room) this.place.scrollTop = top + ROW - room;
    const before = this.columns.slice(0, this.at.column).reduce((sum, each) => sum + each.width, 0);
    const own = this.columns[this.at.column]?.width ?? 0;
    const frozen = this.at.column ? this.columns[0].width : 0;
    if (before - frozen < this.place.scrollLeft) this.place.scrollLeft = before - frozen;
    else if (before + own > this.place.scrollLeft + this.place.clientWidth) this.place.scrollLeft = before + own - this.place.clientWidth;
    this.draw();
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const target = /** @type {HTMLElement} */ (event.target);
    if (target !== this.place) return;
    const { row, column } = this.at;
    const jump = Math.max(1, Math.floor(this.place.clientHeight / ROW) - 3);
    const strong = event.ctrlKey || event.metaKey;
    /** @type {Record<string, [number, number]>} */
    const steps = {
      ArrowDown: [strong ? this.total : row + 1, column], ArrowUp: [strong ? 0 : row - 1, column],
      ArrowRight: [row, strong ? this.columns.length : column + 1], ArrowLeft: [row, strong ? 0 : column - 1],
      PageDown: [row + jump, column], PageUp: [row - jump, column],
      Home: [strong ? 0 : row, 0], End: [strong ? this.total : row, this.columns.length],
    };
    const step = steps[event.key];
    if (step) { event.preventDefault(); this.move(step[0], step[1], event.shiftKey); return; }
    if (strong && event.key.toLowerCase() === "z") { event.preventDefault(); void (event.shiftKey ? this.redo() : this.undo()); return; }
    if (strong && event.key.toLowerCase() === "y") { event.preventDefault(); void this.redo(); return; }
    if (strong && event.key.toLowerCase() === "d") { event.preventDefault(); void this.fillDown(); return; }
    if (strong && event.key.toLowerCase() === "a") { event.preventDefault(); this.from = { row: 0, column: 0 }; this.move(this.total, this.columns.length, true); return; }
    if (strong || event.altKey) return;
    if (event.key === "Enter" || event.key === "F2") {
      event.preventDefault();
      if (this.columns[column]?.editable) this.edit(null);
      else this.tell();
      return;
    }
    if (event.key.length === 1 && this.columns[column]?.editable) { event.preventDefault(); this.edit(event.key); }
  }

  /** @param {MouseEvent} event */
  press(event) {
    const cell = /** @type {HTMLElement} */ (event.target).closest("[role=gridcell]");
    const row = /** @type {HTMLElement | null | undefined} */ (cell?.closest(".lines .row"));
    if (!cell || !row || cell.querySelector("input")) return;
    event.preventDefault();
    this.place.focus({ preventScroll: true });
    const to = { row: Number(row.dataset.row), column: Number(cell.getAttribute("aria-colindex")) - 1 };
    this.move(to.row, to.column, event.shiftKey);
    if (!event.shiftKey && this.columns[to.column].why) { this.tell(); return; }
    const drag = (/** @type {MouseEvent} */ moved) => {
      const over = /** @type {HTMLElement | null} */ (document.elementFromPoint(moved.clientX, moved.clientY));
      const under = over?.closest("[role=gridcell]");
      const own = /** @type {HTMLElement | null | undefined} */ (under?.closest(".lines .row"));
      if (under && own && this.lines.contains(own)) this.move(Number(own.dataset.row), Number(under.getAttribute("aria-colindex")) - 1, true);
    };
    const up = () => { removeEventListener("mousemove", drag); removeEventListener("mouseup", up); };
    addEventListener("mousemove", drag);
    addEventListener("mouseup", up);
  }

  /** Open the reasons behind the row, or choose it where the page shows one row in full. */
  tell() {
    const found = this.find(this.at.row);
    if (found) void openWhy(found.page.keys[found.at]);
  }

  range() {
    const rows = [Math.min(this.at.row, this.from.row), Math.max(this.at.row, this.from.row)];
    const columns = [Math.min(this.at.column, this.from.column), Math.max(this.at.column, this.from.column)];
    return { rows, columns };
  }

  /** @param {ClipboardEvent} event */
  copy(event) {
    if (event.target !== this.place) return;
    const { rows, columns } = this.range();
    const told = [];
    let missing = 0;
    for (let row = rows[0]; row <= rows[1]; row++) {
      const found = this.find(row);
      if (!found) { missing += 1; continue; }
      const values = [];
      for (let column = columns[0]; column <= columns[1]; column++) values.push(found.page.raw[column][found.at] ?? "");
      told.push(values.join("\t"));
    }
    event.clipboardData?.setData("text/plain", told.join("\n"));
    event.preventDefault();
    say(missing ? `${told.length} rows copied; ${missing} are not loaded yet. Export gives all.` : `${told.length} × ${columns[1] - columns[0] + 1} cells copied.`);
  }

  /** @param {ClipboardEvent} event */
  paste(event) {
    if (event.target !== this.place) return;
    event.preventDefault();
    const text = event.clipboardData?.getData("text/plain") ?? "";
    const { rows, columns } = this.range();
    /** @type {Edit[]} */ const edits = [];
    text.replace(/\r/g, "").replace(/\n$/, "").split("\n").forEach((words, down) => {
      words.split("\t").forEach((value, right) => {
        const made = this.change(rows[0] + down, columns[0] + right, value);
        if (made) edits.push(made);
      });
    });
    if (edits.length) void this.apply(edits);
    else say("Nothing here can be changed by pasting.", true);
  }

  async fillDown() {
    const { rows, columns } = this.range();
    const top = this.find(rows[0]);
    if (!top) return;
    const edits = [];
    for (let row = rows[0] + 1; row <= rows[1]; row++)
      for (let column = columns[0]; column <= columns[1]; column++) {
        const made = this.change(row, column, String(top.page.raw[column][top.at] ?? ""));
        if (made) edits.push(made);
      }
    if (edits.length) await this.apply(edits);
  }

  /** @param {number} row @param {number} column @param {string} value @returns {Edit | null} */
  change(row, column, value) {
    const found = this.find(row);
    const told = this.columns[column];
    if (!found || !told?.editable) return null;
    const from = String(found.page.raw[column][found.at] ?? "");
    return from === value ? null : { key: found.page.keys[found.at], column: told.name, from, to: value };
  }

  /** @param {string | null} typed */
  edit(typed) {
    const { row, column } = this.at;
    const found = this.find(row);
    const cell = document.getElementById(`${this.prefix || "g"}-${row}-${column}`);
    if (!found || !cell || !this.columns[column].editable) return;
    const input = document.createElement("input");
    input.setAttribute("aria-label", `${this.columns[column].title} of ${found.page.cells[0][found.at]}`);
    input.value = typed ?? String(found.page.raw[column][found.at] ?? "");
    cell.replaceChildren(input);
    input.focus();
    if (typed === null) input.select();
    let over = false;
    const end = (/** @type {boolean} */ keep, /** @type {[number, number]} */ step) => {
      if (over) return;
      over = true;
      const value = input.value.trim();
      input.remove();
      const made = keep ? this.change(row, column, value) : null;
      this.move(row + step[0], column + step[1]);
      this.place.focus({ preventScroll: true });
      if (made) void this.apply([made]);
    };
    input.onkeydown = (event) => {
      event.stopPropagation();
      if (event.key === "Enter") { event.preventDefault(); end(true, [event.shiftKey ? -1 : 1, 0]); }
      if (event.key === "Tab") { event.preventDefault(); end(true, [0, event.shiftKey ? -1 : 1]); }
      if (event.key === "Escape") { event.preventDefault(); end(false, [0, 0]); }
    };
    input.onblur = () => end(true, [0, 0]);
  }

  /** Send edits as one batch: all of them hold or none.
   * @param {Edit[]} edits @param {boolean} [remember] */
  async apply(edits, remember = true) {
    const told = await send(this.source.pathname + this.source.search, { edits, reason: /** @type {HTMLInputElement | null} */ (document.querySelector("[data-reason]"))?.value ?? "" }).catch(() => null);
    if (!told) return;
    showPanel(told.panel, told.then);
    if (remember) {
      this.done.push(edits);
      this.done.splice(0, Math.max(0, this.done.length - STEPS_KEPT));
      this.undone = [];
    }
    say(told.message);
    await this.load();
  }

  async undo() {
    const last = this.done.pop();
    if (!last) { say("There is nothing to undo."); return; }
    await this.apply(last.map((each) => ({ ...each, from: each.to, to: each.from })), false);
    this.undone.push(last);
  }

  async redo() {
    const last = this.undone.pop();
    if (!last) return;
    await this.apply(last, false);
    this.done.push(last);
  }
}

/**
 * Give a place these children in this order without touching those that stand right.
 * @param {HTMLElement} place @param {HTMLElement[]} rows
 */
function arrange(place, rows) {
  const wanted = new Set(rows);
  for (const each of [...place.children]) if (!wanted.has(/** @type {HTMLElement} */ (each))) each.remove();
  let next = place.firstChild;
  for (const row of rows) {
    if (row === next) next = next.nextSibling;
    else place.insertBefore(row, next);
  }
}

/** @param {string} name */
function line(name) {
  const row = document.createElement("div");
  row.className = name;
  row.setAttribute("role", "row");
  return row;
}

/** @param {string} role @param {Column} column @param {number} number */
function box(role, column, number) {
  const cell = document.createElement("div");
  cell.className = column.numeric ? "cell n" : "cell";
  cell.setAttribute("role", role);
  cell.setAttribute("aria-colindex", String(number + 1));
  cell.style.width = `${column.width}px`;
  return cell;
}

export function mountGrids() {
  document.querySelectorAll("[data-grid]").forEach((found) => {
    const place = /** @type {HTMLElement} */ (found);
    if (place.dataset.mounted) return;
    place.dataset.mounted = "1";
    const made = new Grid(place);
    // Live changes load the rows anew through it.
    Object.assign(place, { grid: made });
    void made.load();
  });
}
