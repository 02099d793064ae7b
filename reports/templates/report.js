"use strict";
// Shows the accounts. Names from the tenant are only ever set as text: the page's policy forbids anything else.
(() => {
  const $ = (id) => document.getElementById(id);
  const data = JSON.parse($("data").textContent);
  const { accounts, texts, reasons, severity: severityWords } = data;
  // Lists that accounts share stand there once; an account has their places.
  for (const account of accounts) for (const name of "zosepklgrfdth") if (name in account) account[name] = data.lists[account[name]];
  const PAGE = 30, PRINTED = 5000;
  const changed = new Set(data.changed);
  const guid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
  const compare = new Intl.Collator("en", { numeric: true }).compare;
  const months = Array.from({ length: 12 }, (_, month) => new Intl.DateTimeFormat("en-US", { month: "short", timeZone: "UTC" }).format(new Date(Date.UTC(2000, month))));
  const order = { v: Object.keys(data.visibility), w: Object.keys(data.works) };
  const groups = [...Object.keys(data.urgency), "accepted", "none"];

  const day = (seconds) => {
    const time = new Date(seconds * 1000);
    return `${time.getUTCDate()} ${months[time.getUTCMonth()]} ${time.getUTCFullYear()}`;
  };
  const moment = (seconds) => `${day(seconds)}, ${new Date(seconds * 1000).toISOString().slice(11, 16)} UTC`;
  const many = (number, one, more) => `${number.toLocaleString("en")} ${number === 1 ? one : more}`;

  // An element with attributes and children; strings become text nodes, falsy children are left out.
  const el = (tag, attributes, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (value !== undefined && value !== null && value !== false) element.setAttribute(name, value);
    }
    element.append(...children.flat(2).filter((child) => child || child === 0));
    return element;
  };
  // Cutting a long name short costs the browser time, so only long names are.
  const clamp = (name) => name.length > 70 && "clamp";
  const link = (href, ...children) => el("a", { href, rel: "noreferrer", target: "_blank" }, ...children);
  const shape = (name) => el("span", { class: `shape ${name}`, "aria-hidden": "true" });
  const badge = (name, text) => el("span", { class: `badge ${name}` }, shape(name), text);
  const stateClass = {
    switched_off: "high", hidden: "high", stuck: "high", unknown: "unknown", predicted: "medium", pending: "medium", conditional: "low", visible: "good",
    blocked_by_policy: "high", blocked_by_security_defaults: "high", refused: "high", ended: "high", doubtful: "medium", works: "good",
  };
  const state = (words, name) => el("span", { class: `badge ${stateClass[name] || "none"}`, title: words[name][1] }, shape(stateClass[name] || "none"), words[name][0]);
  // Green only where it was seen to work, and goes on working.
  const works = (account) => { const name = account.z[2] ? "medium" : stateClass[account.w] || "none"; return el("span", { class: `badge ${name}`, title: texts[account.z[1]] }, shape(name), texts[account.z[0]]); };
  const breaks = (on) => on && el("span", { class: "sub" }, `on ${day(on)}`);
  const rankName = { 4: "high", 3: "medium", 2: "low" };
  const worst = (account) => {
    const name = rankName[account.q];
    if (name) return badge(name, severityWords[name]);
    return account.q === 1 ? badge("accepted", "Accepted") : badge("none", "No finding");
  };

  // --- what an Operator may do: forms that only the app's own page has ---

  const forms = (name, values, called) => {
    const template = $(`for-${name}`);
    if (!template) return null;
    const made = template.content.cloneNode(true);
    for (const [field, value] of Object.entries(values)) for (const input of made.querySelectorAll(`[name="${field}"]`)) input.value = value;
    for (const one of made.querySelectorAll("button[data-busy], summary")) one.setAttribute("aria-label", `${one.textContent.trim()} ${called}`);
    return made;
  };
  const told = $("message");
  const came = (account) => told && told.dataset.account === account.i && el("p", { class: "message", tabindex: "-1" }, told.textContent);

  // --- the details of an account -------------------------------------------------------------------------------------

  const findings = (account) => account.f.map(([check, severity, title, summary, since, accepted, urgency, on]) => {
    const said = [texts[title], ...account.r.map((index) => reasons[index].text)].includes(texts[summary]);
    const exception = accepted === null ? null : data.exceptions[accepted];
    const page = document.getElementById(check);
    return el("div", { class: "finding" },
      el("p", { class: "head" }, badge(severity, severityWords[severity] || severity), el("strong", {}, texts[title]), page ? el("a", { class: "code", href: `#${check}` }, `${check}: what it means`) : el("span", { class: "code" }, check)),
      !said && el("p", {}, texts[summary]),
      el("p", { class: "sub" }, `${data.urgency[urgency][0]}${on ? ` on ${day(on)}` : ""}. Found ${moment(since)}`),
      exception && el("p", { class: "silenced" }, `Accepted until ${exception.until} by `, el("bdi", {}, exception.owner), ": ", el("bdi", {}, exception.reason)),
      exception ? forms("exception", { id: exception.id, account: account.i, check: exception.check, reason: exception.reason, owner: exception.owner }, `${check}, ${account.u}`) : forms("finding", { account: account.i, check }, `${check}, ${account.u}`));
  });

  const node = (kind, name, policy) => el("span", { class: "node" }, el("span", { class: "what" }, kind),
    policy && guid.test(policy) ? link(`${data.adminCenter}/#view/Microsoft_AAD_ConditionalAccess/PolicyBlade/policyId/${policy}`, el("bdi", { class: clamp(name) }, name)) : el("bdi", { class: clamp(name) }, name));

  // One policy may do two things to an account: they share a chain.
  const reason = (account, alike) => {
    const one = alike[0];
    const chain = one.chain && el("ol", { class: "chain", "aria-label": one.effect === "excluded" ? "How the account is excluded" : "How the policy reaches the account" },
      one.chain.map(([kind, name], index) => el("li", {}, node(kind, name, index === 0 && one.policy))),
      el("li", {}, node("Account", account.u)));
    // Why it is so since then stands below, where it is known; otherwise there is only the policy's own date.
    const causes = [...new Set(alike.map((each) => each.cause).filter(Boolean))];
    const by = causes.length === 0 && one.by;
    const since = causes.length === 0 && one.since && `${one.effect === "evidence" ? "Seen" : "Last changed"} ${moment(one.since)}`;
    return el("li", { class: `reason ${/^[a-z_]+$/.test(one.effect) ? one.effect : ""}` },
      el("p", { class: "effect" }, alike.map((each) => each.label).join(" · "), (since || by) && el("span", { class: "sub" }, since, by && [since ? " by " : "Changed by ", el("bdi", {}, by)])),
      chain,
      alike.map((each) => el("p", {}, each.text)),
      causes.map((each) => el("p", { class: "sub" }, each)));
  };
  const together = (indexes) => {
    const groups = new Map();
    for (const index of indexes) {
      const one = reasons[index];
      const key = one.policy ? JSON.stringify([one.policy, one.chain, one.since, one.effect === "excluded"]) : index;
      groups.set(key, [...(groups.get(key) || []), one]);
    }
    return [...groups.values()];
  };

  const remedy = (one, open) => el("li", {}, el("details", { open: open ? "" : undefined }, el("summary", {}, one.title), el("div", { class: "body" },
    el("ol", { class: "steps" }, one.steps.map((step) => el("li", {}, step))),
    el("p", { class: "price" }, el("strong", {}, "Trade-off: "), one.tradeOff),
    one.url && el("p", {}, link(one.url, /^https:\/\/([a-z]+\.)*microsoft\.com\//.test(one.url) ? "Microsoft's page about it" : "The vendor's page about it")))));

  // What stands under "Why" isn't said again.
  const timeline = (account, known = new Set(account.r.map((index) => reasons[index].text)), causes = new Set(account.r.map((index) => reasons[index].cause))) => el("ol", { class: "timeline" }, account.h.map(([at, kind, check, title, text, cause]) => el("li", {},
    el("time", { datetime: new Date(at * 1000).toISOString() }, moment(at)),
    el("strong", {}, `${texts[kind]}: `), `${texts[title]} `, el("span", { class: "code" }, texts[check]),
    texts[text] && !known.has(texts[text]) && texts[text] !== texts[title] && el("div", {}, texts[text]),
    texts[cause] && !causes.has(texts[cause]) && el("div", {}, texts[cause]))),
    account.x && el("li", {}, `And ${many(account.x, "earlier change", "earlier changes")}.`));

  const facts = (account) => el("dl", { class: "facts" },
    el("dt", {}, "Per-user MFA"), el("dd", {}, texts[account.m]),
    el("dt", {}, "App password option"), el("dd", {}, data.visibility[account.v][1]),
    el("dt", {}, "App password works"), el("dd", {}, texts[account.z[1]]),
    !account.p && account.g && [el("dt", {}, "Used by"), el("dd", {}, el("bdi", {}, [...new Set(account.g.map((one) => texts[one[1]]))].join(", ")))],
    account.p && [el("dt", {}, "Product"), el("dd", {}, el("bdi", {}, account.p.map((one) => texts[one]).join(", ")))],
    account.e && [el("dt", {}, "App passwords in the audit log"), el("dd", {}, account.e.map((one) => el("div", {}, texts[one])))],
    account.k && [el("dt", {}, "Microsoft's What If"), el("dd", {}, texts[account.k[0]])],
    account.l && [el("dt", {}, "The sign-in log"), el("dd", {}, texts[account.l[0]])],
    account.s && [el("dt", {}, "Selected by"), el("dd", {}, el("bdi", {}, account.s.map((one) => texts[one]).join(", ")))],
    el("dt", {}, "Object id"), el("dd", {}, guid.test(account.i) ? link(`${data.adminCenter}/#view/Microsoft_AAD_UsersAndTenants/UserProfileMenuBlade/~/overview/userId/${account.i}`, account.i) : account.i),
    el("dt", {}, "Link"), el("dd", {}, el("a", { href: `#account=${encodeURIComponent(account.i)}` }, "This account in the report")));

  // How the last sign-ins ended: what is in the tenant's names is text, as everywhere.
  const endings = (account) => el("table", { class: "plain stack endings", role: "table" },
    el("thead", { role: "rowgroup" }, el("tr", { role: "row" }, ["Last", "Client", "Ended", "Why", "Times", "From"].map((name) => el("th", { scope: "col", role: "columnheader" }, name)))),
    el("tbody", { role: "rowgroup" }, account.g.map(([last, client, ended, why, policies, count, places]) => el("tr", { role: "row" },
      el("td", { role: "cell", class: "when", "data-label": "Last" }, el("time", { datetime: new Date(last * 1000).toISOString() }, moment(last))),
      el("td", { role: "cell", "data-label": "Client" }, el("bdi", { class: clamp(texts[client]) }, texts[client])),
      el("td", { role: "cell", "data-label": "Ended" }, texts[ended]),
      el("td", { role: "cell", "data-label": "Why" }, texts[why], texts[policies] && el("span", { class: "sub" }, el("bdi", {}, texts[policies]))),
      el("td", { role: "cell", "data-label": "Times" }, count.toLocaleString("en")),
      el("td", { role: "cell", "data-label": "From" }, el("bdi", {}, texts[places]))))));

  const part = (title, content) => el("div", { class: "part" }, el("h3", {}, title), content);

  const detail = (account) => {
    const evidence = account.r.filter((index) => reasons[index].effect === "evidence");
    const why = account.r.filter((index) => reasons[index].effect !== "evidence");
    return el("div", { class: "detail-grid" },
      el("div", {},
        came(account),
        forms((account.f || []).length > 1 ? "findings" : "account", { account: account.i }, account.u),
        account.f && part("Findings", findings(account)),
        why.length > 0 && part("Why", el("ul", { class: "reasons" }, together(why).map((alike) => reason(account, alike)))),
        evidence.length > 0 && part("Evidence", el("ul", { class: "reasons" }, together(evidence).map((alike) => reason(account, alike))))),
      el("div", {},
        account.d && part("What to do, best first", el("ol", { class: "remedies" }, account.d.map((index, place) => remedy(data.remedies[index], place === 0)))),
        account.t && part("Dates to know", el("ul", { class: "notices" }, account.t.map((index) => el("li", {}, data.notices[index].text, data.notices[index].url && [" ", link(data.notices[index].url, "Microsoft's page")])))),
        account.g && part("Last sign-ins", el("div", { class: "scroll", role: "region", "aria-label": "Table of the last sign-ins", tabindex: "0" }, endings(account))),
        (account.h || data.served) && part("History", [account.h && timeline(account), data.served && el("p", {}, el("a", { href: `report/accounts/${encodeURIComponent(account.i)}`, "aria-label": `Everything that happened to ${account.u}` }, "Everything that happened"))]),
        part("Facts", facts(account))));
  };

  // --- the table -----------------------------------------------------------------------------------------------------

  const columns = [
    { key: "q", name: "Urgency", first: -1, by: (a, b) => groups.indexOf(b.o[0]) - groups.indexOf(a.o[0]) || a.q - b.q },
    { key: "u", name: "Account", first: 1, by: (a, b) => compare(a.u, b.u) },
    { key: "v", name: "App password option", first: 1, by: (a, b) => order.v.indexOf(a.v) - order.v.indexOf(b.v) },
    { key: "w", name: "App password works", first: 1, by: (a, b) => order.w.indexOf(a.w) - order.w.indexOf(b.w) },
    { key: "f", name: "Findings", first: -1, by: (a, b) => (a.f || []).length - (b.f || []).length },
    { key: "y", name: "Found", first: -1, by: (a, b) => (a.y || 0) - (b.y || 0) },
  ];
  const show = { tile: "all", terms: [], visibility: "", usability: "", product: "", selected: "", severity: "", column: "q", direction: -1, page: 0, size: PAGE };
  let printing = 0;
  const open = new Set();
  let sorted = null, found = [];

  const own = accounts.map((account) => [account.u, account.n, account.i, ...(account.f || []).map((one) => `${one[0]} ${texts[one[2]]}`), ...(account.p || []).map((one) => texts[one])].join("\n").toLowerCase());
  const shared = reasons.map((one) => [...(one.chain || []).map((node) => node[1]), one.label].join("\n").toLowerCase());

  const tileHolds = {
    all: () => true,
    changed: (account, index) => changed.has(index),
  };

  const sort = () => {
    const column = columns.find((one) => one.key === show.column);
    const indexes = accounts.map((_, index) => index);
    // Accounts come worst first, and sorting is stable: that order decides between equals.
    if (column.key !== "q" || show.direction !== -1) indexes.sort((a, b) => show.direction * column.by(accounts[a], accounts[b]));
    return indexes;
  };

  const filter = () => {
    const holds = tileHolds[show.tile] || ((account) => account.o[0] === show.tile);
    const inReasons = show.terms.map((term) => shared.map((text) => text.includes(term)));
    sorted = sorted || sort();
    found = sorted.filter((index) => {
      const account = accounts[index];
      return holds(account, index)
        && (!show.visibility || account.v === show.visibility)
        && (!show.usability || account.w === show.usability)
        && (!show.severity || account.q === Number(show.severity))
        && (!show.product || (account.p || []).includes(Number(show.product)))
        && (!show.selected || (account.s || []).includes(Number(show.selected)))
        && show.terms.every((term, place) => own[index].includes(term) || account.r.some((one) => inReasons[place][one]));
    });
  };

  // An address breaks before its @, and elsewhere only where a part is too long for the column.
    const piece = (text, name) => el("span", { class: name, "data-long": text.length > 30 ? "yes" : "no" }, text);
  const upn = (name) => {
    const at = name.lastIndexOf("@");
    if (at < 1) return el("bdi", { class: clamp(name) }, name || "(no name)");
    return el("bdi", { class: clamp(name) }, piece(name.slice(0, at), "piece"), el("wbr"), piece(name.slice(at), "domain piece"));
  };

  const cell = (tag, attributes, ...children) => el(tag, { role: tag === "th" ? "rowheader" : "cell", ...attributes }, ...children);

  const placeName = (group) => (data.urgency[group] ? data.urgency[group][0] : group === "accepted" ? "Accepted" : "No finding");
  const heading = (group) => {
    const number = found.filter((index) => accounts[index].o[0] === group).length;
    return el("tr", { role: "row", class: "group" }, cell("th", { colspan: columns.length, scope: "rowgroup" }, placeName(group), el("span", { class: "sub" }, `${many(number, "account", "accounts")}${data.urgency[group] ? `. ${data.urgency[group][1]}` : ""}`)));
  };

  const rows = (index, place = 0) => {
    const account = accounts[index];
    const expanded = printing ? place < printing : open.has(index);
    const names = [...new Map((account.f || []).map((one) => [one[0], texts[one[2]]])).entries()];
    const row = el("tr", { role: "row", class: expanded ? "row opened" : "row", id: `row-${index}` },
      cell("td", {}, worst(account), breaks(account.o[1])),
      cell("th", { scope: "row", class: "account" },
        el("button", { type: "button", class: "open", "aria-expanded": String(expanded), "aria-controls": expanded ? `detail-${index}` : undefined, "data-index": index }, upn(account.u)),
        account.n && account.n !== account.u && el("span", { class: "sub" }, el("bdi", { class: clamp(account.n) }, account.n))),
      cell("td", { "data-label": "Option" }, state(data.visibility, account.v)),
      cell("td", { "data-label": "Works" }, works(account)),
      cell("td", { class: "findings" }, names.length > 0 && el("ul", { class: "f-list" }, names.map(([check, title]) => el("li", {}, title, " ", el("span", { class: "sub" }, check))))),
      cell("td", { class: "when", "data-label": account.y && "Found" }, account.y && el("time", { datetime: new Date(account.y * 1000).toISOString(), title: moment(account.y) }, day(account.y))));
    if (!expanded) return [row];
    return [row, el("tr", { role: "row", class: "detail", id: `detail-${index}` }, cell("td", { colspan: columns.length }, detail(account)))];
  };

  const body = document.querySelector("#table > tbody");
  const draw = () => {
    const last = Math.max(0, Math.ceil(found.length / show.size) - 1);
    show.page = Math.min(show.page, last);
    const from = show.page * show.size, to = Math.min(found.length, from + show.size);
    // Sorted by urgency, the groups have headings.
    const shown = found.slice(from, to), grouped = show.column === "q";
    body.replaceChildren(...shown.flatMap((index, place) => [
      ...(grouped && (place === 0 || accounts[shown[place - 1]].o[0] !== accounts[index].o[0]) ? [heading(accounts[index].o[0])] : []),
      ...rows(index, from + place)]));
    const total = many(accounts.length, "account", "accounts");
    $("count").textContent = found.length === accounts.length ? total : `${found.length.toLocaleString("en")} of ${total}`;
    $("empty").hidden = found.length > 0;
    document.querySelector(".table-wrap").hidden = found.length === 0;
    $("pager").hidden = last === 0;
    $("where").textContent = `${(from + 1).toLocaleString("en")} to ${to.toLocaleString("en")} of ${found.length.toLocaleString("en")}`;
    $("previous").disabled = show.page === 0;
    $("next").disabled = show.page === last;
    for (const header of document.querySelectorAll("#table > thead th")) {
      const here = header.dataset.key === show.column;
      if (here) header.setAttribute("aria-sort", show.direction > 0 ? "ascending" : "descending");
      else header.removeAttribute("aria-sort");
    }
    $("sort").value = show.column;
    for (const tile of document.querySelectorAll(".tile")) tile.setAttribute("aria-pressed", String(tile.dataset.tile === show.tile));
  };
  const update = (changes) => {
    Object.assign(show, { page: 0 }, changes);
    if ("column" in changes) sorted = null;
    filter();
    draw();
  };

  const toggle = (index, wanted = !open.has(index)) => {
    if (wanted) open.add(index); else open.delete(index);
    const row = $(`row-${index}`);
    if (!row) return;
    if (row.nextSibling && row.nextSibling.id === `detail-${index}`) row.nextSibling.remove();
    row.replaceWith(...rows(index));
    $(`row-${index}`).querySelector(".open").focus({ preventScroll: true });
  };

  const reset = () => {
    for (const name of ["q", "visibility", "usability", "severity", "product", "selected"]) $(name).value = "";
    update({ tile: "all", terms: [], visibility: "", usability: "", severity: "", product: "", selected: "" });
  };

  // --- what people do ------------------------------------------------------------------------------------------------

  const head = document.querySelector("#table > thead > tr");
  for (const column of columns) {
    const button = el("button", { type: "button" }, column.name);
    button.addEventListener("click", () => update({ column: column.key, direction: show.column === column.key ? -show.direction : column.first }));
    head.append(el("th", { scope: "col", role: "columnheader", "data-key": column.key }, button));
    $("sort").append(el("option", { value: column.key }, column.name));
  }
  const choices = (select, entries) => { $(select).append(...entries.map(([value, label]) => el("option", { value }, label))); };
  const used = (name) => [...new Set(accounts.flatMap((account) => account[name] || []))];
  choices("visibility", order.v.filter((name) => accounts.some((one) => one.v === name)).map((name) => [name, data.visibility[name][0]]));
  choices("usability", order.w.filter((name) => accounts.some((one) => one.w === name)).map((name) => [name, data.works[name][0]]));
  choices("severity", Object.entries(rankName).reverse().filter(([rank]) => accounts.some((one) => one.q === Number(rank))).map(([rank, name]) => [rank, severityWords[name]]));
  const textual = (name) => used(name).map((index) => [index, texts[index]]).sort((a, b) => compare(a[1], b[1])).slice(0, 500);
  choices("product", textual("p"));
  choices("selected", textual("s"));
  $("product").parentElement.hidden = used("p").length === 0;
  $("selected").parentElement.hidden = used("s").length < 2;

  for (const name of ["visibility", "usability", "severity", "product", "selected"]) $(name).addEventListener("change", (event) => update({ [name]: event.target.value }));
  $("q").addEventListener("input", (event) => update({ terms: event.target.value.toLowerCase().split(/\s+/).filter(Boolean) }));
  $("sort").addEventListener("change", (event) => update({ column: event.target.value, direction: columns.find((one) => one.key === event.target.value).first }));
  $("reset").addEventListener("click", reset);
  $("clear").addEventListener("click", () => { reset(); $("q").focus(); });
  document.querySelector(".filters").addEventListener("submit", (event) => event.preventDefault());
  document.querySelector(".tiles").addEventListener("click", (event) => {
    const tile = event.target.closest(".tile");
    if (tile) update({ tile: tile.dataset.tile });
  });
  body.addEventListener("click", (event) => {
    const button = event.target.closest(".open");
    if (button) toggle(Number(button.dataset.index));
  });
  const turn = (step) => { show.page += step; draw(); $("accounts").focus(); $("accounts-section").scrollIntoView(); };
  $("previous").addEventListener("click", () => turn(-1));
  $("next").addEventListener("click", () => turn(1));

  // Paper has no pages to turn and nothing to open: every account that was found is printed, with why and what to do. That takes some
  // 800 pages of paper at most (a browser makes ten of them in a second): the accounts behind these, the least urgent, have a line each.
  const inFull = () => {
    let left = PRINTED;
    const place = found.findIndex((index) => { left -= 5 + accounts[index].r.length; return left < 0; });
    return place < 0 ? found.length : Math.max(1, place);
  };
  let closed = [], turned = 0;
  addEventListener("beforeprint", () => {
    printing = inFull(); turned = show.page; show.size = Math.max(PAGE, found.length); draw();
    closed = [...document.querySelectorAll("details.more:not([open]), .remedies > li:first-child > details:not([open])")];
    for (const one of closed) one.open = true;
    $("printed").textContent = printing < found.length ? `Of ${many(found.length, "account", "accounts")} the first ${printing.toLocaleString("en")} are printed with why and what to do, the others in a line each: filter them first to print others in full, or take the CSV.` : "";
  });
  addEventListener("afterprint", () => {
    printing = 0; show.size = PAGE; show.page = turned;
    for (const one of closed) one.open = false;
    $("printed").textContent = "";
    draw();
  });

  // #account=<id or name> opens an account, #APW-001 the page about a check.
  const follow = () => {
    let target = "";
    try { target = decodeURIComponent(location.hash.slice(1)); } catch { return; }
    const page = /^APW-\d+$/.test(target) && $(target);
    if (page) { page.open = true; page.scrollIntoView(); page.querySelector("summary").focus({ preventScroll: true }); }
    if (!target.startsWith("account=")) return;
    const wanted = target.slice(8).toLowerCase();
    const index = accounts.findIndex((account) => account.i.toLowerCase() === wanted || account.u.toLowerCase() === wanted);
    if (index < 0) return;
    if (!found.includes(index)) reset();
    show.page = Math.floor(found.indexOf(index) / show.size);
    open.add(index);
    draw();
    $(`row-${index}`).scrollIntoView();
    $(`row-${index}`).querySelector(".open").focus({ preventScroll: true });
  };
  addEventListener("hashchange", follow);

  // The page is loaded again after something was done on it (act.js): it then shows what it showed before.
  const KEPT = "app-password-report";
  const BY_TEXT = ["product", "selected"], BY_NAME = ["visibility", "usability", "severity"];
  addEventListener("acted", () => {
    const { tile, column, direction, page } = show;
    const fields = Object.fromEntries([...BY_NAME.map((name) => [name, show[name]]), ...BY_TEXT.map((name) => [name, show[name] && texts[show[name]]])]);
    try { sessionStorage.setItem(KEPT, JSON.stringify({ show: { tile, column, direction, page }, fields, q: $("q").value, open: [...open].map((index) => accounts[index].i) })); } catch { /* no storage, no memory */ }
  });
  const restore = () => {
    let kept = null;
    try { kept = JSON.parse(sessionStorage.getItem(KEPT)); sessionStorage.removeItem(KEPT); } catch { return; }
    if (!kept) return;
    for (const name of BY_TEXT) kept.fields[name] = kept.fields[name] ? String(texts.indexOf(kept.fields[name])) : "";
    for (const [name, value] of Object.entries(kept.fields)) { $(name).value = value; show[name] = $(name).value; }
    $("q").value = kept.q;
    accounts.forEach((account, index) => { if (kept.open.includes(account.i)) open.add(index); });
    update({ ...kept.show, terms: kept.q.toLowerCase().split(/\s+/).filter(Boolean) });
  };

  $("app").hidden = false;
  // The newest scan is at the right end of the drawing.
  for (const drawing of document.querySelectorAll(".trend")) drawing.parentElement.scrollLeft = drawing.parentElement.scrollWidth;
  update({});
  if (told) restore();
  follow();
})();
