// Small comforts on pages that work without them: theme, drafts, keys, dismissed messages, menus that close.
(() => {
  "use strict";
  const root = document.documentElement;
  const all = (selector, within = document) => Array.from(within.querySelectorAll(selector));

  // The choice lives in a cookie, so that the server paints the right colours at once.
  function paintTheme(theme) {
    root.dataset.theme = theme;
    all("[data-theme-choice]").forEach((button) => {
      button.setAttribute("aria-pressed", String(button.dataset.themeChoice === theme));
    });
  }

  function chooseTheme(theme) {
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `theme=${theme}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
    paintTheme(theme);
  }

  // A draft lives in the tab (sessionStorage): it survives a reload, an expired session and a failed send, and is gone
  // with the tab. After a send it is dropped when the page reports success, else brought back with a warning.
  const draftKey = (box) => `draft:${box.dataset.draft}`;

  function readDraft(box) {
    try {
      return JSON.parse(sessionStorage.getItem(draftKey(box)) || "null");
    } catch {
      return null; // storage refused or not ours: there is no draft
    }
  }

  function keepDraft(box, sent) {
    try {
      if (box.value.trim()) sessionStorage.setItem(draftKey(box), JSON.stringify({ text: box.value, sent }));
      else sessionStorage.removeItem(draftKey(box));
    } catch {
      box.removeAttribute("data-draft"); // full or forbidden: the form works as without drafts
    }
  }

  function restoreDraft(box) {
    const draft = readDraft(box);
    if (!draft) return;
    if (draft.sent && document.querySelector('[data-flash="ok"]')) {
      sessionStorage.removeItem(draftKey(box));
    } else if (!box.value.trim()) {
      box.value = draft.text;
      const note = box.form.querySelector("[data-draft-note]");
      if (note && draft.sent) note.hidden = false;
    }
  }

  function discardDraft(button) {
    const box = button.form.querySelector("[data-draft]");
    box.value = "";
    keepDraft(box, false);
    button.closest("[data-draft-note]").hidden = true;
    box.focus();
  }

  // Whoever signs in next at this machine finds nothing half-written.
  function forgetDrafts() {
    Object.keys(sessionStorage).filter((key) => key.startsWith("draft:")).forEach((key) => sessionStorage.removeItem(key));
  }

  function held(field, words) {
    if (field.type === "file") return field.files.length || "";
    if (field.type === "checkbox") return field.checked ? words.on : "";
    if (field.type !== "datetime-local") return field.value;
    const [day, time] = field.value.split("T");
    return day === words.today ? time : field.value.replace("T", " ");
  }

  // What is folded away says on its chip what it holds, and opens when a send finds something missing in it.
  function echo(field) {
    all(`[data-echo="${CSS.escape(field.id)}"]`).forEach((shown) => {
      const text = held(field, shown.dataset);
      shown.textContent = text || shown.dataset.blank;
      shown.toggleAttribute("data-missing", !text && Boolean(shown.dataset.blank));
    });
  }

  function dress(within) {
    all("details[data-fold]", within).forEach((fold) => { fold.open = false; });
    all("[data-themes], [data-dismiss]", within).forEach((part) => { part.hidden = false; });
    all("textarea[data-draft]", within).forEach(restoreDraft);
    paintTheme(root.dataset.theme || "auto");
  }

  document.addEventListener("click", (event) => {
    const theme = event.target.closest("[data-theme-choice]");
    if (theme) chooseTheme(theme.dataset.themeChoice);
    const shut = event.target.closest("[data-dismiss]");
    if (shut) shut.closest(".flash").remove();
    const discard = event.target.closest("[data-draft-discard]");
    if (discard) discardDraft(discard);
    all("details[data-menu][open]").forEach((menu) => {
      if (!menu.contains(event.target)) menu.open = false;
    });
  });

  document.addEventListener("keydown", (event) => {
    const form = event.target.closest("form[data-composer]");
    if (form && event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      form.requestSubmit();
    }
    const menu = event.key === "Escape" && event.target.closest("details[data-menu][open]");
    if (menu) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });

  document.addEventListener("input", (event) => {
    if (event.target.matches("textarea[data-draft]")) keepDraft(event.target, false);
    if (event.target.closest(".composer-fold") && event.target.id) echo(event.target);
  });

  document.addEventListener("invalid", (event) => {
    const fold = event.target.closest("details:not([open])");
    if (fold) fold.open = true;
  }, true);

  document.addEventListener("submit", (event) => {
    if (event.defaultPrevented) return;
    if (event.target.matches("[data-sign-out]")) forgetDrafts();
    all("textarea[data-draft]", event.target).forEach((box) => keepDraft(box, true));
  });

  // Parts that htmx swaps in are dressed like the page itself.
  document.addEventListener("htmx:load", (event) => dress(event.detail.elt));

  dress(document);
  const first = document.querySelector("[data-focus]");
  if (first) first.focus();
})();
