"""Contact groups as a REST resource: what becomes of a request once its route is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from flask import Response, request

from contact_groups import logs, problems
from contact_groups.cloudmonitor.client import CredentialsReader
from contact_groups.cloudmonitor.credentials import Credentials, read_credentials
from contact_groups.cloudmonitor.outcomes import NOT_APPLIED
from contact_groups.compute.wsgi import RATE_LIMIT, Environ, request_id_of
from contact_groups.contact_group import ContactGroup, StoredGroup
from contact_groups.groups import Groups
from contact_groups.guard import Admission
from contact_groups.payload import parse_json
from contact_groups.preconditions import Conditions, etag_of, read_conditions
from contact_groups.problems import Problem, Verdict
from contact_groups.requests import (
    Preferences,
    Query,
    dry_run,
    json_body,
    preferences,
    require_acceptable,
)
from contact_groups.responses import (
    empty_response,
    honoured,
    json_response,
    links,
    not_found,
    uri,
    written,
)
from contact_groups.schemas import dump_contact_group, dump_stored_group, load_contact_group
from contact_groups.settling import Applied


class Resource:
    """The contact groups, as requests see them."""

    def __init__(
        self,
        groups: Groups,
        time_limit: float,
        environment: Mapping[str, str],
        monotonic: Callable[[], float],
    ) -> None:
        """Args: as `api.create_app`."""
        self._groups = groups
        self._time_limit = time_limit
        self._environment = environment
        self._monotonic = monotonic

    def put(self, name: str | None) -> Response:
        """Creates or replaces the group in the body; `name` is the one in the path."""
        started = self._monotonic()
        environ = request.environ  # once: each use of `request` looks the current one up
        environ[RATE_LIMIT] = self._groups.limits["put"]
        credentials = self._credentials(environ)
        is_dry_run = dry_run(environ)
        require_acceptable(environ)
        conditions, preferred = read_conditions(environ), preferences(environ)
        group = load_contact_group(parse_json(json_body(environ)), name)
        admission = self._groups.guard.admit(
            environ, "put", group.contact_group_name, group, dry_run=is_dry_run
        )
        if is_dry_run:
            call = self._groups.dry_run(group, credentials())
            document = {"dryRun": True, "contactGroup": dump_contact_group(group), "call": call}
            return json_response(document)
        deadline = self._deadline(started, preferred)
        try:
            applied = self._write(group, conditions, admission, credentials, deadline)
        except Exception as error:
            _log_lost(group, error, request_id_of(environ))
            raise admission.shown(error) from None
        logs.note(outcome="applied")
        stored = None
        if preferred.representation and admission.may("get"):
            stored = self._stored(group.contact_group_name, credentials, deadline)
        response = written(group, applied, stored)
        if conditions and conditions.only_new:
            response.status_code = 201
            response.headers["Location"] = uri(environ, group.contact_group_name)
        return honoured(preferred, response, represented=stored is not None)

    def get(self, name: str) -> Response:
        """One group, or 304 where the caller has it already."""
        started, environ = self._monotonic(), request.environ
        environ[RATE_LIMIT] = self._groups.limits["get"]
        require_acceptable(environ)
        conditions, preferred = read_conditions(environ), preferences(environ)
        self._groups.guard.admit(environ, "get", name)
        deadline = self._deadline(started, preferred)
        group = self._groups.get(name, self._credentials(environ), deadline)
        if group is None:
            raise not_found()
        etag = etag_of(group)
        if conditions:
            conditions.require_match(etag)
        if conditions and not conditions.matches_none(etag):
            response = empty_response(304)
        else:
            response = json_response(dump_stored_group(group))
        response.headers["ETag"] = etag
        return honoured(preferred, response)

    def list(self, query: Query) -> Response:
        """One page of all groups, or the group of the name in the query."""
        started, environ = self._monotonic(), request.environ
        environ[RATE_LIMIT] = self._groups.limits["get"]
        require_acceptable(environ)
        preferred = preferences(environ)
        credentials, deadline = self._credentials(environ), self._deadline(started, preferred)
        logs.note(page=query.page, pageSize=query.page_size)
        if query.name is None:
            names = self._groups.guard.readable(environ)
            groups, total = self._groups.page(
                query.page, query.page_size, credentials, deadline, names
            )
        else:
            self._groups.guard.admit(environ, "get", query.name)
            found = self._groups.get(query.name, credentials, deadline)
            total = 0 if found is None else 1
            groups = [found] if found and query.page == 1 else []
        document = {
            "contactGroups": [dump_stored_group(group) for group in groups],
            "total": total,
            "page": query.page,
            "pageSize": query.page_size,
        }
        response = json_response(document)
        if link := links(environ, query, total):
            response.headers["Link"] = link
        return honoured(preferred, response)

    def delete(self, name: str) -> Response:
        """Deletes a group."""
        started, environ = self._monotonic(), request.environ
        environ[RATE_LIMIT] = self._groups.limits["delete"]
        conditions, preferred = read_conditions(environ), preferences(environ)
        credentials, deadline = self._credentials(environ), self._deadline(started, preferred)
        admission = self._groups.guard.admit(environ, "delete", name)
        condition = None
        try:
            if conditions:
                self._check(conditions, admission, credentials, deadline, must_exist=True)
                condition = conditions.met_by
            self._groups.delete(name, credentials, deadline, condition)
        except Problem as problem:
            raise admission.shown(problem) from None
        logs.note(outcome="applied")
        return honoured(preferred, empty_response(204))

    def _write(
        self,
        group: ContactGroup,
        conditions: Conditions | None,
        admission: Admission,
        credentials: CredentialsReader,
        deadline: float,
    ) -> Applied:
        condition = None
        if conditions:
            self._check(conditions, admission, credentials, deadline)
            condition = conditions.met_by
        return self._groups.put(group, credentials, deadline, condition)

    def _credentials(self, environ: Environ) -> CredentialsReader:
        def credentials() -> Credentials:
            held = read_credentials(environ.get("fc.context"), self._environment)
            logs.conceal(held.secrets)
            return held

        return credentials

    def _deadline(self, started: float, preferred: Preferences) -> float:
        wait = preferred.wait
        return started + (self._time_limit if wait is None else min(wait, self._time_limit))

    def _check(
        self,
        conditions: Conditions,
        admission: Admission,
        credentials: CredentialsReader,
        deadline: float,
        *,
        must_exist: bool = False,
    ) -> None:
        """Holds a write to its conditions. Between this read and the write somebody else can
        write: CloudMonitor has no conditional write. Conditions tell what is stored, so the caller
        must be allowed to read it.
        """
        if not self._groups.reads:
            detail = "If-Match and If-None-Match need READS_ENABLED, which is false here."
            raise Problem(problems.READS_OFF, detail, outcome=NOT_APPLIED)
        try:
            admission.require("get")
            group = self._groups.get(admission.name, credentials, deadline)
            self._groups.guard.note_before(group)
            if group or not must_exist:
                conditions.require(group)
        except Problem as problem:
            raise replace(problem, outcome=NOT_APPLIED) from None
        if group is None and must_exist:
            raise not_found()

    def _stored(
        self, name: str, credentials: CredentialsReader, deadline: float
    ) -> StoredGroup | None:
        """What is stored after a write; None where it cannot be read, which undoes no success."""
        if not self._groups.reads:
            return None
        try:
            with logs.part():  # the line of the request tells of the write
                return self._groups.get(name, credentials, deadline)
        except Problem:
            return None


def _log_lost(group: ContactGroup, error: Exception, request_id: str | None) -> None:
    """Logs the group of a write that failed although the group may be right.

    A caller that asked for an asynchronous invocation (X-Fc-Invocation-Type) never sees the answer,
    Function Compute takes every status for a success, and no header of the request tells the
    function that it is one (facts/function-compute.md §2.3).
    """
    problem = error if isinstance(error, Problem) else Problem(problems.INTERNAL_ERROR, "")
    if problem.type.verdict is Verdict.FAILED:
        from contact_groups.events import payload_log  # late: slows a cold start

        payload_log.write_lost(dump_contact_group(group), problem, request_id)
