"use strict";

function make(tag, look, ...content) {
  const element = document.createElement(tag);
  element.className = look;
  element.append(...content);
  return element;
}

/** The URL that a form asks for. */
function target(form) {
  const query = new URLSearchParams();
  let path = form.dataset.path;
  for (const input of form.querySelectorAll("[data-in]")) {
    const value = input.type === "checkbox" ? String(input.checked) : input.value;
    if (input.dataset.in === "path") path = path.replace(`{${input.name}}`, encodeURIComponent(value));
    else if (input.type === "checkbox" ? input.checked : value) query.set(input.name, value);
  }
  return query.size ? `${path}?${query}` : path;
}

/** JSON with its indents; anything else as it came. */
function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

/** Where a problem's type leads, as a link; an array that is empty for anything else. */
function explanation(response, text) {
  if (!(response.headers.get("Content-Type") || "").startsWith("application/problem+json")) return [];
  const type = new URL(JSON.parse(text).type, location.href);
  const link = make("a", "", "What it means, and what to do");
  link.href = type.href;
  return type.protocol.startsWith("http") ? [make("p", "", link)] : [];
}

async function send(form) {
  const url = target(form);
  const request = { method: form.dataset.method };
  if (form.elements.body) Object.assign(request, { body: form.elements.body.value, headers: { "Content-Type": form.dataset.type } });
  const began = performance.now();
  const response = await fetch(url, request);
  const text = await response.text();
  const took = Math.round(performance.now() - began);
  const hint = ["Retry-After", "Allow"].filter((name) => response.headers.has(name)).map((name) => `, ${name}: ${response.headers.get(name)}`);
  return [
    make("p", "small break", make("code", "", `${request.method} ${url}`)),
    make("p", "", make("strong", response.ok ? "good" : "bad", `${response.status} ${response.statusText}`), ` in ${took} ms${hint.join("")}`),
    ...explanation(response, text),
    make("pre", "wrap", pretty(text)),
  ];
}

for (const form of document.querySelectorAll("form.try")) {
  form.addEventListener("click", ({ target }) => {
    if (target.dataset.example) form.elements.body.value = target.dataset.example;
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const [button, result] = [form.querySelector("button:not([type])"), form.querySelector("output")];
    button.disabled = true;
    try {
      result.replaceChildren(...await send(form));
    } catch (error) {
      result.replaceChildren(make("p", "bad", `No answer: ${error.message}`));
    }
    result.hidden = false;
    button.disabled = false;
    button.focus();
  });
}
