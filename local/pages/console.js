"use strict";
const ROWS = 100; // of a table
const PAUSE = 1000; // milliseconds between two looks
const $ = (id) => document.getElementById(id);
const usual = JSON.parse($("members").querySelector("pre").textContent);
const shown = {};
let changes = 0;
const VERBS = {
  PutContactGroup: ["write", "wait"],
  DescribeContactGroupList: ["read", "good"],
  DeleteContactGroup: ["delete", "bad"],
  DeleteContact: ["delete", "bad"],
};

/** Text with the characters that turn or mirror their neighbours named, so that none can disguise a name. */
function plain(text) {
  return text.replace(/[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
    (one) => `⟨U+${one.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}⟩`);
}

/** An element; text stays text, whatever it holds. */
function make(tag, attributes, ...content) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...content.map((one) => (typeof one === "string" ? plain(one) : one)));
  return element;
}

/** A cell with its label, which narrow screens show instead of the head, and a second line. */
function cell(label, text, look = "", second = "", tag = "td") {
  const content = make("span", {}, text);
  if (second) content.append(make("span", { class: "second" }, second));
  return make(tag, { "data-label": label, class: look }, ...(text ? [content] : []));
}

function timeCell(label, date) {
  const element = cell(label, date.toLocaleTimeString([], { hourCycle: "h23" }), "number");
  element.title = date.toISOString();
  return element;
}

function check(call) {
  if (call.check === "passed") return ["✓ passed", "good"];
  return call.check ? [`✗ ${call.check}`, "break bad"] : ["not checked", "soft"];
}

function answer(call) {
  if (call.status === null) return call.duration_ms === null ? ["…", "soft"] : ["none", "bad"];
  const code = call.code === String(call.status) ? "" : call.code || "no code";
  return [`${call.status} ${code}`, call.status === 200 && !code ? "good" : "break bad"];
}

/** What a call does, and to which group; a list is of all of them. */
function target(call) {
  const verb = VERBS[call.action] || [call.action || "—", "soft"];
  const what = call.group_name ||
    (call.action === "DescribeContactGroupList" ? `all groups, page ${call.page || 1}` : "");
  const words = (VERBS[call.action] ? call.action : "").split(/(?=[A-Z])/);
  const second = make("span", { class: "second" }, make("span", { class: verb[1] }, verb[0]), " ",
    ...words.flatMap((word) => [word, make("wbr", {})]));
  return make("td", { "data-label": "Call", class: "break" }, make("span", {}, what || "—", second));
}

function faults(call) {
  if (!call.faults.length) return "";
  return make("span", { class: "fault" }, `fault: ${call.faults.join(", ")}`);
}

function duration(call) {
  if (call.duration_ms === null) return "";
  return `${call.duration_ms.toFixed(call.duration_ms < 10 ? 1 : 0)} ms`;
}

function callRow(call) {
  return make("tr", {},
    timeCell("Time", new Date(call.time * 1000)),
    target(call),
    cell("Signature check", ...check(call), call.signature || ""),
    cell("Answer", ...answer(call), faults(call)),
    cell("Duration", duration(call), "number"));
}

function groupRow(group) {
  return make("tr", {},
    cell("Name", group.name, "break", "", "th"),
    cell("Contacts", group.contact_names.join(", "), "break"),
    cell("Description", group.describe, "break"),
    cell("Subscribed", group.enable_subscribed ? "yes" : "no"),
    timeCell("Changed", new Date(group.update_time)));
}

function faultRow({ number, fault, left, struck }) {
  const { kind, times, ...others } = fault;
  const particulars = Object.entries(others)
    .map(([name, value]) => [name, JSON.stringify(value)])
    .filter(([name, text]) => text !== JSON.stringify(usual[name]))
    .map(([name, text]) => `${name}: ${text}`);
  const text = make("div", { class: "grow break" }, make("code", {}, kind),
    ` strikes ${left === null ? "every call" : `${left} more`}, struck ${struck}`);
  if (particulars.length)
    text.append(make("span", { class: "second" }, particulars.join(", ")));
  const label = `Clear ${kind}, number ${number}`;
  const button = { type: "button", class: "plain", "data-number": number, "aria-label": label };
  return make("li", {}, text, make("button", button, "Clear"));
}

const show = {
  "calls": ({ total, calls }) => {
    $("calls").replaceChildren(...calls.reverse().map(callRow));
    $("calls-count").textContent =
      total > calls.length ? `${calls.length} of ${total.toLocaleString("en")}` : "";
    $("no-calls").hidden = total > 0;
  },
  "groups": ({ groups }) => {
    const last = [...groups]
      .sort((one, other) => other.update_time - one.update_time)
      .slice(0, ROWS);
    $("groups").replaceChildren(...last.map(groupRow));
    $("groups-count").textContent =
      groups.length > ROWS ? `${ROWS} changed last of ${groups.length.toLocaleString("en")}` : "";
    $("no-groups").hidden = groups.length > 0;
  },
  "faults": ({ faults }) => {
    const focused = document.activeElement.dataset.number;
    $("script").replaceChildren(...faults.map(faultRow));
    if (focused) ($("script").querySelector(`[data-number="${focused}"]`) || $("fault")).focus();
    $("no-script").hidden = faults.length > 0;
    $("clear").disabled = faults.length === 0;
    const on = new Set(faults.map((item) => item.fault.kind));
    for (const box of $("kinds").querySelectorAll("input")) box.checked = on.has(box.value);
  },
};

show.switches = (switches) => {
  for (const field of $("switches").elements) {
    if (field === document.activeElement || !(field.name in switches)) continue;
    const value = switches[field.name];
    field.value = Array.isArray(value) ? value.join(", ") : value;
  }
};

/** What a field of a switch says, as the controls take it; what is no number stays text. */
function valueOf({ dataset, value }) {
  if (dataset.kind === "names") return value.split(",").map((one) => one.trim()).filter(Boolean);
  if (dataset.kind === "choice") return value;
  return value.trim() && Number.isFinite(Number(value)) ? Number(value) : value;
}

async function setSwitch(field) {
  const body = JSON.stringify({ [field.name]: valueOf(field) });
  try {
    await ask("switches", "", { method: "PATCH", body });
    $("switch-refused").textContent = "";
    field.removeAttribute("aria-invalid");
  } catch (error) {
    $("switch-refused").textContent = error.message;
    field.setAttribute("aria-invalid", "true");
  }
}

/** Asks the controls; shows only what is new: the rest of the page keeps focus and selection. */
async function ask(what, query = "", request = {}) {
  const before = request.method ? ++changes : changes;
  const response = await fetch(`/_local/${what}${query}`, request);
  const text = await response.text();
  if (!response.ok) throw new Error(JSON.parse(text).error);
  if (before !== changes || shown[what] === text) return false; // overtaken by a change, or no news
  shown[what] = text;
  show[what](JSON.parse(text));
  return true;
}

/** Changes the script of faults, and shows why it was refused. */
async function change(query, request) {
  try {
    await ask("faults", query, request);
    $("refused").textContent = "";
  } catch (error) {
    $("refused").textContent = error.message;
    shown.faults = ""; // so that a switch goes back to where the script has it
  }
}

const add = (text) => change("", { method: "POST", body: text });
const clear = (number) => change(number ? `?number=${number}` : "", { method: "DELETE" });

async function look() {
  try {
    if (await ask("calls", `?last=${ROWS}`) || !shown.groups) await ask("groups");
    await ask("faults");
    await ask("switches");
    $("live").textContent = "live";
    $("live").className = "good";
  } catch {
    $("live").textContent = "no answer from the server; trying again";
    $("live").className = "bad";
  }
}

async function watch() {
  if (!document.hidden) await look();
  setTimeout(watch, PAUSE);
}

$("kinds").addEventListener("change", async ({ target }) => {
  if (target.checked) return add(JSON.stringify({ kind: target.value, times: null }));
  for (const { number, fault } of JSON.parse(shown.faults).faults)
    if (fault.kind === target.value) await clear(number);
});
$("script").addEventListener("click", ({ target }) => {
  if (target.dataset.number) clear(target.dataset.number);
});
$("clear").addEventListener("click", () => clear());
$("add").addEventListener("submit", (event) => {
  event.preventDefault();
  add($("fault").value);
});
$("switches").addEventListener("change", ({ target }) => setSwitch(target));
$("switches").addEventListener("submit", (event) => event.preventDefault());
watch();
