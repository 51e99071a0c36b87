// Uses the client that is generated from function/openapi.json: tests/contract/test_generated_clients.py
// type-checks it, runs it and reads what it prints.
import createClient from "openapi-fetch";
import type { components, paths } from "./contract.js";

declare const process: { env: Record<string, string | undefined> };
type Problem = components["schemas"]["Problem"];
type Failure = components["schemas"]["Failure"];

const client = (variable: string) => createClient<paths>({ baseUrl: process.env[variable] ?? "" });
const facade = client("FACADE");
const problems = client("PROBLEMS");
const group = { contactNames: ["Contact 1"], describe: "by a generated client" };
const path = { contactGroupName: "generated-typescript" };
const said: Record<string, unknown> = {};

function isProblem(failure: Failure | undefined): failure is Problem {
  return failure !== undefined && "code" in failure;
}

// A switch over every code: one that is missing here does not compile.
function mustAct(code: Problem["code"]): "caller" | "others" {
  switch (code) {
    case "malformed-request": case "invalid-query": case "not-allowed": case "not-found":
    case "method-not-allowed": case "not-acceptable": case "precondition-failed":
    case "body-too-large": case "unsupported-media-type": case "invalid-contact-group":
    case "reads-off": case "values-rejected": case "contact-not-found":
    case "contact-group-not-found":
      return "caller";
    case "internal-error": case "permission-denied": case "throttled":
    case "upstream-unavailable": case "upstream-error": case "bad-upstream-answer":
    case "unrecognised-upstream-code": case "upstream-unreachable": case "upstream-timeout":
    case "misconfigured": case "read-incomplete":
      return "others";
  }
}

const one = "/v1/contact-groups/{contactGroupName}";
const all = "/v1/contact-groups";

const created = await facade.POST(all, { body: { ...path, ...group } });
if (created.data && !("dryRun" in created.data)) {
  const id: components["schemas"]["CloudMonitorRequestId"] | null = created.data.requestId;
  said["created"] = id !== null;
}
const dry = await facade.POST(all, { body: { ...path, ...group }, params: { query: { dryRun: true } } });
if (dry.data && "dryRun" in dry.data) {
  const always: true = dry.data.dryRun;
  said["dryRun"] = always && dry.data.call.method;
}
const read = await facade.GET(one, { params: { path } });
said["read"] = read.data?.contactNames;
await facade.PUT(one, { params: { path }, body: { ...group, describe: "changed" } });
said["changed"] = (await facade.GET(one, { params: { path } })).data?.describe;
const listed = await facade.GET(all, { params: { query: { name: path.contactGroupName } } });
said["listed"] = listed.data?.total;
said["deleted"] = (await facade.DELETE(one, { params: { path } })).response.status;
const gone: Failure | undefined = (await facade.GET(one, { params: { path } })).error;
said["gone"] = isProblem(gone) ? gone.code : gone;

const seen: Record<string, string> = {};
for (const contactGroupName of (process.env["CODES"] ?? "").split(" ")) {
  const { error } =
    contactGroupName === "contact-group-not-found"
      ? await problems.GET(one, { params: { path: { contactGroupName } } })
      : await problems.POST(all, { body: { contactGroupName, ...group } });
  if (isProblem(error)) seen[error.code] = mustAct(error.code);
}
said["problems"] = seen;

const unsigned: Failure | undefined = (await client("UNSIGNED").GET("/healthz")).error;
said["unsigned"] = unsigned && "ErrorCode" in unsigned ? unsigned.ErrorCode : unsigned;
const unsigned3: Failure | undefined = (await client("UNSIGNED_3").GET("/healthz")).error;
said["unsigned3"] = unsigned3 && "Code" in unsigned3 ? unsigned3.Code : unsigned3;

console.log(JSON.stringify(said));
