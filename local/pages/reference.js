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
      const types = answer.content?.["application/problem+json"]?.schema.properties.type.enum || [];
      answer.description += types.map((type) => ` [${type.split("#")[1]}](${type})`).join(",");
    }
  }
  return contract;
}

/** Gives each field a name for screen readers, where Swagger UI leaves it without. */
function label() {
  for (const field of document.querySelectorAll("#reference :is(select, textarea, input):not([aria-label])")) {
    const row = field.closest("[data-param-name]")?.dataset.paramName;
    field.setAttribute("aria-label", row || field.title || { SELECT: "Choice", TEXTAREA: "Body" }[field.tagName] || "Value");
  }
}
new MutationObserver(label).observe(document.getElementById("reference"), { childList: true, subtree: true });

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
