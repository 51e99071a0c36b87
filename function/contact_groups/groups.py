"""What can be done with contact groups. HTTP and events both call this, and share nothing else."""

from __future__ import annotations

from contact_groups.cloudmonitor.client import Client, CredentialsReader
from contact_groups.cloudmonitor.credentials import Credentials
from contact_groups.cloudmonitor.operations import delete_contact_group, put_contact_group
from contact_groups.contact_group import ContactGroup, StoredGroup
from contact_groups.problems import Problem
from contact_groups.reading import GroupList, Reader, Sighting
from contact_groups.settling import Applied, Settler, Write


class Groups:
    """The contact groups that CloudMonitor holds.

    Attributes:
        reads: whether they may be read.
        deletes: whether they may be deleted.
    """

    def __init__(
        self, client: Client, *, reads: bool = False, deletes: bool = False, pages_max: int = 100
    ) -> None:
        """Args: client: how CloudMonitor is called; then what may be done beyond writing, and how
        many pages one look for a group may take.
        """
        self.reads = reads
        self.deletes = deletes
        self._client = client
        self._reader = Reader(client, pages_max)
        self._settler = Settler(client, self._reader)

    def put(self, group: ContactGroup, credentials: CredentialsReader, deadline: float) -> Applied:
        """Creates or replaces a group.

        Args:
            group: its full state.
            credentials: reads the credentials.
            deadline: on the monotonic clock; no attempt starts that cannot finish by then.

        Raises:
            Problem: see `Client.call` and `Settler.settle`.
        """
        operation = put_contact_group(group)
        try:
            return Applied(self._client.call(operation, credentials, deadline))
        except Problem as problem:
            write = Write(
                operation,
                group.contact_group_name,
                lambda stored: stored is not None and stored.holds(group),
            )
            return self._settled(problem, write, credentials, deadline)

    def delete(self, name: str, credentials: CredentialsReader, deadline: float) -> Applied:
        """Deletes a group; its contacts stay. Arguments as `put`.

        Raises:
            Problem: as `put`; contact-group-not-found where there is none, unless an earlier
                attempt of this call may have deleted it.
        """
        operation = delete_contact_group(name)
        try:
            return Applied(self._client.call(operation, credentials, deadline))
        except Problem as problem:
            write = Write(operation, name, lambda stored: stored is None)
            return self._settled(problem, write, credentials, deadline)

    def get(self, name: str, credentials: CredentialsReader, deadline: float) -> StoredGroup | None:
        """The group of exactly this name; None if there is none. Errors: see `Reader.find`."""
        return self.find(name, credentials, deadline).group

    def find(self, name: str, credentials: CredentialsReader, deadline: float) -> Sighting:
        """The same, with the upstream's clock."""
        return self._reader.find(name, credentials, deadline)

    def page(
        self, number: int, size: int, credentials: CredentialsReader, deadline: float
    ) -> GroupList:
        """One page of all groups; number from 1. Errors: see `Reader.page`."""
        return self._reader.page(number, size, credentials, deadline)

    def dry_run(self, group: ContactGroup, credentials: Credentials) -> dict[str, object]:
        """The call that `put` would send, as JSON, without what somebody needs to send it."""
        return self._client.preview(put_contact_group(group), credentials)

    def _settled(
        self, problem: Problem, write: Write, credentials: CredentialsReader, deadline: float
    ) -> Applied:
        if not self.reads:
            raise problem
        return self._settler.settle(problem, write, credentials, deadline)
