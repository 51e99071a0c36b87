"use strict";

const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", follow);
follow();

/** The contract for the server that the page came from, which needs no signature; each answer leads to its problems. */
function here(contract) {
  contract.servers = [{ url: location.origin }];
  delete contract.security;
  delete contract.components.securitySchemes;
  for (const operation of Object.values(contract.paths).flatMap((path) => Object.values(path))) {
    for (const answer of Object.values(operation.responses || {})) {
      const kinds = answer.content?.["application/problem+json"]?.schema.properties?.code?.enum || [];
      answer.description += kinds.map((kind) => ` [${kind}](/docs/problems#${kind})`).join(",");
    }
  }
  return contract;
}

/** Repairs what Swagger UI leaves broken for keyboards and screen readers, whenever it draws something. */
function repair() {
  const all = (selector) => reference.querySelectorAll(selector);
  for (const field of all(":is(select, textarea, input):not([aria-label])")) {
    const row = field.closest("[data-param-name]")?.dataset.paramName;
    field.setAttribute("aria-label", row || field.title || { SELECT: "Choice", TEXTAREA: "Body" }[field.tagName] || "Value");
  }
  for (const [selector, name, value] of REPAIRS)
    for (const one of all(`${selector}:not([${name}="${value}"])`)) one.setAttribute(name, value);
  for (const link of all("button a[href]")) link.removeAttribute("href"); // the button does the same
  for (const table of all("table[role=region]")) table.removeAttribute("role");
  for (const form of all(".opblock-body:not(:has(> .skip))")) form.prepend(leadToSend(form));
}

/** What stands before a form: from it the button that sends is one key away. */
function leadToSend(form) {
  const skip = document.createElement("button");
  skip.type = "button";
  skip.className = "skip";
  skip.textContent = "To the button that sends";
  skip.addEventListener("click", () => form.querySelector("button.execute").focus());
  return skip;
}

const REPAIRS = [ // selector, attribute, value
  [".information-container section", "aria-label", "About this API"],
  ["section.schemes", "aria-label", "Server"],
  ["h3", "aria-level", "2"], // no level of headings is left out
  ["h4", "aria-level", "3"],
  ["h5", "aria-level", "4"],
];
const reference = document.getElementById("reference");
new MutationObserver(repair).observe(reference, { childList: true, subtree: true });

// Swagger UI reads the fragment of the address as its own.
document.querySelector(".skip[href='#reference']").addEventListener("click", (event) => {
  event.preventDefault();
  reference.querySelector(".opblock-summary-control")?.focus();
});

async function show() {
  const answer = await fetch("/v1/openapi.json");
  SwaggerUIBundle({
    spec: here(await answer.json()),
    dom_id: "#reference",
    deepLinking: true,
    tryItOutEnabled: true,
    validatorUrl: null,
    syntaxHighlight: false,
  });
}

show();
