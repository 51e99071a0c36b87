"""Serves one connection: request after request, each through the script of faults, the gateway and
the operation.
"""

from __future__ import annotations

import contextlib
import secrets
import socket
import time
import uuid
from dataclasses import dataclass, field
from email.utils import formatdate

from .answers import refused, success
from .calls import Call
from .control import Controls, is_control
from .delivery import Dropped, Line
from .fault_answers import fault_answer, html_page
from .faults import ANSWERED, FORMS, READ, SIGNED, UNREAD, Fault
from .gateway import admit, check_rights, check_target
from .operations import Operation
from .refusals import Refusal
from .rpc import Rpc
from .state import State
from .wire import Answer, UnreadableRequest, read_request

_DISTORTIONS = frozenset({"half", "reset", "drip", "drip-head", "huge", "garbage"})
_HOST = "metrics.cn-hangzhou.aliyuncs.com"  # for requests that name none


@dataclass
class _Exchange:
    """One call on its way: its log entry, what is known of it so far, and what the faults made of
    it.
    """

    call: Call
    began: float = field(default_factory=time.perf_counter)
    host: str = _HOST
    form: str = "JSON"
    shift: float = 0.0  # seconds that the clock is ahead
    dated: bool = True
    stays_open: bool = False
    stale: bool = False
    forms: set[str] = field(default_factory=set)
    distortion: Fault | None = None
    answer: Answer | None = None  # the true one


class Connection:
    """The server's end of one connection.

    Args:
        state: What the connections share.
        connection: The socket; the caller closes it.
    """

    def __init__(self, state: State, connection: socket.socket) -> None:
        self._state = state
        self._line = Line(connection, state.stopping)
        self._reader = connection.makefile("rb")
        self._writer = connection.makefile("wb")

    def serve(self) -> None:
        """Answers requests until either side ends the connection."""
        with self._reader, self._writer, contextlib.suppress(OSError, Dropped):
            while self._serve_one():
                pass

    def _serve_one(self) -> bool:
        """Serves one request; returns whether the connection stays open."""
        begun = self._reader.peek(1)
        if not begun:
            return False
        if is_control(begun[:32]):  # faults spare the controls
            return self._serve_control()
        exchange = _Exchange(Call(self._state.clock(), str(uuid.uuid4()).upper()))
        calls = self._state.call_log
        calls.begin(exchange.call)
        try:
            answer = self._answer(exchange)
            exchange.call.status, exchange.call.code = answer.status, answer.code
            self._clock_out(exchange)
            self._line.send(answer, self._headers(exchange), exchange.distortion)
        finally:
            self._clock_out(exchange)
            calls.end()
        if exchange.stays_open:
            return not exchange.stale
        self._line.linger()
        return False

    def _answer(self, exchange: _Exchange) -> Answer:
        """The answer to the request that has begun to arrive."""
        if faulted := self._strike(UNREAD, exchange):
            return faulted
        try:
            request = read_request(self._reader, self._writer)
        except UnreadableRequest as unreadable:
            return html_page(unreadable.status)
        rpc = Rpc.read(request)
        call = exchange.call
        call.method, call.signature, call.access_key_id = (
            request.method,
            rpc.signature,
            rpc.access_key_id,
        )
        call.action, call.nonce = rpc.common("Action"), rpc.common("SignatureNonce")
        call.group_name = rpc.params.get("ContactGroupName", "")
        call.page = rpc.params.get("PageNumber", "")
        exchange.host = request.headers.get("host") or _HOST
        exchange.form = "XML" if rpc.format == "XML" else "JSON"
        exchange.stays_open = request.keep_alive
        return self._strike(READ, exchange) or self._carry_out(rpc, exchange)

    def _carry_out(self, rpc: Rpc, exchange: _Exchange) -> Answer:
        state, call = self._state, exchange.call
        try:
            now = state.now() + exchange.shift
            check_target(rpc)
            admit(rpc, state.credentials, state.nonces, now)
            call.check = "passed"
            if faulted := self._strike(SIGNED, exchange):
                return faulted
            check_rights(call.action, state.switches, state.quota)
            members = Operation(
                rpc.params, state.store, state.contact_book, int(now * 1000), state.switches
            ).carry_out(call.action)
            call.applied = True
            forms = exchange.forms | {state.switches.list_form}
            answer = success(call.action, members, call.request_id, exchange.form, forms)
        except Refusal as refusal:
            call.check = call.check or refusal.code
            answer = refused(refusal, call.request_id, exchange.host, exchange.form)
        exchange.answer = answer
        return self._strike(ANSWERED, exchange) or answer

    def _strike(self, stage: str, exchange: _Exchange) -> Answer | None:
        """Lets the faults of a stage strike; returns the answer of one that ends the call.

        Raises:
            Dropped: A fault ends the connection.
        """
        call = exchange.call
        for fault in self._state.faults.strike(stage, call.action):
            call.faults += (fault.kind,)
            if fault.kind == "delay":
                self._line.wait(fault.seconds)
            elif fault.kind == "skew":
                exchange.shift += fault.seconds
            elif fault.kind == "no-date":
                exchange.dated = False
            elif fault.kind == "stale":
                exchange.stale = True
            elif fault.kind in FORMS:
                exchange.forms.add(fault.kind)
            elif fault.kind == "drop":
                raise Dropped
            else:
                exchange.distortion = fault if fault.kind in _DISTORTIONS else None
                if exchange.distortion and exchange.answer and fault.kind != "huge":
                    return exchange.answer
                return fault_answer(
                    fault, call.action, call.request_id, exchange.host, exchange.form
                )
        return None

    def _headers(self, exchange: _Exchange) -> dict[str, str]:
        """The headers that the gateway's answers carry (facts/cloudmonitor.md §5)."""
        headers = (
            {"Date": formatdate(self._state.now() + exchange.shift, usegmt=True)}
            if exchange.dated
            else {}
        )
        keep_alive = {
            "Connection": "keep-alive",
            "Keep-Alive": f"timeout={self._state.keep_alive_seconds:g}",
        }
        headers |= keep_alive if exchange.stays_open else {"Connection": "close"}
        headers["Access-Control-Allow-Origin"] = "*"
        headers["x-acs-request-id"] = exchange.call.request_id
        headers["x-acs-trace-id"] = secrets.token_hex(16)
        return headers

    def _clock_out(self, exchange: _Exchange) -> None:
        if exchange.call.duration_ms is None:
            exchange.call.duration_ms = (time.perf_counter() - exchange.began) * 1000

    def _serve_control(self) -> bool:
        try:
            request = read_request(self._reader, self._writer)
        except UnreadableRequest as unreadable:
            self._line.send(html_page(unreadable.status), {"Connection": "close"}, None)
            self._line.linger()
            return False
        self._line.send(Controls(self._state).answer(request), {"Cache-Control": "no-store"}, None)
        return request.keep_alive
