// Files dropped or chosen: sent to be looked at; the answer takes the place of the review.
// @ts-check
import { address, go, say, seal } from "./tower.js";

export function mountDrop() {
  // Another table for a strange file: its columns are proposed anew.
  for (const field of /** @type {NodeListOf<HTMLSelectElement>} */ (document.querySelectorAll("select[data-as]")))
    field.onchange = () => go(address({ as: field.value }), { focus: false });
  const zone = /** @type {HTMLElement | null} */ (document.querySelector("[data-drop]"));
  if (!zone || zone.dataset.mounted) return;
  zone.dataset.mounted = "1";
  const input = /** @type {HTMLInputElement} */ (zone.querySelector("input[type=file]"));
  const words = /** @type {HTMLElement} */ (zone.querySelector("[data-words]"));
  /** @param {FileList | null} files */
  const look = async (files) => {
    if (!files?.length) return;
    const form = new FormData();
    for (const file of files) form.append("files", file, file.name);
    const before = words.textContent;
    words.textContent = `Reading ${files.length === 1 ? files[0].name : `${files.length} files`} …`;
    zone.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch("/data/look", { method: "POST", body: form, headers: { "X-CSRF-Token": seal() } });
      const told = await answer.json();
      if (!answer.ok) { say(told.detail ?? "The files could not be read.", true); return; }
      await go(told.go);
      document.getElementById("review")?.focus();
    } finally {
      words.textContent = before;
      zone.removeAttribute("aria-busy");
      input.value = "";
    }
  };
  input.onchange = () => look(input.files);
  zone.ondragover = (event) => { event.preventDefault(); zone.classList.add("over"); };
  zone.ondragleave = () => zone.classList.remove("over");
  zone.ondrop = (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    void look(event.dataTransfer?.files ?? null);
  };
}
