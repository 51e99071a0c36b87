"""What can be done with contact groups. HTTP and events both call this, and share nothing else."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from contact_groups.cloudmonitor.client import Client, CredentialsReader
from contact_groups.cloudmonitor.credentials import Credentials
from contact_groups.cloudmonitor.operations import delete_contact_group, put_contact_group
from contact_groups.contact_group import ContactGroup, StoredGroup
from contact_groups.guard import OPEN, Guard
from contact_groups.problems import Problem
from contact_groups.reading import GroupList, Reader, Sighting
from contact_groups.settling import Applied, Condition, Settler, Write

if TYPE_CHECKING:
    from contact_groups.access import Globs


#: The operation whose pace a request depends on.
_ACTIONS = {
    "put": "PutContactGroup",
    "get": "DescribeContactGroupList",
    "delete": "DeleteContactGroup",
}


class Groups:
    """The contact groups that CloudMonitor holds.

    Attributes:
        reads: whether they may be read.
        deletes: whether they may be deleted.
        guard: who may do what. Its user asks it before anything else.
        limits: what makes the RateLimit fields of a response to `put`, `get` or `delete`.
    """

    def __init__(
        self,
        client: Client,
        *,
        reads: bool = False,
        deletes: bool = False,
        pages_max: int = 100,
        guard: Guard = OPEN,
    ) -> None:
        """Args: client: how CloudMonitor is called; pages_max: how many pages one look for a group
        may take; the others: see the attributes.
        """
        self.reads = reads
        self.deletes = deletes
        self.guard = guard
        self.limits = {
            name: partial(client.rate_limit, action) for name, action in _ACTIONS.items()
        }
        self._client = client
        self._reader = Reader(client, pages_max)
        self._settler = Settler(client, self._reader)

    def put(
        self,
        group: ContactGroup,
        credentials: CredentialsReader,
        deadline: float,
        condition: Condition | None = None,
    ) -> Applied:
        """Creates or replaces a group.

        Args:
            group: its full state.
            credentials: reads the credentials.
            deadline: on the monotonic clock; no attempt starts that cannot finish by then.
            condition: what must still hold of the stored group before the call is repeated after
                an attempt that may have been carried out. The caller checks it before the first.

        Raises:
            Problem: see `Client.call` and `Settler.settle`.
        """
        write = Write(
            put_contact_group(group),
            group.contact_group_name,
            lambda stored: stored is not None and stored.holds(group),
            condition,
        )
        return self._carry_out(write, credentials, deadline)

    def delete(
        self,
        name: str,
        credentials: CredentialsReader,
        deadline: float,
        condition: Condition | None = None,
    ) -> Applied:
        """Deletes a group; its contacts stay. Arguments as `put`.

        Raises:
            Problem: as `put`; contact-group-not-found where there is none, unless an earlier
                attempt of this call may have deleted it.
        """
        write = Write(delete_contact_group(name), name, lambda stored: stored is None, condition)
        return self._carry_out(write, credentials, deadline)

    def get(self, name: str, credentials: CredentialsReader, deadline: float) -> StoredGroup | None:
        """The group of exactly this name; None if there is none. Errors: see `Reader.find`."""
        return self.find(name, credentials, deadline).group

    def find(self, name: str, credentials: CredentialsReader, deadline: float) -> Sighting:
        """The same, with the upstream's clock."""
        return self._reader.find(name, credentials, deadline)

    def page(
        self,
        number: int,
        size: int,
        credentials: CredentialsReader,
        deadline: float,
        names: Globs | None = None,
    ) -> GroupList:
        """One page, number from 1, of the groups with these names; None: of all. Errors: see
        `Reader.page`.
        """
        if names is None:
            return self._reader.page(number, size, credentials, deadline)
        groups = [
            group
            for group in self._reader.all(credentials, deadline)
            if names.fit(group.contact_group_name)
        ]
        return GroupList(groups[(number - 1) * size : number * size], len(groups))

    def dry_run(self, group: ContactGroup, credentials: Credentials) -> dict[str, object]:
        """The call that `put` would send, as JSON, without what somebody needs to send it."""
        return self._client.preview(put_contact_group(group), credentials)

    def _carry_out(self, write: Write, credentials: CredentialsReader, deadline: float) -> Applied:
        again = self._settler.again(write, credentials, deadline)
        try:
            return Applied(self._client.call(write.operation, credentials, deadline, again=again))
        except Problem as problem:
            if not self.reads:
                raise
            return self._settler.settle(problem, write, credentials, deadline)
