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
  // with the tab. It holds every field of the form whose text is marked; it belongs to whoever typed it. After a send
  // it is dropped when the next page reports success, wherever that leads, else brought back with a warning.
  const OURS = `draft:${root.dataset.viewer || ""}:`;
  const SENT = "draft-sent";
  const draftKey = (box) => OURS + box.dataset.draft;
  const draftBox = (form) => form && form.querySelector("textarea[data-draft]");

  function readDraft(box) {
    try {
      return JSON.parse(sessionStorage.getItem(draftKey(box)) || "null");
    } catch {
      return null; // storage refused or not ours: there is no draft
    }
  }

  // What people fill in, but for secrets and files, which no page may give back.
  const typed = (box) => Array.from(box.form.elements).filter((field) => field.name && field !== box
    && !["fieldset", "hidden", "file", "password", "submit"].includes(field.type));

  function changed(field) {
    if (field.type === "checkbox" || field.type === "radio") return field.checked !== field.defaultChecked;
    if (!field.options) return field.value !== field.defaultValue;
    const first = Array.from(field.options).find((option) => option.defaultSelected) || field.options[0];
    return Boolean(first) && field.value !== first.value;
  }

  function draftOf(box, sent) {
    const before = (readDraft(box) || {}).fields || {};
    const fields = {};
    typed(box).filter((field) => changed(field) || field.name in before).forEach((field) => {
      if (field.type === "checkbox") fields[field.name] = field.checked;
      else if (field.type !== "radio" || field.checked) fields[field.name] = field.value;
    });
    // The key under which these very words were sent: sent once more they are taken once.
    const key = box.form.elements.form_key;
    return { text: box.value, fields, sent, key: sent && key ? key.value : "" };
  }

  function keepDraft(box, sent) {
    try {
      if (box.value.trim() || typed(box).some(changed)) sessionStorage.setItem(draftKey(box), JSON.stringify(draftOf(box, sent)));
      else sessionStorage.removeItem(draftKey(box));
    } catch {
      box.removeAttribute("data-draft"); // full or forbidden: the form works as without drafts
    }
  }

  function putBack(field, value) {
    if (field.type === "checkbox") field.checked = value;
    else if (field.type === "radio") field.checked = field.value === value;
    else if (!field.options || Array.from(field.options).some((option) => option.value === value)) field.value = value;
    if (field.id) echo(field);
  }

  function restoreDraft(box) {
    box.form.autocomplete = "off"; // else going back brings a sent text again, as if it were new
    const draft = readDraft(box);
    if (!draft || box.value.trim()) return;
    box.value = draft.text;
    const fields = draft.fields || {};
    typed(box).filter((field) => field.name in fields).forEach((field) => putBack(field, fields[field.name]));
    const key = box.form.elements.form_key;
    if (draft.key && key) {
      box.dataset.freshKey = key.value;
      key.value = draft.key;
    }
    const note = box.form.querySelector("[data-draft-note]");
    if (note && draft.sent) note.hidden = false;
  }

  // Other words than those that were sent are a message of their own.
  function changeDraft(box) {
    const draft = readDraft(box);
    const key = box.form.elements.form_key;
    if (draft && draft.key && key) key.value = box.dataset.freshKey || key.value;
    keepDraft(box, false);
  }

  function discardDraft(button) {
    const box = draftBox(button.form);
    button.form.reset();
    box.value = "";
    sessionStorage.removeItem(draftKey(box));
    if (box.dataset.freshKey) box.form.elements.form_key.value = box.dataset.freshKey;
    all("[id]", button.form).forEach(echo);
    button.closest("[data-draft-note]").hidden = true;
    box.focus();
  }

  // Whoever signs in next at this machine finds nothing half-written.
  function forgetDrafts(which) {
    Object.keys(sessionStorage).filter((key) => key.startsWith("draft") && which(key)).forEach((key) => sessionStorage.removeItem(key));
  }

  function settleDrafts() {
    try {
      if (root.dataset.viewer) forgetDrafts((key) => key !== SENT && !key.startsWith(OURS));
      if (!document.querySelector('[data-flash="ok"]')) return;
      sessionStorage.removeItem(sessionStorage.getItem(SENT));
      sessionStorage.removeItem(SENT);
    } catch {
      return; // storage refused: there are no drafts
    }
  }

  function sendDraft(form) {
    const box = draftBox(form);
    if (!box) return;
    keepDraft(box, true);
    try {
      sessionStorage.setItem(SENT, draftKey(box));
    } catch {
      return; // full or forbidden: the draft then comes back with its warning
    }
  }

  // More than the hub takes is said where it was chosen, before it is sent in vain.
  function weigh(field) {
    const bytes = Array.from(field.files).reduce((sum, file) => sum + file.size, 0);
    field.setCustomValidity(bytes > Number(field.dataset.most) ? field.dataset.tooMuch : "");
    field.reportValidity();
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
    const box = draftBox(event.target.form);
    if (box) changeDraft(box);
    if (event.target.closest(".composer-fold") && event.target.id) echo(event.target);
  });

  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-most]")) weigh(event.target);
  });

  document.addEventListener("invalid", (event) => {
    const fold = event.target.closest("details:not([open])");
    if (fold) fold.open = true;
  }, true);

  document.addEventListener("submit", (event) => {
    if (event.defaultPrevented) return;
    if (event.target.matches("[data-sign-out]")) forgetDrafts(() => true);
    sendDraft(event.target);
  });

  // Parts that htmx swaps in are dressed like the page itself.
  document.addEventListener("htmx:load", (event) => dress(event.detail.elt));

  settleDrafts();
  dress(document);
  const first = document.querySelector("[data-focus]");
  if (first) first.focus();
})();
