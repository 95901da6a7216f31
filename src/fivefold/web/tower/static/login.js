// A link that carries a token behind its # signs in at once; that part never leaves the browser.
// @ts-check
const token = decodeURIComponent(location.hash.slice(1));
const field = /** @type {HTMLInputElement | null} */ (document.querySelector("#token"));
if (token && field) {
  // Neither Back nor the history keeps it.
  history.replaceState({}, "", location.pathname + location.search);
  field.value = token;
  field.form?.requestSubmit();
}
