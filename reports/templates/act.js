"use strict";
// What an Operator does on the page. Every form works without this as well: here it is sent without leaving the page, so that a
// refusal is said beside it, and what somebody filtered and opened is there again afterwards.
(() => {
  const $ = (id) => document.getElementById(id);
  const many = (number, one, more) => `${number.toLocaleString("en")} ${number === 1 ? one : more}`;
  const LOOK = 3000, AWAY = "No answer came: you may be signed out, or the app is starting. Reload the page and try again.";

  const refuse = (form, text) => {
    const line = form.querySelector(".refusal") || form.appendChild(document.createElement("p"));
    line.className = "refusal";
    line.setAttribute("role", "alert");
    line.textContent = text;
  };

  const send = async (form, button) => {
    const label = button.textContent;
    button.disabled = true;
    button.textContent = button.dataset.busy;
    try {
      const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)), headers: { Accept: "application/json" } });
      const said = await answer.json();
      if (answer.ok) {
        dispatchEvent(new Event("acted"));
        if (said.account) location.hash = `account=${encodeURIComponent(said.account)}`;
        location.reload();
        return;
      }
      refuse(form, said.error || AWAY);
    } catch {
      refuse(form, AWAY);
    }
    button.disabled = false;
    button.textContent = label;
    button.focus();
  };

  addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.classList.contains("deed")) return;
    event.preventDefault();
    const button = form.querySelector("button");
    if (!button.disabled) send(form, button);
  });

  // --- the scan that goes on ---
  const going = $("progress");
  const look = async () => {
    let run = null;
    try {
      const answer = await fetch(`runs/${encodeURIComponent(going.dataset.run)}`, { headers: { Accept: "application/json" } });
      if (answer.ok) run = await answer.json();
    } catch { /* the next look may get an answer */ }
    const bar = going.querySelector("progress"), text = $("progress-text");
    if (run && !["queued", "running"].includes(run.status)) {
      bar.hidden = true;
      text.textContent = run.status === "failed" || run.status === "skipped" ? `The scan ${run.status === "failed" ? "failed" : "was not started"}: ${run.error}` : `The scan is done: ${many(run.accounts_done, "account", "accounts")}.`;
      $("progress-link").textContent = "Show the new report";
      return;
    }
    if (run && run.accounts_total) {
      bar.max = run.accounts_total;
      bar.value = run.accounts_done;
      const said = `A scan goes on: ${run.accounts_done.toLocaleString("en")} of ${many(run.accounts_total, "account", "accounts")}.`;
      if (text.textContent !== said) text.textContent = said;
    } else if (run && run.status === "running") text.textContent = "A scan goes on: it reads the tenant.";
    setTimeout(look, LOOK);
  };
  if (going) setTimeout(look, LOOK);

  // --- what is wrong with this installation ---
  const link = $("doctor-link"), shown = $("doctor");
  const levels = { ok: "good", "not tried": "none", attention: "medium", wrong: "high" };
  const names = { ok: "Fine", "not tried": "Not tried", attention: "Look at it", wrong: "Wrong" };
  const tell = (text) => {
    const line = document.createElement("p");
    line.setAttribute("role", "status");
    line.textContent = text;
    shown.replaceChildren(line);
    shown.hidden = false;
    return line;
  };
  const entry = (line) => {
    const made = (tag, name, ...children) => { const one = document.createElement(tag); one.className = name; one.append(...children); return one; };
    const shape = made("span", `shape ${levels[line.level] || "none"}`);
    shape.setAttribute("aria-hidden", "true");
    return made("li", "", made("span", `badge ${levels[line.level] || "none"}`, shape, names[line.level] || line.level), " ", made("span", "topic", line.topic), `: ${line.text} `, ...(line.fix ? [made("span", "fix", line.fix)] : []));
  };
  if (link) link.addEventListener("click", async (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    if (link.getAttribute("aria-disabled") === "true") return;
    link.setAttribute("aria-disabled", "true");
    tell("Looking. It takes some seconds.");
    try {
      const answer = await fetch("doctor", { headers: { Accept: "application/json" } });
      const said = await answer.json();
      if (!answer.ok) tell(said.error);
      else {
        const first = (line) => ["wrong", "attention", line.level].indexOf(line.level);
        const bad = said.lines.filter((line) => first(line) < 2).length;
        const list = document.createElement("ul");
        list.className = "doctor";
        list.append(...said.lines.sort((one, other) => first(one) - first(other)).map(entry));
        const well = said.lines.some((line) => line.level === "not tried") ? "What could be tried is well." : "All is well.";
        tell(bad ? `${many(bad, "thing asks", "things ask")} for attention.` : well).after(list);
      }
    } catch { tell(AWAY); }
    link.removeAttribute("aria-disabled");
  });

  // What came of it is said where it happened, and read out first.
  const there = document.querySelector("#table .message"), above = $("message"), message = there || above;
  if (there && above) above.hidden = true;
  if (message) { message.focus({ preventScroll: true }); message.scrollIntoView({ block: "center" }); }
})();
